"""Which data sets `fetch` knows by name: where the free ones are, and where to ask for the others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from rtemo.core.errors import RtemoError

_ACCESSION = re.compile(r"(ds|on|nm)\d{6}|zenodo:\d+")


@dataclass(frozen=True, slots=True)
class OpenSet:
    """A free data set. accessions: its numbers. only: patterns of the files of a Zenodo record that are read."""

    accessions: tuple[str, ...]
    build: str
    only: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GatedSet:
    """A data set that people have to ask for. put: what goes where, and the command that reads it."""

    ask: str
    put: str


OPEN: Mapping[str, OpenSet] = {
    "faced": OpenSet(("nm000112",), "build bids --preset faced"),
    "bbbd": OpenSet(("nm000255", "nm000256"), "build bids --preset bbbd"),
    "dens": OpenSet(("ds003751",), "build bids --preset dens"),
    "emoeeg-mc": OpenSet(("ds005540",), "build bids --preset emoeeg-mc"),
    "eegeyenet": OpenSet(("ds007338",), "build bids --preset eegeyenet"),
    "affec": OpenSet(("zenodo:14794876",), "build affec", ("core*", "eeg*", "gaze*", "pupil*", "*.tsv", "*.json")),
    "eeg-et": OpenSet(("zenodo:14860668",), "build xdf --preset eeg-et", ("*xdf*",)),
}
_SEED = "https://bcmi.sjtu.edu.cn/home/seed/: sign the licence agreement; BCMI sends a link"
GATED: Mapping[str, GatedSet] = {
    "seed": GatedSet(_SEED, "Preprocessed_EEG/ in one folder; build seed --root FOLDER"),
    "seed-iv": GatedSet(_SEED, "eeg_raw_data/ and eye_feature_smooth/ in one folder; build seed-iv --root FOLDER"),
    "seed-v": GatedSet(
        _SEED,
        "EEG_raw/, Eye_movement_features/ and trial_start_end_timestamp.txt in one folder; build seed-v --root FOLDER",
    ),
    "seed-vii": GatedSet(
        _SEED, "EEG_raw/, EYE_raw/, EYE_features/ and save_info/ in one folder; build seed-vii --root FOLDER"
    ),
    "habs": GatedSet(
        "Hugging Face, HABS neuro-ai-hackathon-2026: ask there with an account, for research only",
        "its folder as it comes; its layout is in its DATASET.md: python -m offline mapping FOLDER",
    ),
    "mer-ps": GatedSet("the MER 2026 challenge: CC BY-NC-SA after an agreement", "it has no eyes; build bids or xdf"),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """One thing to be fetched. name: of its folder. build: how it is built afterwards."""

    accession: str
    name: str
    only: tuple[str, ...] = ()
    build: str = "build bids"


def wanted(word: str) -> tuple[Wanted, ...]:
    """What a name, a preset or an accession stands for. RtemoError for a gated set says where to ask for it."""
    if word in OPEN:
        one = OPEN[word]
        names = [word] if len(one.accessions) == 1 else [f"{word}-{number}" for number in one.accessions]
        return tuple(Wanted(*pair, one.only, one.build) for pair in zip(one.accessions, names, strict=True))
    if word in GATED:
        gated = GATED[word]
        raise RtemoError(f"{word} cannot be downloaded freely", f"ask at {gated.ask}", f"put {gated.put}")
    if not _ACCESSION.fullmatch(word):
        known = f"known are {', '.join([*OPEN, *GATED])}"
        raise RtemoError(f"there is no data set {word!r}", known, "or give a number, such as ds005540 or nm000112")
    return (Wanted(word, word.replace(":", "-")),)
