"""Compressed recordings that are no recordings: bombs, and what a killed reader leaves behind."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import tempfile
import zlib

import pytest

from rtemo.core.errors import RtemoError
from rtemo.sources.xdf import file as xdf_file
from rtemo.sources.xdf.chunks import MAGIC
from rtemo.sources.xdf.file import XdfFile


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress], ids=["gzip", "zlib"])
def test_a_bomb_is_refused_and_leaves_nothing(pack, tmp_path, temporary, monkeypatch):
    monkeypatch.setattr(xdf_file, "LEAST_BYTES", 1 << 20)
    bomb = tmp_path / "a.xdfz"
    bomb.write_bytes(pack(MAGIC + bytes(64 << 20)))
    with pytest.raises(RtemoError, match="holds more than"):
        XdfFile(bomb)
    assert list(temporary.iterdir()) == []


def test_what_is_compressed_well_and_small_is_read(tmp_path, temporary):
    path = tmp_path / "a.xdf.gz"
    path.write_bytes(gzip.compress(MAGIC + bytes(8 << 20)))
    file = XdfFile(path)
    assert file.size == len(MAGIC) + (8 << 20)
    file.close()
    assert list(temporary.iterdir()) == []


def test_what_a_killed_reader_left_is_removed_and_what_a_living_one_reads_is_not(tmp_path, temporary):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left, kept = temporary / f"rtemo-xdf-{gone.pid}-abc", temporary / f"rtemo-xdf-{os.getppid()}-abc"
    left.mkdir()
    kept.mkdir()
    path = tmp_path / "a.xdf.gz"
    path.write_bytes(gzip.compress(MAGIC + bytes(100)))
    XdfFile(path).close()
    assert list(temporary.iterdir()) == [kept]
