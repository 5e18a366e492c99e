"""All mutations of a few files: what do their tests not notice? For writing tests, not for the measurement.

    python -m tests.mutation.quick FILE... [--tests PATH...] [--seconds N] [--cover FILE] [--function NAME]

A survivor here may fall to tests that are not among the first --seconds.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from tests.mutation import cover_map, in_memory
from tests.mutation.cover_map import CoverMap
from tests.mutation.sites import Site, sites_of
from tests.mutation.tree import ROOT, Tree, load_libraries

NEAREST_FILES = 2  # where pytest starts anew for each site


def main() -> int:
    options = _arguments()
    sites = [site for file in options.files for site in sites_of(ROOT, file) if options.function in site.scope]
    cover = cover_map.read(options.cover) if options.cover.exists() else CoverMap()
    tests_of = {site: cover_map.within(cover.tests_for(site), options.seconds) for site in sites}
    inside = {site: tests for site, tests in tests_of.items() if in_memory.is_possible(site)}
    print(f"{len(inside)} sites in functions, {len(sites) - len(inside)} that run at import", flush=True)
    terminal = os.dup(1)

    def report(site: Site, outcome: str, by: str, seconds: float) -> None:
        del seconds
        if outcome == "survived":
            os.write(terminal, f"{site.file}:{site.line} {site.scope} {site.kind}: {site.mutation} {by}\n".encode())

    load_libraries()
    tree = Tree()
    try:
        server = in_memory.Server(tree, inside, report, options.tests)
        done = tree.pytest(server.files(), 7200.0, plugin=server)
        if done.status != 0:
            print(done.output[-3000:])
        for site in [site for site in sites if site not in inside]:
            near = cover_map.within(tests_of[site], options.seconds, NEAREST_FILES)
            outcome = tree.mutated(site, [*options.tests, *(test.name for test in near)], 60.0 + 3.0 * options.seconds)
            report(site, "survived" if outcome.status == 0 else "caught", "", 0.0)
    finally:
        tree.remove()
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation.quick", description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", help="such as rtemo/core/windows.py")
    parser.add_argument("--tests", nargs="*", default=[], help="files or folders of tests that are run first, whole")
    parser.add_argument("--seconds", type=float, default=3.0, help="of further tests for one mutation")
    parser.add_argument("--function", default="", help="only in functions whose name holds this")
    parser.add_argument("--cover", type=Path, default=ROOT / "build" / "mutation" / "cover.json")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
