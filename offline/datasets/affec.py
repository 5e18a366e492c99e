"""AFFEC: 72 people in face-to-face dialogues, 63-channel EEG, Gazepoint gaze and pupils, felt and perceived ratings.

    sub-<id>/sub-<id>_task-fer_run-<n>_events.tsv     onset, duration, flag (trial, video, ...), trial, stim_file
    sub-<id>/eeg/..._eeg.edf                          63 channels, 256 Hz, reference left earlobe
    sub-<id>/beh/..._beh.tsv                          trial, p_emotion_v, p_emotion_a, f_emotion_v, f_emotion_a
    sub-<id>/beh/..._recording-gaze_physio.tsv.gz     62 Hz, Gazepoint's fields, with a side-car
    sub-<id>/beh/..._recording-pupil_physio.tsv.gz    149 Hz

It is BIDS: the mapping file presets/affec.toml says the rest, and another one may take its place.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from offline.datasets.base import Dataset
from offline.datasets.bids import dataset as bids
from offline.datasets.presets import preset

_NOTES = (
    "labels are the valence of what was felt: below, at and above the middle of the scale of 1 to 9",
    "trials shorter than 5 s begin earlier by what they lack, in the fixation before the film",
    "gaze is a fraction of the screen, whose size the release does not state: angles are those of the default screen",
)


def load(root: Path, mapping: Path | None = None) -> Dataset:
    """The data set under root, the folder with sub-*. mapping: in place of the preset."""
    found = bids.load(root, preset("affec", "bids") if mapping is None else mapping)
    card = replace(
        found.card,
        name="affec",
        title="AFFEC",
        licence="CC0 1.0",
        citation="AFFEC: Advancing Face-to-Face Emotion Communication, arXiv:2504.18969",
        url="https://doi.org/10.5281/zenodo.14794876",
        notes=(*found.card.notes, *(_NOTES if mapping is None else _NOTES[2:])),
    )
    return replace(found, card=card)
