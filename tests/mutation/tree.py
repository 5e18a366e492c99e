"""Copies of the working tree to mutate in, and pytest run in them. Nothing outside a copy is written to."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MEMORY_BYTES = 12 << 30  # of address space: a mutant that never stops appending must not take the computer down
PYTEST = ("-m", "pytest", "-q", "-x", "-n0", "-p", "no:cacheprovider", "--randomly-dont-reorganize", "--tb=no", "-rf")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run of pytest ended. status: its exit status, None where it ran out of time."""

    status: int | None
    output: str

    @property
    def first_failure(self) -> str:
        lines = [line for line in self.output.splitlines() if line.startswith(("FAILED ", "ERROR "))]
        return lines[0].split(" ", 1)[1].split(" - ")[0] if lines else ""


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

    def pytest(self, arguments: Sequence[str], timeout_s: float, covering: Path | None = None) -> Outcome:
        """Run tests in the copy, in a process group of their own that ends with them."""
        environment = {**os.environ, "PYTHONPATH": str(self.path), "OMP_NUM_THREADS": "1"}
        recordings = ROOT.parent / "shared" / "recordings"
        environment.setdefault("RTEMO_RECORDINGS", str(recordings))
        options: list[str] = []
        if covering is not None:
            environment["RTEMO_COVERING"] = str(covering)
            options = ["-p", "tests.mutation.covering", "--maxfail=1000"]
        listed = self.path / "tests-to-run.txt"
        listed.write_text("\n".join(arguments), encoding="utf-8")
        command = [sys.executable, *PYTEST, *options, f"@{listed}"]
        process = subprocess.Popen(
            command,
            cwd=self.path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=_limit,
        )
        try:
            output, _ = process.communicate(timeout=timeout_s)
            return Outcome(process.returncode, output)
        except subprocess.TimeoutExpired:
            return Outcome(None, "")
        finally:
            _end(process)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


def project_files() -> list[str]:
    """Paths from the root, with slashes, of what is there."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def _end(process: subprocess.Popen[str]) -> None:
    """End the whole group, also what a test left behind."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    finally:
        if process.stdout is not None:
            process.stdout.close()
        process.wait()
