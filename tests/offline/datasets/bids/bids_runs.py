"""One small BIDS run that a test spoils: 60 s of five channels, and the files beside it."""

import gzip
import json

import numpy as np

from offline.datasets.bids import dataset as bids
from offline.simulated_datasets.bids import Eye, RunName, write_dataset, write_run
from rtemo.core.channel_map import Screen

LABELS = ("Fp1", "Fp2", "Cz", "O1", "O2")
SCREEN = Screen(1024, 768, 386.0, 290.0, 600.0)
RATE, SECONDS, EYE_RATE = 100.0, 60.0, 60.0
WORDS = ("sad", "fear", "happy", "neutral")
MAPPING = "[trials]\nstart = '(?P<label>sad|fear|happy|neutral)'\n[labels]\n" + "".join(f"{w} = '{w}'\n" for w in WORDS)
ROWS = [(5.0, 8.0, "sad"), (20.0, 8.0, "fear"), (35.0, 8.0, "happy"), (50.0, 8.0, "neutral")]


class Run:
    """The files of one run. text and json edit the side-cars, load reads the recording with MAPPING."""

    def __init__(self, root, seed=1, name=None, eyes=("left",), seconds=SECONDS):
        self.root, self.name = root, name or RunName("01", "film")
        if not (root / "dataset_description.json").exists():
            write_dataset(root, "A test", ["01"])
        rng = np.random.default_rng(seed)
        self.samples = rng.normal(0, 30, (int(seconds * RATE), len(LABELS)))
        times = np.arange(int(seconds * EYE_RATE)) / EYE_RATE
        self.seen = [
            np.column_stack([rng.uniform(9, 700, (len(times), 2)), rng.uniform(2, 5, len(times))]) for _ in eyes
        ]
        made = [Eye(side, EYE_RATE, times, seen) for side, seen in zip(eyes, self.seen, strict=True)]
        events = [dict(zip(("onset", "duration", "trial_type"), row, strict=True)) for row in ROWS]
        write_run(root, self.name, self.samples, LABELS, RATE, events, made, SCREEN)
        self.folder = self.name.folder(root)
        (root / "mapping.toml").write_text(MAPPING)

    def file(self, suffix, ending, **more):
        return self.folder / self.name.file(suffix, ending, **more)

    @property
    def events(self):
        return self.file("events", ".tsv")

    def eye(self, n=1, ending=".tsv.gz"):
        return self.file("physio", ending, recording=f"eye{n}")

    def write_events(self, rows, columns=("onset", "duration", "trial_type"), encoding="utf-8"):
        lines = ["\t".join(columns), *("\t".join(map(str, row)) for row in rows)]
        self.events.write_bytes(("\n".join(lines) + "\n").encode(encoding))

    def change(self, path, **more):
        about = json.loads(path.read_text()) | more
        path.write_text(json.dumps({key: value for key, value in about.items() if value is not ...}))

    def change_eye(self, n=1, **more):
        self.change(self.eye(n, ".json"), **more)

    def write_eye(self, rows, n=1):
        text = "".join("\t".join("n/a" if c != c else str(c) for c in row) + "\n" for row in rows)
        self.eye(n).write_bytes(gzip.compress(text.encode()))

    def eye_rows(self, n=1):
        """Timestamps in seconds, and the values."""
        return [[k / EYE_RATE, *row] for k, row in enumerate(self.seen[n - 1].tolist())]

    def load(self, mapping=MAPPING):
        path = self.root / "mapping.toml"
        path.write_text(mapping)
        return bids.load(self.root, path).entries[0].load()


def labels_at(recording):
    """(seconds from the first run's begin, label) of each trial."""
    return [(round(trial.start_s - 20.0, 3), trial.label) for trial in recording.trials]


def reasons(recording, kind=None):
    return [str(one) for one in recording.omissions if kind in (None, one.kind)]


def gaze_of(recording, block_s=0.4):
    """Times from the EEG's begin, and values; (None, None) where there is no gaze."""
    streams = [stream for stream in recording.streams if stream.modality == "gaze"]
    if not streams:
        return None, None
    chunks = list(streams[0].chunks(block_s))
    return np.concatenate([c.stamps for c in chunks]) - 20.0, np.concatenate([c.values for c in chunks])
