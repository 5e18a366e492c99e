"""run.py: what it would install, when it installs again, how it ends. pip and venv are faked; nothing is fetched."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import run
from rtemo.live.diagnostics.display import Display

RUN = Path(run.__file__)


class Installer:
    """Stands in for `python -m venv` and pip: writes what venv writes and keeps the commands."""

    def __init__(self, pip_status: int = 0, interrupted: bool = False) -> None:
        self.pip_status, self.interrupted = pip_status, interrupted
        self.commands: list[list[str]] = []

    def __call__(self, step: str, command: Sequence[str], log: Path) -> int:
        self.commands.append(list(command))
        if command[2] != "venv":
            if self.interrupted:
                raise KeyboardInterrupt
            return self.pip_status
        make_environment(Path(command[3]))
        return 0

    @property
    def steps(self) -> list[str]:
        return [f"{command[2]} {command[-1]}" if command[2] == "pip" else command[2] for command in self.commands]


def make_environment(venv: Path) -> None:
    python = Path(run.program(venv, "python"))
    python.parent.mkdir(parents=True)
    python.touch()
    (venv / "pyvenv.cfg").touch()


@pytest.fixture
def installer(monkeypatch: pytest.MonkeyPatch) -> Installer:
    fake = Installer()
    monkeypatch.setattr(run, "run_quietly", fake)
    return fake


def test_the_first_start_makes_and_installs_and_the_second_does_nothing(installer: Installer, tmp_path: Path):
    venv = tmp_path / "made" / "here"
    run.install(venv, run.LIVE)
    assert installer.steps == ["venv", "pip ."]

    run.install(venv, run.LIVE)
    assert installer.steps == ["venv", "pip ."]


def test_the_development_installation_serves_the_demo_too_but_not_the_other_way_round(
    installer: Installer, tmp_path: Path
):
    run.install(tmp_path, run.DEVELOP)
    run.install(tmp_path, run.LIVE)
    assert installer.steps == ["venv", "pip .[dev]"]

    run.install(tmp_path / "other", run.LIVE)
    run.install(tmp_path / "other", run.DEVELOP)
    assert installer.steps[2:] == ["venv", "pip .", "pip .[dev]"]
    assert run.is_installed(tmp_path / "other", run.LIVE)


def test_a_changed_project_file_installs_again_in_place(
    installer: Installer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run.install(tmp_path, run.LIVE)
    monkeypatch.setattr(run, "install_key", lambda extra, root=None: f"another key for {extra}")
    run.install(tmp_path, run.LIVE)

    assert installer.steps == ["venv", "pip .", "pip ."]


def test_another_python_makes_the_environment_anew(
    installer: Installer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run.install(tmp_path, run.LIVE)
    (tmp_path / "left-over").touch()
    monkeypatch.setattr(run, "python_tag", lambda: "cpython-399-other")
    run.install(tmp_path, run.LIVE)

    assert installer.steps == ["venv", "pip .", "venv", "pip ."]
    assert not (tmp_path / "left-over").exists()


def test_an_interrupted_installation_begins_anew(installer: Installer, tmp_path: Path):
    installer.interrupted = True
    with pytest.raises(KeyboardInterrupt):
        run.install(tmp_path, run.LIVE)
    (tmp_path / "half-written").touch()
    assert not run.is_installed(tmp_path, run.LIVE)

    installer.interrupted = False
    run.install(tmp_path, run.LIVE)
    assert installer.steps == ["venv", "pip .", "venv", "pip ."]
    assert not (tmp_path / "half-written").exists()
    assert run.is_installed(tmp_path, run.LIVE)


def test_a_failed_installation_keeps_what_worked_before(
    installer: Installer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    run.install(tmp_path, run.LIVE)
    installer.pip_status = 2
    with pytest.raises(SystemExit) as ended:
        run.install(tmp_path, run.DEVELOP)

    assert ended.value.code == 1
    assert "pip failed with status 2" in capsys.readouterr().err
    assert run.is_installed(tmp_path, run.LIVE)
    assert not run.is_installed(tmp_path, run.DEVELOP)


def test_an_environment_made_by_hand_is_used_and_never_deleted(
    installer: Installer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    make_environment(tmp_path)
    (tmp_path / "of-the-user").touch()
    installer.interrupted = True
    with pytest.raises(KeyboardInterrupt):
        run.install(tmp_path, run.LIVE)
    installer.interrupted = False
    run.install(tmp_path, run.LIVE)
    monkeypatch.setattr(run, "python_tag", lambda: "cpython-399-other")
    run.install(tmp_path, run.LIVE)

    assert installer.steps == ["pip .", "pip .", "pip ."]
    assert (tmp_path / "of-the-user").exists()


def test_a_folder_with_other_files_is_refused(installer: Installer, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(SystemExit) as ended:
        run.install(tmp_path, run.LIVE)

    assert ended.value.code == 2
    assert "RTEMO_VENV" in capsys.readouterr().err
    assert installer.commands == []


def test_an_environment_without_its_python_is_made_anew(installer: Installer, tmp_path: Path):
    run.install(tmp_path, run.LIVE)
    Path(run.program(tmp_path, "python")).unlink()
    run.install(tmp_path, run.LIVE)

    assert installer.steps == ["venv", "pip .", "venv", "pip ."]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"of": "another version"}'])
def test_an_unreadable_state_counts_as_none(tmp_path: Path, text: str):
    (tmp_path / run.STATE_NAME).write_text(text)

    assert run.read_state(tmp_path) == run.State()
    assert not run.is_installed(tmp_path, run.LIVE)


def test_the_key_depends_on_extra_place_and_project_file(tmp_path: Path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "pyproject.toml").write_text("[project]")
    before = run.install_key("", tmp_path / "a")
    others = [run.install_key("dev", tmp_path / "a"), run.install_key("", tmp_path / "b")]
    assert run.install_key("", tmp_path / "a") == before
    (tmp_path / "a" / "pyproject.toml").write_text("[project] # changed")

    assert len({before, *others, run.install_key("", tmp_path / "a")}) == 4


def test_programs_lie_where_each_system_keeps_them():
    assert run.program(Path("v"), "rtemo", "posix") == str(Path("v/bin/rtemo"))
    assert run.program(Path("v"), "rtemo", "nt") == str(Path("v/Scripts/rtemo.exe"))


def test_the_environment_can_be_put_elsewhere(tmp_path: Path):
    assert run.venv_folder({}) == run.ROOT / ".venv"
    assert run.venv_folder({"RTEMO_VENV": ""}) == run.ROOT / ".venv"
    assert run.venv_folder({"RTEMO_VENV": str(tmp_path)}) == tmp_path


def test_the_demo_has_a_window_where_it_can():
    assert run.demo_options(["--seed", "3"], Display("xcb")) == (["--seed", "3"], "")


def test_the_demo_runs_without_a_window_where_there_is_no_display():
    options, notice = run.demo_options(["--seed", "3"], Display(""))

    assert options == ["--seed", "3", "--headless"]
    assert "DISPLAY" in notice


def test_the_demo_says_which_packages_a_window_would_need():
    options, notice = run.demo_options([], Display("xcb", ("libEGL.so.1", "libxcb-cursor.so.0")))

    assert options == ["--headless"]
    assert "libegl1 libxcb-cursor0" in notice or "libEGL.so.1, libxcb-cursor.so.0" in notice


@pytest.mark.parametrize("option", ["--headless", "--help", "-h"])
def test_nothing_is_said_to_those_who_want_no_window(option: str):
    assert run.demo_options([option], Display("")) == ([option], "")


def test_output_is_kept_in_the_log_and_shown_only_on_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    command = [sys.executable, "-c", "import sys; print('told', 'much'); sys.exit(int(sys.argv[1]))"]
    assert run.run_quietly("a step", [*command, "0"], tmp_path / "log") == 0
    assert capsys.readouterr().err.count("\n") == 1

    assert run.run_quietly("a step", [*command, "3"], tmp_path / "log") == 3
    assert "told much" in capsys.readouterr().err
    assert (tmp_path / "log").read_text().strip() == "told much"


def test_the_exit_status_of_the_command_is_passed_on():
    program = f"import run, sys; run.replace_process([{sys.executable!r}, '-c', 'raise SystemExit(130)'])"

    assert subprocess.run([sys.executable, "-c", program], cwd=run.ROOT, check=False).returncode == 130


def test_ctrl_c_waits_for_the_status_of_the_command():
    class Child:
        waits = iter([KeyboardInterrupt(), KeyboardInterrupt(), 130])

        def wait(self) -> int:
            answer = next(self.waits)
            if isinstance(answer, KeyboardInterrupt):
                raise answer
            return answer

    assert run.wait_for(Child()) == 130


@pytest.mark.parametrize(("arguments", "status"), [([], 2), (["dmeo"], 2), (["--help"], 0)])
def test_it_starts_with_the_standard_library_alone_and_explains_itself(arguments: list[str], status: int):
    command = [sys.executable, "-S", "-E", str(RUN), *arguments]  # -S: no installed package can be imported
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == status
    assert "python run.py demo" in done.stdout + done.stderr


def test_an_older_python_gets_one_clear_line():
    ast.parse(RUN.read_text(encoding="utf-8"), feature_version=(3, 6))  # so that it gets as far as the check
    program = f"import sys; sys.version_info = (3, 9, 2); exec(open({str(RUN)!r}).read())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr.startswith("error: rtemo needs Python 3.11 or newer; this is Python 3.9 (")
    assert done.stderr.count("\n") == 1
