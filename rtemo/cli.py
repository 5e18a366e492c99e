"""The command line: finds the command, has its module read its arguments, and runs it.

Results go to stdout or files, everything else to stderr. Exit codes: 0 done, 2 bad input (one line that says what was
found and what to do), 3 a required stream was never found or lost for good, 130 interrupted with everything closed.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import rtemo
from rtemo.commands import COMMANDS
from rtemo.core.errors import RtemoError, error_of_files

INTERRUPTED = 130

EPILOG = """\
QUERY is key=value[,key=value] over name, type, source_id and hostname, for example name=Muse,type=EEG.
Every command has its own --help.
"""


class Parser(argparse.ArgumentParser):
    """A parser whose complaints have the form of every other error."""

    def error(self, message: str) -> NoReturn:
        raise RtemoError(message, "", f"see {self.prog} --help")


def build_parser(chosen: str) -> Parser:
    """The parser of all commands, with the arguments of the chosen one: only its module is imported."""
    parser = Parser(
        prog="rtemo",
        description="Emotion from EEG and eye movements, live over the Lab Streaming Layer or from recordings.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"rtemo {rtemo.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, command in COMMANDS.items():
        own = commands.add_parser(name, help=command.summary) if command.summary else commands.add_parser(name)
        if name == chosen:
            module = importlib.import_module(command.module)
            module.add_arguments(own)
            own.set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns its exit code."""
    for library in ("OMP", "OPENBLAS", "MKL"):  # before numpy is imported: matrices here are small, and a second
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")  # thread that waits for the next one costs a whole core
    try:
        given = (sys.argv[1:] if argv is None else list(argv)) or ["app"]
        chosen = next((word for word in given if not word.startswith("-")), "")
        args = build_parser(chosen).parse_args(given)
        args.words = given  # for commands that do their work in processes of their own
        code: int = args.run(args)
    except RtemoError as error:
        print(f"error: {_one_line(error)}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # whoever read our output has gone, for example `head`
        sys.stderr.close()
        return 0
    except OSError as error:
        refused = error_of_files(error)
        if refused is None:
            raise
        print(f"error: {_one_line(refused)}", file=sys.stderr)
        return refused.exit_code
    return code


def _one_line(error: RtemoError | str) -> str:
    return " ".join(str(error).split())
