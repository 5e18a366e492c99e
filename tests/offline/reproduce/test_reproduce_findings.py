"""From result files to tables and plots: people are the units, and no number is made up."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from offline.reproduce import figures
from offline.reproduce.findings import comparison, controls, few_labels, missing, new_clips, panels
from offline.reproduce.report import cell_text, in_short
from offline.reproduce.runs import ExperimentRun, faults_for, runs_of
from offline.reproduce.scale import FULL, SMALL

BOTH = ("eeg", "eye")


def scores(values: list[float], chance: float = 0.25) -> dict[str, Any]:
    level = [{"balanced_accuracy": value} for value in values]
    return {
        "chance": chance,
        "per_subject": [{"subject": f"s{n}", "window": one, "trial": one} for n, one in enumerate(level)],
    }


def result(values: list[float], tests: dict[str, list[float]] | None = None, **more: Any) -> dict[str, Any]:
    return {
        **scores(values),
        "tests": {name: scores(own) for name, own in (tests or {}).items()},
        "missing": {},
        **more,
    }


PEOPLE = 12
RNG = np.random.default_rng(1)
LOW = RNG.uniform(0.25, 0.35, PEOPLE).tolist()
HIGH = [value + 0.1 + 0.0001 * (n - 5.5) for n, value in enumerate(LOW)]  # ties make the paired test slow


def test_seeds_are_averaged_within_people_before_anything_is_told_of_people():
    results = {
        ExperimentRun("network", "scratch", BOTH, 0): result([0.2, 0.4]),
        ExperimentRun("network", "scratch", BOTH, 1): result([0.4, 0.4]),
    }
    (row,) = comparison(results)
    cell = row.cells[BOTH]
    assert cell.value == pytest.approx(0.35)
    assert cell.n == 2
    assert cell.people == pytest.approx({"s0": 0.3, "s1": 0.4})
    assert cell.by_seed == pytest.approx((0.3, 0.4))
    assert cell.sd == pytest.approx(np.std([0.3, 0.4], ddof=1))


def test_pretraining_is_tested_against_scratch_with_the_same_modalities():
    results = {
        ExperimentRun("network", "scratch", BOTH, 0): result(LOW),
        ExperimentRun("network", "gaze", BOTH, 0): result(HIGH),
        ExperimentRun("network", "all", BOTH, 0): result(LOW),
        ExperimentRun("network", "scratch", ("eeg",), 0): result(HIGH),
        ExperimentRun("de-lr", "scratch", ("eeg",), 0): result(LOW),
    }
    rows = {row.name: row for row in comparison(results)}
    assert rows["network, pretrained on gaze"].cells[BOTH].p == pytest.approx(3 * 2 / 2**PEOPLE)  # Holm: times three
    assert rows["network, pretrained on all"].cells[BOTH].p == 1.0
    assert rows["network from scratch"].cells[("eeg",)].p is None
    assert rows["network from scratch"].cells[("eye",)] is None
    assert rows["DE + logistic regression"].cells[BOTH] is None
    (text,) = in_short(list(rows.values()))
    assert text.startswith("Both: from scratch ")
    assert "+10.0 points over 12 people (p\u00a0=\u00a00.0015 after Holm's correction)" in text


def test_curves_begin_clean_and_go_on_in_the_order_of_severity():
    tests = {"channel-loss=0.8": [0.26] * 3, "channel-loss=0.4": [0.3] * 3, "montage=19": LOW[:3], "montage=8": LOW[:3]}
    results = {ExperimentRun("de-lr", "scratch", ("eeg",), 0): result([0.4] * 3, tests)}
    loss, montage = panels(results)
    assert [at for at, _ in loss.curves[0].points] == [None, 0.4, 0.8]
    assert [cell.value for _, cell in loss.curves[0].points] == pytest.approx([0.4, 0.3, 0.26])
    assert [at for at, _ in montage.curves[0].points] == [None, 19.0, 8.0]  # fewer electrodes are worse


def test_the_control_and_the_comparison_are_kept_apart():
    results = {
        ExperimentRun("de-lr", "scratch", ("eeg",), 0): result(HIGH),
        ExperimentRun("de-lr", "scratch", ("eeg",), 0, control=True): result([0.25] * 4),
    }
    ((name, offer, cell),) = controls(results)
    assert (name, offer, cell.value, cell.n) == ("DE + logistic regression", "EEG", 0.25, 4)
    assert comparison(results)[0].cells[("eeg",)].n == PEOPLE


def test_a_missing_modality_is_told_of_methods_that_have_both():
    gone = {"missing": {"eeg": scores([0.3, 0.3]), "eye": scores([0.2, 0.3])}}
    results = {
        ExperimentRun("early-fusion", "scratch", BOTH, 0): result([0.4, 0.5], **gone),
        ExperimentRun("de-lr", "scratch", ("eeg",), 0): result([0.3, 0.4]),
    }
    ((name, cells),) = missing(results)
    assert name.startswith("early fusion")
    assert {key: cell.value for key, cell in cells.items()} == pytest.approx({"Both": 0.45, "EEG": 0.3, "Eye": 0.25})


def test_a_cell_tells_mean_spread_interval_and_p():
    results = {
        ExperimentRun("network", "scratch", BOTH, 0): result(LOW),
        ExperimentRun("network", "gaze", BOTH, 0): result(HIGH),
    }
    text = cell_text(comparison(results)[1].cells[BOTH])
    assert text.splitlines()[0] == f"{100 * np.mean(HIGH):.1f}\u00a0% ± {100 * np.std(HIGH, ddof=1):.1f}"
    assert text.splitlines()[2] == "p = 0.00049"


def test_plots_are_whole_drawings_with_searchable_text_and_ids_of_their_own():
    tests = {"emg=30": LOW, "emg=100": LOW}
    results = {
        ExperimentRun("de-lr", "scratch", ("eeg",), 0): result(HIGH, tests),
        ExperimentRun("network", "scratch", ("eeg",), 0): result(HIGH, tests),
    }
    drawings = [figures.bars(comparison(results)), figures.curves(panels(results))]
    ids = []
    for drawing in drawings:
        root = ET.fromstring(drawing)
        ids.append({node.get("id") for node in root.iter() if node.get("id")})
        assert root.get("viewBox")
        assert not root.get("width")
        assert "network from scratch" in drawing
        assert "http" not in drawing.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
            "http://creativecommons.org", ""
        )
    assert not ids[0] & ids[1]


def test_every_curve_can_be_told_and_the_legend_lies_within_the_figure():
    tests = {"emg=30": LOW, "emg=100": LOW}
    inits = ["gaze estimation", "attention", "emotion, unlabelled", "all"]
    runs = [ExperimentRun(method, "scratch", BOTH, 0) for method in ("early-fusion", "late-fusion", "network")]
    runs += [ExperimentRun(method, init, BOTH, 0) for init in inits for method in ("network", "probe")]
    found = panels({run: result(HIGH, tests) for run in runs})
    looks = figures.looks_of(found[0].curves)
    assert list(looks) == [curve.name for curve in found[0].curves]
    drawn = {(look["color"], look["marker"], str(look["linestyle"])) for look in looks.values()}
    assert len(drawn) == len(runs)
    frozen, whole = (looks[f"{kind}, pretrained on all"] for kind in ("frozen network", "network"))
    assert frozen["color"] == whole["color"]
    assert frozen["linestyle"] != whole["linestyle"]

    for shown in (found, [*found, *found]):
        root = ET.fromstring(figures.curves(shown))
        width = float(root.get("viewBox").split()[2])
        legend = next(node for node in root.iter() if (node.get("id") or "").endswith("legend_1"))
        texts = [node for node in legend.iter() if node.tag.endswith("text")]
        assert len(texts) == len(runs)
        for node in texts:
            x = float(node.get("x"))
            assert 20 < x < width - 4.5 * len(node.text)  # a line is before it, and letters are 4.5 points wide or more


def test_every_run_of_the_comparison_has_a_file_of_its_own():
    runs = runs_of(FULL, 3, ["gaze estimation", "attention", "emotion, unlabelled"])
    assert len({run.id for run in runs}) == len(runs)
    inits = {run.init for run in runs if run.method == "network" and run.main}
    assert inits == {"scratch", "gaze estimation", "attention", "emotion, unlabelled", "all"}
    for init in inits:
        offers = [run.modalities for run in runs if run.init == init and run.method == "network" and run.main]
        assert sorted(offers) == sorted([("eeg",), ("eye",), ("eeg", "eye")] * 3)
    assert any(run.control for run in runs)


def test_faults_are_tested_on_methods_that_look_at_what_is_faulty():
    assert {kind for kind, _ in faults_for(SMALL, ("eye",))} == {"gaze-loss"}
    assert {kind for kind, _ in faults_for(FULL, ("eeg",))} & {"gaze-loss", "clock-offset"} == set()
    assert ("channel-loss", 0.8) in faults_for(SMALL, BOTH)


def test_every_method_is_tried_where_there_is_nothing_to_find():
    tried = {run.method for run in runs_of(SMALL, 1, ["gaze", "attention"]) if run.control}
    assert tried == {*SMALL.baselines, "network", "probe"}


def test_new_clips_are_told_beside_known_ones_and_tested_among_themselves():
    results = {
        ExperimentRun("network", "scratch", BOTH, 0): result(HIGH),
        ExperimentRun("network", "gaze", BOTH, 0): result(LOW),
        ExperimentRun("network", "scratch", BOTH, 0, new_clips=True): result(LOW),
        ExperimentRun("network", "gaze", BOTH, 0, new_clips=True): result(HIGH),
        ExperimentRun("de-lr", "scratch", ("eeg",), 0, new_clips=True): result(LOW),
    }
    rows = {name: (new, known) for name, _, new, known in new_clips(results)}
    new, known = rows["network, pretrained on gaze"]
    assert (new.value, known.value) == (np.mean(HIGH), np.mean(LOW))
    assert new.p == pytest.approx(2 / 2**PEOPLE)
    assert known.p is None
    assert rows["DE + logistic regression"][1] is None
    assert {row.name for row in comparison(results)} == {"network from scratch", "network, pretrained on gaze"}


def test_every_baseline_and_the_ends_of_pretraining_are_tested_on_new_clips():
    tried = [(run.method, run.init) for run in runs_of(SMALL, 1, ["gaze", "attention"]) if run.new_clips]
    assert {method for method, _ in tried} == {*SMALL.baselines, "network", "probe"}
    assert {init for method, init in tried if method == "network"} == {"scratch", "all"}
    assert not any(run.new_clips for run in runs_of(replace(SMALL, new_clips=False), 1, ["gaze"]))


def test_labels_of_few_people_are_told_by_count_and_end_with_everybody():
    results = {
        ExperimentRun("network", "scratch", BOTH, 0): result(HIGH),
        ExperimentRun("probe", "all", BOTH, 0): result(LOW),
        ExperimentRun("network", "scratch", BOTH, 0, labelled=4): result(LOW),
        ExperimentRun("network", "scratch", BOTH, 0, labelled=2): result(LOW),
        ExperimentRun("probe", "all", BOTH, 0, labelled=2): result(HIGH),
    }
    panel = few_labels(results)
    curves = {curve.name: curve.points for curve in panel.curves}
    assert [at for at, _ in curves["network from scratch"]] == [2, 4, None]
    assert [at for at, _ in curves["frozen network, pretrained on all"]] == [2, None]
    assert curves["frozen network, pretrained on all"][0][1].p == pytest.approx(2 / 2**PEOPLE)
    assert {row.cells[BOTH].value for row in comparison(results)} == {np.mean(HIGH), np.mean(LOW)}
    drawing = figures.curves([panel], none="everybody")
    assert "everybody" in drawing


def test_with_one_unlabelled_data_set_there_is_no_all():
    assert "all" not in {run.init for run in runs_of(SMALL, 1, ["gaze"])}
