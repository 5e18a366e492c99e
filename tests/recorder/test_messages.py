"""Messages between recorder and engine: what goes in comes out, and nothing else does."""

from __future__ import annotations

import contextlib
import math
from multiprocessing import Pipe

import numpy as np
import pytest

from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, Chunk, ClockOffset, StreamDown, StreamInfo, StreamNotice, StreamState, StreamUp
from rtemo.recorder.messages import Message, ask, pack, pack_item, read_status, status_fields, unpack
from rtemo.sources.lsl.stream_state import LslStream

INFO = StreamInfo(
    "Amp", "Amp", "EEG", "float32", 250.0, (Channel("Fp1", "EEG", "uV", "", (1.0, -2.5, 3.0)), Channel()),
    "id", "host", "uid", "<info><name>Ämp</name></info>",
)  # fmt: skip
STAMPS = np.array([1.0, math.nan, 1e18, -0.0, 1e-300])


def same(a, b):
    if isinstance(a, Chunk):
        assert (a.stream_id, a.values.dtype, a.values.shape) == (b.stream_id, b.values.dtype, b.values.shape)
        assert a.stamps.tobytes() == b.stamps.tobytes()
        assert (
            a.values.tolist() == b.values.tolist()
            if a.values.dtype == object
            else a.values.tobytes() == b.values.tobytes()
        )
        assert a.arrived_s == b.arrived_s or (math.isnan(a.arrived_s) and math.isnan(b.arrived_s))
        return True
    return a == b


def texts(*rows):
    values = np.empty((len(rows), len(rows[0])), dtype=object)
    values[:] = rows
    return values


ITEMS = [
    StreamUp(INFO),
    StreamUp(INFO, replaces="Amp (1)"),
    StreamDown("Amp", StreamState.LOST, "gone 😀 from the network"),
    ClockOffset("Amp", 12.5, -3.25),
    StreamNotice("Amp", "its clock was set", trusted=False),
    *(Chunk("Ämp #2", STAMPS, (np.arange(10).reshape(5, 2)).astype(t), 17.25)
      for t in ("<f4", "<f8", "i1", "<i2", "<i4", "<i8")),
    Chunk("Amp", STAMPS[:0], np.empty((0, 2), "<f4")),
    Chunk("Amp", STAMPS[:1], np.array([[math.nan, -math.inf]], "<f4")),
    Chunk("Amp", STAMPS, np.arange(20.0, dtype="<f4").reshape(5, 4)[:, ::2]),
    Chunk("marks", STAMPS[:2], texts(["a\n", "ü\0"], ["\ud800", "x" * 100_000])),
]  # fmt: skip


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: type(item).__name__)
def test_an_item_comes_out_as_it_went_in(item):
    (found,) = unpack(pack_item(item))
    assert same(item, found)


def test_many_in_one_message_keep_their_order():
    data = pack("role", role="eeg") + b"".join(map(pack_item, ITEMS)) + pack("ready")
    first, *items, last = unpack(data)
    assert (first, last) == (Message("role", {"role": "eeg"}), Message("ready"))
    assert all(same(a, b) for a, b in zip(ITEMS, items, strict=True))


def test_a_status_comes_out_as_it_went_in():
    status = LslStream(INFO, lambda _item: None, announced=True).status(3.0)
    again = read_status(INFO, status_fields(status))
    assert repr(again) == repr(status)  # NaN included


@pytest.mark.parametrize("seed", range(40))
def test_damaged_bytes_are_refused_or_give_something_and_never_anything_else(seed):
    rng = np.random.default_rng(seed)
    data = bytearray(b"".join(map(pack_item, ITEMS[:8])) + pack("state", recording=None))
    for _ in range(rng.integers(1, 6)):
        at = int(rng.integers(len(data)))
        match rng.integers(3):
            case 0:
                data[at] = int(rng.integers(256))
            case 1:
                del data[at : at + int(rng.integers(1, 40))]
            case 2:
                data[at:at] = rng.bytes(int(rng.integers(1, 40)))
    with contextlib.suppress(RtemoError):
        list(unpack(bytes(data)))


def test_whoever_asks_a_recorder_that_does_not_answer_is_not_left_waiting():
    own, recorder = Pipe()
    with own, recorder:
        with pytest.raises(EOFError, match="the recorder does not answer"):
            ask(own, "status", 0.0)
        (request,) = unpack(recorder.recv_bytes())
        assert request == Message("status", {})
        recorder.send_bytes(pack("status", n=3))
        assert ask(own, "status", 1.0).fields == {"n": 3}
