"""Copies of the working tree to mutate in, and pytest run in them. Nothing outside a copy is written to.

Tests run in a fork of this process, which has the large libraries loaded and nothing of the project: that saves most of
the time of a run.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.mutation.sites import Site

ROOT = Path(__file__).resolve().parents[2]
MEMORY_BYTES = 12 << 30  # of address space: a mutant that never stops appending must not take the computer down
FILE_BYTES = 1 << 30  # nor one that never stops writing
POLL_S = 0.005
LOADED = ("pytest", "hypothesis", "numpy", "scipy.signal", "scipy.stats", "scipy.spatial", "psutil")
ALSO = ("onnxruntime", "safetensors", "torch", "mne")
ALWAYS = ("-q", "-x", "-n0", "-p", "no:cacheprovider", "-p", "no:pytest-qt", "--randomly-dont-reorganize", "--tb=no")
MORE = ("-rfE", "-W", "ignore::pytest.PytestAssertRewriteWarning")  # of the libraries that are there already


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run of pytest ended. status: its exit status, negative for a signal, None where it ran out of time."""

    status: int | None
    output: str

    @property
    def first_failure(self) -> str:
        lines = [line for line in self.output.splitlines() if line.startswith(("FAILED ", "ERROR "))]
        return lines[0].split(" ", 1)[1].split(" - ")[0] if lines else ""


def load_libraries() -> None:
    """Import what nearly every test needs. Not pylsl: tests choose their own LSL session before it is imported."""
    os.environ["OMP_NUM_THREADS"] = "1"
    for name in (*LOADED, *ALSO):
        importlib.import_module(name)


@dataclass
class Tree:
    """A copy of all files that git knows or does not ignore."""

    path: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="rtemo-mutation-")))

    def __post_init__(self) -> None:
        for name in project_files():
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)

    def write(self, file: str, text: bytes) -> None:
        """Put a text in place of a file's, and drop what was compiled of it: its date would not show the change."""
        target = self.path / file
        target.write_bytes(text)
        for compiled in target.parent.glob(f"__pycache__/{target.stem}.*.pyc"):
            compiled.unlink()

    def pytest(
        self, arguments: Sequence[str], timeout_s: float, covering: Path | None = None, plugin: object = None
    ) -> Outcome:
        """Run tests in the copy, in a process group of their own that ends with them. plugin: one more for pytest."""
        output = self.path / "pytest-output.txt"
        output.unlink(missing_ok=True)
        child = os.fork()
        if child == 0:
            _run(self.path, arguments, output, covering, plugin)
        status = ended(child, timeout_s)
        return Outcome(status, output.read_text(errors="replace") if output.exists() else "")

    @contextlib.contextmanager
    def holding(self, site: Site) -> Iterator[None]:
        """The file has this mutation meanwhile."""
        text = (ROOT / site.file).read_bytes()
        self.write(site.file, site.apply(text))
        try:
            yield
        finally:
            self.write(site.file, text)

    def mutated(self, site: Site, tests: Sequence[str], timeout_s: float) -> Outcome:
        """Run tests with this mutation in the file."""
        with self.holding(site):
            return self.pytest(tests, timeout_s)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


def project_files() -> list[str]:
    """Paths from the root, with slashes, of what is there."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def _run(tree: Path, arguments: Sequence[str], output: Path, covering: Path | None, plugin: object) -> None:
    """In the child: become pytest in the tree. Never returns."""
    code = 70
    try:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
        file = os.open(output, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
        os.dup2(file, 1)
        os.dup2(file, 2)
        os.chdir(tree)
        os.environ["PYTHONPATH"] = str(tree)
        os.environ.setdefault("RTEMO_RECORDINGS", str(ROOT.parent / "shared" / "recordings"))
        sys.path[:] = [str(tree), *(entry for entry in sys.path if entry not in ("", str(ROOT)))]
        for name in [name for name in sys.modules if name.partition(".")[0] in ("tests", "rtemo", "offline")]:
            del sys.modules[name]
        importlib.invalidate_caches()
        sys.dont_write_bytecode = False
        options = [*ALWAYS, *MORE]
        if covering is not None:
            os.environ["RTEMO_COVERING"] = str(covering)
            options += ["-p", "tests.mutation.covering", "--maxfail=1000"]
        import pytest

        code = int(pytest.main([*options, *arguments], plugins=[] if plugin is None else [plugin]))
    finally:
        sys.stdout.flush()
        os._exit(code)


def ended(child: int, timeout_s: float) -> int | None:
    """The exit status of a child, negative for a signal; None where it ran out of time. Its whole group is ended then,
    also what a test left behind.
    """
    status, end_s = None, time.monotonic() + timeout_s
    try:
        while status is None and time.monotonic() < end_s:
            done, code = os.waitpid(child, os.WNOHANG)
            if done:
                status = os.waitstatus_to_exitcode(code)
            else:
                time.sleep(POLL_S)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        if status is None:
            os.waitpid(child, 0)
    return status
