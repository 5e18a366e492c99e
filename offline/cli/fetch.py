"""The arguments of `python -m offline fetch`."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from rtemo.core.errors import RtemoError

MIRROR = "address of another server that answers as NEMAR's does, such as a lab's own mirror"


def add_fetch(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command `fetch`."""
    parser = commands.add_parser(
        "fetch",
        help="download open data sets, with licence, citation and checksums",
        description="An interrupted download is started again with the same command and goes on. For data sets that "
        "people have to ask for, it states where.",
    )
    parser.set_defaults(run=_fetch)
    parser.add_argument(
        "names",
        nargs="+",
        metavar="NAME",
        help="faced, bbbd, affec, ... or numbers: ds005540, nm000112, zenodo:14794876",
    )
    parser.add_argument("--subjects", type=int, metavar="N", help="the first N people only")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder (default: ./NAME; of several: a folder each in it)"
    )
    parser.add_argument("--mirror", default="", metavar="URL", help=MIRROR)


def _fetch(options: argparse.Namespace) -> None:
    from offline.fetch.catalogue import wanted
    from offline.fetch.fetch import fetch
    from offline.fetch.listing import Servers

    if options.subjects is not None and options.subjects < 1:
        raise RtemoError("so many people cannot be fetched", f"--subjects {options.subjects}", "ask for 1 or more")
    chosen = [one for word in options.names for one in wanted(word)]
    servers = replace(Servers(), mirror=options.mirror.rstrip("/"))
    missing = 0
    for one in chosen:
        base = options.out or Path()
        out = options.out if options.out is not None and len(chosen) == 1 else base / one.name
        found = fetch(one, out, options.subjects, servers, say=lambda line: sys.stderr.write(f"{line}\n"))
        for line in found.failed:
            sys.stderr.write(f"not fetched: {line}\n")
        missing += len(found.failed)
        sys.stdout.write(f"{out}: {one.build} --root {out} --out CORPUS\n")
    if missing:
        raise RtemoError(f"{missing} files were not fetched", "see above", "start the same command again")
