"""Ablation of temperatures, sets, gates and smoothing on new simulated people: `python -m offline.benchmarks.trust`.

Writes its tables between the markers of rtemo/model/README.md. Everything is simulated; nothing here measures how well
the model does on anyone's real recordings.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read by the numeric libraries when they are imported

import joblib
from joblib import Parallel, delayed
from tqdm import tqdm

from offline.benchmarks.trust_people import FAMILIES, BenchSession, person_sessions
from offline.benchmarks.trust_tables import report
from rtemo.model.bundle import Bundle, load_bundle
from rtemo.simulate import families

MARKS = ("<!-- trust:begin -->", "<!-- trust:end -->")
README = Path("rtemo/model/README.md")


def main() -> int:
    """Simulate, decode, and write the tables."""
    parser = argparse.ArgumentParser(prog="python -m offline.benchmarks.trust", description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("assets/models/demo"), metavar="BUNDLE")
    parser.add_argument("--people", type=int, default=12, metavar="N", help="how many, two families (default 12)")
    parser.add_argument("--faulty", type=int, default=2, metavar="N", help="of these with every fault (default 2)")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="people at a time (default 2)")
    parser.add_argument("--out", type=Path, default=README, metavar="FILE.md", help="between whose markers to write")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="number of the first person (default 0)")
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="keep and reuse what the network makes of people")
    parser.add_argument(
        "--families", nargs="+", default=FAMILIES, choices=sorted(families.FAMILIES), metavar="NAME",
        help=f"of the simulator, in turn (default: {' '.join(FAMILIES)})",
    )  # fmt: skip
    options = parser.parse_args()
    bundle, names = load_bundle(options.model), options.families
    numbers = range(options.first, options.first + options.people)
    tasks = (
        delayed(cached_sessions)(options.cache, bundle, n, names[n % len(names)], with_faults=i < options.faulty)
        for i, n in enumerate(numbers)
    )
    made = Parallel(n_jobs=options.jobs, return_as="generator")(tasks)
    people: list[list[BenchSession]] = list(tqdm(made, total=options.people, desc="people", disable=None))
    write(options.out, report(bundle, people))
    return 0


def cached_sessions(
    folder: Path | None, bundle: Bundle, number: int, family: str, *, with_faults: bool
) -> list[BenchSession]:
    """One person's sessions, from the cache folder where the same bundle has processed them before."""
    if folder is None:
        return person_sessions(bundle, number, family, with_faults=with_faults)
    path = folder / f"{bundle.fingerprint[:16]}_{family}_{number}_{int(with_faults)}.joblib"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        joblib.dump(person_sessions(bundle, number, family, with_faults=with_faults), partial)
        partial.replace(path)
    found: list[BenchSession] = joblib.load(path)
    return found


def write(path: Path, text: str, marks: tuple[str, str] = MARKS) -> None:
    """Put the text between two marks of a file."""
    before, _, rest = path.read_text(encoding="utf-8").partition(marks[0])
    _, _, after = rest.partition(marks[1])
    path.write_text(f"{before}{marks[0]}\n{text}\n{marks[1]}{after}", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    sys.exit(main())
