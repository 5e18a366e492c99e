"""Is a person's calibration of an earlier day worth using? `python -m offline.benchmarks.personal.earlier_day`.

New simulated people with two days: eight labelled clips of the first, one clip of each emotion of the second for the
decision, and the four others of the second to judge by. Prints, for each rule, in how many people it changes anything
and the change of balanced accuracy in points and of the loss, mean (worst) over all people. A rule that changes nothing
for somebody counts as 0 there.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read by the numeric libraries when they are imported

import numpy as np
from tqdm import tqdm

from offline.benchmarks.trust import cached_sessions
from offline.benchmarks.trust_elements import PersonPredictions, accuracy, n_labelled, run
from offline.benchmarks.trust_people import FAMILIES, BenchSession
from offline.evaluation.metrics import nll
from rtemo.model.bundle import Bundle, load_bundle
from rtemo.model.personal.calibration import PersonalCalibration
from rtemo.model.personal.embedding_memory import EmbeddingMemory
from rtemo.model.personal.fit import LabelledClip, fit_person

DECIDED_ON = 4  # clips of the second day that a rule may look at
Person = PersonalCalibration | None


def clips_of(bundle: Bundle, session: BenchSession, count: int) -> list[LabelledClip]:
    """The first clips of a session, as the application keeps them."""
    memory = EmbeddingMemory(bundle.spec)
    for window, embeddings in session.steps():
        memory.take(window, embeddings)
    return [memory.clip(*bound) for bound in session.bounds[:count]]


def calibrations(bundle: Bundle, day: BenchSession, later: BenchSession) -> dict[str, Person]:
    """Rule -> the calibration that it uses on the later day; None: the trained heads."""
    first, second = clips_of(bundle, day, n_labelled(day)), clips_of(bundle, later, DECIDED_ON)
    earlier = fit_person(bundle, first).person
    return {
        "the earlier day's, where it was kept then": earlier,
        "the same, where the clips of today are likelier by it": earlier if _likelier(bundle, later, earlier) else None,
        "fitted on the clips of today": fit_person(bundle, second).person,
        "fitted on the clips of both days": fit_person(bundle, [*first, *second]).person,
    }


def _likelier(bundle: Bundle, later: BenchSession, person: Person) -> bool:
    if person is None:
        return False
    scored = (later.labels >= 0) & (later.clips < DECIDED_ON)
    return _loss(run(bundle, later, scored, person=person)) < _loss(run(bundle, later, scored))


def _loss(one: PersonPredictions) -> float:
    return float(nll(one.p, one.labels))


def changes(bundle: Bundle, sessions: Sequence[BenchSession]) -> dict[str, tuple[float, float] | None]:
    """Rule -> change of accuracy in points and of loss on the later day's other clips; None where nothing changes."""
    day, later = sessions[:2]
    scored = (later.labels >= 0) & (later.clips >= DECIDED_ON)
    before = run(bundle, later, scored)
    found: dict[str, tuple[float, float] | None] = {}
    for rule, person in calibrations(bundle, day, later).items():
        after = None if person is None else run(bundle, later, scored, person=person)
        found[rule] = (
            None if after is None else (100.0 * (accuracy(after) - accuracy(before)), _loss(after) - _loss(before))
        )
    return found


def table(people: Sequence[Mapping[str, tuple[float, float] | None]]) -> str:
    """Markdown."""
    rows = [
        "| rule | used | accuracy, points: mean (worst), standard error | loss: mean (worst) |",
        "|---|---|---|---|",
    ]
    for rule in people[0]:
        used = [one[rule] for one in people]
        both = np.array([(0.0, 0.0) if one is None else one for one in used])
        error = both[:, 0].std(ddof=1) / np.sqrt(len(both)) if len(both) > 1 else np.nan
        points = f"{both[:, 0].mean():+.1f} ({both[:, 0].min():+.1f}), {error:.1f}"
        loss = f"{both[:, 1].mean():+.3f} ({both[:, 1].max():+.3f})"
        rows.append(f"| {rule} | {sum(one is not None for one in used)} of {len(used)} | {points} | {loss} |")
    return "\n".join(rows)


def main() -> int:
    """Simulate, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m offline.benchmarks.personal.earlier_day", description=__doc__)
    parser.add_argument("--model", type=Path, default=Path("assets/models/demo"), metavar="BUNDLE")
    parser.add_argument("--people", type=int, default=30, metavar="N", help="two families in turn (default 30)")
    parser.add_argument("--first", type=int, default=700, metavar="N", help="number of the first person (default 700)")
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="keep and reuse what the network makes of people")
    options = parser.parse_args()
    bundle, found = load_bundle(options.model), []
    for number in tqdm(range(options.first, options.first + options.people), desc="people", disable=None):
        family = FAMILIES[number % len(FAMILIES)]
        found.append(changes(bundle, cached_sessions(options.cache, bundle, number, family, with_faults=False)))
    sys.stdout.write(table(found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
