"""How commands end that write files, in processes of their own and by real signals."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there a process is ended without being asked")

PROGRAM = """
import hashlib, sys, tempfile, threading
from rtemo.commands import console
console.END_S = {end_s}
try:
    with console.tidied(), tempfile.TemporaryDirectory(dir=sys.argv[1]):
        print("there", flush=True)
        {busy}
except KeyboardInterrupt:
    sys.exit(130)
print("done", flush=True)
threading.Event().wait(600.0)
"""
WAITS = "threading.Event().wait(600.0)"
COMPUTES = "hashlib.pbkdf2_hmac('sha256', b'', b'', 2_000_000_000)"  # no signal handler runs meanwhile


def started(folder, busy, end_s=60.0):
    program = PROGRAM.format(busy=busy, end_s=end_s)
    process = subprocess.Popen([sys.executable, "-c", program, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "there\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_what_is_half_written_is_removed_whoever_ends_the_command(number, tmp_path):
    process = started(tmp_path, WAITS)
    assert len(list(tmp_path.iterdir())) == 1
    process.send_signal(number)
    process.communicate(timeout=30.0)
    assert process.returncode == 130
    assert list(tmp_path.iterdir()) == []


def test_a_command_that_computes_is_gone_all_the_same(tmp_path):
    process = started(tmp_path, COMPUTES, end_s=0.2)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30.0)
    assert process.returncode == 130


def test_what_comes_after_is_ended_as_ever(tmp_path):
    process = started(tmp_path, "pass", end_s=0.0)
    assert process.stdout.readline() == "done\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30.0)
    assert process.returncode == -signal.SIGTERM
