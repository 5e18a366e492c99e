"""Split people into train, validation, calibration and test, for a model that is shipped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from rtemo.core.errors import RtemoError

FEWEST_CALIBRATION = 9  # a 90 % set cannot be promised from fewer people (rtemo.model.uncertainty.conformal)


@dataclass(frozen=True, slots=True)
class SubjectSplit:
    """Subject ids. train: the weights; validation: early stopping, temperatures, fusion, smoothing; calibration:
    conformal quantiles and novelty thresholds; test: the scores in the model card, used for nothing else.
    """

    train: tuple[str, ...]
    validation: tuple[str, ...]
    calibration: tuple[str, ...]
    test: tuple[str, ...]


def split_subjects(subjects: Sequence[str], seed: int) -> SubjectSplit:
    """A sixth of the people each for validation and test, a sixth but at least FEWEST_CALIBRATION for calibration.

    Raises RtemoError where too few people would be left to train on.
    """
    order = [str(s) for s in np.random.default_rng(seed).permutation(sorted(set(subjects)))]
    held_out = max(2, len(order) // 6)
    calibrating = max(FEWEST_CALIBRATION, len(order) // 6)
    n_train = len(order) - 2 * held_out - calibrating
    if n_train < held_out:
        raise RtemoError(
            "too few people to train and to hold out", f"{len(order)}", f"use {3 * 2 + FEWEST_CALIBRATION} or more"
        )
    bounds = np.cumsum([n_train, held_out, calibrating])
    parts = [tuple(sorted(part)) for part in (order[i:j] for i, j in zip([0, *bounds], [*bounds, None], strict=True))]
    split = SubjectSplit(*parts)
    check_disjoint(split)
    return split


def check_disjoint(split: SubjectSplit) -> None:
    """Raises RtemoError where a person is on two sides, or a side is empty."""
    seen: dict[str, str] = {}
    for field in fields(split):
        people = getattr(split, field.name)
        if not people:
            raise RtemoError(f"the split has nobody for {field.name}", "none", "use more people")
        for person in people:
            if person in seen:
                raise RtemoError(
                    "a person is on two sides of the split",
                    f"{person!r} in {seen[person]} and {field.name}",
                    "split by person",
                )
            seen[person] = field.name
