"""All mutations of a few files, quickly: what do their tests not notice?

    python -m tests.mutation.quick FILE... [--tests PATH...] [--seconds N] [--cover FILE] [--function NAME]

For writing tests, not for the measurement: pytest collects the tests once, and each mutation is made in the memory of
a fork of it. What runs at import (constants, fields, defaults) is written to the copy of the tree, and pytest starts
anew. Tests that start processes see either. A survivor here may fall to tests that are not among the first --seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import CodeType, FunctionType

import pytest
from hypothesis.internal.conjecture.engine import ConjectureRunner

from tests.mutation import cover_map
from tests.mutation.cover_map import CoverMap
from tests.mutation.sites import Site, sites_of
from tests.mutation.tree import ROOT, Tree, load_libraries

LEAST_S = 20.0
NEAREST_FILES = 2  # where pytest starts anew for each site
POLL_S = 0.005


def main() -> int:
    options = _arguments()
    sites = [site for file in options.files for site in sites_of(ROOT, file)]
    if options.function:
        sites = [site for site in sites if options.function in site.scope]
    cover = cover_map.read(options.cover) if options.cover.exists() else CoverMap()
    load_libraries()
    tree = Tree()
    try:
        survived = Quick(tree, cover, options.tests, options.seconds).survivors(sites)
    finally:
        tree.remove()
    print(f"{survived} of {len(sites)} survived", flush=True)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation.quick", description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", help="such as rtemo/core/windows.py")
    parser.add_argument("--tests", nargs="*", default=[], help="files or folders of tests that are run first, whole")
    parser.add_argument("--seconds", type=float, default=3.0, help="of further tests for one mutation")
    parser.add_argument("--function", default="", help="only in functions whose name holds this")
    parser.add_argument("--cover", type=Path, default=ROOT / "build" / "mutation" / "cover.json")
    return parser.parse_args()


class Quick:
    """Tries sites in a copy of the tree."""

    def __init__(self, tree: Tree, cover: CoverMap, first: Sequence[str], seconds: float) -> None:
        self._tree, self._cover, self._first, self._seconds = tree, cover, tuple(first), seconds

    def survivors(self, sites: Sequence[Site]) -> int:
        """How many; each is printed."""
        names = {site: [test.name for test in self._cover.tests_for(site, self._seconds)] for site in sites}
        inside = [site for site in sites if in_memory(site)]
        later = [site for site in sites if site not in inside]
        print(f"{len(inside)} sites in functions, {len(later)} that run at import", flush=True)
        terminal = os.dup(1)
        server = Server(self._tree, {site: names[site] for site in inside}, self._first, self._seconds, terminal)
        files = sorted({cover_map.file_of(name) for site in inside for name in names[site]} - set(self._first))
        done = self._tree.pytest([*self._first, *files], 7200.0, plugin=server)
        if done.status != 0:
            print(done.output[-3000:])
        survived = 0
        for site in later:
            text = (ROOT / site.file).read_bytes()
            self._tree.write(site.file, site.apply(text))
            near = list(dict.fromkeys(map(cover_map.file_of, names[site])))[:NEAREST_FILES]
            tests = [*self._first, *(name for name in names[site] if cover_map.file_of(name) in near)]
            status = self._tree.pytest(tests, LEAST_S + 60.0 + 3.0 * self._seconds).status if tests else 0
            self._tree.write(site.file, text)
            if status == 0:
                survived += 1
                print(f"survived {describe(site)}", flush=True)
        counted = self._tree.path / "survived.txt"
        return survived + (int(counted.read_text()) if counted.exists() else 0)


class Server:
    """A pytest plugin that runs the tests of each mutation in a fork, in place of running them once."""

    def __init__(
        self, tree: Tree, chosen: dict[Site, list[str]], first: Sequence[str], seconds: float, terminal: int
    ) -> None:
        self._tree, self._chosen, self._first, self._seconds = tree, chosen, tuple(first), seconds
        self._terminal = terminal

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        first = [item for name, item in items.items() if self._first and name.startswith(self._first)]
        functions = _loaded_functions(self._tree.path, {site.file for site in self._chosen})
        ConjectureRunner.shrink_interesting_examples = lambda self: None  # that a test fails is enough
        gc.collect()
        gc.freeze()  # a fork that collects garbage would copy all of it
        wanted = {name for names in self._chosen.values() for name in names}
        costs = self._measured(session, [item for name, item in items.items() if item in first or name in wanted])
        survived = 0
        for site, names in self._chosen.items():
            later = [items[name] for name in names if name in costs.seconds and items[name] not in first]
            tests = [*(item for item in first if item.nodeid in costs.seconds), *costs.within(later, self._seconds)]
            text = (ROOT / site.file).read_bytes()
            self._tree.write(site.file, site.apply(text))
            limit_s = LEAST_S + 3.0 * costs.of(tests)
            status = self._run(session, functions, site, tests, limit_s) if tests else 0
            self._tree.write(site.file, text)
            if status == 0:
                survived += 1
                self._say(f"survived {describe(site)}")
        (self._tree.path / "survived.txt").write_text(str(survived))
        return True

    def _measured(self, session: pytest.Session, tests: list[pytest.Item]) -> Costs:
        """What the tests cost that pass without a mutation."""
        record = self._tree.path / "seconds.txt"
        record.unlink(missing_ok=True)
        for file in dict.fromkeys(cover_map.file_of(test.nodeid) for test in tests):
            self._run(session, [], None, [t for t in tests if cover_map.file_of(t.nodeid) == file], 600.0)
        costs = Costs()
        for line in record.read_text().splitlines() if record.exists() else []:
            name, passed, setup, rest = line.split("\t")
            if passed == "1":
                costs.add(name, float(setup), float(rest))
            else:
                self._say(f"fails without any mutation: {name}")
        return costs

    def _say(self, line: str) -> None:
        os.write(self._terminal, f"{line}\n".encode())

    def _run(
        self,
        session: pytest.Session,
        functions: Sequence[FunctionType],
        site: Site | None,
        tests: list[pytest.Item],
        limit_s: float,
    ) -> int | None:
        child = os.fork()
        if child == 0:
            code = 70
            try:
                os.setsid()
                code = _outcome(session, self._tree.path, functions, site, tests)
            except BaseException:
                self._say(traceback.format_exc())
                raise
            finally:
                os._exit(code)
        end_s, status = time.monotonic() + limit_s, None
        while time.monotonic() < end_s and status is None:
            done, code = os.waitpid(child, os.WNOHANG)
            if done:
                status = os.waitstatus_to_exitcode(code)
            else:
                time.sleep(POLL_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        if status is None:
            os.waitpid(child, 0)
        return status


def _outcome(
    session: pytest.Session, tree: Path, functions: Sequence[FunctionType], site: Site | None, tests: list[pytest.Item]
) -> int:
    """In the child: 0 where all tests pass. Without a site all are run, and the seconds of each are written down."""
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    watch = _Watch()
    session.config.pluginmanager.register(watch)
    if site is not None:
        patch(functions, tree / site.file, site)
    for item, following in zip(tests, [*tests[1:], None], strict=True):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if site is None:
            with (tree / "seconds.txt").open("a") as file:
                file.write(f"{item.nodeid}\t{int(not watch.failed)}\t{watch.setup_s:.4f}\t{watch.rest_s:.4f}\n")
            watch.failed, watch.setup_s, watch.rest_s = False, 0.0, 0.0
        elif watch.failed:
            return 1
    return 0


class _Watch:
    """A pytest plugin: whether a test has failed, and the seconds of its fixtures and of the rest."""

    def __init__(self) -> None:
        self.failed, self.setup_s, self.rest_s = False, 0.0, 0.0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.failed |= report.failed
        if report.when == "setup":
            self.setup_s += report.duration
        else:
            self.rest_s += report.duration


class Costs:
    """What tests cost: each its own seconds, and each file once what the dearest of its fixtures takes."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._fixtures_s: dict[str, float] = {}

    def add(self, name: str, setup_s: float, rest_s: float) -> None:
        file = cover_map.file_of(name)
        self.seconds[name] = rest_s
        self._fixtures_s[file] = max(setup_s, self._fixtures_s.get(file, 0.0))

    def of(self, tests: Sequence[pytest.Item]) -> float:
        """Of these together."""
        files = {cover_map.file_of(test.nodeid) for test in tests}
        return sum(self.seconds[test.nodeid] for test in tests) + sum(self._fixtures_s[file] for file in files)

    def within(self, tests: Sequence[pytest.Item], budget_s: float) -> list[pytest.Item]:
        """The first ones, as many as the time allows; one at least."""
        chosen: list[pytest.Item] = []
        for test in tests:
            if not chosen or self.of([*chosen, test]) <= budget_s:
                chosen.append(test)
        return chosen


def in_memory(site: Site) -> bool:
    """Whether the mutation lies in the code of a function, and not in what runs at import."""
    if site.runs_at_import:
        return False
    text = (ROOT / site.file).read_bytes()
    old, new = (_functions(compile(t, "", "exec", dont_inherit=True), site.scope) for t in (text, site.apply(text)))
    return len(old) == len(new) and old != new


def patch(functions: Sequence[FunctionType], path: Path, site: Site) -> None:
    """Give the functions of this name that exist the code that they have in the mutated text."""
    mutated = site.apply((ROOT / site.file).read_bytes())
    new = _functions(compile(mutated, str(path), "exec", dont_inherit=True), site.scope)
    name = _outermost(site.scope)
    there = [
        function
        for function in functions
        if function.__code__.co_filename == str(path) and function.__code__.co_qualname == name
    ]
    lines = sorted({function.__code__.co_firstlineno for function in there})
    if len(lines) not in (0, len(new)):  # 0: it is imported later, from the mutated file
        raise ValueError(f"{name} is defined {len(new)} times in the file and {len(lines)} times in memory")
    for function in there:
        function.__code__ = new[lines.index(function.__code__.co_firstlineno)]


def _loaded_functions(tree: Path, files: set[str]) -> list[FunctionType]:
    """All functions of these files that exist."""
    paths = {str(tree / file) for file in files}
    return [f for f in gc.get_objects() if type(f) is FunctionType and f.__code__.co_filename in paths]


def _outermost(scope: str) -> str:
    return scope.partition(".<locals>")[0]


def _functions(code: CodeType, scope: str) -> list[CodeType]:
    """The code of all functions of this name, in order."""
    name = _outermost(scope)

    def walk(code: CodeType) -> Iterable[CodeType]:
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                yield constant
                yield from walk(constant)

    return sorted((inner for inner in walk(code) if inner.co_qualname == name), key=lambda c: c.co_firstlineno)


def describe(site: Site) -> str:
    """Where and what, on one line."""
    return f"{site.file}:{site.line} {site.scope} {site.kind}: {site.mutation}"


if __name__ == "__main__":
    sys.exit(main())
