"""How runs of still, moving and lost samples become events, on runs made by hand."""

import pytest

from rtemo.core.gaze.events import GazeEventBuilder, GazeEventKind
from rtemo.core.gaze.labelled_runs import LabelledRun, MovementLabel
from rtemo.core.gaze.settings import GazeSettings

EDGE_N = 3


def runs_of(*steps):
    """Runs from (label, length in ms, x in degrees at its end); still runs stay at the x of the step before."""
    now, x, runs = 100.0, 0.0, []
    for letter, length_ms, *to in steps:
        end, start_x = now + length_ms / 1000, x
        x = to[0] if to else x
        label = {"S": MovementLabel.STILL, "M": MovementLabel.MOVING, "L": MovementLabel.LOST, "G": MovementLabel.LOST}[
            letter
        ]
        edges = (
            {} if label == MovementLabel.LOST else {"head": (start_x, 0.0), "tail": (x, 0.0), "head_n": 3, "tail_n": 3}
        )
        extent = {} if label == MovementLabel.LOST else {"low": (min(start_x, x), 0.0), "high": (max(start_x, x), 0.0)}
        absent_s = length_ms / 1000 if letter == "G" else 0.0
        runs.append(
            LabelledRun(label, now, end, n=max(int(length_ms), 1), absent_s=absent_s, peak=100.0, **edges, **extent)
        )
        now = end
    return runs


def told(events):
    return [f"{event.kind[:3]} {1000 * event.duration_s:.0f}" for event in events]


def build(*steps, settings=None):
    """What has ended, and what would be added if the stream ended now; the last run is the open one."""
    *ended, last = runs_of(*steps)
    builder = GazeEventBuilder(settings or GazeSettings(), EDGE_N)
    for run in ended:
        builder.add(run)
    builder.look_at(last)
    closed = told(builder.events)
    again = told(builder.open_events(last))
    assert told(builder.open_events(last)) == again
    assert told(builder.events) == closed
    return closed, again


def everything(*steps):
    closed, still_open = build(*steps)
    return closed + still_open


def test_a_saccade_between_two_fixations():
    assert build(("S", 300), ("M", 40, 5.0), ("S", 200)) == ([], ["fix 300", "sac 40", "fix 200"])
    closed, still_open = build(("S", 300), ("M", 40, 5.0), ("S", 200), ("M", 50, 9.0), ("S", 100))
    assert (closed, still_open) == (["fix 300"], ["sac 40", "fix 200", "sac 50", "fix 100"])


def test_a_short_hole_is_part_of_what_is_around_it():
    assert everything(("S", 300), ("L", 30), ("S", 300)) == ["fix 630"]
    assert everything(("S", 300), ("M", 12, 2.0), ("L", 20), ("M", 12, 5.0), ("S", 300)) == [
        "fix 300",
        "sac 44",
        "fix 300",
    ]
    assert everything(("S", 300), ("G", 30), ("S", 300)) == ["fix 630"]


def test_a_hole_that_gaze_jumped_across_is_a_saccade():
    before, hole, after = runs_of(("S", 300), ("L", 30), ("S", 300))
    builder = GazeEventBuilder(GazeSettings(), EDGE_N)
    for run in (before, hole, after._replace(head=(4.0, 0.0), tail=(4.0, 0.0))):
        builder.add(run)
    saccade = next(e for e in builder.open_events(None) if e.kind == GazeEventKind.SACCADE)
    assert saccade.amplitude_deg == pytest.approx(4.0)
    assert saccade.duration_s == pytest.approx(0.03)


def test_pieces_of_a_saccade_with_holes_between_are_one():
    pieces = [("M", 4, 1.0), ("L", 2), ("M", 4, 2.0), ("L", 2), ("M", 4, 3.0), ("L", 2), ("M", 6, 4.0)]
    assert everything(("S", 300), *pieces, ("S", 300)) == ["fix 300", "sac 24", "fix 300"]


def test_a_twitch_is_no_saccade_even_if_gaze_moved():
    assert everything(("S", 300), ("M", 8, 0.6), ("S", 300)) == ["fix 608"]


def test_a_shift_below_the_least_amplitude_stays_in_the_fixation_unless_it_took_too_long():
    assert everything(("S", 300), ("M", 40, 0.4), ("S", 300)) == ["fix 640"]
    assert everything(("S", 300), ("M", 80, 0.4), ("S", 300)) == ["fix 300", "fix 300"]


def test_a_glissade_belongs_to_its_saccade_and_a_corrective_saccade_does_not():
    assert everything(("S", 300), ("M", 30, 5.0), ("S", 20), ("M", 14, 5.6), ("S", 300)) == [
        "fix 300",
        "sac 64",
        "fix 300",
    ]
    found = everything(("S", 300), ("M", 30, 5.0), ("S", 80), ("M", 14, 6.6), ("S", 300))
    assert found == ["fix 300", "sac 30", "fix 80", "sac 14", "fix 300"]


def test_noise_that_moves_for_long_is_no_saccade():
    assert everything(("S", 300), ("M", 250, 5.0), ("S", 300)) == ["fix 300", "fix 300"]


def test_a_fixation_must_last():
    assert everything(("S", 300), ("M", 30, 5.0), ("S", 50), ("M", 30, 9.0), ("S", 300)) == [
        "fix 300", "sac 30", "sac 30", "fix 300",
    ]  # fmt: skip


def test_blinks_losses_and_packets_that_never_came():
    for length_ms, letter, kind in (
        (49, "L", None),
        (51, "L", "bli"),
        (499, "L", "bli"),
        (501, "L", "los"),
        (120, "G", "los"),
    ):
        expected = [f"fix {600 + length_ms}"] if kind is None else ["fix 300", f"{kind} {length_ms}", "fix 300"]
        assert everything(("S", 300), (letter, length_ms), ("S", 300)) == expected


def test_a_glimpse_within_a_blink_does_not_cut_it_in_two():
    assert everything(("S", 300), ("L", 60), ("S", 20), ("L", 80), ("S", 300)) == ["fix 300", "bli 160", "fix 300"]
    assert everything(("S", 300), ("L", 60), ("M", 15, 3.0), ("L", 80), ("S", 300)) == ["fix 300", "bli 155", "fix 300"]
    assert everything(("S", 300), ("L", 160), ("S", 20), ("L", 4), ("S", 300)) == ["fix 300", "bli 160", "fix 324"]


def test_what_the_lids_do_beside_a_blink_is_no_saccade():
    assert everything(("S", 300), ("M", 30, 3.0), ("L", 150), ("M", 30, 0.0), ("S", 300)) == [
        "fix 300",
        "bli 150",
        "fix 300",
    ]
    found = everything(("S", 300), ("M", 30, 3.0), ("S", 40), ("L", 150), ("S", 40), ("M", 30, 0.0), ("S", 300))
    assert found == ["fix 300", "bli 150", "fix 300"]


def test_a_saccade_well_before_a_blink_counts():
    assert everything(("S", 300), ("M", 30, 3.0), ("S", 70), ("L", 150), ("S", 300)) == [
        "fix 300", "sac 30", "fix 70", "bli 150", "fix 300",
    ]  # fmt: skip


def test_an_eye_that_is_closed_now_is_not_counted_as_a_blink_yet():
    assert build(("S", 300), ("L", 200)) == ([], ["fix 300", "los 200"])
    assert build(("S", 300), ("L", 30)) == ([], ["fix 300"])
    assert build(("S", 300), ("L", 200), ("S", 40)) == (["fix 300", "bli 200"], [])


def test_a_saccade_that_goes_on_is_not_counted_before_it_lands():
    assert build(("S", 300), ("M", 40, 5.0)) == ([], ["fix 300"])
    assert build(("S", 300), ("M", 8, 5.0)) == ([], ["fix 308"])
    assert build(("S", 300), ("M", 40, 5.0), ("S", 10)) == ([], ["fix 300", "sac 40"])
    assert build(("S", 300), ("M", 40, 5.0), ("S", 100), ("M", 12, 6.0)) == ([], ["fix 300", "sac 40", "fix 100"])


def test_noise_widens_what_counts_as_one_place():
    wide = [run._replace(scale=4.0) for run in runs_of(("S", 300), ("M", 40, 1.5), ("S", 300))]
    builder = GazeEventBuilder(GazeSettings(), EDGE_N)
    for run in wide:
        builder.add(run)
    assert told(builder.open_events(None)) == ["fix 640"]


def test_a_fixation_right_behind_another_one_is_reached_by_a_saccade_in_between():
    first, second = runs_of(("S", 300), ("S", 300))
    late = second._replace(start_s=second.start_s + 0.033, head=(4.0, 0.0))  # no sample fell into the saccade
    builder = GazeEventBuilder(GazeSettings(), EDGE_N)
    builder.add(first)
    assert told(builder.open_events(late)) == ["fix 300", "sac 33", "fix 267"]


def placed(*runs):
    """The events of runs, all settled."""
    builder = GazeEventBuilder(GazeSettings(), EDGE_N)
    for run in runs:
        builder.add(run)
    return builder.events + builder.open_events(None)


def test_events_know_where_and_when_they_were():
    first, moving, last = runs_of(("S", 300), ("M", 40, 3.0), ("S", 200))
    first = first._replace(n=10, place_sum=(2.0, 4.0), tail=(0.5, 1.0), low=(-0.3, -0.1), high=(0.2, 0.7))
    moving = moving._replace(peak=180.0)
    last = last._replace(n=4, place_sum=(2.0, 3.0), head=(3.5, 5.0), low=(3.4, 4.0), high=(3.6, 5.5))
    fixation, saccade, after = placed(first, moving, last)
    assert (fixation.start_s, fixation.end_s) == pytest.approx((100.0, 100.3))
    assert (fixation.x, fixation.y) == pytest.approx((0.2, 0.4))
    assert fixation.dispersion_deg == pytest.approx((0.5, 0.8))
    assert (saccade.start_s, saccade.end_s) == pytest.approx((100.3, 100.34))
    assert saccade.amplitude_deg == pytest.approx(5.0)  # from (0.5, 1) to (3.5, 5)
    assert (saccade.x, saccade.y) == pytest.approx((0.5, 0.75))  # where it landed
    assert saccade.peak_deg_s == 180.0
    assert after.dispersion_deg == pytest.approx((0.2, 1.5))


@pytest.mark.parametrize(("length_ms", "n_saccades"), [(9, 0), (11, 1), (199, 1), (201, 0)])
def test_a_saccade_lasts_from_ten_to_two_hundred_milliseconds(length_ms, n_saccades):
    assert len([e for e in everything(("S", 300), ("M", length_ms, 5.0), ("S", 300)) if e[:3] == "sac"]) == n_saccades


@pytest.mark.parametrize(("amplitude_deg", "found"), [(0.49, ["fix 640"]), (0.51, ["fix 300", "sac 40", "fix 300"])])
def test_a_saccade_is_half_a_degree_at_least(amplitude_deg, found):
    assert everything(("S", 300), ("M", 40, amplitude_deg), ("S", 300)) == found


@pytest.mark.parametrize(("gap_ms", "found"), [(74, ["fix 674"]), (76, ["fix 300", "fix 300"])])
def test_fixations_in_one_place_are_one_unless_more_than_75_milliseconds_lie_between(gap_ms, found):
    assert everything(("S", 300), ("M", gap_ms, 0.2), ("S", 300)) == found


@pytest.mark.parametrize(("length_ms", "found"), [(59, ["sac 40", "sac 40"]), (61, ["sac 40", "fix 61", "sac 40"])])
def test_a_fixation_lasts_sixty_milliseconds_at_least(length_ms, found):
    assert everything(("S", 300), ("M", 40, 5.0), ("S", length_ms), ("M", 40, 9.0), ("S", 300))[1:-1] == found


@pytest.mark.parametrize(("still_ms", "found"), [(29, ["sac 99"]), (31, ["sac 40", "sac 30"])])
def test_a_pause_of_less_than_thirty_milliseconds_is_part_of_the_saccade(still_ms, found):
    steps = (("S", 300), ("M", 40, 5.0), ("S", still_ms), ("M", 30, 8.0), ("S", 300))
    assert everything(*steps)[1:-1] == found


@pytest.mark.parametrize(("amplitude_deg", "found"), [(0.99, ["fix 630"]), (1.01, ["fix 300", "sac 30", "fix 300"])])
def test_what_lies_across_a_hole_is_measured_with_the_noise_of_both_sides(amplitude_deg, found):
    before, hole, after = runs_of(("S", 300), ("L", 30), ("S", 300))
    after = after._replace(head=(amplitude_deg, 0.0), tail=(amplitude_deg, 0.0))
    assert told(placed(before._replace(scale=2.0), hole, after)) == found
    assert told(placed(before, hole, after._replace(scale=2.0))) == found


def test_time_in_which_no_samples_came_is_no_blink_from_fifty_milliseconds_on():
    before, lost, after = runs_of(("S", 300), ("L", 200), ("S", 300))
    assert told(placed(before, lost._replace(absent_s=0.049), after))[1] == "bli 200"
    assert told(placed(before, lost._replace(absent_s=0.05), after))[1] == "los 200"


def test_runs_that_join_into_one_keep_all_that_they_held():
    one, two, three = runs_of(("S", 100), ("S", 100), ("M", 40, 5.0))
    one, two = one._replace(high=(0.4, 0.0), n=2, place_sum=(1.0, 1.0)), two._replace(n=2, place_sum=(3.0, 1.0))
    fixation = placed(one, two, three)[0]
    assert fixation.duration_s == pytest.approx(0.2)
    assert fixation.dispersion_deg == pytest.approx((0.4, 0.0))
    assert (fixation.x, fixation.y) == pytest.approx((1.0, 0.5))
