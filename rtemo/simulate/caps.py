"""Montages that can be simulated: caps by name, and well-spread electrode sets of any size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rtemo.core.errors import RtemoError
from rtemo.simulate.eeg.anatomy import DEFAULT_REFERENCE, atlas

SEED62 = (
    "FP1 FPZ FP2 AF3 AF4 F7 F5 F3 F1 FZ F2 F4 F6 F8 FT7 FC5 FC3 FC1 FCZ FC2 FC4 FC6 FT8 T7 C5 C3 C1 CZ C2 C4 C6 T8 "
    "TP7 CP5 CP3 CP1 CPZ CP2 CP4 CP6 TP8 P7 P5 P3 P1 PZ P2 P4 P6 P8 PO7 PO5 PO3 POZ PO4 PO6 PO8 CB1 O1 OZ O2 CB2"
)
BIOSEMI64 = (
    "Fp1 AF7 AF3 F1 F3 F5 F7 FT7 FC5 FC3 FC1 C1 C3 C5 T7 TP7 CP5 CP3 CP1 P1 P3 P5 P7 P9 PO7 PO3 O1 Iz Oz POz Pz CPz "
    "Fpz Fp2 AF8 AF4 AFz Fz F2 F4 F6 F8 FT8 FC6 FC4 FC2 FCz Cz C2 C4 C6 T8 TP8 CP6 CP4 CP2 P2 P4 P6 P8 P10 PO8 PO4 O2"
)
STANDARD_1020 = "Fp1 Fp2 F7 F3 Fz F4 F8 T7 C3 Cz C4 T8 P7 P3 Pz P4 P8 O1 O2"
ACTICAP32 = (
    "Fp1 Fz F3 F7 FT9 FC5 FC1 C3 T7 TP9 CP5 CP1 Pz P3 P7 O1 Oz O2 P4 P8 TP10 CP6 CP2 Cz C4 T8 FT10 FC6 FC2 F4 F8 Fp2"
)
OPENBCI16 = "Fp1 Fp2 C3 C4 P7 P8 O1 O2 F7 F8 F3 F4 T7 T8 P3 P4"


@dataclass(frozen=True, slots=True)
class SimulatedMontage:
    """Channel labels as the amplifier sends them, the electrode that each one is, and the recording reference."""

    name: str
    labels: tuple[str, ...]
    electrodes: tuple[str, ...]
    reference: tuple[str, ...] = DEFAULT_REFERENCE


def _named(name: str, electrodes: str, reference: tuple[str, ...] = DEFAULT_REFERENCE) -> SimulatedMontage:
    chosen = tuple(electrodes.split())
    return SimulatedMontage(name, chosen, chosen, reference)


def _biosemi(name: str, order: str) -> SimulatedMontage:
    """BioSemi's amplifier sends A1..A32, B1..B32; on the 64-channel cap these are 10-20 places."""
    electrodes = tuple(order.split())
    labels = tuple(f"{'AB'[index // 32]}{index % 32 + 1}" for index in range(len(electrodes)))
    return SimulatedMontage(name, labels, electrodes)


MONTAGES = {
    montage.name: montage
    for montage in (
        _named("seed62", SEED62),
        _named("standard_1020", STANDARD_1020),
        _named("openbci8", " ".join(OPENBCI16.split()[:8])),
        _named("openbci16", OPENBCI16),
        _named("acticap32", ACTICAP32, ("FCz",)),
        _named("biosemi64", BIOSEMI64),
        _biosemi("biosemi64_ab", BIOSEMI64),
        _named("egi128", " ".join(f"E{number}" for number in range(1, 129)), ("E129",)),
        _named("muse", "TP9 AF7 AF8 TP10", ("Fpz",)),
    )
}
USUAL = {8: "openbci8", 16: "openbci16", 19: "standard_1020", 32: "acticap32", 62: "seed62", 64: "biosemi64"}


def montage(name: str) -> SimulatedMontage:
    """The cap of this name; RtemoError lists the names."""
    if name not in MONTAGES:
        raise RtemoError("unknown montage", f"{name!r}", f"choose one of {', '.join(MONTAGES)}")
    return MONTAGES[name]


def spread(n_channels: int) -> SimulatedMontage:
    """Well-spread electrodes, so many: the usual cap of that size where there is one, else farthest-point sampling.

    The farthest points start at Cz and go through the 10-05 names, so a larger set holds every smaller one.
    """
    if n_channels in USUAL:
        return montage(USUAL[n_channels])
    stored = atlas("default")
    names = _ten_five()
    if not 1 <= n_channels <= len(names):
        raise RtemoError("cannot simulate so many EEG channels", f"{n_channels}", f"ask for 1 to {len(names)}")
    points = stored.electrodes[[stored.rows[name.lower()] for name in names]].astype(np.float64)
    chosen = [names.index("Cz")]
    nearest = np.full(len(names), np.inf)
    while len(chosen) < n_channels:
        nearest = np.minimum(nearest, np.linalg.norm(points - points[chosen[-1]], axis=1))
        chosen.append(int(np.argmax(nearest)))
    labels = tuple(names[index] for index in chosen)
    return SimulatedMontage(f"spread{n_channels}", labels, labels)


def _ten_five() -> list[str]:
    """The 10-05 names of the stored electrodes without old names and without those far down the face and neck."""
    others = {"T3", "T4", "T5", "T6", "CB1", "CB2"}
    return [
        name
        for name in atlas("default").labels
        if name not in others and not name.startswith("E") and not name.removesuffix("h").endswith(("9", "10"))
    ]
