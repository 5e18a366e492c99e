"""Simulated people in a data set's own on-disk layout, so that loaders and training run without licensed data.

Every sample follows from the seed. The folder appears in one step: what an interruption leaves behind is no data set.
Where they differ from the real ones is described in offline/simulated_datasets/seed_people.py and viewing_people.py.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from joblib import Parallel, delayed
from tqdm import tqdm

from offline.simulated_datasets.affec import write_affec
from offline.simulated_datasets.mark import MARK
from offline.simulated_datasets.people import SimulatedPeople, Work
from offline.simulated_datasets.seed_people import write_seed_iv, write_seed_v
from offline.simulated_datasets.viewing_people import write_bids, write_eegeyenet
from rtemo.core.errors import RtemoError

# NAME -> how it is written, how many people it has, and how many its file names can distinguish
_WORK: Mapping[str, tuple[Callable[[Path, SimulatedPeople], Work], int, int]] = {
    "seed-iv": (write_seed_iv, 15, 999),
    "seed-v": (write_seed_v, 16, 999),
    "eegeyenet": (write_eegeyenet, 117, 36 * 36 - 1),
    "affec": (write_affec, 72, 26**4 - 1),
    "bids": (write_bids, 47, 99),
}


def synthesize(
    name: str,
    out: Path,
    subjects: int | None = None,
    seed: int = 0,
    scale: float = 1.0,
    effect: float = 1.0,
    family: str = "default",
    jobs: int = 1,
    traps: tuple[str, ...] = (),
) -> Path:
    """Write `subjects` people (default: as many as the data set has) in NAME's layout to a new folder `out`.

    RtemoError where NAME has no writer, `out` exists, or a number makes no sense.
    """
    if name not in _WORK:
        raise RtemoError(f"no writer for the data set {name!r}", f"there are {', '.join(_WORK)}")
    plan, usual, most = _WORK[name]
    people = SimulatedPeople(usual if subjects is None else subjects, seed, scale, effect, family, traps)
    if not (1 <= people.subjects <= most and seed >= 0 and scale > 0):
        found = f"{people.subjects} subjects, seed {seed}, scale {scale:g}"
        raise RtemoError(
            f"cannot synthesize {name} like this", found, f"use 1 to {most} subjects, seed >= 0, scale > 0"
        )
    if out.exists():
        raise RtemoError(f"{out} exists already", "nothing is overwritten", "name another folder")
    partly = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partly, ignore_errors=True)
    partly.mkdir(parents=True)
    work = plan(partly, people)
    work.before()
    done = Parallel(n_jobs=jobs, return_as="generator")(delayed(piece)() for piece in work.pieces)
    results = list(tqdm(done, total=len(work.pieces), desc=f"synthesize {name}", unit="piece", disable=None))
    work.after(results)
    content: dict[str, Any] = {"layout": name, "seed": seed, "scale": scale, "effect": effect, "family": family}
    if traps:
        content["traps"] = list(traps)
    (partly / MARK).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    partly.rename(out)
    return out
