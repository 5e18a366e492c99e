"""A build accounts for what it read, rebuilds what another mapping would change, and outlives any reader and worker."""

import json
import os
import signal
from pathlib import Path

import pytest
from small_folders import bids_folder

from offline.__main__ import main
from offline.corpus.build import Workers, build
from offline.corpus.corpus import open_corpus
from offline.datasets.base import Dataset, DatasetCard, Entry
from offline.datasets.bids import dataset as bids
from rtemo.core.errors import RtemoError

TEMPLATE = "[trials]\nstart = 'go'\nlabel_from = 'session'\n[labels]\n'01' = '{}'\n'02' = '{}'\n"
MAPPING = TEMPLATE.format("calm", "tense")


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("TQDM_DISABLE", "1")
    return bids_folder(tmp_path / "root", {"1": ("01", "02"), "2": ("01",), "3": ("02",)})


@pytest.fixture
def run(root, tmp_path, capsys):
    def command(*more, mapping=MAPPING, out="corpus"):
        path = tmp_path / "map.toml"
        path.write_text(mapping)
        where = ["--root", root, "--out", tmp_path / out, "--mapping", path]
        code = main([str(word) for word in ("--quiet", "build", "bids", *where, *more)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err.splitlines()

    return command


def labels_of(path):
    corpus = open_corpus(path)
    return {
        shard.about.id: sorted({corpus.labels[code] for code in shard.rows["label"][shard.labelled]})
        for shard in corpus
    }


@pytest.mark.parametrize(
    ("n", "people"), [(0, "A test"), (1, "A test, 1 of 4 recordings of simulated people"), (4, "simulated people")]
)
def test_simulated_people_stay_simulated_in_whatever_format_they_come(root, run, tmp_path, n, people):
    for table in sorted(root.glob("sub-*/ses-*/eeg/*_events.tsv"))[:n]:
        table.write_text(table.read_text() + "0.0\t0.0\tsession/start seed=7 simulated=1\n")
    assert run()[0] == 0
    assert open_corpus(tmp_path / "corpus").description["people"] == people


def test_a_trial_that_no_whole_window_lies_in_is_listed(root, run, tmp_path):
    table = next(root.glob("sub-1/ses-01/eeg/*_events.tsv"))
    head = table.read_text().splitlines()[0]
    table.write_text(f"{head}\n1.0\t3.5\tgo\n")
    code, _, listed = run()
    assert code == 0
    assert [line for line in listed if "no whole window" in line] == [
        "trial left out: 1@01, trial 1 (calm): no whole window of 4 s lies in its 3.5 s; a shorter hop may find one"
    ]


def test_counts_of_rows_stand_in_the_manifest_in_inspect_and_in_the_last_line(root, run, tmp_path, capsys):
    table = next(root.glob("sub-1/ses-01/eeg/*_events.tsv"))
    table.write_text(table.read_text() + "n/a\t3\tgo\n4.0\t0\tbutton\n")
    code, out, listed = run()
    assert code == 0
    rows = {"event rows read": 6, "event rows used": 4, "event rows left out": 1}
    manifest = json.loads((tmp_path / "corpus" / "manifest.json").read_text())
    assert rows.items() <= manifest["description"]["counts"].items()
    assert rows.items() > dict.fromkeys((), 0).items()
    assert "6 event rows read, 4 used, 1 left out" in out.splitlines()[-1]
    assert any("events.tsv row 3" in line and "'n/a'" in line for line in listed)
    main(["inspect", str(tmp_path / "corpus")])
    assert "event rows    6 read, 4 used, 1 left out" in capsys.readouterr().out


def test_the_mapping_stands_in_the_manifest_with_its_text_and_hash(run, tmp_path):
    run()
    about = open_corpus(tmp_path / "corpus").description["mapping"]
    assert about["text"] == MAPPING
    assert (about["file"], len(about["sha256"])) == ("map.toml", 64)


def test_a_build_that_goes_on_with_another_mapping_does_not_mix_the_two(run, tmp_path):
    """The same labels with the same codes, given to the other session."""
    run()
    assert labels_of(tmp_path / "corpus") == {"1@01": ["calm"], "1@02": ["tense"], "2@01": ["calm"], "3@02": ["tense"]}
    (tmp_path / "corpus" / "manifest.json").unlink()
    swapped = MAPPING.replace("'01'", "'x'").replace("'02'", "'01'").replace("'x'", "'02'")
    run(mapping=swapped)
    assert labels_of(tmp_path / "corpus") == {"1@01": ["tense"], "1@02": ["calm"], "2@01": ["tense"], "3@02": ["calm"]}


@pytest.mark.parametrize(
    "name",
    [
        "sub-1/ses-01/eeg/sub-1_ses-01_space-CapTrak_coordsystem.json",
        "sub-1/ses-01/eeg/sub-1_ses-01_electrodes.tsv",
        "sub-1/ses-01/sub-1_ses-01_scans.tsv",
        "task-film_events.json",
        "task-film_channels.tsv",
        "task-film_eeg.json",
    ],
)
def test_a_changed_side_car_builds_the_recording_again(root, run, tmp_path, name):
    path = root / name
    path.write_text('{"a": 1}' if path.suffix == ".json" else "name\tx\n")
    run()
    before = {shard.about.id: shard.about.key for shard in open_corpus(tmp_path / "corpus")}
    path.write_text('{"a": 22}' if path.suffix == ".json" else "name\tx\ty\n")
    run(out="other")
    after = {shard.about.id: shard.about.key for shard in open_corpus(tmp_path / "other")}
    assert before["1@01"] != after["1@01"]
    assert ("task-film" in name) == (before["2@01"] != after["2@01"])


BROKEN = {
    ".set": b"",
    ".edf": b"0       " + bytes(300),
    ".bdf": b"\xffBIOSEMI" + b"9" * 300,
    ".vhdr": b"Brain Vision Data Exchange Header File Version 1.0\n[Common Infos]\nDataFile=\n",
}


@pytest.mark.parametrize("ending", BROKEN)
@pytest.mark.parametrize("content", [None, b"", b"/annex/objects/MD5E-s1--1\n", b"\0" * 5000, b"[" * 9000])
def test_of_three_people_one_with_a_broken_file_two_are_built(root, run, tmp_path, ending, content):
    for path in root.glob("sub-2/ses-01/eeg/*_eeg.*"):
        path.unlink()
    broken = root / "sub-2" / "ses-01" / "eeg" / f"sub-2_ses-01_task-film_eeg{ending}"
    broken.write_bytes(BROKEN[ending] if content is None else content)
    code, out, listed = run()
    assert code == 0
    assert "3 recordings of 2 people" in out.splitlines()[-1]
    (line,) = [line for line in listed if line.startswith("recording left out")]
    assert str(broken) in line
    if content and b"annex" in content:
        assert "datalad get" in line


@pytest.mark.parametrize("suffix", ["channels.tsv", "events.tsv", "events.json", "eeg.json"])
@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"n/a", b"{]", b"\0\0\0", b'"n/a"'])
def test_a_broken_side_car_costs_no_recording(root, run, suffix, content):
    next(root.glob(f"sub-2/ses-01/eeg/*_{suffix}")).write_bytes(content)
    code, out, listed = run()
    assert code == 0
    assert "4 recordings of 3 people" in out.splitlines()[-1]
    assert any(suffix in line for line in listed)


def test_reasons_are_given_in_full_where_nothing_can_be_built(root, run):
    deep = "a" * 90
    for path in root.rglob("*_eeg.vhdr"):
        path.write_text(deep)
    code, _, listed = run()
    assert code == 2
    assert all(str(path) in listed[0] for path in root.rglob("*_eeg.vhdr"))


CARD = DatasetCard("toy", "a toy", {"calm": 0}, "", "", "")


class Reader:
    """Loads what another loader does, unless it is told to fail."""

    def __init__(self, entry, kind):
        self.entry, self.kind = entry, kind

    def __call__(self):
        if self.kind == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.kind is not None:
            raise self.kind
        return self.entry.load()


def toy(root, kinds):
    entries = bids.load(root).entries
    made = [Entry(e.subject, e.session, e.files, Reader(e, kinds.get(e.subject))) for e in entries]
    return Dataset(CARD, tuple(made), ())


FAILURES = [ValueError("a"), KeyError("b"), ZeroDivisionError(), MemoryError(), RecursionError(), AssertionError("c")]


@pytest.mark.parametrize(
    "error", [*FAILURES, UnicodeDecodeError("x", b"", 0, 1, "y"), NotImplementedError(), OSError(5, "d")]
)
def test_whatever_a_reader_raises_costs_its_recording_only(root, tmp_path, error):
    built = build(toy(root, {"2": error}), "people", tmp_path / "corpus", root=root)
    assert {shard.about.subject for shard in open_corpus(tmp_path / "corpus")} == {"1", "3"}
    assert any("subject 2" in line and type(error).__name__ in line for line in built.omissions)


def test_a_full_disk_is_no_readers_failure(root, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("offline.corpus.shard_writer._GrowingArray.append", full)
    with pytest.raises((OSError, RtemoError), match="No space left"):
        build(toy(root, {}), "people", tmp_path / "corpus", root=root)


def test_a_killed_worker_costs_the_recording_that_killed_it(root, tmp_path):
    built = build(toy(root, {"2": "killed"}), "people", tmp_path / "corpus", workers=Workers(2), root=root)
    assert [shard.about.id for shard in open_corpus(tmp_path / "corpus")] == ["1@01", "1@02", "3@02"]
    (line,) = [line for line in built.omissions if "was killed" in line]
    assert "subject 2 session 01" in line
    assert "memory" in line


def test_links_into_nowhere_are_named_with_the_remedy(root, run):
    for path in root.glob("sub-3/ses-02/eeg/*_eeg.*"):
        path.unlink()
        path.symlink_to(Path("../../../.git/annex/objects/x") / path.name)
    code, out, listed = run()
    assert code == 0
    assert "of 2 people" in out
    assert any("was not fetched" in line and "git annex get" in line for line in listed)
