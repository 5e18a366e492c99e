"""The site builds without a warning, and every command that a page shows is one that the program takes."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from offline.__main__ import build_parser as build_offline_parser
from rtemo.cli import build_parser
from rtemo.core.errors import RtemoError

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "offline" / "README.md"]
FENCE = re.compile(r"^ *```(?:text|bash|console)?\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
PROGRAM = re.compile(r"^(?:python run\.py )?(rtemo|python -m offline)(?= |$)")


def commands(text: str) -> list[str]:
    """The lines of code blocks that call rtemo, without comments and prompts, continued lines joined."""
    lines = [line for block in FENCE.findall(text) for line in block.replace("\\\n", " ").splitlines()]
    return [line.split("  #")[0].strip() for line in lines if PROGRAM.match(line.strip())]


def test_the_site_builds_and_its_links_lead_somewhere(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    page = (tmp_path / "site" / "reference" / "commands.html").read_text(encoding="utf-8")
    assert "--no-outlet" in page
    assert "python -m offline build" in page
    assert "Brain Products LiveAmp" in (tmp_path / "site" / "session" / "devices.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_that_a_page_shows_is_one_that_the_program_takes(page):
    for command in commands(page.read_text(encoding="utf-8")):
        words = shlex.split(re.split(r" [|<>&]", PROGRAM.sub("", command))[0])
        words = ["max" if word == "N|max" else word for word in words if word not in ("…", "[options]")]
        offline = "-m offline" in command
        if words in ([], ["COMMAND"]):
            continue
        chosen = next((word for word in words if not word.startswith("-")), "")
        parser = build_offline_parser() if offline else build_parser(chosen)
        try:
            parser.parse_args(words)
        except (RtemoError, SystemExit) as error:
            if error.args != (0,):  # --help
                pytest.fail(f"{command}: {error}")


@pytest.mark.parametrize("line", ["rtemo live --egg name=A", "rtemo repaly FILE.xdf", "python -m offline biuld xdf"])
def test_a_command_that_is_not_there_is_found(line, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"```\n{line}\n```\n")
    with pytest.raises(pytest.fail.Exception):
        test_every_command_that_a_page_shows_is_one_that_the_program_takes(page)
