"""Baselines as files: what a session measured, to begin a later session of the same person with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from rtemo.core.baseline.normaliser import Array
from rtemo.core.baseline.rest_interval import Baseline
from rtemo.core.errors import RtemoError
from rtemo.core.records import Made, Misfit, Reader
from rtemo.core.settings import PipelineSettings
from rtemo.core.types import Modality

KIND = "rtemo baseline 1"


def save_baseline(
    path: Path, found: Mapping[Modality, Baseline], settings: PipelineSettings, subject: str, when: datetime
) -> None:
    """Write what a baseline found of each modality: names, mean and scale (rows, columns), null where it found none."""
    document = {
        "kind": KIND,
        "subject": subject,
        "date": when.isoformat(timespec="seconds"),
        "pipeline": settings.fingerprint,
        "modalities": {modality.value: _plain(baseline) for modality, baseline in found.items()},
    }
    path.write_text(json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def load_baseline(path: Path, settings: PipelineSettings, subject: str | None) -> dict[Modality, Baseline]:
    """The baseline in a file. subject: whose it must be; None where that is not known.

    Raises RtemoError where it cannot be read, is another person's, or was measured under other pipeline settings.
    """
    reader = Reader(f"the baseline {path}", "record a new baseline", "{what} is damaged")
    document = reader.json_file(path)
    if not isinstance(document, Mapping) or document.get("kind") != KIND:
        raise RtemoError(f"{path} is no baseline of this format", f"need {KIND!r}", "name a baseline.json")
    file = reader.read(_BaselineFile, document)
    if file.pipeline != settings.fingerprint:
        raise RtemoError(
            f"the baseline {path} does not fit the model", "its pipeline settings are others", "record a new one"
        )
    if subject is not None and file.subject != subject:
        found = f"it is of {file.subject!r}, the session of {subject!r}"
        raise RtemoError(f"the baseline {path} is another person's", found, "record a new one, or correct --subject")
    return {modality: Baseline(one.names, one.mean, one.scale) for modality, one in file.modalities.items()}


def _plain(baseline: Baseline) -> dict[str, Any]:
    tables = {"mean": baseline.mean, "scale": baseline.scale}
    plain = {
        name: [[float(x) if np.isfinite(x) else None for x in row] for row in table] for name, table in tables.items()
    }
    return {"names": list(baseline.names), **plain}


def _matrix(rows: tuple[tuple[float | None, ...], ...]) -> Array:
    found = np.array([[np.nan if x is None else x for x in row] for row in rows])  # ValueError: rows of unequal length
    if found.ndim != 2:
        raise ValueError("not a table")
    return found


Matrix = Annotated[Array, Made(tuple[tuple[float | None, ...], ...], _matrix)]


@dataclass(frozen=True, slots=True)
class _ModalityTables:
    names: tuple[str, ...]
    mean: Matrix
    scale: Matrix

    def __post_init__(self) -> None:
        if self.mean.shape != self.scale.shape or len(self.mean) != len(self.names) or (self.scale <= 0).any():
            raise Misfit("scale", f"tables of {self.mean.shape} and {self.scale.shape} for {len(self.names)} names")


@dataclass(frozen=True, slots=True)
class _BaselineFile:
    kind: str
    subject: str
    date: str
    pipeline: str
    modalities: Mapping[Modality, _ModalityTables]
