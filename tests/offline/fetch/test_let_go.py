"""`build --fetch --let-go`: a set that the disk could not hold is built recording by recording, and goes on."""

import numpy as np
import pytest
from archive import Archive

from offline.__main__ import main
from offline.corpus.build import build
from offline.corpus.corpus import open_corpus
from offline.datasets.bids import dataset as bids
from offline.fetch.catalogue import Wanted
from offline.fetch.listing import Servers
from offline.fetch.remote_dataset import remote_dataset
from offline.fetch.transfer import Patience
from offline.simulated_datasets.bids import RunName, write_dataset, write_run
from offline.workers import Workers

LABELS, HZ, SECONDS = ("Fp1", "Fp2", "Cz", "O1", "O2"), 100.0, 30
ONE = Wanted("nm000999", "noise")
RULES = "[trials]\nstart = '(?P<label>sad|happy)'\n[labels]\nsad = 'sad'\nhappy = 'happy'\n"
MAPPING = f"[dataset]\nname = 'study'\n{RULES}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root, rng = tmp_path_factory.mktemp("bids") / "root", np.random.default_rng(1)
    people = ["01", "02", "03", "04"]
    write_dataset(root, "Noise", people)
    shown = ((4.0, "sad"), (16.0, "happy"))
    events = [{"onset": onset, "duration": 10.0, "trial_type": word} for onset, word in shown]
    for who in people:
        for session in ("a", "b"):
            eeg = rng.normal(0, 30, (int(HZ * SECONDS), len(LABELS)))
            write_run(root, RunName(who, "film", session), eeg, LABELS, HZ, events)
    return root


@pytest.fixture
def archive(folder):
    with Archive() as made:
        made.add_folder(folder)
        yield made


def remote(archive, root, mapping=None, **more):
    connection = Patience(stall_s=0.5, pause=lambda _: None, **more)
    return remote_dataset(ONE, root, mapping, None, Servers(mirror=archive.url), connection)


def size(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_the_corpus_is_that_of_the_whole_folder_and_the_disk_never_holds_it(archive, folder, tmp_path, monkeypatch):
    (tmp_path / "map.toml").write_text(MAPPING)
    work, most = tmp_path / "work", []
    archive.on_file = lambda: most.append(size(work))
    build(remote(archive, work, tmp_path / "map.toml"), "noise", tmp_path / "let_go")
    build(bids.load(folder, tmp_path / "map.toml"), "noise", tmp_path / "whole")
    there, whole = open_corpus(tmp_path / "let_go"), open_corpus(tmp_path / "whole")
    assert [shard.about.content for shard in there] == [shard.about.content for shard in whole]
    assert [shard.about.files.keys() for shard in there]
    assert there.labels == ("sad", "happy")
    assert there.shards[0].about.dataset == "study"
    assert there.description["licence"] == "cc-zero"
    one = size(folder) / 8
    assert max(most) < 2.0 * one < size(folder) / 3
    assert size(work) < 0.2 * one


def test_several_workers_build_the_same(archive, tmp_path):
    build(remote(archive, tmp_path / "work"), "noise", tmp_path / "one")
    build(remote(archive, tmp_path / "work"), "noise", tmp_path / "two", workers=Workers(2))
    one, two = open_corpus(tmp_path / "one"), open_corpus(tmp_path / "two")
    assert one.fingerprint == two.fingerprint
    assert not list((tmp_path / "work" / "recordings").iterdir())


def test_without_a_mapping_it_is_material_without_labels_under_its_own_number(archive, tmp_path):
    build(remote(archive, tmp_path / "work"), "noise", tmp_path / "corpus")
    corpus = open_corpus(tmp_path / "corpus")
    assert corpus.labels == ()
    assert {shard.about.dataset for shard in corpus} == {"nm000999"}
    assert not any(len(shard.labelled) for shard in corpus)


def test_a_recording_that_cannot_be_fetched_is_listed_and_the_others_are_built(archive, tmp_path):
    path = "sub-02/ses-a/eeg/sub-02_ses-a_task-film_eeg.eeg"
    archive.gone.add(path)
    built = build(remote(archive, tmp_path / "work"), "noise", tmp_path / "corpus")
    assert len(open_corpus(tmp_path / "corpus").shards) == 7
    assert any(path in line and "404" in line for line in built.omissions)
    assert not list((tmp_path / "work" / "recordings").iterdir())


def test_an_interrupted_build_goes_on_and_fetches_nothing_twice(archive, tmp_path, monkeypatch):
    archive.broken = {path: 1 for path in archive.files if path.endswith(".eeg")}
    asked = archive.asked
    with pytest.raises(KeyboardInterrupt):
        archive_stops(archive, asked, monkeypatch, tmp_path)
    before = {path for path, _ in asked if path.endswith(".eeg")}
    assert 0 < len(before) < 8
    asked.clear()
    build(remote(archive, tmp_path / "work"), "noise", tmp_path / "corpus")
    again = {path for path, _ in asked if path.endswith(".eeg")}
    assert len(open_corpus(tmp_path / "corpus").shards) == 8
    assert len(before & again) <= 1
    assert len(before | again) == 8


def archive_stops(archive, asked, monkeypatch, tmp_path):
    """A build that is interrupted when the fourth recording is asked for."""

    def interrupt(_):
        if len({path for path, _ in asked if path.endswith(".eeg")}) == 4:
            raise KeyboardInterrupt

    connection = Patience(stall_s=0.5, pause=interrupt)
    dataset = remote_dataset(ONE, tmp_path / "work", None, None, Servers(mirror=archive.url), connection)
    build(dataset, "noise", tmp_path / "corpus")


def test_a_changed_recording_is_fetched_and_built_again(archive, tmp_path):
    build(remote(archive, tmp_path / "work"), "noise", tmp_path / "corpus")
    (tmp_path / "corpus" / "manifest.json").unlink()
    archive.asked.clear()
    path = "sub-03/ses-b/eeg/sub-03_ses-b_task-film_eeg.eeg"
    archive.files[path] = archive.files[path][::-1]
    build(remote(archive, tmp_path / "work"), "noise", tmp_path / "corpus")
    assert {path for path, _ in archive.asked if path.endswith(".eeg")} == {path}


def test_the_command_builds_and_lets_go(archive, tmp_path, capsys):
    work, out = tmp_path / "work", tmp_path / "corpus"
    command = ["--quiet", "build", "bids", "--fetch", "nm000999", "--mirror", archive.url]
    assert main([*command, "--let-go", "--root", str(work), "--out", str(out), "--subjects", "2"]) == 0
    assert "4 recordings of 2 people" in capsys.readouterr().out
    assert not (work / "recordings").exists()
    assert main(["--quiet", "build", "bids", "--let-go", "--root", str(tmp_path), "--out", str(tmp_path / "x")]) == 2
    assert "name what to fetch" in capsys.readouterr().err
    whole = tmp_path / "all"
    assert main([*command, "--root", str(whole), "--out", str(tmp_path / "y"), "--subjects", "1"]) == 0
    assert (whole / "sub-01").is_dir()
