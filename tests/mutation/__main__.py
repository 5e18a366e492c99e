"""Mutation test: how many small changes to the program do its tests notice?

    python -m tests.mutation [--seed N] [--sites N] [--only DIR] [--processes N] [--out DIR] [--write]

Draws a seeded random sample of mutation sites, at least two a file, makes each in a copy of the tree and runs the tests
that concern it, the nearest first. What is done is kept in DIR/results.jsonl: a run that was ended goes on where it
stopped. Survivors are tried again whenever a test that concerns them has changed. --write puts the table into
tests/mutation/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import tomllib
from collections import Counter
from pathlib import Path

from tests.mutation import cover_map, in_memory
from tests.mutation.cover_map import IN_REAL_TIME, CoverMap, TestRun
from tests.mutation.sites import Site, sample, sites_of
from tests.mutation.tree import ROOT, Outcome, Tree, load_libraries

HERE = Path(__file__).parent
MUTATED = (
    "rtemo/core",
    "rtemo/live",
    "rtemo/sources",
    "rtemo/model",
    "rtemo/recorder",
    "offline/datasets",
)
NEAREST_FILES, NEAREST_S = 2, 3.0
MOST_FILES, MOST_S = 8, 10.0  # of tests for a site that runs at import: pytest collects them anew for each
MARK = "<!-- the table below is written by python -m tests.mutation --write -->"


def main() -> int:
    options = _arguments()
    options.out.mkdir(parents=True, exist_ok=True)
    chosen = chosen_sites(options.sites, options.seed, options.only)
    print(f"{len(chosen)} sites, seed {options.seed}", flush=True)
    if not options.as_measured:
        cover_map.measure(options.out / "cover.json", again=options.measure_again)
    cover = cover_map.read(options.out / "cover.json")
    results = Results(options.out / "results.jsonl")
    tests_of = {site: _tests_of(site, cover, options.budget) for site in chosen}
    todo = [site for site in chosen if not results.is_known(site, tests_of[site])]
    print(f"{len(todo)} to do", flush=True)
    load_libraries()
    workers = []
    for part in range(options.processes):
        worker = os.fork()
        if worker == 0:
            _work({site: tests_of[site] for site in todo[part :: options.processes]}, results)
        workers.append(worker)
    for worker in workers:
        os.waitpid(worker, 0)
    results = Results(options.out / "results.jsonl")
    table = summary(chosen, results, options)
    print(table)
    if options.write:
        readme = HERE / "README.md"
        head = readme.read_text(encoding="utf-8").partition(MARK)[0]
        readme.write_text(f"{head}{MARK}\n\n{table}\n", encoding="utf-8")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sites", type=int, default=300, help="how many, two a file at least")
    parser.add_argument("--only", default="", help="files whose path begins so, such as rtemo/core")
    parser.add_argument("--processes", type=int, default=1, choices=(1, 2))
    parser.add_argument("--budget", type=float, default=30.0, help="seconds of tests for one site")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "mutation")
    parser.add_argument("--measure-again", action="store_true", help="which tests run which function")
    parser.add_argument("--as-measured", action="store_true", help="do not look for changed tests")
    parser.add_argument("--write", action="store_true", help="put the table into the README")
    return parser.parse_args()


def chosen_sites(n: int, seed: int, only: str) -> list[Site]:
    """The sample."""
    files = [path for top in MUTATED for path in sorted((ROOT / top).rglob("*.py"))]
    names = [path.relative_to(ROOT).as_posix() for path in files]
    found = {name: sites_of(ROOT, name) for name in names if name.startswith(only)}
    return sample({name: sites for name, sites in found.items() if sites}, n, seed)


class Results:
    """What became of each site, kept in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        self._of = {record["key"]: record for record in map(json.loads, lines)}

    def of(self, site: Site) -> dict[str, object] | None:
        return self._of.get(site.key)

    def is_known(self, site: Site, tests: list[TestRun]) -> bool:
        """Whether it was caught, or survived the same tests with the same text."""
        record = self._of.get(site.key)
        return record is not None and (record["outcome"] == "caught" or record["tests"] == _digests(tests))

    def add(self, site: Site, outcome: str, by: str, tests: list[TestRun], seconds: float) -> None:
        record = {"key": site.key, "outcome": outcome, "by": by, "tests": _digests(tests), "seconds": round(seconds, 1)}
        self._of[site.key] = record
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")


def _digests(tests: list[TestRun]) -> str:
    """One for the text of all files that hold these tests."""
    return str([cover_map.digest(file)[:12] for file in sorted({test.file for test in tests})])


def _tests_of(site: Site, cover: CoverMap, budget_s: float) -> list[TestRun]:
    if in_memory.is_possible(site):
        return cover_map.within(cover.tests_for(site), budget_s)
    return cover_map.within(cover.tests_for(site), min(MOST_S, budget_s), MOST_FILES)


def _work(tests_of: dict[Site, list[TestRun]], results: Results) -> None:
    """In a process of its own, which never returns."""
    terminal, left = os.dup(1), len(tests_of)

    def report(site: Site, outcome: str, by: str, seconds: float) -> None:
        nonlocal left
        left -= 1
        results.add(site, outcome, by, tests_of[site], seconds)
        line = f"{outcome} {site.file}:{site.line} {site.scope} {site.kind}: {_short(site)}  {by}   {left} left\n"
        os.write(terminal, line.encode())

    tree = Tree()
    try:
        inside = {site: tests for site, tests in tests_of.items() if in_memory.is_possible(site)}
        server = in_memory.Server(tree, inside, report)
        done = tree.pytest(server.files(), 100_000.0, plugin=server)
        if done.status != 0:
            print(done.output[-3000:], flush=True)
        left = len(tests_of) - len(inside)
        for site in [site for site in tests_of if site not in inside]:
            start = time.monotonic()
            outcome, by = _tried_anew(tree, site, tests_of[site])
            report(site, outcome, by, time.monotonic() - start)
    finally:
        tree.remove()
        os._exit(0)


def _tried_anew(tree: Tree, site: Site, tests: list[TestRun]) -> tuple[str, str]:
    """Outcome, and the test that fails. The nearest tests first, then the rest, which takes long to collect."""
    if not tests:
        return "survived", "no test"
    files = list(dict.fromkeys(test.file for test in tests))[:NEAREST_FILES]
    near = [test for test in tests if test.file in files and test.seconds < NEAREST_S]
    for part in (near, [test for test in tests if test not in near]):
        if part:
            done = _confirmed(tree, site, part)
            if done.status != 0:
                return "caught", done.first_failure or {None: "out of time"}.get(done.status, f"status {done.status}")
    return "survived", ""


def _confirmed(tree: Tree, site: Site, tests: list[TestRun]) -> Outcome:
    """A test on real streams may fail because the computer is busy: it must fail twice."""
    for _ in range(2):
        done = tree.mutated(site, [test.name for test in tests], 40.0 + 3.0 * cover_map.seconds_of(tests))
        if not done.first_failure.startswith(IN_REAL_TIME):
            break
    return done


def _short(site: Site) -> str:
    before, after = (" ".join(text.split()) for text in (site.before, site.after))
    if len(before) > 90:
        before = before[:87] + "..."
    if len(after) > 90:
        after = after[:87] + "..."
    return f"`{before}` → `{after}`".replace("|", "\\|")


def summary(chosen: list[Site], results: Results, options: argparse.Namespace) -> str:
    """Counts by folder and the survivors, as Markdown."""
    arguments = tomllib.loads((HERE / "equivalent.toml").read_text(encoding="utf-8")).get("site", [])
    equivalent = {(e["file"], e["scope"], " ".join(e["mutation"].split())): e["why"] for e in arguments}
    counts: dict[str, Counter[str]] = {}
    lines: list[str] = []
    for site in sorted(chosen, key=lambda s: (s.file, s.line)):
        record = results.of(site)
        outcome = str(record["outcome"]) if record else "not run"
        why = equivalent.get((site.file, site.scope, site.mutation), "")
        if outcome == "survived" and why:
            outcome = "equivalent"
        counts.setdefault("/".join(site.file.split("/")[:2]), Counter())[outcome] += 1
        if outcome not in ("caught", "not run"):
            where = f"{site.file}:{site.line} `{site.scope}`"
            lines.append(f"| {where} | {site.kind}: {_short(site)} | {why or '**survived**'} |")
    total: Counter[str] = sum(counts.values(), Counter())
    rows = [_row(name, count) for name, count in [*sorted(counts.items()), ("all", total)]]
    only = f" --only {options.only}" if options.only else ""
    head = f"`python -m tests.mutation --seed {options.seed} --sites {options.sites}{only}`"
    return "\n".join(
        [
            head,
            "",
            "| room | sites | caught | equivalent | survived | caught of those that are not equivalent |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
            "| not caught | mutation | why it is equivalent |",
            "|---|---|---|",
            *lines,
        ]
    )


def _row(name: str, count: Counter[str]) -> str:
    tried = count["caught"] + count["survived"]
    share = f"{100 * count['caught'] / tried:.1f} %" if tried else "–"
    left = f", {count['not run']} not run" if count["not run"] else ""
    cells = (name, f"{count.total()}{left}", count["caught"], count["equivalent"], count["survived"], share)
    return f"| {' | '.join(str(cell) for cell in cells)} |"


if __name__ == "__main__":
    sys.exit(main())
