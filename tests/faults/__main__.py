"""`python -m tests.faults`: runs the faults and writes their table; kill, fuzz, soak, sessions. See README.md."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from .catalog import all_faults
from .fault import Fault
from .judge import Result
from .run_fault import run_fault
from .table import write_table

OTHERS = {"kill": ".kill", "fuzz": ".fuzz", "soak": ".soak", "sessions": ".sessions.random_sessions"}


def main() -> int:
    """Parse and run."""
    if len(sys.argv) > 1 and sys.argv[1] in OTHERS:
        return int(importlib.import_module(OTHERS[sys.argv[1]], __package__).main(sys.argv[2:]))
    p = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    p.add_argument("--only", action="append", default=[], metavar="NAME", help="these faults; a part of a name counts")
    p.add_argument("--mode", choices=("xdf", "live"))
    p.add_argument("--list", action="store_true", help="print the faults")
    p.add_argument("--quick", action="store_true", help="the short selection of the gate")
    p.add_argument("--keep", type=Path, metavar="DIR", help="leave what each run writes in DIR/NAME")
    p.add_argument("--jobs", type=int, default=2)
    p.add_argument("--results", type=Path, metavar="FILE.jsonl", help="a line a fault")
    p.add_argument("--write", action="store_true", help="write the table into README.md")
    args = p.parse_args()
    chosen = [fault for fault in all_faults() if _is_chosen(fault, args)]
    if args.list:
        for fault in chosen:
            print(f"{fault.mode}  {fault.name}  {fault.changes or fault.acts}"[:160])
        print(f"{len(chosen)} faults")
        return 0
    results = _run_all(chosen, args)
    if args.write:
        write_table(results)
    wrong = [one for one in results if not one.right]
    print(f"{len(results)} faults, {len(results) - len(wrong)} right, {len(wrong)} wrong")
    return 1 if wrong else 0


def _is_chosen(fault: Fault, args: argparse.Namespace) -> bool:
    named = not args.only or any(
        part == fault.name or (part.endswith("*") and fault.name.startswith(part[:-1])) for part in args.only
    )
    return named and (args.mode in (None, fault.mode)) and (fault.quick or not args.quick)


def _run_all(chosen: list[Fault], args: argparse.Namespace) -> list[Result]:
    results: dict[str, Result] = {}
    out = args.results.open("a", encoding="utf-8") if args.results else None
    with ThreadPoolExecutor(args.jobs) as pool:

        def one(fault: Fault) -> None:
            begun_s = time.monotonic()
            try:
                result = run_fault(fault, args.keep / fault.name if args.keep else None)
            except Exception as error:  # noqa: BLE001 - the bench's own fault: it must be seen as such
                result = Result(fault.name, fault.mode, wrong=[f"the bench failed: {type(error).__name__}: {error}"])
            results[fault.name] = result
            text = "right" if result.right else "; ".join(result.wrong)
            print(f"{fault.name}: {text} ({time.monotonic() - begun_s:.0f} s)", flush=True)
            if out is not None:
                out.write(json.dumps(asdict(result)) + "\n")
                out.flush()

        list(pool.map(one, chosen))
    if out is not None:
        out.close()
    return [results[fault.name] for fault in chosen]


if __name__ == "__main__":
    sys.exit(main())
