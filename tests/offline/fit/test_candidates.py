"""Which method ships: the simplest within one standard error of the best, and what choosing is worth."""

from __future__ import annotations

import numpy as np
import pytest

from offline.evaluation.methods import METHODS
from offline.evaluation.methods.own import OwnNetwork
from offline.fit.candidates import REFERENCE, all_candidates, nested_scores, simplest_of_the_best
from rtemo.core.errors import RtemoError

ORDER = ("simple", "middle", "complex")


def people(*values):
    return {f"p{i}": value for i, value in enumerate(values)}


def test_the_simplest_that_is_not_told_apart_from_the_best_is_taken():
    best = people(0.5, 0.6, 0.4, 0.7)
    close = people(0.45, 0.62, 0.41, 0.66)  # behind by 0.015, with a standard error of 0.016
    far = people(0.4, 0.5, 0.3, 0.6)  # behind by 0.1 in everybody: its own spread says nothing
    assert simplest_of_the_best({"simple": close, "complex": best}, ORDER) == "simple"
    assert simplest_of_the_best({"simple": far, "complex": best}, ORDER) == "complex"
    assert simplest_of_the_best({"simple": far, "middle": close, "complex": best}, ORDER) == "middle"
    assert simplest_of_the_best({"simple": best, "complex": best}, ORDER) == "simple"
    with pytest.raises(RtemoError, match="no method"):
        simplest_of_the_best({}, ORDER)


def test_choosing_among_methods_that_know_nothing_is_worth_chance():
    """The best of twenty coins looks better than chance; what the others would have chosen does not."""
    random = np.random.default_rng(4)
    names = [f"m{i}" for i in range(20)]
    best, nested = [], []
    for _ in range(60):
        scores = {name: people(*random.normal(0.25, 0.1, 12)) for name in names}
        groups = [[f"p{i}" for i in range(start, start + 3)] for start in (0, 3, 6, 9)]
        best.append(max(np.mean(list(own.values())) for own in scores.values()))
        found = nested_scores(scores, groups, names)
        assert sorted(found) == sorted(people(*range(12)))
        nested.append(np.mean(list(found.values())))
    assert np.mean(best) > 0.29
    assert np.mean(nested) == pytest.approx(0.25, abs=0.01)


def test_every_method_of_the_list_is_a_candidate_once_and_chance_never_ships():
    found = [one.name for one in all_candidates(lambda mode, initial: OwnNetwork(), None)]
    assert len(set(found)) == len(found)
    assert set(METHODS) - set(found) == {REFERENCE}
    assert set(found) - set(METHODS) == {"network from scratch"}
