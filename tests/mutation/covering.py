"""A pytest plugin that notes which functions of the project each test runs, and how long it takes.

    RTEMO_COVERING=FILE python -m pytest -p tests.mutation.covering ...

Each line of FILE is one test: its id, its seconds and those of its fixtures, whether it passed, and the functions that
it runs itself. A last line
for each test file holds what ran while it was collected and its fixtures were made: that belongs to all of its tests.
Only this process is seen, not those that a test starts.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType

import pytest

ROOT = str(Path(__file__).resolve().parents[2]) + os.sep
TOPS = ("rtemo" + os.sep, "offline" + os.sep)

_seen: set[CodeType] = set()
_ours: dict[CodeType, str] = {}
_shared: dict[str, set[str]] = {}
_setup_s: dict[str, float] = {}


def _note(frame: FrameType, event: str, arg: object) -> None:
    del event, arg
    _seen.add(frame.f_code)


def _taken() -> set[str]:
    """The functions since the last call, as file::name."""
    found = set()
    for code in list(_seen):
        if code not in _ours:
            name = code.co_filename.removeprefix(ROOT)
            is_ours = name != code.co_filename and name.startswith(TOPS)
            _ours[code] = f"{Path(name).as_posix()}::{_function(code.co_qualname)}" if is_ours else ""
        if _ours[code]:
            found.add(_ours[code])
    _seen.clear()
    return found


def _function(name: str) -> str:
    """The function that a comprehension or a lambda stands in."""
    parts = name.split(".")
    while parts[-1].startswith("<") and len(parts) > 1:
        parts = parts[:-2] if parts[-2] == "<locals>" else parts[:-1]
    return ".".join(parts)


def pytest_configure(config: pytest.Config) -> None:
    del config
    sys.settrace(_note)
    threading.settrace(_note)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    _shared.setdefault(_file(item), set()).update(_taken())
    start = time.perf_counter()
    sys.settrace(_note)
    yield
    _setup_s[item.nodeid] = time.perf_counter() - start
    _shared[_file(item)].update(_taken())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    start = time.perf_counter()
    sys.settrace(_note)
    passed = False
    try:
        yield
        passed = True
    finally:
        record = {
            "test": item.nodeid,
            "seconds": round(time.perf_counter() - start, 3),
            "setup_s": round(_setup_s.get(item.nodeid, 0.0), 3),
            "passed": passed,
        }
        _write({**record, "functions": sorted(_taken())})


def pytest_sessionfinish() -> None:
    for file, functions in _shared.items():
        _write({"file": file, "functions": sorted(functions)})


def _file(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


def _write(record: dict[str, object]) -> None:
    with Path(os.environ["RTEMO_COVERING"]).open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")
