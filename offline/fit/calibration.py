"""Calibrate on held-out outputs of everybody, and score each person with what the other people's outputs calibrate.

What is promised. Each person's quantile comes from a model that did not know the person, and the model that ships is
another one, trained on all of them. So no guarantee without assumptions holds for it: cross-conformal prediction
(Vovk 2015, arXiv 1208.0806) and CV+ (Barber et al. 2021, arXiv 1905.02928) guarantee 1 - 2 alpha only where every
fold's model takes part in the set. Where leaving a fold's people out changes the model little, coverage is near the
level (ibid., theorem 5); it is measured here on people whom neither the model nor the calibration knows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from offline.export import calibrate
from offline.export.session_outputs import NetworkOutputs
from rtemo.core.errors import RtemoError
from rtemo.model.bundle_schema import MAIN_HEAD, Combination
from rtemo.model.decoder import pool
from rtemo.model.uncertainty.conformal import members
from rtemo.model.uncertainty.novelty import disagreement, distance, energy, novelty
from rtemo.model.uncertainty.probabilities import tempered
from rtemo.model.uncertainty.smoothing import Smoothing, advance, start, tempered_posterior

FEWEST = 6  # people from whom on a bundle is an ordinary one
SET_LEVEL = 0.8

Array = NDArray[np.float64]
Groups = Mapping[int, Sequence[NetworkOutputs]]


@dataclass(frozen=True, slots=True)
class HeldOutCalibration:
    """temperatures: by head. combinations: fusion weights, smoothed temperature, quantiles and novelty of each.

    too_few: combination that is left out -> how many people have windows of it that can be used.
    """

    temperatures: Mapping[str, float]
    combinations: Mapping[str, Combination]
    smoothing: Smoothing
    too_few: Mapping[str, int] = field(default_factory=dict)

    @property
    def set_level(self) -> float:
        """The highest level up to SET_LEVEL that this many people allow."""
        known = [set(one.quantiles) for one in self.combinations.values()]
        return max((level for level in set.intersection(*known) if level <= SET_LEVEL), default=0.0)


@dataclass(frozen=True, slots=True)
class Decoded:
    """One person's labelled windows. now, smooth (n, K); sets: level -> (n, K); novel (n,); trials (n,)."""

    subject: str
    labels: NDArray[np.int64]
    trials: NDArray[np.int64]
    now: Array
    smooth: Array
    sets: Mapping[float, NDArray[np.bool_]]
    novel: NDArray[np.bool_]


def calibrated(
    sessions: Sequence[NetworkOutputs],
    names: Sequence[str],
    n_labels: int,
    window_s: float,
    quantiles_on: Sequence[NetworkOutputs] | None = None,
    *,
    fused: bool,
) -> HeldOutCalibration:
    """From outputs of people whom the models that gave them do not know; a person counts as one.

    quantiles_on: other people for the sets and for novelty; None: the same. fused: whether three heads are weighed
    against each other where all modalities are there; else the one output that has seen them counts.
    """
    by_head = calibrate.temperatures(sessions)
    alone: dict[str, dict[str, float]] = {name: {head: 1.0} for name, head in MAIN_HEAD.items()}
    weights = calibrate.fusion_weights(sessions, by_head) if fused else alone
    judged = sessions if quantiles_on is None else quantiles_on
    people = {name: _people(judged, name) for name in names}
    levels = _levels(people)
    offered = [name for name in names if name in levels]
    chosen = {name: weights[name] for name in offered}
    prior = calibrate.label_shares(sessions, n_labels)
    smoothing, times = calibrate.fit_smoothing(chosen, by_head, prior, window_s, sessions)
    combinations = {}
    for name, own in chosen.items():
        fitted = (own, by_head, smoothing, times[name])
        warmth = calibrate.smoothed_temperature(name, *fitted, sessions)
        there = [session for session in judged if name in session.familiar]
        near = next(session.familiar[name] for session in there)
        combinations[name] = calibrate.combination(name, *fitted, warmth, there, near, levels[name])
    too_few = {name: own for name, own in people.items() if name not in levels}
    return HeldOutCalibration(by_head, combinations, smoothing, too_few)


def _people(sessions: Sequence[NetworkOutputs], name: str) -> int:
    """How many offer windows of this combination that can be used."""
    return len({s.shard.about.subject for s in sessions if name in s.familiar and s.counted(name).any()})


def _levels(people: Mapping[str, int]) -> dict[str, tuple[float, ...]]:
    """Combination -> the levels of sets that the people who offer it allow.

    A combination that too few offer for the level of the others' sets is left out: it would lower everybody's.
    """
    found = {name: tuple(level for level in calibrate.LEVELS if level <= n / (n + 1)) for name, n in people.items()}
    wanted = max((level for levels in found.values() for level in levels if level <= SET_LEVEL), default=0.0)
    return {name: levels for name, levels in found.items() if wanted in levels}


def decoded(calibration: HeldOutCalibration, sessions: Sequence[NetworkOutputs], name: str) -> list[Decoded]:
    """Each person's sessions as the live decoder would go through them."""
    people = sorted({session.shard.about.subject for session in sessions})
    found = [_person(calibration, [s for s in sessions if s.shard.about.subject == who], name) for who in people]
    return [one for one in found if len(one.labels)]


def cross_decoded(
    groups: Groups, names: Sequence[str], n_labels: int, window_s: float, *, fused: bool
) -> dict[str, list[Decoded]]:
    """Combination -> everybody, each decoded with what the other groups' outputs calibrate."""
    found: dict[str, list[Decoded]] = {}
    for group, sessions in groups.items():
        others = [one for number, other in groups.items() if number != group for one in other]
        calibration = calibrated(others, names, n_labels, window_s, fused=fused)
        for name in calibration.combinations:
            found.setdefault(name, []).extend(decoded(calibration, sessions, name))
    return found


def _person(calibration: HeldOutCalibration, sessions: Sequence[NetworkOutputs], name: str) -> Decoded:
    parts = [_session(calibration, session, name, number) for number, session in enumerate(sessions)]
    labels, trials, now, smooth, novel = (np.concatenate(values) for values in zip(*parts, strict=True))
    quantiles = calibration.combinations[name].quantiles
    sets = {level: _sets(smooth, at) for level, at in quantiles.items()}
    return Decoded(sessions[0].shard.about.subject, labels, trials, now, smooth, sets, novel)


def _session(
    calibration: HeldOutCalibration, session: NetworkOutputs, name: str, number: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], Array, Array, NDArray[np.bool_]]:
    combination, smoothing = calibration.combinations[name], calibration.smoothing
    now = pool(session.logits, combination, calibration.temperatures)
    unlike = novelty_of(session, name, calibration)
    usable = session.passes[name] & (unlike < 1.0)
    state, path = start(smoothing), []
    for time_s, p, use in zip(session.times, now, usable, strict=True):
        state = advance(state, float(time_s), p if use else None, combination.decorrelation_s, smoothing)
        path.append(tempered_posterior(state, combination.smoothed_temperature))
    counted = session.counted(name)
    trials = number * 100_000 + session.shard.rows["trial"][counted].astype(np.int64)
    return session.labels[counted], trials, now[counted], np.array(path)[counted], ~(unlike < 1.0)[counted]


def novelty_of(session: NetworkOutputs, name: str, calibration: HeldOutCalibration) -> Array:
    """(W,) as the live decoder has it."""
    scale, main = calibration.combinations[name].novelty, MAIN_HEAD[name]
    if scale is None:
        raise RtemoError("there is no novelty to judge by", name, "report this")
    apart = None
    if scale.disagreement is not None:
        eeg, eye = (tempered(session.logits[head], calibration.temperatures[head]) for head in ("eeg", "eye"))
        apart = disagreement(eeg, eye)
    far = distance(session.z[main], session.familiar[name])
    return novelty(far, energy(session.logits[main]), apart, scale)


def _sets(p: Array, quantile: float) -> NDArray[np.bool_]:
    found = np.zeros(p.shape, np.bool_)
    for row, one in zip(found, p, strict=True):
        row[list(members(one, quantile))] = True
    return found


def promise(people: int, folds: int) -> tuple[str, ...]:
    """What may be expected of the sets, and what may not, in sentences for the card."""
    lines = [
        f"Temperatures, weights, quantiles and novelty come from outputs for all {people} people, each given by a "
        f"model that did not know the person ({folds} folds); the model that ships was trained on everybody. So the "
        "sets have no guarantee that holds whatever the people are: cross-conformal sets have one, at 1 - 2 alpha (60 "
        "% for 80 %), only with the models of all folds. Where leaving a fold's people out changes the model little, "
        "coverage is near the level, on average over new people from where these came from.",
    ]
    if people < FEWEST:
        lines.append(
            f"**Too few people.** {people} people say next to nothing about how much people differ: neither the sets, "
            "the temperatures nor the scores are to be relied on. Use 6 people at least, better 16."
        )
    if (impossible := [level for level in calibrate.LEVELS if level > people / (people + 1)]) or people < FEWEST:
        levels = ", ".join(f"{level:.0%}" for level in impossible)
        lines.append(
            f"With {people} people at most {people / (people + 1):.0%} can be reached"
            + (f": there are no sets at {levels}." if levels else ".")
        )
    return tuple(lines)
