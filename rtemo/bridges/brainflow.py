"""Any board of BrainFlow: OpenBCI, Muse, Unicorn, ANT Neuro, Mentalab, g.tec and others, without their own programs.

BrainFlow stamps a packet when it comes into this computer and numbers it. The number, counted on over its wrap-around,
is the device's time; the stamp is its arrival. What the board counts and never sends is a loss.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtemo.bridges.device import READ_S, DeviceLost, DeviceSamples, described, marker_stream, needed
from rtemo.bridges.sample_counter import SampleCounter
from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, StreamInfo

BUFFER = 450_000  # samples that BrainFlow keeps at most
FEWEST = 32  # samples by which a board's counter is judged
REGULAR = 0.9  # share of steps by one that makes a counter one
CONNECTION = {
    "serial-port": "such as COM3 or /dev/ttyUSB0",
    "mac-address": "of a Bluetooth board",
    "ip-address": "of a board on the network",
    "serial-number": "to choose among several boards",
    "other-info": "what BrainFlow's documentation asks for",
    "file": "with PLAYBACK_FILE: the recording",
}


def add_arguments(p: argparse.ArgumentParser) -> None:
    """What this bridge takes."""
    p.add_argument(
        "--board",
        default="SYNTHETIC",
        metavar="NAME",
        help="as BrainFlow names it, such as CYTON, MUSE_2 or UNICORN (default: SYNTHETIC, a simulated one)",
    )
    for name, what in CONNECTION.items():
        p.add_argument(f"--{name}", default="", metavar="TEXT", help=what)
    p.add_argument("--ip-port", type=int, default=0, metavar="N")
    p.add_argument("--master-board", default="", metavar="NAME", help="with PLAYBACK_FILE: the board that recorded it")


def device_of(args: argparse.Namespace, clock: Callable[[], float]) -> Board:
    """The board that was asked for. Raises RtemoError where BrainFlow is not there or does not know it."""
    library = board_shim()
    board, master = board_id(library, args.board), board_id(library, args.master_board or args.board)
    parameters = library.BrainFlowInputParams()
    for name in CONNECTION:
        setattr(parameters, name.replace("-", "_"), getattr(args, name.replace("-", "_")))
    parameters.ip_port = args.ip_port
    if args.master_board:
        parameters.master_board = master
    return Board(library, board, master, parameters, clock)


def board_shim() -> Any:
    """BrainFlow's Python module. Raises RtemoError where it is not installed.

    Up to Python 3.11 it finds its own library by setuptools' pkg_resources, which new versions of setuptools lack; a
    stand-in with the one function that it calls is lent to it meanwhile.
    """
    lent = find_spec("pkg_resources") is None
    if lent:
        stand_in: Any = ModuleType("pkg_resources")
        stand_in.resource_filename = lambda package, path: str(Path(str(sys.modules[package].__file__)).parent / path)
        sys.modules["pkg_resources"] = stand_in
    try:
        from brainflow import board_shim as library

        library.BoardShim.disable_board_logger()
    except ImportError as error:
        raise needed("BrainFlow", 'install "rtemo[bridges]"', error) from error
    finally:
        if lent:
            del sys.modules["pkg_resources"]
    return library


def board_id(library: Any, name: str) -> int:
    """BrainFlow's number of a board. Raises RtemoError where it knows none of that name."""
    full = name.upper().removesuffix("_BOARD") + "_BOARD"
    if full not in library.BoardIds.__members__:
        known = ", ".join(one.removesuffix("_BOARD") for one in library.BoardIds.__members__)
        raise RtemoError("BrainFlow knows no such board", f"found {name!r}", f"take one of {known}")
    return int(library.BoardIds[full].value)


class Board:
    """One board. `layout` is that of the board which made the samples: with a playback, the recorded one."""

    shares_clock = False

    def __init__(self, library: Any, board: int, layout: int, parameters: Any, clock: Callable[[], float]) -> None:
        self._library, self._board, self._parameters, self._clock = library, board, parameters, clock
        self._layout: dict[str, Any] = library.BoardShim.get_board_descr(layout)
        self._rate_hz = float(self._layout["sampling_rate"])
        self._rows = list(self._layout.get("eeg_channels") or self._layout.get("exg_channels", []))
        if not self._rows:
            raise RtemoError(f"the board {self._layout['name']} has no EEG channels", "", "choose another one")
        self._shim: Any = None
        self._counter: SampleCounter | None = None
        self._seen: list[NDArray[np.float64]] = []  # while the counter is judged
        self._n = 0

    def open(self) -> tuple[StreamInfo, ...]:
        self._counter, self._seen, self._n = None, [], 0
        shim = self._library.BoardShim(self._board, self._parameters)
        try:
            shim.prepare_session()
            shim.start_stream(BUFFER)
        except self._library.BrainFlowError as error:
            if shim.is_prepared():
                shim.release_session()
            raise DeviceLost(f"the board does not answer: {error}") from error
        self._shim = shim
        names = [name.strip() for name in self._layout.get("eeg_names", "").split(",") if name.strip()]
        names = names if len(names) == len(self._rows) else [f"EEG{k + 1}" for k in range(len(self._rows))]
        channels = [Channel(name, "EEG", "microvolts") for name in names]
        model = f"BrainFlow {self._layout['name']}"
        source_id = f"rtemo-brainflow-{self._board}-{self._parameters.serial_number or self._parameters.mac_address}"
        return (
            described("eeg", model, "EEG", self._rate_hz, channels, source_id, model),
            marker_stream(f"{model} markers", f"{source_id}-markers", model),
        )

    def read(self) -> Sequence[DeviceSamples]:
        time.sleep(READ_S / 5)
        try:
            data: NDArray[np.float64] = self._shim.get_board_data()
        except self._library.BrainFlowError as error:
            raise DeviceLost(f"the board is gone: {error}") from error
        now_s, unix_s = self._clock(), time.time()
        if not data.shape[1]:
            return []
        if self._counter is None:
            data = self._judged(data)
            if not data.shape[1]:
                return []
        assert self._counter is not None
        index, lost = self._counter.count(data[self._layout["package_num_channel"]])
        stamps = data[self._layout["timestamp_channel"]]
        arrived_s = now_s - max(unix_s - float(stamps[-1]), 0.0)
        if unix_s - float(stamps[-1]) > 3600.0:  # a playback with the stamps of its recording
            arrived_s = now_s
        times = index / self._rate_hz
        values = data[self._rows].T.astype(np.float32)
        return [
            DeviceSamples(0, times, np.ascontiguousarray(values), arrived_s, lost),
            *self._marks(data, times, arrived_s),
        ]

    def close(self) -> None:
        shim, self._shim = self._shim, None
        if shim is not None and shim.is_prepared():
            shim.release_session()

    def _judged(self, data: NDArray[np.float64]) -> NDArray[np.float64]:
        """All samples so far, once there are enough to see how the board counts; none before."""
        self._seen.append(data)
        data = np.concatenate(self._seen, axis=1)
        if data.shape[1] < FEWEST:
            return data[:, :0]
        self._seen = []
        self._counter = counter_for(data[self._layout["package_num_channel"]])
        return data

    def _marks(self, data: NDArray[np.float64], times: NDArray[np.float64], arrived_s: float) -> list[DeviceSamples]:
        marks = data[self._layout["marker_channel"]]
        return [
            DeviceSamples(1, times[k : k + 1], np.array([[f"{marks[k]:g}"]], object), arrived_s)
            for k in np.flatnonzero(marks)
        ]


class OwnCount(SampleCounter):
    """For boards whose packets have no number by which a loss would show: each sample is the next one."""

    def count(self, values: NDArray[np.float64]) -> tuple[NDArray[np.int64], int]:
        index = self.total + np.arange(len(values))
        self.total += len(values)
        return index, 0


def counter_for(numbers: NDArray[np.float64]) -> SampleCounter:
    """The counter that a board's first packet numbers show: most steps are by one, with a byte's wrap-around."""
    steps = np.mod(np.diff(numbers), 256.0)
    return SampleCounter(256) if (steps == 1).mean() >= REGULAR and numbers.max() < 256 else OwnCount()
