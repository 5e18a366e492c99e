"""Mutated XDF files through the reader and the replay: bytes, chunks, lengths, stamps, descriptions, events."""

from __future__ import annotations

import json
import random
import struct
from pathlib import Path

import numpy as np

from .plan import build
from .run_fault import write_recording
from .xdf_bytes import FOOTER, OFFSET, SAMPLES, STREAM, length

NAMES = ("xdf",)
SEED_SECONDS = 9.0
STRANGE = (
    0.0,
    -0.0,
    1.0,
    -1.0,
    1e-300,
    1e300,
    -1e300,
    float("nan"),
    float("inf"),
    float("-inf"),
    1e18,
    -1e18,
    1e9,
    1e6,
)
NUMBERS = (
    b"0",
    b"-1",
    b"1",
    b"2",
    b"3",
    b"255",
    b"65536",
    b"4294967295",
    b"99999999999999999999",
    b"1e308",
    b"nan",
    b"inf",
    b"",
    b"x",
    b"1.5",
    b"0x10",
    b" 16 ",
    b"\xd9\xa3",
)
WORDS = (
    b"string",
    b"float32",
    b"double64",
    b"int8",
    b"int16",
    b"int64",
    b"EEG",
    b"Gaze",
    b"Markers",
    b"rtemo_events",
    b"",
    b"<",
    b"</info>",
    b"&#0;",
    b"&amp;",
    b"&x;",
    b"\0",
    b"\xff",
    b"<a>" * 2000,
    b"x" * 5000,
    "\u202e".encode(),
)
CHANGES = (
    (("rates", {"n_channels": 8}), ("markers", {"columns": 2, "every_s": 1.0})),
    (("rates", {"n_channels": 4, "gaze_hz": 30.0}), ("described", {"role": "eeg", "format": "double64"})),
    (
        ("rates", {"n_channels": 8}),
        ("foreign_clock", {"role": "gaze", "shift_s": -5000.0}),
        ("pause", {"role": "eeg", "spans": ((4.0, 4.6),)}),
    ),
)


class Fuzzed:
    """The reader and the replay, fed with mutations of a few recordings. names: one."""

    names = NAMES

    def __init__(self, seed: int, folder: Path) -> None:
        self._seed, self._folder = seed, folder
        folder.mkdir(parents=True, exist_ok=True)
        self._sound = []
        for number, changes in enumerate(CHANGES):
            path = folder / f"sound_{number}.xdf"
            write_recording(build(changes, SEED_SECONDS, 1000.0), path)
            self._sound.append(_with_events(path.read_bytes()))

    def input_of(self, name: str, number: int) -> bytes:
        chance = random.Random(f"{self._seed} {number}")
        return mutated(chance.choice(self._sound), chance)

    def case(self, name: str, number: int) -> None:
        from rtemo.cli import main
        from rtemo.core.errors import RtemoError
        from rtemo.sources.xdf.source import XdfSource

        path = self._folder / "case.xdf"
        path.write_bytes(self.input_of(name, number))
        source = XdfSource(path)
        try:
            source.start()
            while not source.exhausted:
                source.read(0.0)
        except RtemoError:
            pass
        finally:
            source.stop()
        code = main(
            ["replay", str(path), "--speed", "max", "--hop", "1", "--quiet", "--out", str(self._folder / "out.jsonl")]
        )
        if code not in (0, 2):
            raise RuntimeError(f"the replay ends with {code}")


def chunks_of(data: bytes) -> list[tuple[int, bytes]]:
    """Tags and bodies of a sound file."""
    found, at = [], 4
    while at < len(data):
        kind = data[at]
        size = struct.unpack_from({1: "<B", 4: "<I", 8: "<Q"}[kind], data, at + 1)[0]
        begin = at + 1 + kind
        found.append((struct.unpack_from("<H", data, begin)[0], data[begin + 2 : begin + size]))
        at = begin + size
    return found


def _with_events(data: bytes) -> bytes:
    """Footers, and a session's own stream of events, as the program writes them."""
    xml = (
        b'<?xml version="1.0"?><info><name>rtemo_events</name><type>Markers</type><channel_count>2</channel_count>'
        b"<nominal_srate>0</nominal_srate><channel_format>string</channel_format><source_id>s</source_id><hostname>h"
        b"</hostname><desc><session_id>s1</session_id></desc></info>"
    )
    label = {"fact": "label_given", "number": 1, "label": "sad", "begin_s": 1002.0, "end_s": 1006.0}
    session = {"fact": "session", "id": "s1", "hop": 0.25}
    plan = {"fact": "baseline_planned", "plan": "marker=a,b"}
    events = [
        {"kind": "session", "text": "session begins", "details": session, "document": "[session]\nsubject = 'P'\n"},
        {"kind": "annotation", "text": "planned", "details": plan},
        {"kind": "annotation", "text": "label", "details": label},
    ]
    texts = [(str(event["text"]), json.dumps(event)) for event in events]
    body = struct.pack("<I", 9) + length(len(texts))
    for k, row in enumerate(texts):
        body += (
            b"\x08"
            + struct.pack("<d", 1000.0 + k)
            + b"".join(length(len(text.encode())) + text.encode() for text in row)
        )
    footer = b"<?xml version='1.0'?><info><first_timestamp>1000</first_timestamp><sample_count>3</sample_count></info>"
    extra = [(STREAM, struct.pack("<I", 9) + xml), (SAMPLES, body), (FOOTER, struct.pack("<I", 9) + footer)]
    return data + b"".join(_chunk(tag, part) for tag, part in extra)


def _chunk(tag: int, body: bytes) -> bytes:
    return length(len(body) + 2) + struct.pack("<H", tag) + body


def mutated(data: bytes, chance: random.Random) -> bytes:
    """One to four changes."""
    chunks = chunks_of(data)
    for _ in range(chance.choice((1, 1, 2, 4))):
        _change_chunks(chunks, chance)
    out = b"XDF:" + b"".join(_chunk(tag, body) for tag, body in chunks)
    if chance.random() < 0.35:
        out = _change_bytes(out, chance)
    return out


def _change_chunks(chunks: list[tuple[int, bytes]], chance: random.Random) -> None:
    if not chunks:
        return
    k = chance.randrange(len(chunks))
    if chance.random() < 0.5:  # headers, offsets and events are few and matter most
        special = [n for n, (tag, body) in enumerate(chunks) if tag != SAMPLES or body[:4] == struct.pack("<I", 9)]
        k = chance.choice(special or [k])
    tag, body = chunks[k]
    how = chance.randrange(9)
    if how == 0:
        del chunks[k]
    elif how == 1:
        chunks.insert(chance.randrange(len(chunks) + 1), chunks[k])
    elif how == 2:
        chunks.append(chunks.pop(k))
    elif how == 3:
        chunks[k] = (chance.choice((0, 1, 2, 3, 4, 5, 6, 7, 65535)), body)
    elif how == 4:
        chunks[k] = (tag, struct.pack("<I", chance.choice((0, 1, 2, 3, 9, 1 << 31, (1 << 32) - 1))) + body[4:])
    elif how == 5:
        cut = chance.randrange(len(body) + 1)
        chunks[k] = (tag, body[:cut] if chance.random() < 0.5 else body[:cut] + body[cut + chance.randrange(1, 9) :])
    elif how == 6:
        chunks[k] = (tag, _change_bytes(body, chance))
    else:
        chunks[k] = (tag, _meaningful(tag, body, chance))


def _meaningful(tag: int, body: bytes, chance: random.Random) -> bytes:
    """Values that a parser accepts and an arithmetic may not."""
    if tag == OFFSET and len(body) == 20:
        at = chance.choice((4, 12))
        return body[:at] + struct.pack("<d", chance.choice(STRANGE)) + body[at + 8 :]
    if tag == SAMPLES and len(body) > 6:
        stamps = [at for at in range(5, min(len(body) - 9, 4000)) if body[at] == 8]
        if stamps:
            at = chance.choice(stamps) + 1
            return body[:at] + struct.pack("<d", chance.choice(STRANGE)) + body[at + 8 :]
        return body
    begin = chance.choice([at for at in range(len(body)) if body[at : at + 1] in (b">", b'"', b":", b" ")] or [0]) + 1
    ends = [at for at in (body.find(b"<", begin), body.find(b'"', begin), body.find(b",", begin)) if at >= 0]
    return body[:begin] + chance.choice(NUMBERS + WORDS) + body[min(ends, default=begin) :]


def _change_bytes(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 3, 10))):
        if not changed:
            break
        at = chance.randrange(len(changed))
        how = chance.randrange(4)
        if how == 0:
            changed[at] ^= 1 << chance.randrange(8)
        elif how == 1:
            changed[at] = chance.choice((0, 1, 4, 8, 127, 128, 255))
        elif how == 2:
            del changed[at : at + chance.choice((1, 2, 8, 1000))]
        else:
            changed[at:at] = bytes(
                np.random.default_rng(chance.randrange(1 << 30)).integers(
                    0, 256, chance.choice((1, 4, 64)), dtype=np.uint8
                )
            )
    return bytes(changed)
