"""Command line of `python -m offline`: data sets, training and evaluation.

Each command is a parser and a function that imports what it needs only when it runs, so that --help is quick.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Callable, Sequence

from offline.cli.data import add_build, add_inspect, add_mapping, add_synthesize
from offline.cli.evaluate import add_compare, add_evaluate, add_ratings
from offline.cli.fetch import add_fetch
from offline.cli.fit import add_finetune, add_fit
from offline.cli.reproduce import add_reproduce
from offline.cli.train import add_export, add_pretrain, add_score
from offline.cli.wrap import add_wrap
from rtemo.core.errors import RtemoError, error_of_files

Run = Callable[[argparse.Namespace], None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code: 0 done, 2 bad input, 130 interrupted."""
    options = build_parser().parse_args(arguments)
    if options.quiet:
        os.environ["TQDM_DISABLE"] = "1"
    # joblib replaces a worker whose memory has grown, which is harmless, and warns about it
    warnings.filterwarnings("ignore", message="A worker stopped while some jobs were given", category=UserWarning)
    run: Run = options.run
    try:
        run(options)
    except RtemoError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    except OSError as error:
        refused = error_of_files(error)
        if refused is None:
            raise
        sys.stderr.write(f"error: {refused}; what was finished is kept\n")
        return refused.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; what was finished is kept\n")
        return 130
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = argparse.ArgumentParser(prog="python -m offline", description="Train rtemo's models.")
    parser.add_argument("--quiet", action="store_true", help="no progress bars")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    data = (add_synthesize, add_fetch, add_build, add_mapping, add_inspect)
    training = (add_pretrain, add_fit, add_finetune, add_export, add_wrap, add_score)
    for add in (*data, *training, add_evaluate, add_compare, add_ratings, add_reproduce):
        add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
