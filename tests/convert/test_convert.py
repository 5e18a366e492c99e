"""`rtemo convert`: other programs' files become one XDF with their own stamps, and a replay reads it as one."""

import os
from datetime import UTC, datetime

import mne
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from offline.simulated_datasets.edf import write_edf
from rtemo.cli import main
from rtemo.convert.convert import convert, read_file
from rtemo.convert.eye_tables import read_eye_table
from rtemo.convert.timeline import join
from rtemo.core.errors import RtemoError
from rtemo.core.types import Chunk, ClockOffset
from rtemo.sources.xdf.source import XdfSource

RNG = np.random.default_rng(5)
LABELS = ("Fp1", "Fp2", "Cz", "O1", "O2", "Pz", "Fz", "C3")
SHOWN = [5.0, 21.3, 33.1, 61.0, 95.2, 110.4]  # when triggers were sent, on the EEG's clock


def eeg_fif(folder, unix=None, texts=None, seconds=130):
    info = mne.create_info(list(LABELS), 200.0, "eeg", verbose="ERROR")
    raw = mne.io.RawArray(RNG.normal(0, 20e-6, (len(LABELS), 200 * seconds)), info, verbose="ERROR")
    if unix is not None:
        raw.set_meas_date(datetime.fromtimestamp(unix, UTC))
    words = texts or [f"Stimulus/S {k}" for k in range(1, len(SHOWN) + 1)]
    raw.set_annotations(mne.Annotations(SHOWN, 0.0, words, orig_time=raw.info["meas_date"]), verbose="ERROR")
    path = folder / "eeg_raw.fif"
    raw.save(path, verbose="ERROR")
    return path, raw.get_data() * 1e6


def tobii_tsv(folder, offset_s=-2.5, drift=0.0, hz=60.0, seconds=125, lost=()):
    """offset_s: of the EEG's clock behind the tracker's."""
    own = lambda eeg_s: (eeg_s - offset_s) / (1.0 + drift)  # noqa: E731
    rows = [
        (t, "Eye Tracker", 500 + 10 * k % 300, 400 + k % 50, "3,1", "")
        for k, t in enumerate(np.arange(5, seconds, 1 / hz))
    ]
    rows += [(own(t), "", "", "", "", f"TRIGGER {k}") for k, t in enumerate(SHOWN, 1) if k not in lost]
    columns = ["Recording timestamp [\u00b5s]", "Sensor", "Gaze point X [DACS px]", "Gaze point Y [DACS px]"]
    columns += ["Pupil diameter left [mm]", "Event"]
    lines = [
        "\t".join(columns),
        *("\t".join([str(round(t * 1e6)), *map(str, rest)]) for t, *rest in sorted(rows, key=lambda r: r[0])),
    ]
    path = folder / "tobii.tsv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-16")
    return path


def items(path):
    source = XdfSource(path)
    infos = {info.stream_id: info for info in source.start()}
    source.select(tuple(infos))
    found = {info.name: [] for info in infos.values()}
    while not source.exhausted:
        for item in source.read():
            if isinstance(item, Chunk | ClockOffset):
                found[infos[item.stream_id].name].append(item)
    source.stop()
    return {info.name: info for info in infos.values()}, found


def samples(found, name):
    chunks = [item for item in found[name] if isinstance(item, Chunk)]
    return np.concatenate([c.stamps for c in chunks]), np.concatenate([c.values for c in chunks])


def offsets(found, name):
    return [(item.time_s, item.offset_s) for item in found[name] if isinstance(item, ClockOffset)]


def test_samples_keep_their_own_stamps_and_offsets_join_the_clocks_by_shared_triggers(tmp_path):
    (eeg, microvolts), gaze = eeg_fif(tmp_path), tobii_tsv(tmp_path)
    lines = convert([gaze, eeg], tmp_path / "out.xdf")
    assert any("joined by 6 shared triggers, largest residual 0.0 ms" in line for line in lines)
    infos, found = items(tmp_path / "out.xdf")
    stamps, values = samples(found, "eeg_raw")
    assert np.allclose(stamps, np.arange(len(stamps)) / 200.0)
    assert np.allclose(values, microvolts.T, atol=1e-3)
    own, seen = samples(found, "Tobii Pro Lab")
    assert own[0] == pytest.approx(5.0)
    assert infos["Tobii Pro Lab"].labels == ("pupil_left", "gaze_x", "gaze_y")
    assert seen[0].tolist() == pytest.approx([3.1, 500, 400])
    assert {round(offset, 4) for _, offset in offsets(found, "Tobii Pro Lab")} == {-2.5}
    assert {offset for _, offset in offsets(found, "eeg_raw")} == {0.0}


@pytest.mark.parametrize("drift", [0.0, 40e-6, -200e-6])
def test_drift_is_measured_and_the_residual_stated(tmp_path, drift):
    (eeg, _), gaze = eeg_fif(tmp_path), tobii_tsv(tmp_path, 100.0, drift)
    lines = convert([eeg, gaze], tmp_path / "out.xdf")
    (line,) = (line for line in lines if "shared triggers" in line)
    assert float(line.split("residual ")[1].split()[0]) < 1.0
    _, found = items(tmp_path / "out.xdf")
    for own_s, offset_s in offsets(found, "Tobii Pro Lab"):
        assert own_s + offset_s == pytest.approx(own_s * (1 + drift) + 100.0, abs=1e-3)


def test_a_replay_reads_the_result_as_one_recording(tmp_path, capsys):
    (eeg, _), gaze = eeg_fif(tmp_path, seconds=60), tobii_tsv(tmp_path, seconds=60)
    assert main(["convert", str(eeg), str(gaze), "--out", str(tmp_path / "out.xdf")]) == 0
    capsys.readouterr()
    out = tmp_path / "out.csv"
    assert main(["replay", str(tmp_path / "out.xdf"), "--speed", "max", "--out", str(out)]) == 0
    said = capsys.readouterr().err
    assert "eeg from 'eeg_raw', gaze from 'Tobii Pro Lab'" in said
    assert len(out.read_text().splitlines()) > 100


def test_triggers_that_one_file_lost_do_not_shift_the_others(tmp_path):
    (eeg, _), gaze = eeg_fif(tmp_path), tobii_tsv(tmp_path, lost=(1, 4))
    lines = convert([eeg, gaze], tmp_path / "out.xdf")
    assert any("joined by 4 shared triggers" in line for line in lines)
    _, found = items(tmp_path / "out.xdf")
    assert {round(offset, 4) for _, offset in offsets(found, "Tobii Pro Lab")} == {-2.5}


def test_files_with_nothing_in_common_are_refused_and_nothing_is_left(tmp_path):
    (eeg, _), gaze = eeg_fif(tmp_path, texts=[f"word{'x' * k}" for k in range(6)]), tobii_tsv(tmp_path)
    with pytest.raises(RtemoError, match=r"the clock of tobii.tsv cannot be told; triggers in both: none"):
        convert([eeg, gaze], tmp_path / "out.xdf")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["eeg_raw.fif", "tobii.tsv"]


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "out.xdf").write_text("mine")
    with pytest.raises(RtemoError, match="exists already"):
        convert([tobii_tsv(tmp_path)], tmp_path / "out.xdf")
    assert (tmp_path / "out.xdf").read_text() == "mine"


def neon(folder, unix=1.7e9):
    times = unix + np.arange(0, 30, 1 / 200)
    rows = [f"a,b,{round(t * 1e9)},{800 + k % 7},{600 + k % 5},1" for k, t in enumerate(times)]
    (folder / "gaze.csv").write_text(
        "section id,recording id,timestamp [ns],gaze x [px],gaze y [px],worn\n" + "\n".join(rows)
    )
    states = [f"{round((t + 0.001) * 1e9)},3.5,3.6" for t in times]
    header = "timestamp [ns],pupil diameter left [mm],pupil diameter right [mm]\n"
    (folder / "3d_eye_states.csv").write_text(header + "\n".join(states))
    (folder / "events.csv").write_text(
        f"recording id,timestamp [ns],name,type\na,{round(times[0] * 1e9)},begin,recording\n"
    )
    return folder / "gaze.csv"


def test_neon_is_joined_by_the_time_of_day_and_read_by_its_own_profile(tmp_path):
    eeg, _ = eeg_fif(tmp_path, unix=1.7e9 - 4.0, seconds=40, texts=["a", "b", "c", "d", "e", "f"])
    lines = convert([eeg, neon(tmp_path)], tmp_path / "out.xdf")
    assert any("joined by the time of day" in line and "not known" in line for line in lines)
    infos, found = items(tmp_path / "out.xdf")
    stamps, values = samples(found, "Companion_Neon Gaze")
    assert stamps[0] == pytest.approx(1.7e9, abs=1e-6)
    assert values[0].tolist() == pytest.approx([800, 600, 3.5, 3.6])
    assert [channel.eye for channel in infos["Companion_Neon Gaze"].channels] == ["both", "both", "left", "right"]
    assert samples(found, "eeg_raw")[0][0] == pytest.approx(1.7e9 - 4.0)


def test_pupil_core_keeps_its_columns_and_takes_pupils_by_time(tmp_path):
    times = 900.0 + np.arange(0, 10, 1 / 120)
    rows = [f"{t:.6f},{k},0.9,{0.4 + 0.001 * (k % 9):.4f},0.25" for k, t in enumerate(times)]
    (tmp_path / "gaze_positions.csv").write_text(
        "gaze_timestamp,world_index,confidence,norm_pos_x,norm_pos_y\n" + "\n".join(rows)
    )
    pupils = [f"{t + 0.002 * eye:.6f},{eye},{3.0 + eye}" for t in times[::2] for eye in (0, 1)]
    (tmp_path / "pupil_positions.csv").write_text("pupil_timestamp,eye_id,diameter_3d\n" + "\n".join(pupils))
    (tmp_path / "annotations.csv").write_text("index,timestamp,label\n0,901.5,go\n")
    found = read_eye_table(tmp_path / "gaze_positions.csv")
    (signal,) = found.signals
    assert [c.label for c in signal.channels] == [
        "confidence",
        "norm_pos_x",
        "norm_pos_y",
        "diameter0_3d",
        "diameter1_3d",
    ]
    assert np.allclose(signal.times_s, times, atol=1e-6)
    assert signal.values[5].tolist() == pytest.approx([0.9, 0.405, 0.25, 3.0, 4.0])
    assert found.marks == ((901.5, "go"),)


def test_gazepoint_keeps_the_names_of_its_own_fields(tmp_path):
    rows = [f"{k},{k / 60:.4f},{0.1 + k % 5 / 10},{0.5},{k % 2},3.2,3.4,{'go' if k > 60 else ''}" for k in range(600)]
    header = "CNT,TIME(2024/05/01 10:00:00.000),BPOGX,BPOGY,BPOGV,LPMM,RPMM,USER\n"
    (tmp_path / "User 0_all_gaze.csv").write_text(header + "\n".join(rows))
    found = read_eye_table(tmp_path / "User 0_all_gaze.csv")
    (signal,) = found.signals
    assert [c.label for c in signal.channels] == ["BPOGX", "BPOGY", "BPOGV", "LPUPILD", "RPUPILD"]
    assert signal.values[3].tolist() == pytest.approx([0.4, 0.5, 1.0, 0.0032, 0.0034])
    assert found.marks == ((pytest.approx(61 / 60, abs=1e-4), "go"),)
    assert signal.rate_hz == pytest.approx(60, rel=0.01)


MAPPING = """
[time]
column = "t"
unit = "ms"
[gaze]
left_x = "gx"
left_y = "gy"
left_pupil = "size"
unit = "pixels"
pupil_unit = "mm"
[eeg]
columns = ["Fp1", "Fp2"]
unit = "uV"
[markers]
column = "what"
"""


def test_a_plain_table_is_read_by_its_mapping(tmp_path):
    (tmp_path / "map.toml").write_text(MAPPING)
    rows = [f"{10 * k};{k},5;{2 * k};3,5;{k};{-k};{'go' if k == 7 else ''}" for k in range(100)]
    (tmp_path / "own.csv").write_text("t;gx;gy;size;Fp1;Fp2;what\n" + "\n".join(rows))
    found = read_eye_table(tmp_path / "own.csv", tmp_path / "map.toml")
    gaze, eeg = found.signals
    assert [c.label for c in gaze.channels] == ["left_x", "left_y", "left_pupil"]
    assert gaze.values[4].tolist() == [4.5, 8.0, 3.5]
    assert (eeg.type, eeg.rate_hz, eeg.values[9].tolist()) == ("EEG", pytest.approx(100.0), [9.0, -9.0])
    assert found.marks == ((0.07, "go"),)
    with pytest.raises(RtemoError, match="is of no known program"):
        read_eye_table(tmp_path / "own.csv")
    (tmp_path / "map.toml").write_text(MAPPING.replace('"gx"', '"gxx"'))
    with pytest.raises(RtemoError, match="has no column 'gxx'"):
        read_eye_table(tmp_path / "own.csv", tmp_path / "map.toml")


ASC = """** CONVERTED FROM a.edf using edfapi 3.1 Linux
** DATE: Mon Jan  1 10:00:00 2024
** TYPE: EDF_FILE BINARY EVENT SAMPLE TAGGED
** VERSION: EYELINK II 1
** SOURCE: EYELINK CL
** EYELINK II CL v5.15 Jan 24 2018
** CAMERA: EyeLink CL Version 1.4
** SERIAL NUMBER: CLG-XXX
** CAMERA_CONFIG: XXX
** Psychopy GCWINDOW demo
**

MSG\t1000 DISPLAY_COORDS 0 0 1919 1079
MSG\t1000 !MODE RECORD CR 500 2 1 L
START\t1000 \tLEFT\tSAMPLES\tEVENTS
PRESCALER\t1
VPRESCALER\t1
PUPIL\tDIAMETER
EVENTS\tGAZE\tLEFT\tRATE\t 500.00\tTRACKING\tCR\tFILTER\t2
SAMPLES\tGAZE\tLEFT\tRATE\t 500.00\tTRACKING\tCR\tFILTER\t2\tINPUT
"""


def test_eyelinks_asc_files_are_read(tmp_path):
    lines = []
    for k in range(5000):
        if k in (500, 2000, 3500):
            lines.append(f"MSG\t{1000 + 2 * k} TRIGGER {k // 500}")
        lines.append(f"{1000 + 2 * k}\t  {900 + k % 50}.0\t  {500 + k % 30}.0\t  700.0\t  127.0\t...")
    text = ASC + "\n".join(lines) + "\nEND\t11000 \tSAMPLES\tEVENTS\tRES\t  37.00\t  37.00\n"
    (tmp_path / "a.asc").write_text(text)
    found = read_file(tmp_path / "a.asc")
    (signal,) = found.signals
    assert signal.rate_hz == 500.0
    assert {c.label for c in signal.channels} >= {"gaze_x_left", "gaze_y_left", "pupil_left"}
    x = [c.label for c in signal.channels].index("gaze_x_left")
    assert signal.values[3, x] == 903.0
    marks = [(round(time_s, 3), text) for time_s, text in found.marks if "TRIGGER" in text]
    assert marks == [(1.0, "TRIGGER 1"), (4.0, "TRIGGER 4"), (7.0, "TRIGGER 7")]


def test_edf_files_are_read_and_those_with_gaps_refused(tmp_path):
    write_edf(tmp_path / "a.edf", LABELS, 200, RNG.normal(0, 20, (2000, 8)))
    (signal,) = read_file(tmp_path / "a.edf").signals
    assert (signal.type, signal.rate_hz, signal.values.shape) == ("EEG", 200.0, (2000, 8))
    data = bytearray((tmp_path / "a.edf").read_bytes())
    data[192:197] = b"EDF+D"
    (tmp_path / "b.edf").write_bytes(data)
    with pytest.raises(RtemoError, match="gaps between its records"):
        read_file(tmp_path / "b.edf")


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("a.csv", "", "no header line"),
        ("a.csv", "just words\n", "no header line"),
        ("a.tsv", "a\tb\n1\t2\n", "no known program"),
        ("a.fif", "nothing", "cannot be read"),
        ("a.doc", "x", "of no kind"),
        ("a.tsv", "Recording timestamp\tGaze point X\tGaze point Y\n", "cannot be told"),
        ("gaze.csv", "timestamp [ns],gaze x [px],gaze y [px]\n", "no sample with a time"),
    ],
)
def test_what_cannot_be_used_is_one_clear_error(tmp_path, name, content, word):
    (tmp_path / name).write_text(content)
    with pytest.raises(RtemoError, match=word) as raised:
        convert([tmp_path / name], tmp_path / "out.xdf")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "out.xdf").exists()
    with pytest.raises(RtemoError, match="it is not there"):
        convert([tmp_path / "nothing.csv"], tmp_path / "out.xdf")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0.5, 30.0), min_size=4, max_size=20),
    st.floats(-1e4, 1e4),
    st.floats(-3e-4, 3e-4),
    st.sets(st.integers(0, 19), max_size=1),
    st.lists(st.floats(0.0, 300.0), max_size=3),
)
def test_clocks_are_found_whatever_lies_between_and_whichever_triggers_are_lost(gaps, offset_s, drift, lost, strange):
    times = np.cumsum(gaps)
    reference = [(float(t), str(k)) for k, t in enumerate(times)]
    own = [((t - offset_s) / (1 + drift), text) for k, (t, text) in enumerate(reference) if k not in lost]
    own += [(t, "strange") for t in strange]
    found = join(reference, own, "x", unix=False)
    assert found.pairs == len(reference) - len(lost & set(range(len(reference))))
    assert found.residual_s < 0.02
    for own_s, (t, _) in zip(
        [mark[0] for mark in own], [m for k, m in enumerate(reference) if k not in lost], strict=False
    ):
        assert float(found.of(own_s)) == pytest.approx(t, abs=0.02)


EXAMPLES = int(os.environ.get("RTEMO_FUZZ", "25"))


@pytest.mark.parametrize("kind", ["tobii", "neon", "core"])
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_damaged_tables_are_read_or_refused_in_one_line(tmp_path_factory, kind, data):
    folder = tmp_path_factory.mktemp("fuzz")
    rows = {
        "tobii": ("Recording timestamp [ms]\tGaze point X\tGaze point Y\tEvent", "{0}6\t{0}\t{0}\t"),
        "neon": ("timestamp [ns],gaze x [px],gaze y [px]", "{0}5000000,{0},{0}"),
        "core": ("gaze_timestamp,norm_pos_x,norm_pos_y,confidence", "{0}.1,0.5,0.5,1"),
    }
    header, row = rows[kind]
    text = "\n".join([header, *(row.format(k) for k in range(40)), ""])
    content = bytearray(text.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        new = data.draw(st.binary(max_size=8) | st.sampled_from([b"\n", b"\t", b"\0", b"1e999", b'"']))
        content[at : at + data.draw(st.integers(0, 8))] = new
    (folder / "gaze.csv").write_bytes(content)
    said = "."
    try:
        for signal in read_eye_table(folder / "gaze.csv").signals:
            assert np.all(np.diff(signal.times_s) > 0)
            assert len(signal.values) == len(signal.times_s)
    except RtemoError as error:
        said = str(error)
    assert said
    assert "\n" not in said
