import pytest
from hostile_documents import TOML_TEXTS, changed, damaged, outcome, refused, toml_bytes
from hypothesis import given
from hypothesis import strategies as st

from offline.datasets.mapping import TrialMap, read_mapping
from offline.datasets.trial_finding import RecordedEvent, find_trials, lead_ins, thirds_among, unmatched
from rtemo.core.errors import RtemoError
from rtemo.core.types import Modality

EVENTS = [
    RecordedEvent(1.0, "clip/start id=3 emotion=fear"),
    RecordedEvent(9.0, "clip/end id=3 emotion=fear"),
    RecordedEvent(10.0, "noise"),
    RecordedEvent(12.0, "clip/start id=4 emotion=sad"),
    RecordedEvent(20.0, "clip/end id=4 emotion=sad"),
]
START, STOP = r"clip/start id=(?P<clip>\S+) emotion=(?P<label>\S+)", "clip/end.*"


def mapping(tmp_path, text):
    path = tmp_path / "mapping.toml"
    path.write_text(text, encoding="utf-8")
    return read_mapping(path)


def trials(rules, events=EVENTS, end_s=100.0, **fixed):
    found, left_out = find_trials(events, rules, end_s, "here", {"label": None, "clip": None, **fixed}, "xdf")
    return [(t.number, t.clip, t.label, t.start_s, t.stop_s) for t in found], [str(o) for o in left_out]


def test_start_and_stop_give_clip_and_label(tmp_path):
    text = f"[trials]\nstart = '{START}'\nstop = '{STOP}'\n[labels]\nfear = 'fear'\nsad = 'sad'\n"
    rules = mapping(tmp_path, text)
    assert trials(rules) == ([(1, "xdf/3", "fear", 1.0, 9.0), (2, "xdf/4", "sad", 12.0, 20.0)], [])


def test_words_become_labels_and_unknown_words_leave_the_trial_out(tmp_path):
    rules = mapping(tmp_path, f"[trials]\nstart = '{START}'\nstop = '{STOP}'\n[labels]\nfear = 'afraid'\n")
    found, left_out = trials(rules)
    assert found == [(1, "xdf/3", "afraid", 1.0, 9.0)]
    assert left_out == [
        "trial left out: here at 12.000 s, 'clip/start id=4 emotion=sad': its label 'sad' is not in the mapping file"
    ]
    assert rules.codes == {"afraid": 0}


def test_a_later_trial_keeps_its_number_when_an_earlier_one_is_left_out(tmp_path):
    rules = mapping(tmp_path, f"[trials]\nstart = '{START}'\nstop = '{STOP}'\n[labels]\nsad = 'sad'\n")
    assert [number for number, *_ in trials(rules)[0]] == [2]


def test_a_fixed_length_wins_over_the_events_own(tmp_path):
    rules = mapping(tmp_path, "[trials]\nstart = 'go'\nduration_s = 5.0\n")
    assert trials(rules, [RecordedEvent(1.0, "go", 3.0), RecordedEvent(2.0, "gone", 3.0)])[0] == [
        (1, None, None, 1.0, 6.0)
    ]
    assert trials(TrialMap(start=rules.start), [RecordedEvent(1.0, "go", 3.0)])[0] == [(1, None, None, 1.0, 4.0)]


@pytest.mark.parametrize(
    ("events", "why"),
    [
        (
            [RecordedEvent(1.0, "go"), RecordedEvent(5.0, "go"), RecordedEvent(9.0, "end")],
            "the next trial starts before it ends",
        ),
        ([RecordedEvent(1.0, "go")], "the recording ends before it does"),
        ([RecordedEvent(1.0, "go"), RecordedEvent(200.0, "end")], "the recording ends before it does"),
    ],
)
def test_a_trial_without_an_end_is_left_out(tmp_path, events, why):
    rules = mapping(tmp_path, "[trials]\nstart = 'go'\nstop = 'end'\n")
    assert why in trials(rules, events)[1][0]


def test_a_trial_of_unknown_length_is_left_out(tmp_path):
    rules = mapping(tmp_path, "[trials]\nstart = 'go'\n")
    assert "nothing says how long" in trials(rules, [RecordedEvent(1.0, "go")])[1][0]


def test_the_whole_file_is_read(tmp_path):
    rules = mapping(
        tmp_path,
        "[trials]\nlabel_from = 'session'\nclip_from = 'task'\ncolumn = 'event'\n"
        "[labels]\n'01' = 'attentive'\n'02' = 'distracted'\n[files]\nname = '(?P<subject>P.)'\n"
        "[streams]\neeg = 'type=EEG'\n[screen]\nwidth_px = 800\n",
    )
    assert rules.codes == {"attentive": 0, "distracted": 1}
    assert rules.screen.width_px == 800
    assert rules.queries[Modality.EEG].type == "EEG"
    assert (rules.label_from, rules.clip_from, rules.column) == ("session", "task", "event")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[trial]\nstart='x'", "trial is not known"),
        ("[trials]\nbegin='x'", "trials.begin is not known"),
        ("labels = 3", "labels is not known"),
        ("[trials]\nstart='('", "no regular expression"),
        ("[trials]\nlabel_from='mood'", "label_from is 'mood'"),
        ("[trials]\nduration_s=-1", "duration_s is -1"),
        ("[labels]\na = 1", "not a word"),
        ("[labels]\na = 'b;c'", "not a word without ;"),
        ("[labels]\na = ' '", "not a word"),
        ("[screen]\nwidth_px = 0", "positive"),
        ("[streams]\neeg = 'EEG'", "stream query"),
        ("not toml", "cannot be read"),
        ("[trials]\nlabel_from='session'", "does not list them"),
        ("[trials]\nstart='(?P<label>.*)'", "does not list them"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(tmp_path, text, word):
    with pytest.raises(RtemoError, match=word):
        mapping(tmp_path, text)


EVERYTHING = {
    "trials": {
        "start": START,
        "stop": STOP,
        "duration_s": 5.0,
        "column": "c",
        "label_from": "task",
        "clip_from": "run",
    },
    "labels": {"01": "attentive", "02": "distracted"},
    "baseline": {"start": "rest", "duration_s": 120.0},
    "files": {"name": "(?P<subject>P.)"},
    "streams": {"eeg": "type=EEG", "markers": "name=M"},
    "screen": {"width_px": 800},
}


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    path = tmp_path_factory.mktemp("hostile") / "mapping.toml"

    def read_text(text):
        path.write_bytes(text)
        return read_mapping(path)

    return read_text


def test_everything_that_can_be_said_is_read(read):
    rules = read(toml_bytes(EVERYTHING))
    assert (rules.rest.start.pattern, rules.rest.duration_s) == ("rest", 120.0)
    assert rules.label_from == "task"


@pytest.mark.parametrize("text", TOML_TEXTS, ids=range(len(TOML_TEXTS)))
def test_hostile_texts_are_refused(read, text):
    refused(lambda: read(text))


@given(st.one_of(changed(EVERYTHING).map(toml_bytes), damaged(toml_bytes(EVERYTHING))))
def test_changed_files_are_refused_or_read(read, text):
    outcome(lambda: read(text), TrialMap)


def rated(k, valence, **more):
    return RecordedEvent(10.0 * k, "go", 5.0, columns={"Valence": str(valence), **more})


THIRDS = "[trials]\nstart = 'go'\n[ratings]\n" + "".join(
    f"{third} = 'Valence is {third}'\n" for third in ("low", "middle", "high")
)


def labels_by_thirds(tmp_path, values):
    rules, events = mapping(tmp_path, THIRDS), [rated(k, value) for k, value in enumerate(values)]
    found, left_out = find_trials(events, rules, 1e6, "here", {}, "xdf", thirds_among(events, rules))
    return {trial.number: trial.label for trial in found}, [str(one) for one in left_out]


def test_thirds_are_of_the_persons_own_ratings(tmp_path):
    low, _ = labels_by_thirds(tmp_path, [1, 2, 3, 2, 1, 3])
    high, _ = labels_by_thirds(tmp_path, [7, 8, 9, 8, 7, 9])
    assert low == high == dict(enumerate(["low", "middle", "high", "middle", "low", "high"], start=1))


@given(st.lists(st.integers(1, 9), min_size=3, max_size=40))
def test_no_rating_is_in_two_thirds_and_higher_ratings_are_never_in_lower_ones(tmp_path_factory, values):
    labels, left_out = labels_by_thirds(tmp_path_factory.mktemp("map"), values)
    if len(set(values)) < 3:
        assert labels == {}
        assert "too few different ratings" in left_out[0]
        return
    assert len(labels) == len(values)
    order = ["low", "middle", "high"]
    ranked = sorted(zip(values, (order.index(labels[k + 1]) for k in range(len(values))), strict=True))
    assert [third for _, third in ranked] == sorted(third for _, third in ranked)
    assert len({(value, third) for value, third in ranked}) == len(set(values))


def test_a_rating_that_is_no_number_leaves_its_trial_out_and_counts_in_no_third(tmp_path):
    labels, left_out = labels_by_thirds(tmp_path, [1, "n/a", 2, 3])
    assert labels == {1: "low", 3: "middle", 4: "high"}
    assert "its Valence is 'n/a', not a number" in left_out[0]


SPANS = "[trials]\nstart = '1'\nstop = '1'\nstart_stream = 'Film.*'\nstop_stream = 'Button'\n"


def test_starts_and_stops_may_be_in_streams_of_their_own_with_the_same_text(tmp_path):
    rules = mapping(tmp_path, SPANS)
    events = [
        RecordedEvent(t, "1", stream=name) for t, name in ((1, "Films"), (4, "Button"), (9, "Films"), (12, "Button"))
    ]
    assert [(start, stop) for *_, start, stop in trials(rules, events)[0]] == [(1, 4), (9, 12)]
    assert not any(rules.asks_for(RecordedEvent(1.0, "1", stream="Other")) for _ in "x")
    assert trials(rules, [RecordedEvent(1.0, "1", stream="Other")]) == ([], [])
    (left_out,) = unmatched([RecordedEvent(1.0, "1", stream="Other")], rules, "here")
    assert "in a stream 'Film.*'" in str(left_out)
    assert "'1' in Other" in str(left_out)


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([(10.0, 3.0)], [(8.0, 13.0)]),
        ([(10.0, 5.0), (20.0, 9.0)], [(10.0, 15.0), (20.0, 29.0)]),
        ([(10.0, 6.0), (17.0, 3.0)], [(10.0, 16.0), (16.0, 20.0)]),
        ([(0.0, 3.0)], [(-2.0, 3.0)]),
    ],
)
def test_short_trials_begin_earlier_but_not_within_the_one_before(tmp_path, spans, expected):
    rules = mapping(tmp_path, "[trials]\nstart = 'go'\nleast_s = 5.0\n")
    found, left_out = find_trials(
        [RecordedEvent(at, "go", length) for at, length in spans], rules, 99.0, "here", {}, ""
    )
    assert [(trial.start_s, trial.stop_s) for trial in found] == expected
    assert not left_out
    early = [trial for trial in found if trial.lead_in_s]
    assert [trial.start_s + trial.lead_in_s for trial in found] == [at for at, _ in spans]
    assert len(lead_ins(found, "here")) == bool(early)


def test_a_data_set_has_a_name_of_letters_digits_and_dashes(tmp_path):
    assert mapping(tmp_path, "[dataset]\nname = 'my-study-2'\n").dataset == "my-study-2"
    for wrong in ("", "a/b", "my study", "-"):
        with pytest.raises(RtemoError, match=r"dataset\.name"):
            mapping(tmp_path, f"[dataset]\nname = '{wrong}'\n")
