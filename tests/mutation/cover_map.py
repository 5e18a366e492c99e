"""Which tests concern a function: measured by running them once with tests.mutation.covering.

Kept in a file, test file by test file; a test file that has changed is measured again, and all of them where it is
asked for. A function that no test runs in its own process is tested by the test folder of the same name.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.mutation.sites import Site
from tests.mutation.tree import ROOT, Tree

FOLDERS = ("core", "model", "sources", "recorder", "recordings", "live", "simulate", "report")
LOADERS = ("offline/corpus", "offline/datasets")
WHOLE_PROGRAM = ("test_equivalence.py", "test_one_road.py")
FILE_LIMIT_S = 900.0
IN_REAL_TIME = ("tests/sources/lsl", "tests/live", "tests/recorder", "tests/simulate")  # wait for real streams


@dataclass(frozen=True, slots=True)
class TestRun:
    """One test: what it is called, and how long it and its fixtures took."""

    name: str
    seconds: float
    setup_s: float
    __test__ = False

    @property
    def file(self) -> str:
        return file_of(self.name)


@dataclass
class CoverMap:
    """Tests by function. own: those that run it themselves; shared: those whose fixtures or modules do."""

    own: dict[str, list[TestRun]] = field(default_factory=lambda: defaultdict(list))
    shared: dict[str, list[TestRun]] = field(default_factory=lambda: defaultdict(list))
    of_file: dict[str, list[TestRun]] = field(default_factory=lambda: defaultdict(list))
    _known: dict[str, Counter[str]] = field(default_factory=dict)

    def tests_for(self, site: Site) -> list[TestRun]:
        """Those that concern a site, the nearest first."""
        function = f"{site.file}::{site.scope}"
        own, shared = self.own.get(function, []), self.shared.get(function, [])
        if site.runs_at_import or not (own or shared):  # or only another process runs it: whatever uses the file
            own = [t for name, tests in self.own.items() if name.startswith(f"{site.file}::") for t in tests]
            shared = [t for name, tests in self.shared.items() if name.startswith(f"{site.file}::") for t in tests]
        mirror, knows = mirrored(site.file), self._functions_run(site.file)
        near = [t for file, tests in self.of_file.items() if file.startswith(mirror) for t in tests]
        name = site.scope.split(".")[-1] if site.runs_at_import else ""

        def rank(test: TestRun) -> tuple[bool, bool, int, float]:
            """The mirrored folder first, there what names the class, then what runs most of the file."""
            is_named = bool(name) and name in _text(test.file)
            return not test.name.startswith(mirror), not is_named, -knows[test.file], test.seconds

        if site.runs_at_import:
            order = sorted([*own, *shared, *near], key=rank)
        else:
            order = [*sorted(own, key=rank), *sorted(shared, key=rank), *sorted(near, key=rank)]
        return list({test.name: test for test in order}.values())

    def _functions_run(self, source: str) -> Counter[str]:
        """How many functions of a source file each test file runs itself."""
        if source not in self._known:
            by_function = [tests for name, tests in self.own.items() if name.startswith(f"{source}::")]
            self._known[source] = Counter(file for tests in by_function for file in {test.file for test in tests})
        return self._known[source]


def file_of(test: str) -> str:
    """The file that a test stands in."""
    return test.partition("::")[0]


def mirrored(file: str) -> str:
    """The folder of tests that mirrors a source file's."""
    parts = file.split("/")[:-1]
    return "/".join(["tests", *(parts[1:] if parts[0] == "rtemo" else parts)]) + "/"


def seconds_of(tests: Iterable[TestRun]) -> float:
    """What they take together: each its own time, and each file once what the dearest of its fixtures takes."""
    fixtures: dict[str, float] = {}
    total = 0.0
    for test in tests:
        total += test.seconds
        fixtures[test.file] = max(test.setup_s, fixtures.get(test.file, 0.0))
    return total + sum(fixtures.values())


def within(tests: Iterable[TestRun], budget_s: float, most_files: int = 1000) -> list[TestRun]:
    """Of these in order as many as fit into the time and into so many files. The first one in any case."""
    taken: list[TestRun] = []
    fixtures: dict[str, float] = {}
    spent = 0.0
    for test in tests:
        more = max(test.setup_s - fixtures.get(test.file, 0.0), 0.0)
        fits = spent + test.seconds + more <= budget_s and (test.file in fixtures or len(fixtures) < most_files)
        if not taken or fits:
            taken.append(test)
            spent += test.seconds + more
            fixtures[test.file] = more + fixtures.get(test.file, 0.0)
    return taken


def test_files() -> list[str]:
    """All test files that concern what is mutated."""
    found = [path for folder in (*FOLDERS, *LOADERS) for path in (ROOT / "tests" / folder).rglob("test_*.py")]
    found += [ROOT / "tests" / name for name in WHOLE_PROGRAM]
    return sorted(path.relative_to(ROOT).as_posix() for path in found)


def read(store: Path) -> CoverMap:
    """The map that was measured."""
    cover = CoverMap()
    there = set(test_files())
    for file, known in _stored(store).items():
        if file not in there:
            continue
        tests = []
        for record in known["tests"]:
            if record["passed"]:
                test = TestRun(record["test"], record["seconds"], record["setup_s"])
                tests.append(test)
                for function in record["functions"]:
                    cover.own[function].append(test)
        cover.of_file[file] = tests
        for function in known["shared"]:
            cover.shared[function] += tests
    return cover


def measure(store: Path, *, again: bool) -> None:
    """Run what has changed since it was measured, or everything again."""
    known = {} if again else _stored(store)
    new = [file for file in test_files() if known.get(file, {}).get("digest") != digest(file)]
    if not new:
        return
    tree = Tree()
    try:
        for i, file in enumerate(new):
            raw = tree.path / "covering.jsonl"
            raw.unlink(missing_ok=True)
            outcome = tree.pytest([file], FILE_LIMIT_S, raw)
            records = [json.loads(line) for line in raw.read_text().splitlines()] if raw.exists() else []
            tests = [record for record in records if "test" in record]
            shared = sorted({name for record in records if "file" in record for name in record["functions"]})
            known[file] = {"digest": digest(file), "tests": tests, "shared": shared}
            store.write_text(json.dumps(known), encoding="utf-8")
            passed = sum(test["passed"] for test in tests)
            print(f"[{i + 1}/{len(new)}] {file}: {passed} of {len(tests)} passed, {outcome.status}", flush=True)
    finally:
        tree.remove()


@functools.cache
def _text(file: str) -> str:
    return (ROOT / file).read_text(encoding="utf-8")


def digest(file: str) -> str:
    return hashlib.sha256((ROOT / file).read_bytes()).hexdigest()


def _stored(store: Path) -> dict[str, dict[str, object]]:
    return json.loads(store.read_text(encoding="utf-8")) if store.exists() else {}
