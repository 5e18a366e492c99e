"""Starts rtemo from a checkout with nothing but Python: makes a virtual environment, installs, runs.

    python run.py demo [options of rtemo demo]    simulated streams and the application
    python run.py test [options of pytest]        the test suite
    python run.py rtemo COMMAND [options]         any command of rtemo
    python run.py check                           ruff and mypy

The environment is the folder .venv beside this file, or the one that RTEMO_VENV names. The second start installs
nothing unless pyproject.toml, the Python version or the place of the checkout has changed.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - this file is what an older Python is started with
    sys.exit(
        f"error: rtemo needs Python 3.11 or newer; this is Python {sys.version_info[0]}.{sys.version_info[1]} "
        f"({sys.executable}); start it with a newer one, for instance: python3.11 run.py demo"
    )

import hashlib
import json
import os
import shutil
import subprocess
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from rtemo.live.diagnostics.display import Display, advice, find_display, missing

ROOT = Path(__file__).resolve().parent
STATE_NAME = "rtemo-run.json"
LOG_NAME = "rtemo-run.log"
LIVE, DEVELOP = "", "dev"  # extras of pyproject.toml
# Three files of tests, also on two cores: a third of the time they wait for streams. Overruled by what follows.
FILES_AT_A_TIME = ("-n", "3", "--dist", "loadfile", "--no-loadscope-reorder")
LOG_LINES_SHOWN = 25


@dataclass(frozen=True)
class State:
    """What run.py did to an environment: `installed` maps an extra to the key that it was installed under."""

    made_here: bool = False  # only an environment that run.py made is ever deleted by it
    python: str = ""
    installed: Mapping[str, str] = field(default_factory=dict)


def main(arguments: Sequence[str]) -> int:
    """Runs one command of the list at the top of this file. Returns the exit status."""
    command, rest = (arguments[0], list(arguments[1:])) if arguments else ("", [])
    if command not in ("demo", "test", "rtemo", "check"):
        print(__doc__, file=sys.stdout if command in ("-h", "--help", "help") else sys.stderr)
        return 0 if command in ("-h", "--help", "help") else 2
    if command == "test":
        require_qt_libraries()
    venv = venv_folder(os.environ)
    install(venv, LIVE if command in ("demo", "rtemo") else DEVELOP)
    if command == "demo":
        rest, notice = demo_options(rest, find_display(sys.platform, os.environ))
        say(notice)
        replace_process([program(venv, "rtemo"), "demo", *rest])
    if command == "rtemo":
        replace_process([program(venv, "rtemo"), *rest])
    os.chdir(ROOT)
    if command == "test":
        replace_process([program(venv, "python"), "-m", "pytest", *FILES_AT_A_TIME, *rest])
    python = [program(venv, "python"), "-m"]
    checks = [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]]
    return max([subprocess.call([*python, *check]) for check in checks])


def venv_folder(environ: Mapping[str, str]) -> Path:
    """Where the virtual environment lies."""
    return Path(environ.get("RTEMO_VENV") or ROOT / ".venv").resolve()


def program(venv: Path, name: str, system: str = os.name) -> str:
    """The path of a program inside the environment."""
    return str(venv / "Scripts" / f"{name}.exe" if system == "nt" else venv / "bin" / name)


def python_tag() -> str:
    """What compiled packages depend on: the Python version and the machine."""
    return f"{sys.implementation.cache_tag}-{sysconfig.get_platform()}"


def install_key(extra: str, root: Path = ROOT) -> str:
    """Changes whenever an installation of this extra no longer fits the checkout."""
    parts = (extra, python_tag(), str(root), (root / "pyproject.toml").read_text(encoding="utf-8"))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def read_state(venv: Path) -> State:
    """The state left by the last start; an unreadable one counts as none."""
    try:
        return State(**json.loads((venv / STATE_NAME).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return State()


def write_state(venv: Path, state: State) -> None:
    """Replaces the state in one step, so that an interruption leaves the old one or the new one."""
    temporary = venv / f"{STATE_NAME}.new"
    temporary.write_text(json.dumps(vars(state), indent=1), encoding="utf-8")
    temporary.replace(venv / STATE_NAME)


def is_installed(venv: Path, extra: str, root: Path = ROOT) -> bool:
    """Whether this extra is there and fits; the developer's installation holds the live one."""
    installed = read_state(venv).installed
    fits = any(installed.get(name) == install_key(name, root) for name in {extra, DEVELOP})
    return fits and Path(program(venv, "python")).exists()


def must_remake(venv: Path, state: State) -> bool:
    """Whether run.py's own environment is to be made again: half installed, for another Python, or broken."""
    if not state.made_here:
        return False
    return not state.installed or state.python != python_tag() or not Path(program(venv, "python")).exists()


def install(venv: Path, extra: str) -> None:
    """Makes the environment where it is missing or half made and installs the checkout with this extra into it.

    "Installed" is written down only after success. pip fetches everything before it changes anything, so a failure
    (no network) leaves what was there; an interruption may not, and the next start then begins anew.
    """
    if is_installed(venv, extra):
        return
    state = read_state(venv)
    if must_remake(venv, state):
        say(f"removing the unfinished or outdated environment {venv}")
        shutil.rmtree(venv)
    if not venv.is_dir() or not any(venv.iterdir()):
        state = make_venv(venv)
    elif not (venv / "pyvenv.cfg").exists():
        fail(f"{venv} is not a virtual environment; it holds other files; let RTEMO_VENV name another folder", 2)
    write_state(venv, State(state.made_here, python_tag()))
    target = f".[{extra}]" if extra else "."
    pip = [program(venv, "python"), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "-e", target]
    status = run_quietly(f"installing rtemo{target[1:]}, a few minutes the first time", pip, venv / LOG_NAME)
    if status:
        write_state(venv, state)
        fail(f"pip failed with status {status}; see {venv / LOG_NAME}; mend the cause and start again", 1)
    write_state(venv, State(state.made_here, python_tag(), {extra: install_key(extra)}))


def make_venv(venv: Path) -> State:
    """Makes an empty environment, marked as run.py's own and unfinished from its first moment."""
    venv.mkdir(parents=True, exist_ok=True)
    state = State(made_here=True, python=python_tag())
    write_state(venv, state)
    command = [sys.executable, "-m", "venv", str(venv)]
    status = run_quietly(f"making a virtual environment in {venv}", command, venv / LOG_NAME)
    if status:
        package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
        hint = f"; on Debian and Ubuntu: sudo apt-get install -y {package}" if sys.platform == "linux" else ""
        fail(f"no virtual environment could be made; python -m venv failed with status {status}{hint}", 1)
    return state


def run_quietly(step: str, command: Sequence[str], log: Path) -> int:
    """Runs a command in the checkout with one line on the screen and its output in a log, shown only on failure."""
    say(f"{step} (details: {log})")
    with log.open("wb") as output:
        status = subprocess.call(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
    if status:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        print(*lines[-LOG_LINES_SHOWN:], sep="\n", file=sys.stderr)
    return status


def demo_options(options: list[str], display: Display) -> tuple[list[str], str]:
    """The options for `rtemo demo` here and the line that says why it runs without a window, empty when it does not."""
    if display.usable or {"--headless", "-h", "--help"} & set(options):
        return options, ""
    if not display.platform:
        return [*options, "--headless"], "no display here (neither DISPLAY nor WAYLAND_DISPLAY is set): no window"
    return [*options, "--headless"], f"no window, because Qt lacks system libraries; to get them: {how_to_get(display)}"


def require_qt_libraries() -> None:
    """Ends with a clear line where the tests could not load Qt: they paint windows, though on no screen."""
    lacking = missing("offscreen") if sys.platform == "linux" else ()
    if lacking:
        fail(f"Qt lacks system libraries for the tests; to get them: {how_to_get(Display('offscreen', lacking))}", 1)


def how_to_get(display: Display) -> str:
    """How this computer gets the libraries that are missing."""
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    return advice(display, has_apt=shutil.which("apt-get") is not None, is_root=is_root)


def replace_process(command: list[str]) -> NoReturn:
    """Becomes the command, so that signals and the exit status are its own."""
    sys.stdout.flush()
    if os.name != "nt":
        os.execv(command[0], command)
    sys.exit(wait_for(subprocess.Popen(command)))  # Windows has no exec that the console waits for


def wait_for(child: "subprocess.Popen[bytes]") -> int:
    """The exit status of a child, waited for through Ctrl-C: the child gets it too and closes its files."""
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            continue


def say(line: str) -> None:
    """One line of progress on stderr; nothing for an empty line."""
    if line:
        print(f"run.py: {line}", file=sys.stderr, flush=True)


def fail(line: str, status: int) -> NoReturn:
    """Ends with one line."""
    print(f"error: {line}", file=sys.stderr)
    sys.exit(status)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        print("run.py: interrupted; an unfinished installation begins anew next time", file=sys.stderr)
        sys.exit(130)
