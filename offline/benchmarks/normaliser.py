"""Accuracy after minutes of one emotion, by normaliser: `python -m offline.benchmarks.normaliser`.

Does the normaliser keep minutes of one emotion apart from the baseline? Simulated people whose session is one long
block of each emotion, in a seeded order. Three normalisers get the same samples: the chosen one (a baseline, then a
half-life of 20 minutes), a running one with a half-life of 60 s, and none. Two classifiers: logistic regression on band
powers and eye features, trained anew with each normaliser on other people with short, mixed clips, which is fair to all
three; and the model bundle, which was trained with the chosen one. Scores are of the last part of each block, when a
running normaliser has had time to take the block for the new zero, and of its first part. Writes its table between the
markers of rtemo/model/README.md. Everything is simulated.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read by the numeric libraries when they are imported

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from offline.benchmarks.trust import README, write
from offline.benchmarks.trust_people import (
    CLIP_S,
    FAMILIES,
    HOP_S,
    LabelledWindows,
    embedded,
    plan_of_clips,
    windows_of,
)
from offline.evaluation.metrics import balanced_accuracy, per_person
from rtemo.core.baseline.normaliser import NormaliserSettings
from rtemo.model.bundle import Bundle, load_bundle
from rtemo.model.decoder import Decoder
from rtemo.model.embeddings import HEADS, Embeddings
from rtemo.model.runtime import Runtime
from rtemo.simulate.plan import SimulationPlan

MARKS = ("<!-- normaliser:begin -->", "<!-- normaliser:end -->")
FIRST_SEED = 930_000  # of people; the others of this project's seeds lie elsewhere
CAP, RATE_HZ = "standard_1020", 250
BLOCK_S = 150.0
LATE_S = 90.0  # of a block: what is later counts as its last part, what is earlier as its first
NORMALISERS: Mapping[str, NormaliserSettings | None] = {
    "chosen": None,  # as in the bundle
    "running, 60 s": NormaliserSettings(baseline_s=20.0, half_life_s=60.0, freeze_z=1e9, freeze_share=0.0),
    "none": NormaliserSettings(prior_weight_s=1e12, half_life_s=1e12, freeze_z=1e9, freeze_share=0.0),
}


@dataclass(frozen=True, slots=True)
class NormalisedSession:
    """A session through one normaliser: features (n, f), labels, seconds into the clip, the bundle's labels (n,)."""

    features: NDArray[np.float64]
    labels: NDArray[np.int64]
    since_s: NDArray[np.float64]
    predicted: NDArray[np.int64]


def plan_of(seed: int, clip_s: float, per_emotion: int) -> SimulationPlan:
    """A person with clips of every emotion."""
    setup = (FAMILIES[seed % 2], CAP, RATE_HZ)
    return plan_of_clips(seed, seed, setup, per_emotion, clip_s=clip_s, order_key=23)


def through_normalisers(bundle: Bundle, plan: SimulationPlan, *, predict: bool) -> dict[str, NormalisedSession]:
    """A session through each normaliser. predict: classify with the bundle too."""
    usual = bundle.spec.pipeline.with_hop(HOP_S)
    settings = [usual if one is None else replace(usual, normaliser=one) for one in NORMALISERS.values()]
    made = windows_of(plan, settings, bundle.labels)
    return {name: _one_session(bundle, one, predict=predict) for name, one in zip(NORMALISERS, made, strict=True)}


def _one_session(bundle: Bundle, made: LabelledWindows, *, predict: bool) -> NormalisedSession:
    inside = np.flatnonzero(made.labels >= 0)
    predicted = _predicted(bundle, made) if predict else np.full(len(made.windows), -1)
    begins = np.array([made.bounds[made.clips[i]][1] for i in inside])
    return NormalisedSession(
        features=np.array([_features(made, int(i)) for i in inside]),
        labels=made.labels[inside],
        since_s=np.array([made.windows[i].end_s for i in inside]) - begins,
        predicted=predicted[inside],
    )


def _features(made: LabelledWindows, i: int) -> NDArray[np.float64]:
    """Normalised log power by channel and five groups of bands, mean over the window's frames, and eye features."""
    window = made.windows[i]
    power = np.where(window.eeg_mask[:, :, None], window.eeg, 0.0).mean(axis=0)
    groups = power.reshape(len(power), 5, -1).mean(axis=2)
    return np.concatenate([groups.ravel(), np.where(window.eye_valid, window.eye, 0.0)])


def _predicted(bundle: Bundle, made: LabelledWindows) -> NDArray[np.int64]:
    """The most probable label of each window after smoothing, novel or not."""
    z, decoder = embedded(Runtime(bundle), made.windows), Decoder(bundle)
    steps = (decoder.step(w, Embeddings(*(z[head][i] for head in HEADS))) for i, w in enumerate(made.windows))
    return np.array([int(np.argmax(list(step.smoothed.values()))) for step in steps])


def table(
    training: Sequence[Mapping[str, NormalisedSession]],
    tested: Sequence[Mapping[str, NormalisedSession]],
    n_labels: int,
) -> str:
    """Markdown: balanced accuracy over the tested people."""
    lines = [
        f"{len(tested)} simulated people of the families {' and '.join(FAMILIES)}, one block of {BLOCK_S:g} s of each "
        f"emotion; logistic regression trained on {len(training)} others with clips of {CLIP_S:g} s. Balanced accuracy "
        f"of windows in per cent, mean ± standard deviation over people (least); chance {100 / n_labels:.0f}.\n",
        f"| normaliser | regression, first {LATE_S:g} s | regression, after | bundle, first {LATE_S:g} s | "
        "bundle, after |",
        "|---|---|---|---|---|",
    ]
    for name in NORMALISERS:
        classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=500))
        classifier.fit(*(np.concatenate([getattr(one[name], k) for one in training]) for k in ("features", "labels")))
        regression = [np.asarray(classifier.predict(one[name].features)) for one in tested]
        cells = []
        for predictions in (regression, [one[name].predicted for one in tested]):
            pairs = [(one[name], predicted) for one, predicted in zip(tested, predictions, strict=True)]
            cells += [_cell(pairs, late=late) for late in (False, True)]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(parts: Sequence[tuple[NormalisedSession, NDArray[np.int64]]], *, late: bool) -> str:
    found = []
    for one, predicted in parts:
        at = (one.since_s > LATE_S) == late
        found.append(100.0 * balanced_accuracy(one.labels[at], predicted[at]))
    over = per_person(found)
    return f"{over['mean']:.1f} ± {over['sd']:.1f} ({over['min']:.1f})"


def main() -> int:
    """Simulate, classify, and write the table."""
    parser = argparse.ArgumentParser(prog="python -m offline.benchmarks.normaliser", description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("assets/models/demo"), metavar="BUNDLE")
    parser.add_argument("--people", type=int, default=10, metavar="N", help="tested, and as many to train on")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="people at a time (default 2)")
    parser.add_argument("--out", type=Path, default=README, metavar="FILE.md", help="between whose markers to write")
    options = parser.parse_args()
    bundle = load_bundle(options.model)
    plans = [(plan_of(FIRST_SEED + n, CLIP_S, 2), False) for n in range(options.people)]
    plans += [(plan_of(FIRST_SEED + 1000 + n, BLOCK_S, 1), True) for n in range(options.people)]
    tasks = (delayed(through_normalisers)(bundle, plan, predict=predict) for plan, predict in plans)
    made = Parallel(n_jobs=options.jobs, return_as="generator")(tasks)
    people: list[dict[str, NormalisedSession]] = list(tqdm(made, total=len(plans), desc="sessions", disable=None))
    text = table(people[: options.people], people[options.people :], len(bundle.labels))
    write(options.out, text, MARKS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
