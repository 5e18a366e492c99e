import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtemo.core.eeg.electrode_names import canonical_key, electrode_name
from rtemo.core.eeg.head_geometry import table

NAMES = table("10-05").names
ELECTRODES = sorted(set(NAMES.values()))


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Fp1", "Fp1"),
        ("FP1", "Fp1"),
        ("fz", "Fz"),
        (" CZ ", "Cz"),
        ("FFT7H", "FFT7h"),
        ("T3", "T7"),
        ("T4", "T8"),
        ("T5", "P7"),
        ("T6", "P8"),
        ("CB1", "CB1"),
        ("EEG Fp1", "Fp1"),
        ("EEG FP1-LE", "Fp1"),
        ("EEG FP1-REF", "Fp1"),
        ("Fp1-Ref", "Fp1"),
        ("F3 - A1", "F3"),
        ("C3:A2", "C3"),
        ("C3-A1A2", "C3"),
        ("C3-A1+A2", "C3"),
        ("O2-M1", "O2"),
        ("Fz-AVG", "Fz"),
        ("Fc5.", "FC5"),
        ("Fp1..", "Fp1"),
        ("1 Fp1", "Fp1"),
        ("01-Fp1", "Fp1"),
        ("CH1 Fp1", "Fp1"),
        ("EEG:Fp1", "Fp1"),
        ("eeg_Fp1", "Fp1"),
        ("EEGFp1", "Fp1"),
        ("Fp1-0", "Fp1"),
        ("T7(T3)", "T7"),
        ("Fp1 [uV]", "Fp1"),
    ],
)
def test_a_label_as_recordings_spell_it_is_read_as_its_electrode(label, name):
    assert electrode_name(label, NAMES) == (name, "")


@pytest.mark.parametrize(
    ("label", "reason"),
    [
        ("", "no label"),
        ("  ", "no label"),
        ("M1", "reference"),
        ("EEG A2", "reference"),
        ("A1-A2", "reference"),
        ("REF", "reference"),
        ("Fp1-F7", "difference"),
        ("EEG C3-P3", "difference"),
        ("Fz-Cz", "difference"),
        ("EOG", "EOG"),
        ("VEO", "EOG"),
        ("HEOG", "EOG"),
        ("EOG left", "EOG"),
        ("ECG", "ECG"),
        ("EKG1", "ECG"),
        ("EMG1", "EMG"),
        ("Trig1", "trigger"),
        ("Status", "trigger"),
        ("triggerStream", "trigger"),
        ("MkIdx", "trigger"),
        ("DIN", "trigger"),
        ("HardwareMarker", "trigger"),
        ("AUX_RIGHT", "auxiliary"),
        ("Right AUX", "auxiliary"),
        ("EX1", "auxiliary"),
        ("AIB1", "auxiliary"),
        ("ACC_X", "motion"),
        ("Gyro1", "motion"),
        ("PPG", "another body signal"),
        ("Counter", "counter"),
        ("SampleCounter", "counter"),
        ("Timestamp", "counter"),
        ("Ch0", "not a 10-05 name"),
        ("17", "not a 10-05 name"),
        ("EEG 001", "not a 10-05 name"),
        ("Fp1 filtered", "not a 10-05 name"),
        ("---", "not a 10-05 name"),
    ],
)
def test_a_label_that_is_no_electrode_is_refused_with_its_kind(label, reason):
    name, why = electrode_name(label, NAMES)

    assert name is None
    assert reason in why


@given(
    name=st.sampled_from(ELECTRODES),
    prefix=st.sampled_from(["", "EEG ", "eeg_", "EEG:", "12 ", "3-", "CH4 "]),
    suffix=st.sampled_from(["", "-Ref", "-LE", " - A1", "-AVG", ".", "...", "-M1M2", "-0"]),
    shape=st.sampled_from([str, str.upper, str.lower, str.title]),
)
def test_case_prefix_and_reference_never_change_the_electrode(name, prefix, suffix, shape):
    assert electrode_name(f"{prefix}{shape(name)}{suffix}", NAMES) == (name, "")


@given(one=st.sampled_from(ELECTRODES), other=st.sampled_from(ELECTRODES))
def test_a_difference_of_two_scalp_electrodes_is_never_placed_at_either(one, other):
    name, why = electrode_name(f"{one}-{other}", NAMES)

    assert name == (one if one == other else None)
    assert bool(why) == (one != other)


@given(label=st.text(max_size=30))
def test_any_text_is_read_or_refused_with_a_reason(label):
    name, why = electrode_name(label, NAMES)

    assert (name is None) == bool(why)
    assert name is None or name in ELECTRODES


@given(label=st.text(max_size=10))
def test_the_key_of_a_name_does_not_change_when_taken_again(label):
    assert canonical_key(canonical_key(label)) == canonical_key(label)


@pytest.mark.parametrize(("label", "kind"), [
    ("left eog", "EOG channel"),  # the whole label says it
    ("chin - left", "EMG channel"),  # its first word does
    ("left chin", "not a 10-05 name"),
])  # fmt: skip
def test_what_a_label_is_instead_is_read_from_the_whole_of_it_or_its_first_word(label, kind):
    assert electrode_name(label, {}) == (None, kind)
