"""Mutated documents through every reader of the program: values, structure and bytes. Sound ones are made first.

A reader gives what it reads, or one clear RtemoError; the commands among them end with 0, 2 or 3. A document that was
accepted is used too, where that is quick: it must not fail later either.
"""

from __future__ import annotations

import base64
import copy
import csv
import io
import json
import random
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from tests.hostile_documents import JSON_TEXTS, TOML_TEXTS, VALUES, places

from .plan import build
from .run_fault import write_recording

Read = Callable[[Path], Any]
Write = Callable[[Any], bytes]
NAMES = (
    "bundle",
    "weights",
    "person",
    "baseline",
    "settings",
    "settings_text",
    "profile",
    "mapping",
    "manifest",
    "shard",
    "roots",
    "faults",
    "address",
    "wire_snapshot",
    "wire_request",
    "event",
    "log_entry",
    "events_file",
    "predictions_file",
    "session_file",
    "labels_file",
    "result",
    "side_car",
    "checkpoint",
)
SIGNS = (
    b'"',
    b"{",
    b"}",
    b"[",
    b"]",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"e999",
    b"nan",
    b"=",
    b".",
    b",",
    b"\n",
    b"\r",
    b"\0",
    b"\xff",
)
CELLS = (
    "",
    " ",
    "nan",
    "inf",
    "-inf",
    "1e400",
    "x",
    "-1",
    "0",
    "1,5",
    "\0",
    '"',
    "\ud83d\ude00",
    "9" * 400,
    "null",
    "true",
    "\u202e",
    "=1+1",
    "x" * 5000,
)


class Fuzzed:
    """The readers, each with a sound document."""

    names = NAMES

    def __init__(self, seed: int, folder: Path) -> None:
        self._seed, self._folder = seed, folder
        folder.mkdir(parents=True, exist_ok=True)
        self._made: dict[str, tuple[Any, Write, Read]] = {}

    def input_of(self, name: str, number: int) -> bytes:
        document, write, _ = self._of(name)
        chance = random.Random(f"{self._seed} {name} {number}")
        texts = TOML_TEXTS if write is toml_bytes else JSON_TEXTS
        if isinstance(document, bytes):
            return damaged(document, chance)
        if isinstance(document, list):
            return write(changed_rows(document, chance))
        how = chance.random()
        if how < 0.02:
            return chance.choice(texts)
        if how < 0.75:
            return write(changed(document, chance))
        return damaged(write(document), chance)

    def sound(self, name: str) -> None:
        """The document as it is. Raises where it is not accepted, as the changed ones would then prove nothing."""
        document, write, read = self._of(name)
        path = self._folder / f"{name}.case"
        path.write_bytes(document if isinstance(document, bytes) else write(document))
        read(path)

    def case(self, name: str, number: int) -> None:
        self.take(name, self.input_of(name, number))

    def take(self, name: str, document: bytes) -> None:
        """Have a document read. Raises what is neither a result nor one clear RtemoError."""
        from rtemo.core.errors import RtemoError

        path = self._folder / f"{name}.case"
        path.write_bytes(document)
        try:
            self._of(name)[2](path)
        except RtemoError as error:
            if not error.fact or len(str(error).encode()) > 5_000:
                raise RuntimeError("an error that cannot be read") from error

    def _of(self, name: str) -> tuple[Any, Write, Read]:
        if name not in self._made:
            self._made[name] = getattr(self, f"_{name}")()
        return self._made[name]

    def _bundle_folder(self) -> Path:
        from rtemo import resources

        made = self._folder / "bundle"
        if not made.exists():
            made.mkdir()
            for path in (resources.assets() / "models" / "demo").iterdir():
                (made / path.name).write_bytes(path.read_bytes())
        return made

    def _loaded(self) -> Any:
        from rtemo import resources
        from rtemo.model.bundle import load_bundle

        return load_bundle(resources.assets() / "models" / "demo")

    def _recording(self) -> Path:
        path = self._folder / "sound.xdf"
        if not path.exists():
            write_recording(
                build((("rates", {"n_channels": 4, "gaze_hz": 30.0}), ("markers", {"every_s": 1.0})), 6.0, 1000.0), path
            )
        return path

    def _command(self, *line: str) -> None:
        from rtemo.cli import main

        if (code := main(list(line))) not in (0, 2, 3):
            raise RuntimeError(f"ends with {code}")

    def _replay(self, *options: str) -> None:
        self._command(
            "replay",
            str(self._recording()),
            "--speed",
            "max",
            "--hop",
            "1",
            "--quiet",
            "--out",
            str(self._folder / "o.jsonl"),
            *options,
        )

    # One sound document each, how it is written, and what reads it.

    def _bundle(self) -> tuple[Any, Write, Read]:
        from rtemo.model.bundle import _fingerprint, load_bundle

        folder = self._bundle_folder()

        def signed(document: Any) -> bytes:
            if isinstance(document, dict) and len(json.dumps(document)) % 4:
                document = {**document, "fingerprint": _fingerprint(document)}
            return json_bytes(document)

        def read(path: Path) -> None:
            (folder / "bundle.json").write_bytes(path.read_bytes())
            load_bundle(folder)
            self._replay("--model", str(folder))

        return json.loads((folder / "bundle.json").read_text()), signed, read

    def _weights(self) -> tuple[Any, Write, Read]:
        from rtemo.model.bundle import _read_arrays

        spec = self._loaded().spec
        return (
            (self._bundle_folder() / "weights.safetensors").read_bytes(),
            bytes,
            lambda path: _read_arrays(path, spec),
        )

    def _person(self) -> tuple[Any, Write, Read]:
        from rtemo.model.personal.calibration import PersonalCalibration, save_person

        bundle = self._loaded()
        quantiles = {name: dict(one.quantiles) for name, one in bundle.spec.combinations.items()}
        made = PersonalCalibration(bundle.fingerprint, dict(bundle.heads), quantiles, (), {}, 7.5)
        save_person(self._folder / "person.json", made)
        return (
            json.loads((self._folder / "person.json").read_text()),
            json_bytes,
            lambda path: self._replay("--person", str(path)),
        )

    def _baseline(self) -> tuple[Any, Write, Read]:
        from rtemo.core.baseline.rest_interval import Baseline
        from rtemo.core.types import Modality
        from rtemo.recordings.baseline_file import save_baseline

        settings = self._loaded().spec.pipeline.with_hop(1.0)
        rng = np.random.default_rng(1)
        names = ("Fp1", "Fp2", "F7", "F3")
        found = {Modality.EEG: Baseline(names, rng.normal(size=(4, 20)), np.ones((4, 20)))}
        save_baseline(self._folder / "baseline.json", found, settings, "P", datetime(2026, 1, 2))
        return (
            json.loads((self._folder / "baseline.json").read_text()),
            json_bytes,
            lambda path: self._replay("--baseline", str(path.rename(path.with_suffix(".json")))),
        )

    def _settings(self) -> tuple[Any, Write, Read]:
        return SETTINGS, toml_bytes, lambda path: self._replay("--settings", str(path))

    def _settings_text(self) -> tuple[Any, Write, Read]:
        from rtemo.sources.session_settings import parse_settings

        return SETTINGS, toml_bytes, lambda path: parse_settings(path.read_bytes().decode(errors="surrogateescape"))

    def _profile(self) -> tuple[Any, Write, Read]:
        import tomllib

        from rtemo import resources
        from rtemo.sources.devices.profile_file import read_profile

        folder = self._folder / "tobii-pro"
        folder.mkdir(exist_ok=True)

        def read(path: Path) -> None:
            (folder / "profile.toml").write_bytes(path.read_bytes())
            read_profile(folder / "profile.toml")

        text = (resources.devices() / "tobii-pro" / "profile.toml").read_text(encoding="utf-8")
        return tomllib.loads(text), toml_bytes, read

    def _mapping(self) -> tuple[Any, Write, Read]:
        from offline.datasets.mapping import read_mapping

        return MAPPING, toml_bytes, read_mapping

    def _corpus(self) -> Path:
        import sys

        path = self._folder / "corpus"
        if not path.exists():
            sys.path.insert(0, str(Path(__file__).parents[1] / "offline"))
            from invented import invented_corpus  # what the other tests build theirs with

            invented_corpus(path, 1)
        return path

    def _manifest(self) -> tuple[Any, Write, Read]:
        from offline.corpus.corpus import open_corpus

        folder = self._corpus()

        def read(path: Path) -> None:
            (folder / "manifest.json").write_bytes(path.read_bytes())
            corpus = open_corpus(folder)
            for shard in corpus.shards:
                shard.window(0)

        return json.loads((folder / "manifest.json").read_text()), json_bytes, read

    def _shard(self) -> tuple[Any, Write, Read]:
        from offline.corpus.shards import read_recording

        folder = self._corpus()
        about = folder / "recordings" / "p000" / "about.json"

        def read(path: Path) -> None:
            about.write_bytes(path.read_bytes())
            read_recording(folder, "p000", "k")

        return json.loads(about.read_text()), json_bytes, read

    def _roots(self) -> tuple[Any, Write, Read]:
        from offline.reproduce.sources import read_roots

        for name in "abc":
            (self._folder / name).mkdir(exist_ok=True)
        return ROOTS, toml_bytes, lambda path: read_roots(path, (None, None))

    def _faults(self) -> tuple[Any, Write, Read]:
        from rtemo.simulate.device.faults import load_faults

        return {"fault": [{"kind": "gap", "stream": "eeg", "start_s": 1.0, "duration_s": 2.0}]}, toml_bytes, load_faults

    def _address(self) -> tuple[Any, Write, Read]:
        from rtemo.recorder.endpoint import Endpoint

        endpoint = Endpoint("fuzz", self._folder / "endpoint")
        found = self._folder / "endpoint" / "fuzz.json"

        def read(path: Path) -> None:
            found.write_bytes(path.read_bytes())
            endpoint.find()

        return {"address": "/nowhere", "family": "AF_UNIX", "pid": 1, "key": "00" * 32}, json_bytes, read

    def _wire_request(self) -> tuple[Any, Write, Read]:
        from rtemo.live.service.wire import unpack_request

        return (
            {"command": "start", "arguments": {"subject": "P", "notes": "", "root": "/r"}},
            json_bytes,
            lambda path: unpack_request(path.read_bytes()),
        )

    def _wire_snapshot(self) -> tuple[Any, Write, Read]:
        from rtemo.live.service.snapshot import Phase, Snapshot
        from rtemo.live.service.wire import pack, unpack

        return pack(Snapshot(1, 1000.0, Phase.PREVIEW), "token"), bytes, lambda path: unpack(path.read_bytes())

    def _event(self) -> tuple[Any, Write, Read]:
        from rtemo.recordings.session_facts import facts_of
        from rtemo.recordings.session_stream import event_of_sample

        def read(path: Path) -> None:
            event = event_of_sample(1000.0, ["a sentence", path.read_bytes().decode(errors="replace")])
            facts_of([] if event is None else [event])

        return EVENT, json_bytes, read

    def _log_entry(self) -> tuple[Any, Write, Read]:
        from rtemo.sources.xdf.recording_log import LogEntry, read_entry

        sound = json.loads(_sound_entry(LogEntry).document())
        return sound, json_bytes, lambda path: read_entry(path.read_bytes().decode(errors="replace"))

    def _session(self) -> Path:
        """A session's folder without a recording: what its report is made of."""
        folder = self._folder / "2026-01-02_03-04-05_P"
        folder.mkdir(exist_ok=True)
        (folder / "events.jsonl").write_bytes(_lines(EVENTS))
        (folder / "predictions.csv").write_bytes(csv_bytes(PREDICTIONS))
        (folder / "session.toml").write_bytes(toml_bytes(SESSION))
        return folder

    def _report(self, name: str, path: Path) -> None:
        folder = self._session()
        (folder / name).write_bytes(path.read_bytes())
        out = self._folder / "report.html"
        out.unlink(missing_ok=True)
        self._command("report", str(folder), "--out", str(out))

    def _events_file(self) -> tuple[Any, Write, Read]:
        return (
            {"events": EVENTS},
            lambda found: _lines(found.get("events") if isinstance(found, dict) else found),
            lambda path: self._report("events.jsonl", path),
        )

    def _predictions_file(self) -> tuple[Any, Write, Read]:
        return PREDICTIONS, csv_bytes, lambda path: self._report("predictions.csv", path)

    def _session_file(self) -> tuple[Any, Write, Read]:
        return SESSION, toml_bytes, lambda path: self._report("session.toml", path)

    def _labels_file(self) -> tuple[Any, Write, Read]:
        rows = [{"begin_s": "0.5", "end_s": "2.5", "label": "sad"}, {"begin_s": "3", "end_s": "5", "label": "fear"}]

        def read(path: Path) -> None:
            self._command(
                "calibrate",
                str(self._recording()),
                "--labels",
                str(path),
                "--out",
                str(self._folder / "p.json"),
                "--quiet",
            )
            (self._folder / "p.json").unlink(missing_ok=True)

        return rows, csv_bytes, read

    def _result(self) -> tuple[Any, Write, Read]:
        from offline.evaluation.compare import read_result

        return RESULT, json_bytes, read_result

    def _side_car(self) -> tuple[Any, Write, Read]:
        from offline.datasets.account import Account
        from offline.datasets.bids.side_cars import read_json

        return (
            {
                "SamplingFrequency": 500,
                "StartTime": 0.0,
                "Columns": ["x", "y"],
                "ScreenAOIDefinition": ["square", [1, 2]],
            },
            json_bytes,
            lambda path: read_json(path, Account()),
        )

    def _checkpoint(self) -> tuple[Any, Write, Read]:
        import torch

        from offline.training.checkpoint import load_checkpoint, save_checkpoint
        from offline.training.initial_weights import PRETRAIN

        path = self._folder / "c.pt"
        save_checkpoint(path, PRETRAIN, {"a": torch.ones(3), "b": [1, "x", {"k": 2.0}]})
        return path.read_bytes(), bytes, lambda found: load_checkpoint(found, PRETRAIN)


def _sound_entry(kind: Any) -> Any:
    import dataclasses

    plain = {"float": 1.0, "int": 1, "str": "x", "bool": True}
    found = {
        field.name: plain.get(str(field.type), 1.0)
        for field in dataclasses.fields(kind)
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    }
    return kind(**found)


def json_bytes(document: Any) -> bytes:
    """As JSON, lone surrogates and all."""
    return json.dumps(document).encode()


def toml_bytes(document: Any) -> bytes:
    """As TOML, as far as it can express it."""
    found = _without_none(document)
    return tomli_w.dumps(found if isinstance(found, dict) else {"a": found}).encode("utf-8", "surrogatepass")


def csv_bytes(rows: list[dict[str, str]]) -> bytes:
    """As CSV."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]) if rows else ["time_s"], extrasaction="ignore", restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode("utf-8", "surrogatepass")


def _lines(events: Any) -> bytes:
    rows = events if isinstance(events, list) else [events]
    return "\n".join(json.dumps(row) for row in rows).encode()


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(part) for key, part in value.items() if part is not None}
    return [_without_none(part) for part in value if part is not None] if isinstance(value, list | tuple) else value


def changed(document: Any, chance: random.Random) -> Any:
    """The document with one to three of its values replaced, taken out, renamed, repeated or added to."""
    document = copy.deepcopy(document)
    for _ in range(chance.randint(1, 3)):
        found = list(places(document))
        if not found:
            break
        parent, key = chance.choice(found)
        how = chance.choice(("set", "set", "set", "drop", "name", "add", "twice", "near"))
        if how == "near":
            parent[key] = _near(parent[key], chance)
        elif how == "set" or isinstance(parent, list):
            parent[key] = copy.deepcopy(chance.choice(VALUES))
        elif how == "add":
            parent[chance.choice(("another", "", "x" * 1000, "\ud800"))] = copy.deepcopy(chance.choice(VALUES))
        else:
            part = parent.pop(key)
            if how == "name":
                parent[f"{key}x"] = part
            elif how == "twice":
                parent[key] = [part, part]
    return document


def _near(value: Any, chance: random.Random) -> Any:
    """A value of the same type that a check of types lets pass."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int) and abs(value) > 1 << 62:
        return -value
    if isinstance(value, int | float):
        return chance.choice((0, -value, value * 1e6, value + 1e-9, 1e15, -1e15, 1e-15, 10**9, 2**31, 2**63 - 1))
    if isinstance(value, str):
        raw = value.encode("utf-8", "surrogatepass")
        other = base64.b64encode(raw[: chance.randrange(0, 40)]).decode()
        return chance.choice(
            (
                value[:-1],
                value * 2,
                value.upper(),
                value[::-1],
                "",
                "(?P<label>",
                ".*",
                "../../etc/passwd",
                "/dev/zero",
                "a" * 300,
                other,
            )
        )
    return [value]


def changed_rows(rows: list[dict[str, str]], chance: random.Random) -> list[dict[str, str]]:
    """A table with cells, rows or columns changed."""
    rows = [dict(row) for row in rows]
    for _ in range(chance.randint(1, 4)):
        if not rows or not rows[0]:
            break
        row, column = chance.choice(rows), chance.choice(list(rows[0]))
        how = chance.randrange(6)
        if how < 3:
            row[column] = chance.choice(CELLS)
        elif how == 3:
            rows.remove(row)
        elif how == 4:
            for one in rows:
                one.pop(column, None)
        else:
            for one in rows:
                one[f"{column}x"] = one.pop(column, "")
    return rows


def damaged(text: bytes, chance: random.Random) -> bytes:
    """The text with a few bytes written over, put in or taken out."""
    for _ in range(chance.randint(1, 4)):
        at, cut = chance.randrange(len(text) + 1), chance.choice((0, 1, 1, 2, 8, 40))
        put = chance.choice((b"", chance.choice(SIGNS), bytes([chance.randrange(256)]), text[:8]))
        text = text[:at] + put + text[at + cut :]
    return text


SETTINGS: dict[str, Any] = {
    "session": {"subject": "P01", "notes": "n", "baseline": "marker=a,b"},
    "eeg": {"query": "name=Amp", "unit": "uV", "map": {"Fp1": "Fp1"}},
    "gaze": {"query": "type=Gaze", "unit": "normalized", "map": {}},
    "markers": {"query": "type=Markers"},
    "screen": {"width_px": 1920, "height_px": 1080, "width_mm": 520.0, "height_mm": 290.0, "distance_mm": 600.0},
}
MAPPING: dict[str, Any] = {
    "trials": {"start": "clip_(?P<clip>.*)/(?P<label>.*)", "stop": "end", "duration_s": 60.0},
    "labels": {"happy": "happy", "sad": "sad"},
    "baseline": {"start": "rest", "duration_s": 60.0},
    "files": {"name": "sub-(?P<subject>.*)_ses-(?P<session>.*)"},
    "streams": {"eeg": "name=Amp"},
}
ROOTS: dict[str, Any] = {
    "downstream": {"name": "seed-iv", "dataset": "seed-iv", "root": "a"},
    "unlabelled": [
        {"name": "eegeyenet", "dataset": "eegeyenet", "root": "b"},
        {"name": "x", "dataset": "xdf", "root": "c", "mapping": "m.toml"},
    ],
}
EVENT: dict[str, Any] = {
    "time_s": 1000.0,
    "kind": "annotation",
    "text": "label",
    "stream": "Amp",
    "document": "[session]\nsubject = 'P'\n",
    "details": {
        "fact": "label_given",
        "number": 1,
        "label": "sad",
        "begin_s": 1002.0,
        "end_s": 1006.0,
        "from_s": 3.0,
        "length_s": 20.0,
        "plan": "saved",
        "id": "s",
    },
}
EVENTS: list[dict[str, Any]] = [
    {"time_s": 1000.0, "kind": "session", "text": "session begins", "details": {"fact": "session", "id": "s"}},
    {"time_s": 1001.0, "kind": "stream_up", "text": "found: Amp", "stream": "Amp", "details": {"role": "eeg"}},
    {"time_s": 1002.0, "kind": "marker", "text": "clip_1", "stream": "Stim"},
    EVENT,
    {"time_s": 1010.0, "kind": "session", "text": "session ends"},
]
_LABELS = ("neutral", "sad", "fear", "happy")
PREDICTIONS: list[dict[str, str]] = [
    {
        "time_s": str(1004.0 + k),
        "emotion": "sad",
        **{f"probabilities.{label}": "0.25" for label in _LABELS},
        **{f"smoothed.{label}": "0.25" for label in _LABELS},
        "set": "sad fear",
        "abstain": "",
        "eeg_coverage": "1.0",
        "gaze_coverage": "0.9",
        "bad_channels": "",
        "novelty": "0.5",
        "settled": "true",
        "forced": "false",
        "latency_ms": "4.5",
    }
    for k in range(6)
]
SESSION: dict[str, Any] = {
    **SETTINGS,
    "model": {"bundle": "demo", "bundle_fingerprint": "f", "trained_on": "t"},
    "record": {"started": "2026-01-02 03:04:05", "hop_s": 0.25},
    "versions": {"rtemo": "0.2", "python": "3.11"},
    "streams": {"eeg": {"name": "Amp", "channels": ["Fp1"], "nominal_rate_hz": 250.0}},
}
RESULT: dict[str, Any] = {
    "accuracy": {"window": 0.5, "trial": 0.6},
    "per_subject": [{"subject": "p1", "window": {"balanced_accuracy": 0.5}}],
    "chance": 0.25,
    "protocol": "loso",
    "modalities": ["eeg", "eye"],
    "corpus": {"fingerprint": "f"},
    "seed": 1,
}
