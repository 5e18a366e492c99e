"""`python -m tests.faults fuzz --what xdf|documents|socket -n N`: mutated inputs, in processes with limits.

Every case follows from the seed and its number. What is right: a result, or one clear RtemoError; within CASE_S seconds
and without a gigabyte of memory. Anything else is a finding, kept with its input. A worker that crashes or hangs is
replaced and goes on with the next case.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import importlib
import json
import os
import queue
import resource
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from .process import REPOSITORY, environment

CASE_S = 20.0
MEMORY = 4 << 30  # of address space, above which a worker gets MemoryError
GROWTH = 400 << 20  # of resident memory, that one small input may cost
WHAT = ("xdf", "documents", "socket")


class Target(Protocol):
    """What is fuzzed. `case` runs one and raises what the program raises; `input_of` gives the same input again."""

    names: tuple[str, ...]

    def case(self, name: str, number: int) -> None: ...

    def input_of(self, name: str, number: int) -> bytes: ...


def main(arguments: list[str]) -> int:
    """The command."""
    if arguments[:1] == ["worker"]:
        return _work(*arguments[1:])
    p = argparse.ArgumentParser(prog="python -m tests.faults fuzz", description=__doc__)
    p.add_argument("--what", choices=WHAT, required=True)
    p.add_argument("--only", action="append", default=[], metavar="NAME", help="these documents")
    p.add_argument("-n", type=int, default=1000, help="cases; of documents: of each")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--first", type=int, default=0, help="number of the first case")
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("--findings", type=Path, default=Path("fuzz-findings"), metavar="DIR")
    args = p.parse_args(arguments)
    begun_s = time.monotonic()
    names = [name for name in _names(args.what) if not args.only or name in args.only]
    shares: queue.SimpleQueue[tuple[str, int, int]] = queue.SimpleQueue()
    size = max(args.n // args.jobs, 1) if len(names) == 1 else args.n
    for name in names:
        for first in range(args.first, args.first + args.n, size):
            shares.put((name, first, min(first + size, args.first + args.n)))
    counts: Counter[str] = Counter()
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="rtemo-fuzz-") as folder:
        workers = [
            threading.Thread(target=_serve, args=(args, shares, Path(folder), counts, found)) for _ in range(args.jobs)
        ]
        for worker in workers:
            worker.start()
        while any(worker.is_alive() for worker in workers):
            workers[0].join(60.0)
            workers[-1].join(60.0)
            print(f"{sum(counts.values())} cases after {time.monotonic() - begun_s:.0f} s", flush=True)
    for name in names:
        print(f"{name}: {counts[name]} cases, {sum(one['name'] == name for one in found.values())} findings")
    for one in found.values():
        print(f"{one['times']} times: {one['name']} {one['number']}: {one['what']}")
    print(f"{sum(counts.values())} cases in {time.monotonic() - begun_s:.0f} s, {len(found)} different findings")
    return 1 if found else 0


def _names(what: str) -> tuple[str, ...]:
    module = importlib.import_module(f".fuzz_{what}", __package__)
    names: tuple[str, ...] = module.NAMES
    return names


def _serve(args: argparse.Namespace, shares: Any, folder: Path, counts: Counter[str], found: dict[str, Any]) -> None:
    while True:
        try:
            name, first, end = shares.get_nowait()
        except queue.Empty:
            return
        number = first
        while number < end:
            number = _one_worker(args, name, number, end, folder, counts, found)


def _one_worker(
    args: argparse.Namespace, name: str, first: int, end: int, folder: Path, counts: Counter[str], found: dict[str, Any]
) -> int:
    """Have a worker do cases until it ends. Returns the number of the next case."""
    line = [
        sys.executable,
        "-m",
        "tests.faults",
        "fuzz",
        "worker",
        args.what,
        name,
        str(args.seed),
        str(first),
        str(end),
    ]
    worker = subprocess.Popen(
        line, cwd=REPOSITORY, env=environment(folder), stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=_limit
    )
    answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    errors: list[bytes] = []
    for target, pipe in ((answers.put, worker.stdout), (errors.append, worker.stderr)):
        threading.Thread(target=_pass_on, args=(pipe, target), daemon=True).start()
    number, why = first - 1, ""
    while True:
        try:
            answer = answers.get(timeout=CASE_S + (30.0 if number < first else 0.0))
        except queue.Empty:
            worker.kill()
            why = f"took longer than {CASE_S:g} s"
            break
        if not answer:
            worker.wait()
            why = "" if worker.returncode == 0 else f"ended with {worker.returncode}: {_last(errors)}"
            break
        if answer.startswith(b"case "):
            number = int(answer.split()[1])
            counts[name] += 1
        else:
            _note(args, name, number, answer.decode().strip(), found, folder)
    worker.wait()
    if why and number >= first and worker.returncode != 7:
        _note(args, name, number, why, found, folder)
    if number < first:  # it did not even begin
        _note(args, name, first, f"the worker did not start: {_last(errors)}", found, folder)
        return end
    return end if not why else number + 1


def _pass_on(pipe: Any, give: Callable[[bytes], None]) -> None:
    for line in pipe:
        give(line)
    give(b"")


def _last(errors: list[bytes]) -> str:
    lines = b"".join(errors).decode(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else ""


def _note(args: argparse.Namespace, name: str, number: int, what: str, found: dict[str, Any], folder: Path) -> None:
    key = f"{name}: {what.split(' | ')[0]}"
    if key in found:
        found[key]["times"] += 1
        return
    found[key] = {"name": name, "number": number, "seed": args.seed, "what": what, "times": 1}
    args.findings.mkdir(parents=True, exist_ok=True)
    target = _target(args.what, args.seed, folder)
    (args.findings / f"{name}-{args.seed}-{number}.bin").write_bytes(target.input_of(name, number))
    with (args.findings / "findings.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(found[key]) + "\n")
    print(f"finding: {name} {number}: {what}", flush=True)


_making = threading.Lock()
_made: dict[tuple[str, int], Target] = {}


def _target(what: str, seed: int, folder: Path) -> Target:
    with _making:
        if (what, seed) not in _made:
            _made[what, seed] = importlib.import_module(f".fuzz_{what}", __package__).Fuzzed(seed, folder / "parent")
        return _made[what, seed]


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 30))


def _read_once() -> None:
    """Have device profiles and model of the program's own read once a process: two thirds of a short replay.

    No case changes them. What lies anywhere else is read each time.
    """
    from rtemo import resources
    from rtemo.commands import from_arguments
    from rtemo.model import runtime
    from rtemo.sources.devices import profile

    own = (resources.assets(), resources.devices())

    def once(module: Any, name: str, path_of: Callable[[Any], Path] = lambda path: path) -> None:
        made, make = {}, getattr(module, name)

        def kept(source: Any) -> Any:
            path = path_of(source)
            if not any(path.is_relative_to(folder) for folder in own):
                return make(source)
            if path not in made:
                made[path] = make(source)
            return made[path]

        setattr(module, name, kept)

    once(profile, "read_profile")
    once(from_arguments, "load_bundle")
    once(from_arguments, "Runtime", lambda bundle: bundle.path)
    runtime._session = functools.cache(runtime._session)  # by its graph


def _work(what: str, name: str, seed: str, first: str, end: str) -> int:
    """A worker: cases from `first` to `end`, each announced on stdout before it begins."""
    out = os.fdopen(os.dup(1), "w", buffering=1)
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    _read_once()
    with tempfile.TemporaryDirectory(prefix="rtemo-fuzz-case-") as folder:
        target = _target(what, int(seed), Path(folder))
        for number in range(int(first), int(end)):
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            out.write(f"case {number}\n")
            try:
                with contextlib.redirect_stderr(open(os.devnull, "w")):  # noqa: PTH123
                    target.case(name, number)
            except Exception as error:  # noqa: BLE001 - each is a finding
                out.write(_described(error) + "\n")
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10
            if grown > GROWTH and number > int(first):
                out.write(f"memory grew by {grown >> 20} MB\n")
                out.flush()
                os._exit(7)
    out.flush()
    os._exit(0)  # whatever threads the cases have left


def _described(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "/rtemo/" in frame.filename or "/offline/" in frame.filename] or frames
    at = f"{Path(own[-1].filename).name}:{own[-1].lineno} {own[-1].name}"
    return f"{type(error).__name__} at {at} | {' '.join(str(error).split())[:200]}"
