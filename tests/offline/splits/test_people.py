from __future__ import annotations

from dataclasses import fields, replace

import pytest

from offline.splits import FEWEST_CALIBRATION, SubjectSplit, check_disjoint, split_subjects
from rtemo.core.errors import RtemoError

PEOPLE = [f"p{i}" for i in range(40)]


def test_everybody_is_on_exactly_one_side():
    split = split_subjects(PEOPLE, 3)
    everyone = [person for field in fields(split) for person in getattr(split, field.name)]
    assert sorted(everyone) == sorted(PEOPLE)


def test_the_seed_decides_and_the_order_of_the_people_does_not():
    assert split_subjects(PEOPLE, 3) == split_subjects(PEOPLE[::-1], 3)
    assert split_subjects(PEOPLE, 3) != split_subjects(PEOPLE, 4)


def test_enough_people_calibrate_for_ninety_percent_sets():
    assert len(split_subjects(PEOPLE[:20], 0).calibration) >= FEWEST_CALIBRATION


def test_too_few_people_are_refused():
    with pytest.raises(RtemoError, match="too few people"):
        split_subjects(PEOPLE[:12], 0)


@pytest.mark.parametrize("side", ["validation", "calibration", "test"])
def test_a_person_on_two_sides_is_refused_by_name(side):
    split = split_subjects(PEOPLE, 0)
    leaked = split.train[0]
    with pytest.raises(RtemoError, match=f"'{leaked}' in train and {side}"):
        check_disjoint(replace(split, **{side: (*getattr(split, side), leaked)}))


def test_an_empty_side_is_refused():
    with pytest.raises(RtemoError, match="nobody for test"):
        check_disjoint(SubjectSplit(("a",), ("b",), ("c",), ()))
