"""`python -m offline mapping` proposes a file that builds; the presets fit the side-cars that the public sets have."""

import re

import numpy as np
import pytest
from bids_runs import ROWS, WORDS, Run, labels_at, reasons

from offline.__main__ import main
from offline.datasets import xdf
from offline.datasets.bids import dataset as bids
from offline.datasets.mapping import read_mapping
from offline.datasets.presets import LOADER_OF, preset
from offline.simulated_datasets.bids import RunName
from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, Chunk, StreamInfo
from rtemo.sources.xdf.writer import XdfWriter


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path / "root") if (tmp_path / "root").mkdir() is None else None


def proposed(root, tmp_path):
    path = tmp_path / "proposal.toml"
    assert main(["mapping", str(root), "--out", str(path)]) == 0
    return path


def loaded(run, path):
    return bids.load(run.root, path).entries[0].load()


def test_words_of_the_usual_column_become_labels(run, tmp_path):
    run.write_events([*ROWS, (1.0, 0, "button")])
    path = proposed(run.root, tmp_path)
    assert labels_at(loaded(run, path)) == [(onset, word) for onset, _, word in ROWS]
    text = path.read_text()
    assert "column trial_type: sad (1), fear (1), happy (1), neutral (1), button (1)" in text
    assert read_mapping(path).labels == {word: word for word in WORDS}


def test_a_column_for_the_label_and_one_for_the_clip_are_found(run, tmp_path):
    rows = [(on, length, "film", word, f"v{k}", 0.5 + k) for k, (on, length, word) in enumerate(ROWS)]
    run.write_events(rows, ("onset", "duration", "trial_type", "emotion_label", "video_index", "Valence"))
    recording = loaded(run, proposed(run.root, tmp_path))
    assert labels_at(recording) == [(onset, word) for onset, _, word in ROWS]
    assert [trial.clip for trial in recording.trials] == [f"bids/v{k}" for k in range(4)]
    assert [trial.targets["Valence"] for trial in recording.trials] == [0.5, 1.5, 2.5, 3.5]


@pytest.mark.parametrize(
    "word", ['a "quoted" one', "back\\slash", "(regular|expression)*", "tab\u00a0and \u00fcml\u00e4ut", "#", "'"]
)
def test_any_word_survives_the_way_into_a_file_and_back(run, tmp_path, word):
    run.write_events([(5, 8, word), (20, 8, "sad")])
    assert [label for _, label in labels_at(loaded(run, proposed(run.root, tmp_path)))] == [word, "sad"]


def test_what_cannot_be_read_is_said_in_the_proposal(run, tmp_path):
    Run(run.root, name=RunName("02", "film")).events.write_text("")
    text = proposed(run.root, tmp_path).read_text()
    assert "# could not be used: side-car left out: sub-02_task-film_events.tsv" in text
    assert "4 events in 1 files" in text


def write_xdf(path, marks):
    eeg = StreamInfo(
        "e",
        "EEG",
        "EEG",
        "float32",
        100.0,
        tuple(Channel(name, "EEG", "microvolts") for name in ("Fp1", "Fp2", "C3", "C4")),
    )
    columns = len(marks[0][1])
    markers = StreamInfo(
        "m", "Marks", "Markers", "string", 0.0, tuple(Channel(name) for name in ("event", "video")[:columns])
    )
    with XdfWriter(path) as writer:
        writer.add_stream(eeg)
        writer.add_stream(markers)
        values = np.random.default_rng(1).normal(0, 20, (6000, 4)).astype(np.float32)
        writer.write_chunk(Chunk("e", 100 + np.arange(6000) / 100, values))
        stamps = np.array([time_s for time_s, _ in marks])
        writer.write_chunk(Chunk("m", stamps, np.array([words for _, words in marks], dtype=object)))
    return path


def test_markers_of_recordings_are_proposed_with_their_ends(tmp_path):
    write_xdf(
        tmp_path / "P1.xdf", [(105, ["happy start"]), (115, ["all end"]), (120, ["sad start"]), (130, ["all end"])]
    )
    path = proposed(tmp_path, tmp_path.parent)
    recording = xdf.load(tmp_path, path).entries[0].load()
    assert [(trial.label, trial.start_s, trial.stop_s) for trial in recording.trials] == [
        ("happy start", 105.0, 115.0),
        ("sad start", 120.0, 130.0),
    ]


@pytest.mark.parametrize("name", ["video", "2"])
def test_the_second_column_of_markers_can_be_label_or_clip(tmp_path, name):
    write_xdf(tmp_path / "P1.xdf", [(105, ["go", "joy"]), (120, ["go", "fear"]), (130, ["rest", "x"])])
    path = tmp_path / "map.toml"
    columns = f"label_column = '{name}'\nclip_column = '{name}'\n"
    trials = f"[trials]\nstart = 'go'\nduration_s = 8.0\n{columns}"
    path.write_text(f"{trials}[labels]\njoy = 'joy'\nfear = 'fear'\n")
    recording = xdf.load(tmp_path, path).entries[0].load()
    assert [(trial.label, trial.clip) for trial in recording.trials] == [("joy", "xdf/joy"), ("fear", "xdf/fear")]
    assert recording.rows["event"].used == 2
    assert any("'rest' (1)" in note for note in recording.notes)


def test_a_folder_without_events_and_an_existing_file_are_errors(tmp_path, capsys):
    assert main(["mapping", str(tmp_path)]) == 2
    assert main(["mapping", str(tmp_path / "nothing")]) == 2
    (tmp_path / "there").write_text("")
    assert main(["mapping", str(tmp_path), "--out", str(tmp_path / "there")]) == 2
    assert all(line.startswith("error: ") for line in capsys.readouterr().err.splitlines())


FACED = [
    "onset",
    "duration",
    "trial_type",
    "value",
    "sample",
    "emotion_label",
    "binary_label",
    "video_index",
    "Joy",
    "Tenderness",
    "Inspiration",
    "Amusement",
    "Anger",
    "Disgust",
    "Fear",
    "Sadness",
    "Arousal",
    "Valence",
    "Familiarity",
    "Liking",
]
FILMS = [
    ("Forrest Gump", "Inspiration", "20"),
    ("The Shining", "Fear", "7"),
    ("The Shining", "Fear", "8"),
    ("Blue", "\\", "13"),
]


def test_faced_is_read_from_its_own_columns(run):
    """As its events.tsv are: a byte-order mark, several clips of one film, and a backslash for neutral."""
    rows = [(0.5 * k, 0.0, "Experiment start", 5, 50 * k, *["n/a"] * 15) for k in range(5)]
    ratings = [[round(0.1 + k, 3)] * 12 for k in range(4)]
    rows += [
        (onset, length, title, 6, int(onset * 100), emotion, "x", clip, *ratings[k])
        for k, ((onset, length, _), (title, emotion, clip)) in enumerate(zip(ROWS, FILMS, strict=True))
    ]
    run.write_events(rows, FACED, "utf-8-sig")
    recording = loaded(run, preset("faced", "bids"))
    assert labels_at(recording) == [(5.0, "inspiration"), (20.0, "fear"), (35.0, "fear"), (50.0, "neutral")]
    assert [trial.clip for trial in recording.trials] == ["bids/20", "bids/7", "bids/8", "bids/13"]
    assert recording.trials[1].targets["Valence"] == 1.1
    assert reasons(recording) == []
    assert recording.rows["event"].used == 4
    assert len(bids.load(run.root, preset("faced", "bids")).card.labels) == 9


def test_bbbd_takes_the_session_for_the_label(tmp_path):
    first = Run(tmp_path, seed=1, name=RunName("01", "stim01", "01"))
    Run(tmp_path, seed=2, name=RunName("01", "stim01", "02"))
    entries = bids.load(first.root, preset("bbbd", "bids")).entries
    assert [entry.load().trials[0].label for entry in entries] == ["attentive", "distracted"]
    assert {entry.load().trials[0].clip for entry in entries} == {"bids/stim01"}
    with pytest.raises(RtemoError, match="for BIDS folders"):
        preset("bbbd", "xdf")


DENS = ("onset", "duration", "trial_type", "label")
FILMS_OF_DENS = [("12_1", "12.m4v", 9.0, 8.0), ("neutral_1_2", "neutral_1.mp4", 6.0, 4.0), ("7_3", "7.mp4", 2.0, 7.5)]


@pytest.mark.parametrize("unit", [1000.0, 100.0])
def test_dens_finds_its_ratings_by_the_films_names_and_its_unit_by_the_length(tmp_path, unit):
    """unit: ms, or samples at 100 Hz. The rows of ratings are in another order than the films were shown."""
    run = Run(tmp_path, seconds=200.0)
    rows = [(unit * (5 + 62 * k), 0, "stm", label) for k, (label, *_) in enumerate(FILMS_OF_DENS)]
    run.write_events([(unit * 2, 0, "Fixation", "x"), *rows], DENS)
    beh = run.folder.parent / "beh" / run.name.file("beh", ".tsv")
    beh.parent.mkdir()
    columns = ("", "stimuliName", "valence", "arousal", "dominance", "liking", "familiarity", "relevance")
    lines = ["\t".join(columns)]
    lines += [f"{k}\t{name}\t{v}\t{a}\t5\t5\t5\t5" for k, (_, name, v, a) in enumerate(FILMS_OF_DENS[::-1])]
    beh.write_text("\n".join(lines) + "\n")
    recording = loaded(run, preset("dens", "bids"))
    assert labels_at(recording) == [(5.0, "HVHA"), (67.0, "HVLA"), (129.0, "LVHA")]
    assert [trial.clip for trial in recording.trials] == ["bids/12.m4v", "bids/neutral_1.mp4", "bids/7.mp4"]
    assert any("onsets are taken as" in note for note in recording.notes)


def test_emoeeg_mc_pairs_the_rows_of_ratings_with_its_trials(run):
    marks = [
        (5.0, 0, 28, "fade"),
        (15.0, 0, 29, "rating"),
        (18.0, 0, 27, "n/a"),
        (20.0, 0, 28, "fade"),
        (33.0, 0, 30, "ima"),
    ]
    run.write_events(marks, ("onset", "duration", "stim_type", "trial_type"))
    beh = run.folder.parent / "beh" / run.name.file("beh", ".tsv")
    beh.parent.mkdir()
    scores = [f"score_{k}" for k in range(1, 11)]
    lines = ["\t".join(["trial_number", "video_name", *scores])]
    lines += ["\t".join([str(k + 1), "35", *["3"] * 7, valence, "1", "1"]) for k, valence in enumerate(("6.5", "1.0"))]
    beh.write_text("\n".join(lines) + "\n")
    recording = loaded(run, preset("emoeeg-mc", "bids"))
    assert labels_at(recording) == [(5.0, "positive"), (20.0, "negative")]
    assert recording.trials[0].targets["score_8"] == 6.5
    beh.write_text("\n".join(lines[:2]) + "\n")
    recording = loaded(run, preset("emoeeg-mc", "bids"))
    assert recording.trials == ()
    assert any("1 rows for 2 trials" in one for one in reasons(recording))


def test_the_eeg_eye_tracking_set_takes_its_tasks_from_the_names_of_its_marker_streams(tmp_path):
    """Its streams as its own application sends them: Muse, webcam gaze in pixels, the stimulus's place, states."""
    eeg = tuple(Channel(name, "EEG", "microvolts") for name in ("TP9", "AF7", "AF8", "TP10", "Right AUX"))
    axes = tuple(Channel(axis, f"Screen{axis.upper()}", "pixels", "both") for axis in "xy")
    streams = [
        StreamInfo("1", "Muse-1A2B", "EEG", "float32", 256.0, eeg),
        StreamInfo("2", "webcam", "Gaze", "float32", 0.0, axes),
        StreamInfo("3", "level-1-smooth-stimulus", "Stimulus", "float32", 0.0, axes),
        StreamInfo("4", "level-1-smooth-markers", "Markers", "string", 0.0, (Channel("state"),)),
    ]
    rng, times = np.random.default_rng(0), np.arange(0, 40, 1 / 256)
    (tmp_path / "xdf").mkdir()
    with XdfWriter(tmp_path / "xdf" / "P007_01.xdf") as writer:
        for info in streams:
            writer.add_stream(info)
        writer.write_chunk(Chunk("1", 100 + times, rng.normal(0, 20, (len(times), 5)).astype(np.float32)))
        seen = 100 + np.arange(0, 40, 1 / 25)
        places = rng.uniform(200, 1000, (len(seen), 2)).astype(np.float32)
        writer.write_chunk(Chunk("2", seen, places))
        writer.write_chunk(Chunk("3", seen, places))
        states = np.array([["starting"], ["moving"], ["stopped"]], object)
        writer.write_chunk(Chunk("4", np.array([101.0, 105.0, 135.0]), states))
    (entry,) = xdf.load(tmp_path / "xdf", preset("eeg-et", "xdf")).entries
    assert (entry.subject, entry.session) == ("P007", "01")
    recording = entry.load()
    assert [(t.label, t.start_s, t.stop_s) for t in recording.trials] == [("level-1-smooth", 105.0, 135.0)]
    assert [stream.modality for stream in recording.streams] == ["eeg", "gaze"]


def test_every_preset_of_the_command_line_is_there():
    from offline.cli.data import PRESETS

    for name in PRESETS:
        rules = read_mapping(preset(name, LOADER_OF[name]))
        assert rules.codes or name == "eegeyenet"
        assert rules.dataset
        assert not re.search(r"\.py\b", rules.source["text"])
