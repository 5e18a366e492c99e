"""Calibrate a trained network: temperatures, fusion, smoothing, novelty; on people that it was not trained on.

Validation people give temperatures (of the heads, and of the smoothed probabilities), fusion weights, dwell and
decorrelation times; calibration people give conformal quantiles and novelty thresholds, so that the promise of the sets
rests on people used for nothing else. In every fit a person counts as one, however many windows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import ledoit_wolf

from offline.evaluation.metrics import nll
from offline.evaluation.temperature import fit_fusion, fit_temperature
from offline.export.exported_model import ExportedModel
from offline.export.session_outputs import NetworkOutputs
from rtemo.core.settings import PipelineSettings
from rtemo.model.bundle_schema import COMBINATIONS, MAIN_HEAD, Combination, Decision
from rtemo.model.decoder import pool
from rtemo.model.embeddings import HEADS
from rtemo.model.uncertainty.conformal import quantile, scores
from rtemo.model.uncertainty.novelty import Familiar, NoveltyScale, disagreement, distance, energy, novelty
from rtemo.model.uncertainty.probabilities import log_softmax, logs, tempered
from rtemo.model.uncertainty.smoothing import Smoothing, advance, start, tempered_posterior

LEVELS = (0.5, 0.65, 0.8, 0.9)  # the lower ones are for the adaptive sets
# Of a held-out person's windows, how many may count as novel. At 5 % the gate withheld and held back more good windows
# of new people than it was worth (offline/LOG.md).
NOVEL_SHARE = 0.01
SET_LEVEL = 0.8
_DWELL_S = (2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0)
_DECORRELATION_S = (2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0)
_WARMTH = np.exp(np.linspace(-0.7, 1.1, 91))  # temperatures of the smoothed probabilities

_NO_SCALE = NoveltyScale((0.0, 1.0), (0.0, 1.0), None, 1.0)  # smoothing does not look at it

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Everything in a bundle that was fitted on people whom the model had not seen. It belongs to one model.

    model: SHA-256 of the graph that it is for (ExportedModel.sha256). temperatures: by head. combinations: what is
    known of each combination of modalities: fusion weights, smoothing, conformal quantiles, novelty statistics.
    familiar: the embeddings of the people that the model was trained on, by combination. decision: the promised
    coverage of the sets, and when it abstains.
    """

    model: str
    temperatures: Mapping[str, float]
    combinations: Mapping[str, Combination]
    smoothing: Smoothing
    familiar: Mapping[str, Familiar]
    decision: Decision


def decision(n_labels: int) -> Decision:
    """It abstains where no label can be excluded. The rate moves the level by at most 0.04 a report."""
    return Decision(set_level=SET_LEVEL, largest_set=max(n_labels - 1, 1), adaptation_rate=0.05)


def calibrated(
    model: ExportedModel,
    names: Sequence[str],
    settings: PipelineSettings,
    training: Sequence[NetworkOutputs],
    held_out: Sequence[NetworkOutputs],
    quantiles_on: Sequence[NetworkOutputs] | None = None,
) -> Calibration:
    """Calibrate a model for combinations of modalities (`names`).

    training: what the model says of those that it was trained on. held_out: of people not seen, by this model or, in
    cross-fitting, by ones fitted alike without them (NetworkOutputs.familiar). quantiles_on: other people for the sets
    and novelty; None: the same. Levels that so few people cannot promise are left out. Raises RtemoError where that
    leaves out the level of the sets.
    """
    by_head = temperatures(held_out)
    fused = fusion_weights(held_out, by_head)
    weights = {one: fused[one] if model.declaration.kind == "network" else {MAIN_HEAD[one]: 1.0} for one in names}
    n_labels = len(model.heads["joint"].bias)
    prior = label_shares(training, n_labels)
    smoothing, decorrelation = fit_smoothing(weights, by_head, prior, settings.window.length_s, held_out)
    known = {one: familiar(training, one) for one in weights}
    judged = held_out if quantiles_on is None else quantiles_on
    found: dict[str, Combination] = {}
    for one, own in weights.items():
        fitted = (own, by_head, smoothing, decorrelation[one])
        warmth = smoothed_temperature(one, *fitted, held_out)
        levels = _promised(judged, one)
        found[one] = combination(one, *fitted, warmth, judged, known[one], levels)
    return Calibration(model.sha256, by_head, found, smoothing, known, decision(n_labels))


def _promised(sessions: Sequence[NetworkOutputs], name: str) -> tuple[float, ...]:
    """The levels that the people who offer a combination can promise; always that of the sets."""
    people = len({s.shard.about.subject for s in sessions if s.counted(name).any()})
    return tuple(level for level in LEVELS if level <= people / (people + 1) or level == SET_LEVEL)


def label_shares(sessions: Sequence[NetworkOutputs], n_labels: int) -> tuple[float, ...]:
    """The labels' shares as training saw them: every trial counts the same."""
    counts = np.ones(n_labels)  # one more of each: no share is 0
    for session in sessions:
        rows = session.shard.rows[session.shard.labelled]
        for trial in np.unique(rows["trial"]):
            counts[rows["label"][rows["trial"] == trial][0]] += 1
    return tuple((counts / counts.sum()).tolist())


def temperatures(validation: Sequence[NetworkOutputs]) -> dict[str, float]:
    """One a head: the temperature with the least NLL; 1 for a head whose modality nobody has."""
    parts = {
        head: _stacked(validation, combination, head) for head, combination in zip(HEADS, COMBINATIONS, strict=True)
    }
    return {head: fit_temperature(*part) if len(part[1]) else 1.0 for head, part in parts.items()}


def fusion_weights(validation: Sequence[NetworkOutputs], by_head: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Weights of the heads' log-probabilities: 1 where one head is used, else those with the least NLL."""
    parts = {head: _stacked(validation, "both", head) for head in HEADS}
    log_p = np.stack([log_softmax(parts[head][0] / by_head[head]) for head in HEADS])
    _, labels, weight = parts["joint"]
    alone = {"eeg": {"eeg": 1.0}, "eye": {"eye": 1.0}}
    if not len(labels):  # nobody has both
        return alone | {"both": {"joint": 1.0}}
    return alone | {"both": dict(zip(HEADS, map(float, fit_fusion(log_p, labels, weight)), strict=True))}


def smoothed(
    session: NetworkOutputs, name: str, combination: Combination, by_head: Mapping[str, float], smoothing: Smoothing
) -> Array:
    """(W, K) smoothed probabilities, as they are published, of a session that offers these modalities only."""
    instant, state, out = pool(session.logits, combination, by_head), start(smoothing), []
    for time_s, p, passes in zip(session.times, instant, session.passes[name], strict=True):
        state = advance(state, time_s, p if passes else None, combination.decorrelation_s, smoothing)
        out.append(tempered_posterior(state, combination.smoothed_temperature))
    return np.array(out)


def smoothing_loss(
    name: str,
    one: Combination,
    by_head: Mapping[str, float],
    smoothing: Smoothing,
    sessions: Sequence[NetworkOutputs],
) -> float:
    """Mean NLL of the smoothed probabilities over people."""
    parts = [(smoothed(s, name, one, by_head, smoothing), s) for s in sessions if s.counted(name).any()]
    return float(np.mean([nll(p[s.counted(name)], s.labels[s.counted(name)]) for p, s in parts]))


def fit_smoothing(
    weights: Mapping[str, Mapping[str, float]],
    by_head: Mapping[str, float],
    prior: tuple[float, ...],
    window_s: float,
    validation: Sequence[NetworkOutputs],
) -> tuple[Smoothing, dict[str, float]]:
    """The dwell time, one for all, and the decorrelation time of each combination with the least NLL together.

    Both describe the sessions that were trained on: how long an emotion lasts there, and how long a wrong window stays
    wrong. Fitting only one of them makes the other pay: a dwell that is too long silences the evidence.
    """
    tables = {name: _grid_losses(name, own, by_head, prior, window_s, validation) for name, own in weights.items()}
    dwell = int(np.argmin(np.sum([table.min(axis=1) for table in tables.values()], axis=0)))
    times = {name: _DECORRELATION_S[int(np.argmin(table[dwell]))] for name, table in tables.items()}
    return Smoothing(_DWELL_S[dwell], window_s, prior), times


def _grid_losses(
    name: str,
    weights: Mapping[str, float],
    by_head: Mapping[str, float],
    prior: tuple[float, ...],
    window_s: float,
    validation: Sequence[NetworkOutputs],
) -> Array:
    """(dwell times, decorrelation times): `smoothing_loss` of every pair, all of them in one pass over the windows."""
    plain = Combination(weights, 1.0, 1.0, {}, _NO_SCALE)
    found = []
    for session in validation:
        counted = session.counted(name)
        if counted.any():
            p = pool(session.logits, plain, by_head)
            path = _grid_posteriors(p, session.times, session.passes[name], prior, window_s)[counted]
            right = np.take_along_axis(path, session.labels[counted][:, None, None, None], axis=-1)[..., 0]
            found.append(-np.log(np.maximum(right, 1e-12)).mean(axis=0))
    return np.asarray(np.mean(found, axis=0)) if found else np.zeros((len(_DWELL_S), len(_DECORRELATION_S)))


def _grid_posteriors(
    p: Array, times: Array, passes: NDArray[np.bool_], prior: tuple[float, ...], window_s: float
) -> Array:
    """(W, dwell times, decorrelation times, K): `smoothing.advance` with every pair of times side by side."""
    dwell, decorrelation = np.array(_DWELL_S)[:, None, None], np.array(_DECORRELATION_S)[None, :, None]
    likelihood = np.log(np.maximum(p, 1e-12)) - np.log(np.asarray(prior))
    state = np.full((len(_DWELL_S), len(_DECORRELATION_S), p.shape[1]), 1.0 / p.shape[1])
    out, seen_s = np.empty((len(p), *state.shape)), None
    for i, time_s in enumerate(times):
        if i:
            stay = np.exp(-(time_s - times[i - 1]) / dwell)
            state = stay * state + (1.0 - stay) / p.shape[1]
        if passes[i]:
            new_s = window_s if seen_s is None else min(time_s - seen_s, window_s)
            log_state = np.log(state) + np.minimum(1.0, new_s / decorrelation) * likelihood[i]
            state = np.exp(log_state - log_state.max(axis=-1, keepdims=True))
            state, seen_s = state / state.sum(axis=-1, keepdims=True), time_s
        out[i] = state
    return out


def smoothed_temperature(
    name: str,
    weights: Mapping[str, float],
    by_head: Mapping[str, float],
    smoothing: Smoothing,
    decorrelation_s: float,
    validation: Sequence[NetworkOutputs],
) -> float:
    """The temperature of the smoothed probabilities: the highest whose NLL is within one standard error of the least.

    The standard error is that of the loss against the best temperature's, over people. What gives the posterior was
    fitted on these same people, whose own best temperature is therefore too low; of those that cannot be distinguished,
    the least sure one does less harm (the one-standard-error rule, Breiman et al. 1984).
    """
    plain = Combination(weights, decorrelation_s, 1.0, {}, _NO_SCALE)
    losses = []
    for sessions in _by_person(validation):
        parts = [(logs(smoothed(s, name, plain, by_head, smoothing)[s.counted(name)]), s) for s in sessions]
        log_p = np.concatenate([p for p, _ in parts])
        labels = np.concatenate([s.labels[s.counted(name)] for _, s in parts])
        if len(labels):
            losses.append([nll(tempered(log_p, one), labels) for one in _WARMTH])
    if len(losses) < 2:
        return 1.0
    table = np.array(losses)
    behind = table - table[:, [int(table.mean(axis=0).argmin())]]
    close = behind.mean(axis=0) <= behind.std(axis=0, ddof=1) / np.sqrt(len(behind))
    return float(_WARMTH[np.flatnonzero(close).max()])


def combination(
    name: str,
    weights: Mapping[str, float],
    by_head: Mapping[str, float],
    smoothing: Smoothing,
    decorrelation_s: float,
    temperature: float,
    calibration: Sequence[NetworkOutputs],
    familiar: Familiar,
    levels: Sequence[float] = LEVELS,
) -> Combination:
    """Everything about one combination of modalities. temperature: of its smoothed probabilities.

    levels: of the sets. Raises RtemoError where there are too few people to promise one of them.
    """
    scale = novelty_scale(calibration, name, familiar, by_head)
    best = Combination(weights, decorrelation_s, temperature, {}, scale)
    people, score = [], []
    for number, session in enumerate(_by_person(calibration)):
        for part in session:
            counted = part.counted(name)
            score.append(scores(smoothed(part, name, best, by_head, smoothing)[counted], part.labels[counted]))
            people.append(np.full(int(counted.sum()), number))
    together, who = np.concatenate(score), np.concatenate(people).astype(np.int64)
    quantiles = {level: quantile(together, who, level) for level in levels}
    return replace(best, quantiles=quantiles)


def familiar(training: Sequence[NetworkOutputs], name: str) -> Familiar:
    """Mean and precision of the training embeddings; the covariance is shrunk (Ledoit & Wolf 2004)."""
    head = MAIN_HEAD[name]
    z = np.concatenate([session.z[head][session.passes[name]] for session in training]).astype(np.float64)
    covariance, _ = ledoit_wolf(z)
    ridge = 1e-6 * np.trace(covariance) / len(covariance) + 1e-9  # a model that has seen nothing is constant
    precision = np.linalg.inv(covariance + ridge * np.eye(len(covariance)))
    return Familiar(z.mean(axis=0).astype(np.float32), precision.astype(np.float32))


def novelty_scale(
    calibration: Sequence[NetworkOutputs], name: str, known: Familiar, by_head: Mapping[str, float]
) -> NoveltyScale:
    """Centre and spread of each measure on new people, and the value that NOVEL_SHARE of their windows exceed."""
    sessions = [s for s in calibration if s.passes[name].any()]
    far, flat, apart = novelty_measures(sessions, name, known, by_head)
    numbers = {who: number for number, who in enumerate(sorted({s.shard.about.subject for s in sessions}))}
    person = np.concatenate([np.full(int(s.passes[name].sum()), numbers[s.shard.about.subject]) for s in sessions])
    third = None if apart is None else _centre_and_spread(apart)
    unscaled = NoveltyScale(_centre_and_spread(far), _centre_and_spread(flat), third, 1.0)
    return replace(unscaled, threshold=_upper(novelty(far, flat, apart, unscaled), person))


def novelty_measures(
    sessions: Sequence[NetworkOutputs], name: str, known: Familiar, by_head: Mapping[str, float]
) -> tuple[Array, Array, Array | None]:
    """Distance, energy and, with both modalities, the heads' disagreement of the windows that the gate lets pass."""
    head = MAIN_HEAD[name]
    far = np.concatenate([distance(s.z[head][s.passes[name]], s.familiar.get(name, known)) for s in sessions])
    logits = {one: np.concatenate([s.logits[one][s.passes[name]] for s in sessions]) for one in HEADS}
    apart = None
    if name == "both":
        apart = disagreement(*(tempered(logits[one], by_head[one]) for one in ("eeg", "eye")))
    return far, energy(logits[head]), apart


def _upper(values: Array, person: NDArray[np.int64]) -> float:
    """What NOVEL_SHARE of the windows of the average person exceed."""
    counts = np.bincount(person)
    order = np.argsort(values, kind="stable")
    mass = np.cumsum(1.0 / (np.count_nonzero(counts) * counts[person[order]]))
    return float(max(values[order[min(int(np.searchsorted(mass, 1.0 - NOVEL_SHARE)), len(values) - 1)]], 1e-6))


def _centre_and_spread(values: Array) -> tuple[float, float]:
    centre, high = np.quantile(values, [0.5, 0.95])
    return float(centre), float(max(high - centre, 1e-6))


def _stacked(sessions: Sequence[NetworkOutputs], name: str, head: str) -> tuple[Array, NDArray[np.int64], Array]:
    """Logits (n, K), labels (n,) and weights (n,) of the counted windows; each person's weights add up to 1."""
    logits, labels, weights = [], [], []
    for person in _by_person(sessions):
        total = sum(int(s.counted(name).sum()) for s in person)
        for s in person:
            counted = s.counted(name)
            logits.append(s.logits[head][counted])
            labels.append(s.labels[counted])
            weights.append(np.full(int(counted.sum()), 1.0 / max(total, 1)))
    return np.concatenate(logits), np.concatenate(labels), np.concatenate(weights)


def _by_person(sessions: Sequence[NetworkOutputs]) -> list[list[NetworkOutputs]]:
    people = sorted({s.shard.about.subject for s in sessions})
    return [[s for s in sessions if s.shard.about.subject == person] for person in people]
