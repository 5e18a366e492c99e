"""Pickles of arrays are read, whatever NumPy wrote them; nothing else is."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pytest

from offline.datasets.seed.safe_pickle import load_trials
from rtemo.core.errors import RtemoError


def packed(path, content: bytes):
    np.savez(path, data=np.array(content))
    return path


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_arrays_and_scalars_of_any_protocol_are_read(tmp_path, protocol):
    trials = {0: np.arange(6.0).reshape(2, 3), 1: np.float64(2.5), 2: np.arange(3, dtype=np.int16)}
    found = load_trials(packed(tmp_path / "a.npz", pickle.dumps(trials, protocol)), "data")
    assert list(found) == [0, 1, 2]
    np.testing.assert_array_equal(found[0], [[0, 1, 2], [3, 4, 5]])
    assert found[1] == 2.5
    assert {values.dtype for values in found.values()} == {np.dtype(np.float64)}


def test_the_names_of_older_numpy_are_known(tmp_path):
    new = pickle.dumps({3: np.arange(2.0)}, 2)
    for module in (b"numpy._core.multiarray", b"numpy.core.multiarray"):
        written = new.replace(b"numpy._core.multiarray", module)
        assert load_trials(packed(tmp_path / "b.npz", written), "data")[3].tolist() == [0.0, 1.0]


class Harmful:
    def __reduce__(self):
        return os.system, ("true",)


def test_a_pickle_that_asks_for_anything_else_is_refused_unread(tmp_path):
    path = packed(tmp_path / "c.npz", pickle.dumps({0: Harmful()}))
    with pytest.raises(RtemoError, match=r"holds more than arrays; it asks for posix\.system|nt\.system"):
        load_trials(path, "data")


@pytest.mark.parametrize("content", [b"", b"no pickle", pickle.dumps([1]), pickle.dumps({"a": 1.0})])
def test_what_is_no_dict_of_arrays_is_refused(tmp_path, content):
    with pytest.raises(RtemoError):
        load_trials(packed(tmp_path / "d.npz", content + b" " * (not content)), "data")


def test_a_member_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(RtemoError, match="'label'"):
        load_trials(packed(tmp_path / "e.npz", pickle.dumps({})), "label")


def test_an_array_of_objects_is_never_unpickled_by_numpy(tmp_path):
    np.savez(path := tmp_path / "f.npz", data=np.array(pickle.dumps({0: 1.0}), dtype=object))
    with pytest.raises(RtemoError, match=r"cannot be read as pickled arrays \('data'\); ValueError"):
        load_trials(path, "data")
