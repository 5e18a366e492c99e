"""What the application's engine works with: the model, the streams' parts, and how sources and predictors are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rtemo.core.types import Item, Modality, StreamInfo
from rtemo.model.bundle import Bundle
from rtemo.model.personal.calibration import PersonalCalibration
from rtemo.model.predictor import Predictor
from rtemo.sources.lsl.stream_state import LslStreamStatus as LineStatus
from rtemo.sources.stream_roles import StreamRoles


class LiveSource(Protocol):
    """A source of live streams that also tells how they do; see rtemo.sources.base and rtemo.sources.lsl.source."""

    def start(self) -> tuple[StreamInfo, ...]: ...

    def read(self, timeout_s: float) -> list[Item]: ...

    @property
    def exhausted(self) -> bool: ...

    def stop(self) -> None: ...

    def status(self) -> tuple[LineStatus, ...]: ...

    @property
    def visible(self) -> tuple[StreamInfo, ...]: ...


@dataclass(frozen=True, slots=True)
class EngineSetup:
    """What the controller works with.

    open_supply: a source on what a cast chooses. It must write into the mapping why a part stays empty. report: the
    command that writes the report of a session folder; None for no reports. persons: calibrations to begin with.
    """

    cast: StreamRoles
    open_supply: Callable[[StreamRoles, dict[Modality, str]], LiveSource]
    new_predictor: Callable[[], Predictor]
    bundle: Bundle
    hop_s: float
    clock: Callable[[], float]
    publish: bool = True
    report: Callable[[Path], Sequence[str]] | None = None
    persons: tuple[PersonalCalibration, ...] = ()
