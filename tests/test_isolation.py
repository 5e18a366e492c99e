"""The streams that a test makes are seen by the processes that it starts and by nobody else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pylsl

LOOK = "import pylsl, sys; print(len(pylsl.resolve_byprop('name', sys.argv[1], timeout=float(sys.argv[2]))))"


def streams_seen(name: str, timeout_s: float, config: str) -> int:
    environ = os.environ | {"LSLAPICFG": config}
    command = [sys.executable, "-c", LOOK, name, str(timeout_s)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=True)
    return int(done.stdout)


def test_a_stream_of_a_test_is_seen_in_its_own_session_only(tmp_path: Path):
    name = f"isolation-{os.getpid()}"
    outlet = pylsl.StreamOutlet(pylsl.StreamInfo(name, "Test", 1, 0, "string", name))
    other = tmp_path / "lsl_api.cfg"
    other.write_text(Path(os.environ["LSLAPICFG"]).read_text(encoding="utf-8").replace("rtemo-tests-", "other-"))

    assert streams_seen(name, 20, os.environ["LSLAPICFG"]) == 1
    assert streams_seen(name, 1, str(other)) == 0
    del outlet
