"""Failures of other people's readers and files become errors that name the file, the reason and a remedy."""

from __future__ import annotations

import warnings

import pytest

from offline.datasets.child_process import CHILD, ProcessDied
from offline.datasets.foreign import check_content, collected_warnings, isolated, reading, unreadable
from rtemo.core.errors import RtemoError


def test_any_failure_names_the_file_its_kind_and_what_to_do(tmp_path):
    path = tmp_path / "a.set"
    with pytest.raises(RtemoError) as caught, reading(path, "as EEG"):
        raise KeyError("of\n  two lines")
    assert str(caught.value) == f"{path} cannot be read as EEG; KeyError: 'of\\n two lines'; copy the file again"
    with pytest.raises(RtemoError) as caught, reading(path, todo="export it again"):
        raise ValueError("of\n  two lines")
    assert str(caught.value) == f"{path} cannot be read; ValueError: of two lines; export it again"
    own = RtemoError("it is empty")
    with pytest.raises(RtemoError) as caught, reading(path):
        raise own
    assert caught.value is own


def test_want_of_memory_has_a_remedy_of_its_own(tmp_path):
    text = str(unreadable(tmp_path, MemoryError("no")))
    assert text == f"{tmp_path} cannot be read; MemoryError: no; use a computer with more memory, or fewer --jobs"


@pytest.mark.parametrize(("letters", "shown"), [(399, 399), (400, 400), (401, 400)])
def test_long_reasons_are_cut_after_400_letters(tmp_path, letters, shown):
    text = str(unreadable(tmp_path, ValueError(letters * "x")))
    assert f"ValueError: {shown * 'x'}{' ...' * (letters > 400)}; copy" in text


POINTERS = [
    (b"/annex/objects/SHA256E-s5--ab.set\n", "it is a git-annex pointer"),
    (b"../annex/objects/x"[1:], "it is a git-annex pointer"),
    (b".git/annex/objects/x", "it is a git-annex pointer"),
    (b"version https://git-lfs.github.com/spec/v1\n", "it is a Git LFS pointer"),
    (b"version https://git-lfs.github.com/spec/v1\n" + 500 * b" ", "it is a Git LFS pointer"),
]


@pytest.mark.parametrize(("content", "found"), POINTERS)
def test_a_pointer_is_no_content(tmp_path, content, found):
    (path := tmp_path / "a.set").write_bytes(content)
    with pytest.raises(RtemoError) as caught:
        check_content(path)
    assert str(caught.value) == (
        f"the content of {path} was not fetched; {found}; "
        "fetch it: `datalad get`, `git annex get` or `git lfs pull` in the data set's folder"
    )


def test_an_empty_file_and_a_link_to_nothing_are_said(tmp_path):
    (empty := tmp_path / "a.set").touch()
    with pytest.raises(RtemoError) as caught:
        check_content(empty)
    assert str(caught.value) == f"{empty} is empty; 0 bytes; copy the file again"
    (link := tmp_path / "b.set").symlink_to("nowhere")
    with pytest.raises(RtemoError, match="was not fetched; it is a link to nowhere, which is not there; fetch it"):
        check_content(link)
    with pytest.raises(FileNotFoundError):
        check_content(tmp_path / "c.set")


def test_data_are_content_also_behind_a_link(tmp_path):
    (path := tmp_path / "a.set").write_bytes(b"data")
    (link := tmp_path / "b.set").symlink_to(path)
    long = tmp_path / "c.set"
    for size, is_pointer in ((399, True), (400, False)):  # a pointer is a short file
        long.write_bytes(b"/annex/objects/".ljust(size, b"x"))
        if is_pointer:
            with pytest.raises(RtemoError):
                check_content(long)
        else:
            check_content(long)
    check_content(path)
    check_content(link)


def test_a_reader_that_dies_is_a_file_that_cannot_be_read(tmp_path, monkeypatch):
    monkeypatch.setattr(CHILD, "run", lambda read, *arguments: read(*arguments))
    assert isolated(lambda path, more: (path, more), tmp_path, 3) == (tmp_path, 3)

    def dies(path):
        raise ProcessDied("killed")

    with pytest.raises(RtemoError) as caught:
        isolated(dies, tmp_path, what="as EEG")
    assert str(caught.value) == f"{tmp_path} cannot be read as EEG; ProcessDied: killed; copy the file again"


def test_warnings_are_collected_each_text_once_in_order():
    with collected_warnings() as texts:
        for text in ("b\n  c", "a", "b c"):
            warnings.warn(text, stacklevel=1)
    assert texts == ["b c", "a"]
