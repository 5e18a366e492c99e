"""Mutated messages on the engine's socket: foreign bytes, lies about lengths, broken handshakes, hostile requests.

The engine must live on, answer a sound client within ANSWER_S, and not grow.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import secrets
import signal
import socket
import struct
import subprocess
import sys
import time
from multiprocessing.connection import Client, Connection, answer_challenge, deliver_challenge
from pathlib import Path
from typing import Any

import psutil

from .fuzz_documents import changed, damaged, json_bytes
from .process import REPOSITORY, environment

NAMES = ("socket",)
ANSWER_S = 5.0
CHECK_EVERY = 20
GROWTH = 300 << 20
COMMANDS: tuple[dict[str, Any], ...] = (
    {"poll": ""},
    {"poll": "abc"},
    {"command": "choose", "arguments": {"role": "eeg", "stream_id": "x"}},
    {"command": "configure", "arguments": {"settings": "[session]\nsubject = 'P'\n"}},
    {"command": "exclude", "arguments": {"label": "Fp1", "excluded": True}},
    {"command": "start", "arguments": {"subject": "P", "notes": "", "root": "sessions"}},
    {"command": "stop", "arguments": {}},
    {"command": "pause", "arguments": {}},
    {"command": "resume", "arguments": {}},
    {"command": "annotate", "arguments": {"text": "a"}},
    {"command": "baseline", "arguments": {"seconds": 30.0}},
    {"command": "label", "arguments": {"label": "sad", "begin_s": 1.0, "end_s": 2.0}},
    {"command": "forget_label", "arguments": {"index": 0}},
    {"command": "calibrate", "arguments": {}},
    {"command": "open_replay", "arguments": {"path": "x.xdf"}},
    {"command": "seek", "arguments": {"position_s": 1.0}},
    {"command": "speed", "arguments": {"factor": 2.0}},
    {"command": "close_replay", "arguments": {}},
)


class Fuzzed:
    """One engine after another; each is used as long as it lives."""

    names = NAMES

    def __init__(self, seed: int, folder: Path) -> None:
        self._seed, self._folder = seed, folder
        folder.mkdir(parents=True, exist_ok=True)
        self._engine: subprocess.Popen[bytes] | None = None
        self._address: dict[str, Any] = {}
        self._rss = 0
        self._silent: list[socket.socket] = []

    def input_of(self, name: str, number: int) -> bytes:
        chance = random.Random(f"{self._seed} {number}")
        sound = dict(chance.choice(COMMANDS))
        how = chance.random()
        if how < 0.1:
            return chance.randbytes(chance.choice((0, 1, 7, 200, 70_000)))
        if how < 0.3:
            return damaged(json_bytes(sound), chance)
        return json_bytes(changed(sound, chance))

    def case(self, name: str, number: int) -> None:
        chance = random.Random(f"{self._seed} how {number}")
        self._ensure()
        content = self.input_of(name, number)
        if b"shutdown" in content:
            return
        how = chance.randrange(10)
        with contextlib.suppress(OSError, EOFError):  # the engine may well hang up
            if how == 0:
                self._foreign(content, chance)
            elif how == 1:
                self._stay_silent()
            elif how == 2:
                self._half_greeted(content)
            else:
                self._asked(content, chance)
        if number % CHECK_EVERY == 0:
            self._check()

    def _foreign(self, content: bytes, chance: random.Random) -> None:
        """Bytes without a handshake, and a length that is a lie."""
        with socket.socket(socket.AF_UNIX) as raw:
            raw.settimeout(1.0)
            raw.connect(self._address["address"])
            claimed = chance.choice((-1, -2, 0, 1, 1 << 30, (1 << 31) - 1))
            raw.sendall(struct.pack("!i", claimed) + (struct.pack("!Q", 1 << 60) if claimed == -1 else b"") + content)

    def _stay_silent(self) -> None:
        """A connection that is opened and never speaks; at most thirty at a time."""
        raw = socket.socket(socket.AF_UNIX)
        raw.settimeout(1.0)
        raw.connect(self._address["address"])
        self._silent.append(raw)
        while len(self._silent) > 30:
            self._silent.pop(0).close()

    def _half_greeted(self, content: bytes) -> None:
        """An answer to the challenge that is none."""
        connection = Client(self._address["address"], self._address["family"])
        with connection:
            if connection.poll(1.0):
                connection.recv_bytes(1 << 16)
                connection.send_bytes(content[:200])

    def _asked(self, content: bytes, chance: random.Random) -> None:
        with self._greeted() as connection:
            for _ in range(chance.choice((1, 1, 3))):
                connection.send_bytes(content)
                if b"poll" in content and connection.poll(0.2):
                    connection.recv_bytes()

    def _greeted(self) -> Connection:
        connection = Client(self._address["address"], self._address["family"])
        try:
            _await(connection)
            key = bytes.fromhex(self._address["key"])
            answer_challenge(connection, key)
            deliver_challenge(connection, key)
        except BaseException:
            connection.close()
            raise
        return connection

    def _check(self) -> None:
        """A sound client is served."""
        assert self._engine is not None
        if self._engine.poll() is not None:
            code, self._engine = self._engine.returncode, None
            raise RuntimeError(f"the engine ended with {code}")
        begun_s = time.monotonic()
        last: Exception | None = None
        while time.monotonic() - begun_s < ANSWER_S:
            try:
                with self._greeted() as connection:
                    connection.send_bytes(b'{"poll": ""}')
                    _await(connection)
                    header = connection.recv_bytes()
                if b'"phase": "failed"' in header:
                    self._end()
                    raise RuntimeError("the engine has failed: " + _failure(header))
                break
            except (OSError, EOFError) as error:
                last = error
                time.sleep(0.1)
        else:
            for raw in self._silent:
                raw.close()
            n, self._silent = len(self._silent), []
            beside = "16 or more" if n >= 16 else "few"
            raise RuntimeError(f"a sound client is not served beside {beside} silent ones: {type(last).__name__}")
        rss = psutil.Process(self._engine.pid).memory_info().rss
        self._rss = self._rss or rss
        if rss - self._rss > GROWTH:
            self._end()
            raise RuntimeError("the engine grew by more than 300 MB")

    def _ensure(self) -> None:
        if self._engine is not None and self._engine.poll() is None:
            return
        if self._engine is not None:
            code, self._engine = self._engine.returncode, None
            raise RuntimeError(f"the engine ended with {code}")
        endpoint = self._folder / f"endpoint-{secrets.token_hex(3)}"
        endpoint.mkdir(mode=0o700)
        line = [
            sys.executable,
            "-m",
            "rtemo",
            "engine",
            "--name",
            "fuzz",
            "--endpoint",
            str(endpoint),
            "--no-outlet",
            "--linger",
            "3600",
            "--owner",
            str(os.getpid()),
        ]
        self._engine = subprocess.Popen(
            line,
            cwd=self._folder,
            env={**environment(self._folder), "PYTHONPATH": str(REPOSITORY)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end_s = time.monotonic() + 15.0
        while not (endpoint / "fuzz.json").exists() and time.monotonic() < end_s:
            time.sleep(0.05)
        self._address = json.loads((endpoint / "fuzz.json").read_text())
        self._rss = 0

    def _end(self) -> None:
        if self._engine is not None:
            self._engine.send_signal(signal.SIGKILL)
            self._engine.wait()
            self._engine = None


def _await(connection: Connection) -> None:
    if not connection.poll(ANSWER_S):
        raise TimeoutError("the engine does not answer")


def _failure(header: bytes) -> str:
    at = header.find(b'"failure"')
    return header[at : at + 160].decode(errors="replace")
