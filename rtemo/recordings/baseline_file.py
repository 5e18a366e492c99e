"""Baselines as files: what a session measured, to begin a later session of the same person with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from rtemo.core.baseline.rest_interval import Baseline
from rtemo.core.errors import RtemoError
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
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        found = error.strerror if isinstance(error, OSError) else str(error)
        raise RtemoError(f"{path} cannot be read as a baseline", found or "", "name a baseline.json") from error
    if not isinstance(document, Mapping) or document.get("kind") != KIND:
        raise RtemoError(f"{path} is no baseline of this format", f"need {KIND!r}", "name a baseline.json")
    if document.get("pipeline") != settings.fingerprint:
        raise RtemoError(
            f"the baseline {path} does not fit the model", "its pipeline settings are others", "record a new one"
        )
    if subject is not None and document.get("subject") != subject:
        found = f"it is of {document.get('subject')!r}, the session of {subject!r}"
        raise RtemoError(f"the baseline {path} is another person's", found, "record a new one, or correct --subject")
    try:
        return {Modality(name): _baseline(part) for name, part in document["modalities"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RtemoError(f"{path} is damaged", repr(error), "record a new baseline") from error


def _plain(baseline: Baseline) -> dict[str, Any]:
    tables = {"mean": baseline.mean, "scale": baseline.scale}
    plain = {
        name: [[float(x) if np.isfinite(x) else None for x in row] for row in table] for name, table in tables.items()
    }
    return {"names": list(baseline.names), **plain}


def _baseline(part: Mapping[str, Any]) -> Baseline:
    names = tuple(str(name) for name in part["names"])
    mean, scale = (
        np.array([[np.nan if x is None else float(x) for x in row] for row in part[name]]) for name in ("mean", "scale")
    )
    if mean.ndim != 2 or mean.shape != scale.shape or len(mean) != len(names) or (scale <= 0).any():
        raise ValueError(f"tables of {mean.shape} and {scale.shape} for {len(names)} names")
    return Baseline(names, mean, scale)
