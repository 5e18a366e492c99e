"""Fetching from a server of the tests: whole files with the right checksums, whatever the network does to them."""

import io
import json
import os
import zipfile
from pathlib import Path

import pytest
from archive import Archive
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from offline.__main__ import main
from offline.fetch.catalogue import GATED, OPEN, Wanted, wanted
from offline.fetch.fetch import MARK, fetch, unpack
from offline.fetch.listing import Servers, by_recording, listing
from offline.fetch.transfer import Patience, digest
from rtemo.core.errors import RtemoError

FILES = {
    "dataset_description.json": b'{"Name": "Noise", "License": "CC0"}',
    "participants.tsv": b"participant_id\nsub-1\nsub-2\nsub-10\n",
    **{f"sub-{n}/eeg/sub-{n}_task-rest_eeg.edf": bytes([n]) * 5000 for n in (1, 2, 10)},
    **{f"sub-{n}/eeg/sub-{n}_task-rest_eeg.json": b"{}" for n in (1, 2, 10)},
}
EEG = "sub-2/eeg/sub-2_task-rest_eeg.edf"
ONE = Wanted("nm000999", "noise")


@pytest.fixture
def archive():
    with Archive() as made:
        made.files = dict(FILES)
        yield made


@pytest.fixture
def pauses():
    return []


@pytest.fixture
def connection(pauses):
    return Patience(stall_s=0.3, pause=pauses.append)


def mirror(archive):
    return Servers(mirror=archive.url)


def on_disk(folder):
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name != MARK
    }


def test_everything_comes_with_licence_and_citation_shown_before_and_kept(archive, connection, tmp_path):
    said = []
    found = fetch(ONE, tmp_path / "out", None, mirror(archive), connection, said.append)
    assert on_disk(tmp_path / "out") == FILES
    assert found.failed == ()
    assert said[1:3] == ["licence: cc-zero", "cite: A. Nobody. Noise. 10.0/1"]
    assert "8 files, 3 people" in said[3]
    mark = json.loads((tmp_path / "out" / MARK).read_text())
    assert mark["licence"] == "cc-zero"
    assert mark["files"][EEG] == f"md5:{archive.md5(EEG)}"


@pytest.mark.parametrize("n", [1, 2])
def test_the_first_people_are_those_of_the_smallest_numbers(archive, connection, tmp_path, n):
    fetch(ONE, tmp_path, n, mirror(archive), connection)
    people = {path.split("/")[0] for path in on_disk(tmp_path) if path.startswith("sub-")}
    assert people == {"sub-1", "sub-2"} if n == 2 else {"sub-1"}
    assert "participants.tsv" in on_disk(tmp_path)


def test_a_transfer_that_breaks_goes_on_where_it_broke(archive, connection, tmp_path, pauses):
    archive.broken[EEG] = 3
    assert fetch(ONE, tmp_path, None, mirror(archive), connection).failed == ()
    assert on_disk(tmp_path) == FILES
    assert archive.transfers(EEG) == ["", "bytes=2500-", "bytes=3750-", "bytes=4375-"]
    assert pauses == [1.0, 2.0, 4.0]


def test_a_server_that_cannot_go_on_in_the_middle_sends_all_of_it_again(archive, connection, tmp_path):
    archive.broken[EEG], archive.no_ranges = 2, True
    assert fetch(ONE, tmp_path, None, mirror(archive), connection).failed == ()
    assert on_disk(tmp_path) == FILES


def test_a_server_that_stalls_is_left_and_the_file_listed(archive, connection, tmp_path):
    archive.stalled.add(EEG)
    quick = Patience(tries=2, stall_s=0.2, pause=connection.pause)
    found = fetch(ONE, tmp_path, None, mirror(archive), quick)
    assert len(found.failed) == 1
    assert EEG in found.failed[0]
    assert "timed out" in found.failed[0]
    assert set(FILES) - set(on_disk(tmp_path)) == {EEG}
    archive.stalled.clear()
    archive.asked.clear()
    assert fetch(ONE, tmp_path, None, mirror(archive), connection).failed == ()
    assert [path for path, _ in archive.asked] == [EEG]
    assert archive.transfers(EEG)[0].startswith("bytes=")
    assert on_disk(tmp_path) == FILES


def test_wrong_bytes_are_thrown_away_and_fetched_again(archive, connection, tmp_path):
    archive.corrupt[EEG] = 2
    assert fetch(ONE, tmp_path, None, mirror(archive), connection).failed == ()
    assert on_disk(tmp_path) == FILES
    assert archive.transfers(EEG) == ["", "", ""]


def test_a_file_that_is_never_what_was_announced_is_not_kept(archive, connection, tmp_path):
    archive.wrong_sums.add(EEG)
    found = fetch(ONE, tmp_path, None, mirror(archive), connection)
    assert "md5 is" in found.failed[0]
    assert set(FILES) - set(on_disk(tmp_path)) == {EEG}
    assert not list(tmp_path.rglob("*.part"))


def test_what_is_not_there_is_asked_for_once_and_the_others_come(archive, connection, tmp_path):
    archive.gone.add(EEG)
    found = fetch(ONE, tmp_path, None, mirror(archive), connection)
    assert "404" in found.failed[0]
    assert archive.transfers(EEG) == [""]
    assert set(FILES) - set(on_disk(tmp_path)) == {EEG}


def test_a_server_that_is_busy_is_asked_again(archive, connection, tmp_path, pauses):
    archive.unavailable[EEG] = 2
    assert fetch(ONE, tmp_path, None, mirror(archive), connection).failed == ()
    assert len(pauses) == 2


def test_what_is_there_is_checked_and_not_fetched_again(archive, connection, tmp_path):
    fetch(ONE, tmp_path, None, mirror(archive), connection)
    (tmp_path / EEG).write_bytes(b"\0" * 5000)
    archive.asked.clear()
    found = fetch(ONE, tmp_path, None, mirror(archive), connection)
    assert found.transferred == 1
    assert [path for path, _ in archive.asked] == [EEG]
    assert on_disk(tmp_path) == FILES


def test_the_bucket_of_openneuro_is_listed_page_by_page(connection, tmp_path):
    with Archive("ds000999", page=3) as archive:
        archive.files = dict(FILES)
        found = fetch(Wanted("ds000999", "x"), tmp_path, None, Servers(openneuro=archive.url), connection)
    assert on_disk(tmp_path) == FILES
    assert found.about["licence"].startswith("CC0")


def zipped(files):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return data.getvalue()


def test_archives_of_zenodo_are_unpacked_once(connection, tmp_path):
    with Archive("zenodo:14794876") as archive:
        archive.files = {"core.zip": zipped(FILES), "videostream.zip": zipped({"v": b"v"}), "README.md": b"r"}
        one = Wanted("zenodo:14794876", "affec", ("core*", "*.md"))
        fetch(one, tmp_path, None, Servers(zenodo=archive.url), connection)
        assert on_disk(tmp_path) == {**FILES, "README.md": b"r"}
        archive.asked.clear()
        fetch(one, tmp_path, None, Servers(zenodo=archive.url), connection)
        assert archive.asked == []


@pytest.mark.parametrize("name", ["../outside", "/etc/x", "a/../../b"])
def test_nothing_is_written_outside_of_the_folder(archive, connection, tmp_path, name):
    (tmp_path / "a.zip").write_bytes(zipped({name: b"x"}))
    with pytest.raises(RtemoError, match="reaches out of its folder"):
        unpack(tmp_path / "a.zip", tmp_path / "in")
    archive.files = {name: b"x"}
    with pytest.raises(RtemoError, match="outside of the data set"):
        listing("nm000999", mirror(archive), connection)
    assert not (tmp_path / "in").exists()


def test_an_archive_that_unpacks_to_far_more_than_it_is_stays_packed(tmp_path):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("big", b"\0" * (8 << 20))
    (tmp_path / "a.zip").write_bytes(data.getvalue())
    with pytest.raises(RtemoError, match="is no data set"):
        unpack(tmp_path / "a.zip", tmp_path / "in")


EXAMPLES = int(os.environ.get("RTEMO_FUZZ", "25"))


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_a_server_answers_is_a_listing_or_one_clear_error(monkeypatch, data):
    """JSON and XML of any content in the place of the answers."""
    words = ["latest", "path", "url", "size", "files", "key", "links", "self", "metadata", "license"]
    plain = st.none() | st.booleans() | st.integers(-5, 2**70) | st.sampled_from(["v1", "a.zip", "md5:0", "", "\0"])
    values = st.recursive(
        plain,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(words), inner),
        max_leaves=8,
    )
    raw = st.sampled_from(
        [b"", b"<a", b"<!DOCTYPE x>", b"<a><Contents><Key>ds1/x</Key></Contents></a>", b"\xff\xfe", b"[" * 9999]
    )
    answer = lambda *_: data.draw(values.map(lambda value: json.dumps(value).encode()) | raw)  # noqa: E731
    monkeypatch.setattr("offline.fetch.listing.get", answer)
    accession = data.draw(st.sampled_from(["nm000999", "zenodo:1", "ds000999"]))
    found, said = (), "."
    try:
        found = listing(accession, Servers(), Patience()).files
    except RtemoError as error:
        said = str(error)
    assert said
    assert "\n" not in said
    assert all(".." not in one.path.parts and not one.path.is_absolute() for one in found)


def test_names_presets_and_numbers_are_known_and_gated_sets_tell_where_to_ask():
    from offline.cli.data import PRESETS

    assert set(PRESETS) <= set(OPEN)
    assert [one.accession for one in wanted("bbbd")] == ["nm000255", "nm000256"]
    assert wanted("ds005540") == (Wanted("ds005540", "ds005540"),)
    for name in GATED:
        with pytest.raises(RtemoError, match=r"cannot be downloaded freely; ask at .*; put "):
            wanted(name)
    with pytest.raises(RtemoError, match="there is no data set 'ds12'"):
        wanted("ds12")


def test_git_names_content_as_git_does(tmp_path):
    (tmp_path / "a").write_bytes(b"hello\n")
    assert digest(tmp_path / "a", "git") == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_recordings_are_people_and_their_sessions(archive, connection):
    archive.files = {f"sub-{s}/ses-{k}/eeg/sub-{s}_ses-{k}_eeg.edf": b"x" for s in (10, 2) for k in (1, 2)}
    archive.files |= {"sub-2/sub-2_scans.tsv": b"x", "sub-3/eeg/sub-3_eeg.edf": b"x", "participants.tsv": b"x"}
    found = dict(by_recording(listing("nm000999", mirror(archive), connection).files))
    assert list(found) == [("sub-2", "1"), ("sub-2", "2"), ("sub-3", ""), ("sub-10", "1"), ("sub-10", "2")]
    assert [one.path.name for one in found["sub-2", "2"]] == ["sub-2_scans.tsv", "sub-2_ses-2_eeg.edf"]


def test_the_command_fetches_and_names_the_next_one(archive, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["--quiet", "fetch", "nm000999", "--mirror", archive.url]) == 0
    out = capsys.readouterr()
    assert out.out == "nm000999: build bids --root nm000999 --out CORPUS\n"
    assert "licence: cc-zero" in out.err
    assert on_disk(Path("nm000999")) == FILES
    archive.gone.add("participants.tsv")
    (tmp_path / "nm000999" / "participants.tsv").unlink()
    assert main(["--quiet", "fetch", "nm000999", "--mirror", archive.url]) == 2
    assert "1 files were not fetched" in capsys.readouterr().err
    assert main(["--quiet", "fetch", "seed-iv"]) == 2
    assert "bcmi.sjtu.edu.cn" in capsys.readouterr().err
    assert main(["--quiet", "fetch", "nm000999", "--subjects", "0"]) == 2
