"""Pupil Labs Neon and Invisible by their real-time API: gaze in the scene camera's picture, pupils, eyelids.

The datum carries the phone's Unix time; it is brought on the LSL clock by arrival, as every device's is.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rtemo.bridges.connection import add_address
from rtemo.bridges.device import READ_S, DeviceLost, DeviceSamples, described, needed
from rtemo.core.types import Channel, StreamInfo

SEARCH_S = 10.0
_EYES = ("left", "right")
GAZE = (Channel("x", "ScreenX", "pixels", "both"), Channel("y", "ScreenY", "pixels", "both"))
EYE_STATE = tuple(
    channel
    for eye in _EYES
    for channel in (
        Channel("PupilDiameter", "Diameter", "mm", eye),
        *(Channel(f"EyeballCenter{axis}", f"Position{axis}", "mm", eye) for axis in "XYZ"),
    )
)
EYELIDS = tuple(
    Channel(f"Eyelid{what}", "", unit, eye)
    for eye in _EYES
    for what, unit in (("AngleTop", "rad"), ("AngleBottom", "rad"), ("Aperture", "mm"))
)


def add_arguments(p: argparse.ArgumentParser) -> None:
    """What this bridge takes."""
    add_address(p, "the phone, as the app shows it", None)


def device_of(args: argparse.Namespace, clock: Callable[[], float]) -> Glasses:
    """The glasses that were asked for. Raises RtemoError where the vendor's library is not there."""
    try:
        from pupil_labs.realtime_api import simple
    except ImportError as error:
        raise needed("the Pupil Labs real-time API", "pip install pupil-labs-realtime-api", error) from error
    return Glasses(simple, args.address, clock)


class Glasses:
    """One pair of glasses. library: pupil_labs.realtime_api.simple."""

    shares_clock = False

    def __init__(self, library: Any, where: tuple[str, int] | None, clock: Callable[[], float]) -> None:
        self._library, self._where, self._clock = library, where, clock
        self._device: Any = None
        self._channels: tuple[Channel, ...] = ()
        self._first: Any = None

    def open(self) -> tuple[StreamInfo, ...]:
        if self._where is None:
            self._device = self._library.discover_one_device(max_search_duration_seconds=SEARCH_S)
        else:
            try:
                self._device = self._library.Device(*self._where)
            except Exception as error:  # the library passes on whatever its network layers raise
                raise DeviceLost(f"{self._where[0]}:{self._where[1]} does not answer: {error}") from error
        if self._device is None:
            raise DeviceLost("no Neon or Invisible was found in this network")
        self._first = self._device.receive_gaze_datum(timeout_seconds=SEARCH_S)
        if self._first is None:
            raise DeviceLost("the phone sends no gaze; are the glasses connected?")
        self._channels = channels_of(self._first)
        model = str((getattr(self._device, "module_serial", None) and "Neon") or "Invisible")
        name = f"{self._device.phone_name}_{model} Gaze"
        source_id = f"rtemo-pupil-labs-{self._device.phone_id}_Gaze"
        return (described("gaze", name, "Gaze", 0.0, self._channels, source_id, model),)

    def read(self) -> Sequence[DeviceSamples]:
        datum, self._first = self._first, None
        try:
            datum = datum or self._device.receive_gaze_datum(timeout_seconds=READ_S)
        except Exception as error:
            raise DeviceLost(f"the phone is gone: {error}") from error
        if datum is None:
            return []
        values = np.array([values_of(datum, len(self._channels))], np.float32)
        return [DeviceSamples(0, np.array([datum.timestamp_unix_seconds]), values, self._clock())]

    def close(self) -> None:
        device, self._device = self._device, None
        if device is not None:
            device.close()


def channels_of(datum: Any) -> tuple[Channel, ...]:
    """The columns that a datum of this kind fills: gaze, with eye state, with eyelids."""
    state = EYE_STATE if hasattr(datum, "pupil_diameter_left") else ()
    return (*GAZE, *state, *(EYELIDS if hasattr(datum, "eyelid_aperture_left") else ()))


def values_of(datum: Any, n: int) -> list[float]:
    """The columns' values; NaN where the glasses are not worn, or the datum has less than n of them."""
    values = [datum.x, datum.y]
    if hasattr(datum, "pupil_diameter_left"):
        for eye in _EYES:
            centre = getattr(datum, f"eyeball_center_{eye}")
            values += [getattr(datum, f"pupil_diameter_{eye}"), centre.x, centre.y, centre.z]
    if hasattr(datum, "eyelid_aperture_left"):
        for eye in _EYES:
            values += [getattr(datum, f"eyelid_{what}_{eye}") for what in ("angle_top", "angle_bottom", "aperture")]
    nothing = [float("nan")] * n
    return nothing if not datum.worn else [*values, *nothing][:n]
