"""The command line from outside: exit codes, one-line errors, real recordings, interrupted runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rtemo import resources
from rtemo.cli import main
from rtemo.commands.summary import print_event
from rtemo.model.prediction import FIELDS
from rtemo.recordings.events import Event, EventKind

ROOT = Path(__file__).resolve().parent.parent
USABLE = {"muse_P001.xdf": 20, "muse_P003.xdf": 20, "openbci_markers.xdf": 60}
UNUSABLE = ("minimal.xdf", "empty_streams.xdf")


def rtemo(*args, **options):
    """A finished run in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "rtemo", *map(str, args)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=150,
        **options,
    )


def error_line(text):
    """The one line of an error; the rest of stderr may hold warnings, never a traceback."""
    assert "Traceback" not in text
    lines = [line for line in text.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert lines[0].count(";") >= 1
    return lines[0]


def replay(path, out, *args):
    return main(["replay", str(path), "--speed", "max", "--out", str(out), "--quiet", *args])


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """A short simulated recording."""
    path = tmp_path_factory.mktemp("simulated") / "a.xdf"
    code = main(["simulate", "--seed", "7", "--duration", "20", "--eeg-channels", "16", "--eeg-rate", "250",
                 "--xdf", str(path), "--quiet"])  # fmt: skip
    assert code == 0
    return path


def test_a_stream_that_comes_back_is_printed_and_one_that_is_found_is_not(capsys):
    print_event(Event(1.0, EventKind.STREAM_UP, "found: Amp (16 channels, 250 Hz)", "Amp"))
    print_event(Event(2.0, EventKind.STREAM_UP, "back: Amp (16 channels, 250 Hz)", "Amp"))
    assert capsys.readouterr().err.splitlines() == ["stream_up: back: Amp (16 channels, 250 Hz)"]


def test_a_replay_writes_every_field_and_twice_the_same(simulated, tmp_path):
    assert replay(simulated, tmp_path / "1.jsonl") == 0
    assert replay(simulated, tmp_path / "2.jsonl") == 0
    text = (tmp_path / "1.jsonl").read_text()
    records = [json.loads(line) for line in text.splitlines()]
    assert len(records) == pytest.approx((20 - 4) / 0.25, abs=2)
    assert all(tuple(record) == FIELDS for record in records)
    assert (tmp_path / "2.jsonl").read_bytes() == (tmp_path / "1.jsonl").read_bytes()


def test_hop_start_and_stop_keep_the_grid(simulated, tmp_path):
    assert replay(simulated, tmp_path / "all.jsonl") == 0
    assert replay(simulated, tmp_path / "part.jsonl", "--start", "3", "--stop", "15", "--hop", "0.5") == 0
    ends = [json.loads(line)["time_s"] for line in (tmp_path / "part.jsonl").read_text().splitlines()]
    every = {json.loads(line)["time_s"] for line in (tmp_path / "all.jsonl").read_text().splitlines()}
    assert set(ends) <= every
    assert ends[1] - ends[0] == 0.5
    assert ends[-1] - ends[0] < 12 - 4 + 0.5


def test_without_a_file_predictions_go_to_stdout_and_nothing_else_does(simulated, capsys):
    assert main(["replay", str(simulated), "--speed", "max", "--quiet"]) == 0
    out = capsys.readouterr().out
    assert {tuple(json.loads(line)) for line in out.splitlines()} == {FIELDS}


@pytest.mark.parametrize("name", USABLE)
def test_real_recordings_give_predictions(shared_recordings, tmp_path, name):
    assert replay(shared_recordings / name, tmp_path / "out.jsonl") == 0
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) >= USABLE[name]


@pytest.mark.parametrize("name", UNUSABLE)
def test_recordings_without_a_usable_stream_are_refused_in_one_line(shared_recordings, tmp_path, capsys, name):
    assert replay(shared_recordings / name, tmp_path / "out.jsonl") == 2
    assert error_line(capsys.readouterr().err)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [*USABLE, *UNUSABLE])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.93])
def test_truncated_recordings_never_end_in_a_traceback(shared_recordings, tmp_path, capsys, name, share):
    whole = (shared_recordings / name).read_bytes()
    cut = tmp_path / name
    cut.write_bytes(whole[: round(share * len(whole))])
    code = replay(cut, tmp_path / "out.jsonl")
    err = capsys.readouterr().err
    assert code in (0, 2)
    assert "Traceback" not in err
    assert ("warning: " in err) if code == 0 else error_line(err)


def test_what_is_no_recording_is_refused_in_one_line(tmp_path, capsys):
    (tmp_path / "text.xdf").write_text("hello")
    (tmp_path / "empty.xdf").write_bytes(b"")
    for path in (tmp_path / "text.xdf", tmp_path / "empty.xdf", tmp_path, tmp_path / "missing.xdf"):
        assert replay(path, tmp_path / "out.jsonl") == 2
        assert str(path) in error_line(capsys.readouterr().err)
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize(
    "args",
    [
        ["replay"],
        ["replay", "a.xdf", "--speed", "-1"],
        ["replay", "a.xdf", "--speed", "fast"],
        ["live", "--eeg", "colour=red", "--wait", "0"],
        ["live", "--duration", "nan"],
        ["simulate", "--eeg-rate", "0"],
        ["simulate", "--duration", "1"],
        ["simulate", "--faults", "missing.toml"],
        ["devices", "show", "nothing"],
        ["nonsense"],
    ],
)
def test_bad_arguments_are_refused_in_one_line(args, capsys):
    assert main(args) == 2
    assert error_line(capsys.readouterr().err)


@pytest.mark.parametrize("model", ["missing", "text"])
def test_a_model_that_does_not_fit_is_refused(simulated, tmp_path, capsys, model):
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "bundle.json").write_text("{}")
    assert replay(simulated, tmp_path / "out.jsonl", "--model", str(tmp_path / model)) == 2
    assert "bundle" in error_line(capsys.readouterr().err)
    assert not (tmp_path / "out.jsonl").exists()


def test_nothing_is_overwritten_by_a_simulation(simulated, capsys):
    before = simulated.read_bytes()
    assert main(["simulate", "--duration", "20", "--xdf", str(simulated)]) == 2
    assert "exists already" in error_line(capsys.readouterr().err)
    assert simulated.read_bytes() == before


def test_a_simulation_into_a_folder_that_is_not_there_names_that_folder(tmp_path, capsys):
    assert main(["simulate", "--duration", "20", "--xdf", str(tmp_path / "recordings" / "P1.xdf")]) == 2
    said = error_line(capsys.readouterr().err)
    assert f"there is no folder {tmp_path / 'recordings'};" in said
    assert ".partial" not in said


def test_help_is_there_for_every_command(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    listed = capsys.readouterr().out
    for command in ("demo", "streams", "live", "replay", "simulate", "record", "devices", "doctor"):
        assert command in listed
        with pytest.raises(SystemExit):
            main([command, "--help"])
        assert command in capsys.readouterr().out


def test_device_profiles_are_listed_shown_and_right(capsys):
    assert main(["devices"]) == 0
    assert "tobii-pro" in capsys.readouterr().out
    assert main(["devices", "show", "muse"]) == 0
    assert "muse" in capsys.readouterr().out
    assert main(["devices", "check"]) == 0
    assert f"device profiles in {resources.devices()}: all are right" in capsys.readouterr().out


def test_no_stream_at_all_is_exit_code_three():
    found = rtemo("live", "--wait", "0.5", "--no-outlet")
    assert found.returncode == 3
    assert "no stream" in error_line(found.stderr)


@pytest.mark.skipif(os.name == "nt", reason="a console's Ctrl-C cannot be sent to one process on Windows")
def test_an_interrupted_replay_leaves_what_it_had_and_exits_with_130(simulated, tmp_path):
    out = tmp_path / "out.csv"
    command = [sys.executable, "-m", "rtemo", "replay", str(simulated), "--speed", "2", "--out", str(out)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        partial = out.with_name(".out.csv.partial")
        _wait_until(lambda: partial.exists() and partial.stat().st_size > 1500, process)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert len(out.read_text().splitlines()) > 2
    assert out.read_text().endswith("\n")


def _wait_until(condition, process):
    """Waits for a condition on files of a running process, with a deadline and without a fixed sleep."""
    import threading
    import time

    pause, end_s = threading.Event(), time.monotonic() + 60
    while not condition():
        assert process.poll() is None
        assert time.monotonic() < end_s
        pause.wait(0.02)


@pytest.mark.parametrize(
    "command",
    [
        ["record", "{}.xdf"],
        ["live", "--record", "{}.xdf"],
        ["replay", "{}.xdf"],
        ["report", "{}"],
        ["simulate", "--duration", "20", "--xdf", "{}.xdf"],
    ],
)
def test_a_name_that_no_disk_takes_is_one_error_line(tmp_path, capsys, command):
    assert main([part.format(tmp_path / ("x" * 300)) for part in command]) == 2
    assert "File name too long" in error_line(capsys.readouterr().err)


def test_the_arguments_of_the_bench_load_no_simulator():
    """Its window counts from the start of the process."""
    code = (
        "from rtemo.cli import build_parser; build_parser('bench'); import sys; print('rtemo.simulate' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
