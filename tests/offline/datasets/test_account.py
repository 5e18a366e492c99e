"""What is left out, noted and counted while a recording is read."""

from __future__ import annotations

import pytest

from offline.datasets.account import Account
from offline.datasets.base import Omission, RowCount
from rtemo.core.errors import RtemoError


def test_the_same_omission_and_the_same_note_are_listed_once_in_order():
    account = Account()
    account.omit("file", 7, ValueError("no"))
    account.omit("file", "7", "yes")
    account.extend([Omission("file", "7", "no"), Omission("eye", "7", "no")])
    assert account.omissions == [Omission("file", "7", "no"), Omission("file", "7", "yes"), Omission("eye", "7", "no")]
    for text in ("b", "a", "b"):
        account.note(text)
    assert account.notes == ["b", "a"]


def test_rows_are_added_up_by_kind():
    account = Account()
    account.count("gaze", 10, 7, 2)
    account.count("events", 1, 0, 1)
    account.count("gaze", 100, 30, 40)
    assert account.rows == {"gaze": RowCount(110, 37, 42), "events": RowCount(1, 0, 1)}


def test_an_error_that_a_user_can_mend_is_an_omission_and_any_other_goes_on():
    account = Account()
    with account.omitting("side-car", "a.json"):
        raise RtemoError("it is empty", "0 bytes")
    assert account.omissions == [Omission("side-car", "a.json", "it is empty; 0 bytes")]
    with pytest.raises(KeyError), account.omitting("side-car", "b.json"):
        raise KeyError("fault of ours")
    assert len(account.omissions) == 1
