"""Labels, clips and ratings from columns of the events, of other tables and of people: never another trial's."""

import pytest
from bids_runs import ROWS, WORDS, Run, labels_at, reasons
from hypothesis import given
from hypothesis import strategies as st

from offline.datasets.base import RowCount
from offline.datasets.mapping import read_mapping
from offline.datasets.ratings import RatingCondition
from rtemo.core.errors import RtemoError

LABELS = "[labels]\n" + "".join(f"{word} = '{word}'\n" for word in WORDS)
COLUMNS = ("onset", "duration", "trial_type", "emotion", "video", "Valence", "trial_number")
VALENCE = ("1.5", "5", "n/a", "7.25")


@pytest.fixture
def run(tmp_path):
    run = Run(tmp_path)
    rows = [(on, length, "film", word, 20 + k, VALENCE[k], k + 1) for k, (on, length, word) in enumerate(ROWS)]
    run.write_events([*rows, (1.0, 0, "button", "n/a", "n/a", "n/a", "n/a")], COLUMNS)
    return run


def clips_of(recording):
    return [(trial.clip, trial.label) for trial in recording.trials]


def write(path, *rows):
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join("\t".join(map(str, row)) for row in rows) + "\n")


def test_label_and_clip_come_from_columns_of_their_own(run):
    recording = run.load("[trials]\nstart = 'film'\nlabel_column = 'Emotion'\nclip_column = 'video'\n" + LABELS)
    assert clips_of(recording) == [(f"bids/{20 + k}", word) for k, word in enumerate(WORDS)]
    assert recording.omissions == ()
    assert recording.rows["event"] == RowCount(5, 4, 0)


def test_a_cell_without_a_word_or_with_another_one_leaves_its_trial_out(run):
    run.events.write_text(run.events.read_text().replace("\tfear\t", "\tn/a\t").replace("\thappy\t", "\tjoy\t"))
    recording = run.load("[trials]\nstart = 'film'\nlabel_column = 'emotion'\n" + LABELS)
    assert labels_at(recording) == [(5.0, "sad"), (50.0, "neutral")]
    listed = reasons(recording)
    assert any("row 3" in why and "its emotion is 'n/a'" in why for why in listed)
    assert any("row 4" in why and "'joy' is not in the mapping file" in why for why in listed)
    lacking = run.load("[trials]\nstart = 'film'\nlabel_column = 'mood'\n" + LABELS)
    assert lacking.trials == ()
    assert all("there is no column 'mood'" in why for why in reasons(lacking))


def test_ratings_become_labels_and_stay_as_numbers(run):
    rules = "[trials]\nstart = 'film'\ntargets = ['Valence']\n[ratings]\nhigh = 'Valence >= 5'\nlow = 'valence < 5'\n"
    recording = run.load(rules)
    assert labels_at(recording) == [(5.0, "low"), (20.0, "high"), (50.0, "high")]
    assert [dict(trial.targets) for trial in recording.trials] == [
        {"Valence": 1.5},
        {"Valence": 5.0},
        {"Valence": 7.25},
    ]
    assert any("row 4" in why and "its Valence is 'n/a', not a number" in why for why in reasons(recording))


def test_ratings_that_fit_no_label_or_two_leave_the_trial_out(run):
    recording = run.load("[trials]\nstart = 'film'\n[ratings]\nhigh = 'Valence > 5'\nvery = 'Valence >= 7'\n")
    assert recording.trials == ()
    listed = " ".join(reasons(recording))
    assert "its ratings (Valence 5) fit no label" in listed
    assert "its ratings (Valence 7.25) fit 2 labels: high, very" in listed


def test_markers_that_come_early_are_moved(run):
    recording = run.load("[trials]\nstart = 'film'\nlabel_column = 'emotion'\noffset_s = 1.5\n" + LABELS)
    assert labels_at(recording) == [(onset + 1.5, word) for onset, _, word in ROWS]
    assert {trial.stop_s - trial.start_s for trial in recording.trials} == {8.0}


BEH = "[trials]\nstart = 'film'\nlabel_column = 'felt'\n[table]\nfile = 'beh'\nkey = 'trial_number'\n" + LABELS


@pytest.mark.parametrize("folder", ["beh", "eeg"])
def test_labels_of_another_table_are_joined_by_a_key_in_any_order(run, folder):
    path = run.root / "sub-01" / folder / "sub-01_task-Film_beh.tsv"
    rows = [(f"{k + 1}.0", word, k) for k, word in enumerate(reversed(WORDS))]
    write(path, ("trial_number", "felt", "x"), *reversed(rows))
    recording = run.load(BEH)
    assert [trial.label for trial in recording.trials] == list(reversed(WORDS))
    assert recording.omissions == ()


def test_rows_without_a_partner_and_repeated_keys_are_listed(run):
    path = run.root / "sub-01" / "beh" / "sub-01_task-film_beh.tsv"
    write(path, ("trial_number", "felt"), (1, "sad"), (2, "fear"), (2, "happy"), (9, "sad"))
    recording = run.load(BEH)
    assert labels_at(recording) == [(5.0, "sad")]
    listed = " ".join(reasons(recording))
    assert "2 rows have trial_number '2': none of them is used" in listed
    assert "row 5: no trial has trial_number '9'" in listed
    assert sum("there is no column 'felt'" in why for why in reasons(recording)) == 3


def test_a_table_that_is_not_there_or_belongs_to_another_run_is_listed(run):
    assert any("it has not one table beh" in why for why in reasons(run.load(BEH)))
    write(run.root / "sub-01" / "beh" / "sub-01_task-film_run-2_beh.tsv", ("trial_number", "felt"), (1, "sad"))
    assert run.load(BEH).trials == ()


def test_rows_in_order_are_taken_only_where_there_are_as_many(run):
    by_order = BEH.replace("key = 'trial_number'", "order = true")
    path = run.root / "sub-01" / "beh" / "sub-01_task-film_beh.tsv"
    write(path, ("felt",), *((word,) for word in reversed(WORDS)))
    assert [trial.label for trial in run.load(by_order).trials] == list(reversed(WORDS))
    write(path, ("felt",), *((word,) for word in WORDS[1:]))
    recording = run.load(by_order)
    assert recording.trials == ()
    assert any("3 rows for 4 trials" in why for why in reasons(recording))


@pytest.mark.parametrize("name", ["participants", "phenotype/mood"])
def test_labels_of_people_come_from_their_row(run, name):
    path = run.root / f"{name}.tsv"
    write(path, ("participant_id", "group"), ("sub-02", "fear"), ("sub-01", "sad"))
    rules = f"[trials]\nlabel_column = 'group'\n[table]\nfile = '{name}'\n" + LABELS
    recording = run.load(rules)
    assert [(trial.label, trial.stop_s - trial.start_s) for trial in recording.trials] == [("sad", 60.0)]
    write(path, ("participant_id", "group"), ("sub-02", "fear"))
    recording = run.load(rules)
    assert recording.trials == ()
    assert any("0 rows with participant_id sub-01" in why for why in reasons(recording))


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[trials]\nstart='a'\nlabel_column='b'", "does not list them"),
        ("[trials]\nlabel_column='b'\nlabel_from='task'\n[labels]\na='a'", "from two places"),
        ("[trials]\nstart='(?P<label>a)'\nlabel_column='b'\n[labels]\na='a'", "from two places"),
        ("[labels]\na='a'\n[ratings]\nb='c > 1'", "either \\[labels\\] or \\[ratings\\]"),
        ("[ratings]\nb='c'", "no comparison such as Valence >= 5"),
        ("[ratings]\nb='c > d'", "no comparison"),
        ("[table]\nfile='beh'", "order = true"),
        ("[table]\nfile='../beh'\nkey='a'", "neither a suffix"),
        ("[trials]\ntargets='a'", "not a list"),
        ("[trials]\noffset_s='a'", "not a number"),
    ],
)
def test_what_does_not_fit_names_the_file_the_key_and_the_remedy(tmp_path, text, word):
    path = tmp_path / "mapping.toml"
    path.write_text(text)
    with pytest.raises(RtemoError, match=word) as caught:
        read_mapping(path)
    assert str(path) in str(caught.value)
    assert ".py" not in str(caught.value)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["Valence", "a b"]), st.sampled_from([">=", ">", "<=", "<", "==", "!="]), st.integers(-9, 9)
        ),
        min_size=1,
        max_size=3,
    ),
    st.dictionaries(st.sampled_from(["Valence", "a b"]), st.integers(-9, 9), min_size=2),
)
def test_conditions_hold_as_they_read(terms, values):
    condition = RatingCondition.parse(" and ".join(f"{column} {sign} {limit}" for column, sign, limit in terms))
    assert condition.holds(values) == all(eval(f"{values[column]} {sign} {limit}") for column, sign, limit in terms)
