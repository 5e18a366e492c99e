"""Simulated people in AFFEC's layout, with no more runs than a test needs."""

from pathlib import Path

from offline.simulated_datasets.affec import write_affec
from offline.simulated_datasets.people import SimulatedPeople


def affec_files(root: Path, people: SimulatedPeople, runs: int) -> Path:
    """Write the first runs of each person into root. Returns root."""
    work = write_affec(root, people, runs)
    work.before()
    for piece in work.pieces:
        piece()
    return root
