"""Pages of the site that are made from the program itself, so that they cannot differ from it."""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import tomllib
from pathlib import Path
from typing import Any

from offline.__main__ import build_parser as build_offline_parser
from rtemo.bridges import BRIDGES
from rtemo.cli import build_parser
from rtemo.commands import COMMANDS
from rtemo.sources import session_settings

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"\[([^\]]*)\]\((?!https?:|#|mailto:)[^)\s]+\)")
ASKED = re.compile(r"<!-- (?:made: (\w+)|from: (\S+)) -->")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Puts what a page asks for in its place."""
    return ASKED.sub(lambda found: MADE[found[1]]() if found[1] else copied(found[2]), markdown)


def copied(name: str) -> str:
    """A text of the checkout. Its links to files become plain names: on the site those files are not there."""
    return LINK.sub(r"\1", (ROOT / name).read_text(encoding="utf-8"))


def commands_page() -> str:
    """Every command with the text of its own --help."""
    lines = [
        "# Commands",
        "",
        "`rtemo` alone is `rtemo app`. Results go to stdout or files, everything else to stderr.",
        "",
        "Exit codes: 0 done; 2 bad input; 3 a required stream was never found or lost for good; 130 interrupted.",
        "",
    ]
    for name, entry in COMMANDS.items():
        if entry.summary:
            lines += section(f"rtemo {name}", entry.summary, help_of(build_parser(name), name))
    lines += ["# Training, from a checkout", ""]
    parser = build_offline_parser()
    for name, summary in offline_commands(parser).items():
        lines += section(f"python -m offline {name}", summary, help_of(parser, name))
    return "\n".join(lines)


def section(title: str, summary: str, text: str) -> list[str]:
    """One command of the page."""
    return [f"## {title}", "", summary[:1].upper() + summary[1:] + ".", "", "```text", text, "```", ""]


def offline_commands(parser: argparse.ArgumentParser) -> dict[str, str]:
    """The commands of `python -m offline` with their summaries."""
    (commands,) = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return {action.dest: action.help or "" for action in commands._choices_actions}


def help_of(parser: argparse.ArgumentParser, name: str) -> str:
    """What `NAME --help` prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        parser.parse_args([name, "--help"])
    return printed.getvalue().rstrip()


def settings_page() -> str:
    """The settings file as its reader describes it."""
    text = session_settings.__doc__ or ""
    head, _, rest = text.partition("\n\n")
    example, _, tail = rest.rpartition("\n\n")
    return f"# Settings file\n\n{head}\n\n```toml\n{example}\n```\n\n{tail}\n"


ALSO_READ = {"counter": "losses", "trigger": "triggers", "impedance": "impedances"}


def devices_table() -> str:
    """One line a profile."""
    lines = ["| profile | device | kind | also read | what the facts rest on | to know |", "|---|---|---|---|---|---|"]
    for path in sorted((ROOT / "devices").glob("*/profile.toml")):
        profile = tomllib.loads(path.read_text(encoding="utf-8"))
        facts = " ".join(str(profile.get("facts", "")).split()).replace("|", "\\|")
        notes = " ".join(profile.get("notes", [])).replace("|", "\\|")
        also = " ".join(words for key, words in ALSO_READ.items() if key in profile)
        lines.append(f"| `{profile['id']}` | {profile['name']} | {profile['kind']} | {also} | {facts} | {notes} |")
    return "\n".join(lines)


def bridges_table() -> str:
    """One line a bridge."""
    lines = ["| command | reads | profile | how far it was tried |", "|---|---|---|---|"]
    lines += [
        f"| `rtemo bridge {name}` | {entry.summary} | `{entry.profile}` | {entry.tried} |"
        for name, entry in BRIDGES.items()
    ]
    return "\n".join(lines)


MADE = {"commands": commands_page, "settings": settings_page, "devices": devices_table, "bridges": bridges_table}
