"""Write the model card from the facts in the bundle, so that it states nothing that was not measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from offline.export.calibrate import NOVEL_SHARE
from rtemo.model.bundle_schema import COMBINATIONS, BundleSpec

_BOTH = "EEG and eye movements, from either modality or from both"
_WINDOWS = {("eeg",): "EEG", ("eye",): "eye movements", ("eeg", "eye", "both"): _BOTH}
_RATED = ("ccc", "rmse", "rmse_of_the_mean")
_OFFERS = {"eeg": "EEG only", "eye": "eyes only", "both": "EEG and eyes"}


def model_card(spec: BundleSpec) -> str:
    """Markdown."""
    scores = [_scores(spec)] if spec.metrics else []
    ratings = [_ratings(spec)] if spec.training.get("ratings") else []
    parts = [_head(spec), _training(spec), *_candidates(spec), *scores, *ratings, _calibration(spec), _limits(spec)]
    return "\n\n".join(parts) + "\n"


def _head(spec: BundleSpec) -> str:
    return (
        f"# {spec.name}\n\n"
        f"**Trained on {spec.trained_on}.** It names one of {len(spec.labels)} labels ({', '.join(spec.labels)}) for "
        f"every window of {_WINDOWS[tuple(spec.combinations)]}. This card was written by the training run itself."
    )


def _training(spec: BundleSpec) -> str:
    t = spec.training
    lines = [f"- {key}: {_text(value)}" for key, value in t["description"].items()]
    lines.append(f"- model: {spec.model.kind} {spec.model.name}, from {', '.join(spec.model.inputs)}")
    if t["people"]:
        apart = "; nobody is on two sides" if "train" in t["people"] else ""
        lines.append(f"- people: {', '.join(f'{count} {side}' for side, count in t['people'].items())}{apart}")
    if t["sessions"]:
        lines.append(f"- {t['sessions']} sessions, {t['windows']} labelled windows")
    if "epochs" in t:
        origin = "; ".join(t["origin"])
        lines += [
            f"- began from {f'a network that was trained on {origin}' if origin else 'random weights'}",
            f"- {t['epochs']} epochs, the best was {_epoch(t['best_epoch'])} by the loss on the validation people; "
            f"seed {t['seed']}",
        ]
    if t["corpus"]:
        lines.append(f"- corpus {t['corpus']}, `{t['corpus_fingerprint'][:16]}`")
    return "## Training\n\n" + "\n".join(lines)


def _candidates(spec: BundleSpec) -> list[str]:
    """The methods that were compared, one a row."""
    rows = spec.training.get("candidates", ())
    if not rows:
        return []
    names = list(rows[0])
    table = [names, ["---"] * len(names), *([_text(row[name]) for name in names] for row in rows)]
    return ["## Methods that were compared\n\n" + "\n".join(f"| {' | '.join(row)} |" for row in table)]


def _epoch(best: int) -> str:
    return f"number {best + 1}" if best >= 0 else "none of them but the given network with new heads"


def _scores(spec: BundleSpec) -> str:
    names = [name for name in COMBINATIONS if name in spec.metrics]
    lines = [
        "## Scores on people whom it does not know\n",
        "Balanced accuracy over new people: mean ± standard deviation, least to largest. Window: one window alone. "
        "Smoothed: what the application names. Trial: all windows of a clip together. Every window counts that the "
        "signal gate lets pass, also where the model abstains.\n",
        "| | people | clips | windows | chance | window | smoothed | trial | ECE | ECE smoothed |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [_score_row(name, spec.metrics[name]) for name in names]
    lines += [
        "\n| | 80 % sets: coverage, size | 90 % sets: coverage, size | abstains | of these novel | "
        "accuracy where it does not abstain |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join(lines + [_set_row(name, spec.metrics[name]) for name in names])


def _score_row(name: str, m: Mapping[str, Any]) -> str:
    spread = (f"{_percent(m[k]['mean'])} ± {_percent(m[k]['sd'])} ({_percent(m[k]['min'])} to {_percent(m[k]['max'])})"
              for k in ("window", "smoothed", "trial"))  # fmt: skip
    counts = f"{m['n_people']} | {m['n_trials']} | {m['n_windows']} | {_percent(m['chance'])}"
    return f"| {_OFFERS[name]} | {counts} | {' | '.join(spread)} | {m['ece']:.3f} | {m['ece_smoothed']:.3f} |"


def _set_row(name: str, m: Mapping[str, Any]) -> str:
    sets = [m["sets"].get(level) for level in ("0.8", "0.9")]
    cells = [f"{_percent(s['coverage'])}, {s['size']:.2f}" if s else "-" for s in sets]
    right = m["smoothed_when_not_abstaining"]
    tail = f"{_percent(m['abstained'])} | {_percent(m['novel'])} | {'-' if right is None else _percent(right)}"
    return f"| {_OFFERS[name]} | {' | '.join(cells)} | {tail} |"


def _ratings(spec: BundleSpec) -> str:
    lines = [
        "## Ratings on people whom it does not know\n",
        "Beside its label each window gets an estimate of these ratings, in their units, with a conformal interval "
        "from people held out. CCC (concordance; 0: no better than a constant) and RMSE are of clips' means, with 95 % "
        "intervals over people; the mean predictor always says the mean of the other people's ratings. Coverage is of "
        "windows, each person by the others' errors.\n",
        "| rating | from | people | clips | CCC | RMSE | RMSE of the mean | interval | coverage |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for rating, by_name in spec.training["ratings"].items():
        shipped = spec.ratings[rating].half_width if rating in spec.ratings else {}
        for name, s in by_name.items():
            half = f"± {shipped[name]:.2f}" if name in shipped else "no estimate: no better than the mean"
            cells = [f"{s[key]['value']:.2f} ({s[key]['low']:.2f} to {s[key]['high']:.2f})" for key in _RATED]
            windows = s.get("windows")
            covered = f"{windows['coverage']['value']:.2f} at {windows['level']:.0%}" if windows else "-"
            counts = f"{s['n_people']} | {s['n_trials']}"
            lines.append(f"| {rating} | {_OFFERS[name]} | {counts} | {' | '.join(cells)} | {half} | {covered} |")
    return "\n".join(lines)


def _calibration(spec: BundleSpec) -> str:
    if not spec.calibrated:
        return (
            "## Calibration\n\n**Not calibrated.** Nothing is known of how it does on people whom it has not seen: its "
            "probabilities are what the model puts out, there are no sets, and nothing tells when a window is unlike "
            "its training data."
        )
    promise = spec.training.get("promise") or (
        "the sets' coverage is a promise about new people from the same source and sessions built alike, on average "
        "over people; it is no promise about one person, another source or another kind of session"
    )
    lines = [
        f"- {_OFFERS[name]}: head weights {_numbers(c.weights)}; evidence decorrelates in {c.decorrelation_s:g} s; "
        f"temperature of the smoothed probabilities {c.smoothed_temperature:.2f}"
        for name, c in spec.combinations.items()
    ]
    return (
        "## Calibration\n\n"
        f"- temperatures {_numbers(spec.temperatures)}\n" + "\n".join(lines) + "\n"
        f"- mean time in one emotion {spec.smoothing.dwell_s:g} s, fitted on held-out people\n"
        f"- {promise}\n"
        "- with self-reports in a session the sets' level moves (adaptive conformal inference): in the long run at "
        "most the wanted share of the reported windows is missed; it is no promise about the next window\n"
        f"- it abstains when a set at {spec.decision.set_level:.0%} has more than {spec.decision.largest_set} labels, "
        f"when the signal is too bad, or when a window is unlike the training data ({100 * NOVEL_SHARE:g} % of the "
        "windows of held-out people count as such)"
    )


def _limits(spec: BundleSpec) -> str:
    lines = ["It is no medical device, and its output is no measure of what a person feels."]
    if spec.trained_on.startswith("simulated people"):
        lines = [
            "**It has never seen a human being.** The people are simulated. The scores show that the software works "
            "from end to end; they do not show how well it would do on anyone's real recordings.",
            "Its emotions are the simulator's: band power, pupil and gaze changes as published group averages, with "
            "invented strengths. Real effects are smaller, differ between people, and mix with muscle and task.",
            "Use it to try the application, to test a set-up and to measure delays. Train on real, labelled "
            "recordings before reading anything into its output.",
            *lines,
        ]
    return "## Limits\n\n" + "\n".join(f"- {line}" for line in lines)


def _numbers(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.2f}" for name, value in values.items())


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _text(value: Any) -> str:
    """On one line: a line break would end the list or the table that it stands in."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_text(inner)}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    lines = str(value).splitlines()
    return f"{len(lines)} lines, in bundle.json" if len(lines) > 1 else str(value)
