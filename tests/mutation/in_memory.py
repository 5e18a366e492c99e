"""Mutations made in the memory of forks of a pytest that has collected its tests once.

A mutation that is caught costs a tenth of a second so. The mutated text is written to the copy of the tree as well, for
the processes that tests start and for modules that are imported later. What runs at import (constants, fields,
defaults) cannot be changed in this way: `is_possible` tells.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import CodeType, FunctionType

import pytest
from hypothesis.internal.conjecture.engine import ConjectureRunner

from tests.mutation.cover_map import IN_REAL_TIME, TestRun, seconds_of
from tests.mutation.sites import Site
from tests.mutation.tree import ROOT, Outcome, Tree, ended

LEAST_S = 20.0

Report = Callable[[Site, str, str, float], None]  # site, outcome, by which test, seconds


def is_possible(site: Site) -> bool:
    """Whether the mutation lies in the code of a function, and not in what runs at import."""
    if site.runs_at_import:
        return False
    text = (ROOT / site.file).read_bytes()
    old, new = (_functions(t, Path(site.file), site.scope) for t in (text, site.apply(text)))
    same = [before.co_freevars == after.co_freevars for before, after in zip(old, new, strict=False)]
    return len(old) == len(new) and old != new and all(same)


class Server:
    """A pytest plugin that runs the tests of each mutation in a fork, in place of running them all once.

    first: files or folders of tests that are run whole, before those of a site.
    """

    def __init__(
        self, tree: Tree, tests_of: Mapping[Site, Sequence[TestRun]], report: Report, first: Sequence[str] = ()
    ) -> None:
        self._tree, self._tests_of, self._report, self._first = tree, tests_of, report, tuple(first)
        self._sound: set[str] = set()  # tests that pass here without a mutation, and those that do not
        self._unsound: set[str] = set()

    def files(self) -> list[str]:
        """What pytest has to collect."""
        return [*self._first, *sorted({t.file for tests in self._tests_of.values() for t in tests})]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        first = [item for name, item in items.items() if self._first and name.startswith(self._first)]
        functions = _loaded_functions(self._tree.path, {site.file for site in self._tests_of})
        ConjectureRunner.shrink_interesting_examples = lambda self: None  # that a test fails is enough
        gc.collect()
        gc.freeze()  # a fork that collects garbage would copy all of it
        for site, known in self._tests_of.items():
            later = [items[test.name] for test in known if test.name in items and items[test.name] not in first]
            start = time.monotonic()
            outcome, by = self._tried(session, functions, site, [*first, *later], seconds_of(known))
            self._report(site, outcome, by, time.monotonic() - start)
        return True

    def _tried(
        self,
        session: pytest.Session,
        functions: Sequence[FunctionType],
        site: Site,
        tests: Sequence[pytest.Item],
        seconds: float,
    ) -> tuple[str, str]:
        """Outcome, and the test that fails."""
        while True:
            tests = [test for test in tests if test.nodeid not in self._unsound]
            if not tests:
                return "survived", "no test"
            with self._tree.holding(site):
                done = self._run(session, functions, site, tests, LEAST_S + 3.0 * seconds)
                if done.first_failure.startswith(IN_REAL_TIME):  # it may fail because the computer is busy: twice
                    done = self._run(session, functions, site, tests, LEAST_S + 3.0 * seconds)
            if done.status == 0:
                return "survived", ""
            if not done.first_failure:
                return "caught", "out of time" if done.status is None else f"status {done.status}"
            if self._is_sound(session, tests, done.first_failure):
                return "caught", done.first_failure

    def _is_sound(self, session: pytest.Session, tests: Sequence[pytest.Item], name: str) -> bool:
        """Whether the test passes without a mutation, after the tests before it."""
        if name not in self._sound:
            before = tests[: 1 + [test.nodeid for test in tests].index(name)]
            passes = self._run(session, (), None, before, 600.0).status == 0
            (self._sound if passes else self._unsound).add(name)
        return name in self._sound

    def _run(
        self,
        session: pytest.Session,
        functions: Sequence[FunctionType],
        site: Site | None,
        tests: Sequence[pytest.Item],
        limit_s: float,
    ) -> Outcome:
        failed = self._tree.path / "failed.txt"
        failed.unlink(missing_ok=True)
        child = os.fork()
        if child == 0:
            code = 70
            try:
                os.setsid()
                code = _in_child(session, self._tree.path, functions, site, tests, failed)
            finally:
                os._exit(code)
        status = ended(child, limit_s)
        return Outcome(status, failed.read_text(encoding="utf-8") if failed.exists() else "")


class _FirstFailure:
    """A pytest plugin that notes the first test that fails."""

    def __init__(self) -> None:
        self.name = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.name:
            self.name = report.nodeid


def _in_child(
    session: pytest.Session,
    tree: Path,
    functions: Sequence[FunctionType],
    site: Site | None,
    tests: Sequence[pytest.Item],
    failed: Path,
) -> int:
    """0 where all tests pass, 1 at the first that does not."""
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    watch = _FirstFailure()
    session.config.pluginmanager.register(watch)
    if site is not None:
        _patch(functions, tree / site.file, site)
    for item, following in zip(tests, [*tests[1:], None], strict=True):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if watch.name:
            failed.write_text(f"FAILED {watch.name} - \n", encoding="utf-8")
            return 1
    return 0


def _patch(functions: Sequence[FunctionType], path: Path, site: Site) -> None:
    """Give the functions of this name that exist the code that they have in the mutated text."""
    new = _functions(site.apply((ROOT / site.file).read_bytes()), path, site.scope)
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


def _functions(text: bytes, path: Path, scope: str) -> list[CodeType]:
    """The code of all functions of this name in the text, in order."""
    found, waiting = [], [compile(text, str(path), "exec", dont_inherit=True)]
    while waiting:
        inner = [constant for constant in waiting.pop().co_consts if isinstance(constant, CodeType)]
        found += [code for code in inner if code.co_qualname == _outermost(scope)]
        waiting += inner
    return sorted(found, key=lambda code: code.co_firstlineno)
