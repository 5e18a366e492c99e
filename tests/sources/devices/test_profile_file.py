import shutil
import tomllib
from dataclasses import fields

import pytest
from hostile_documents import TOML_TEXTS, changed, damaged, outcome, refused, toml_bytes
from hypothesis import given
from hypothesis import strategies as st

from rtemo import resources
from rtemo.core.errors import RtemoError
from rtemo.core.types import Modality
from rtemo.simulate.plan import SimulationPlan
from rtemo.simulate.session import SimulatedSession
from rtemo.sources.devices.profile import check_profiles, load_profiles, match
from rtemo.sources.devices.profile_file import read_profile
from rtemo.sources.devices.profile_schema import (
    ColumnRef,
    DeviceProfile,
    EegRules,
    EyeRules,
    FlagRef,
    GazeRules,
    Ignored,
    MatchRule,
)

EEG = """
id = "amp"
name = "An amplifier"
kind = "eeg"
facts = "made up"

[[match]]
type = "^eeg$"
name = "^Amp"
"""
GAZE = """
id = "amp"
name = "A tracker"
kind = "gaze"
facts = "made up"

[[match]]
type = "^gaze$"

[gaze.both]
x = "gx"
y = "gy"
"""


EVERYTHING = """
id = "amp"
name = "A tracker"
kind = "gaze"
facts = "made up"
notes = ["one", "two"]
latency_ms = 12

[[match]]
type = "^gaze$"
name = "A"
source_id = "B"
description = "C"
labels = ["gx"]
n_channels = [3, 4]

[[ignore]]
name = "other"
reason = "it is another thing"

[gaze]
unit = "pixels"
origin = "bottom-left"
frame = "scene"
scene_px = [640, 480.5]
scene_deg = [90, 60]
missing = [-9]
zero_pupil_is_blink = true
pupil_unit = "mm"
pupil_scale = 2
pupil_is_area = false
samples_per_row = 2
sample_width = 7

[gaze.left]
x = {label = "g", eye = "left"}
y = {column = 2}
pupil = {label = "p", nth = 2}
valid = [{label = "v", at_least = 1, at_most = 4}]
"""
EVERY_EEG_KEY = (
    EEG
    + """
[eeg]
unit = "mV"
scale_from = "gain"
drop = ["^Aux"]
labels = ["Cz", "Pz"]
assumption = "made up"
"""
)


@pytest.fixture
def write(tmp_path):
    def write_profile(text, folder="amp"):
        (tmp_path / folder).mkdir(exist_ok=True)
        path = tmp_path / folder / "profile.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write_profile


def test_a_profile_with_every_key_is_read(write):
    profile = read_profile(write(EVERYTHING))

    assert profile.kind is Modality.GAZE
    assert profile.latency_s == pytest.approx(0.012)
    assert profile.notes == ("one", "two")
    assert profile.match[0].n_channels == (3, 4)
    assert profile.ignore[0].reason == "it is another thing"
    assert profile.gaze.scene_px == (640.0, 480.5)
    assert profile.gaze.missing == (-9.0,)
    assert profile.gaze.left.x.eye == "left"
    assert profile.gaze.left.y.column == 2
    assert profile.gaze.left.pupil.nth == 2
    assert profile.gaze.left.valid[0].at_most == 4.0
    assert (profile.gaze.samples_per_row, profile.gaze.sample_width) == (2, 7)


@pytest.mark.parametrize(
    ("base", "change", "key"),
    [
        (EEG, ("kind", "kindd"), "kind"),
        (EEG, ('"eeg"', '"eegs"'), "kind"),
        (EEG, ('name = "An amplifier"', "name = 7"), "name"),
        (EEG, ('name = "An amplifier"', ""), "name"),
        (EEG, ('facts = "made up"', ""), "facts"),
        (EEG, ('facts = "made up"', 'facts = "made up"\ncolour = "red"'), "colour"),
        (EEG, ('"^Amp"', '"^Amp("'), "match[1].name"),
        (EEG, ('"^Amp"', "[1]"), "match[1].name"),
        (EEG, ('name = "^Amp"', 'nome = "^Amp"'), "match[1].nome"),
        (EEG, ('type = "^eeg$"\nname = "^Amp"', ""), "match[1].type"),
        (EEG, ('[[match]]\ntype = "^eeg$"\nname = "^Amp"', ""), "match"),
        (EEG, ("[[match]]", "[match]"), "match"),
        (EEG, ('name = "^Amp"', 'n_channels = ["8"]'), "match[1].n_channels[1]"),
        (EEG, ('name = "^Amp"', "n_channels = [true]"), "match[1].n_channels[1]"),
        (EEG, ("[[match]]", "latency_ms = nan\n[[match]]"), "latency_ms"),
        (EEG, ("[[match]]", 'latency_ms = "5"\n[[match]]'), "latency_ms"),
        (EEG, ("[[match]]", '[eeg]\nunit = "kilograms"\n[[match]]'), "eeg.unit"),
        (EEG, ("[[match]]", '[eeg]\ndrop = ["("]\n[[match]]'), "eeg.drop"),
        (EEG, ("[[match]]", '[eeg]\nlabels = ["Fp1"]\n[[match]]'), "eeg.assumption"),
        (EEG, ("[[match]]", "[eeg]\nscale = 2\n[[match]]"), "eeg.scale"),
        (EEG, ("[[match]]", "[gaze]\n[[match]]"), "gaze"),
        (EEG, ("[[match]]", '[[ignore]]\nname = "x"\n[[match]]'), "ignore[1].reason"),
        (GAZE, ('x = "gx"', ""), "gaze.both.x"),
        (GAZE, ('x = "gx"', "x = 3"), "gaze.both.x"),
        (GAZE, ('x = "gx"', 'x = {label = "g", side = "left"}'), "gaze.both.x.side"),
        (GAZE, ('x = "gx"', 'x = {label = "g", eye = "third"}'), "gaze.both.x.eye"),
        (GAZE, ('x = "gx"', "x = {}"), "gaze.both.x.label"),
        (GAZE, ('x = "gx"', 'x = {label = "g", column = 1}'), "gaze.both.x.label"),
        (GAZE, ('x = "gx"', 'x = "gx"\nvalid = [{label = "v"}]'), "gaze.both.valid[1].at_least"),
        (GAZE, ('x = "gx"', 'x = "gx"\nvalid = ["v"]'), "gaze.both.valid[1]"),
        (GAZE, ("[gaze.both]", '[gaze]\nunit = "inches"\n[gaze.both]'), "gaze.unit"),
        (GAZE, ("[gaze.both]", '[gaze]\norigin = "top"\n[gaze.both]'), "gaze.origin"),
        (GAZE, ("[gaze.both]", '[gaze]\nframe = "scene"\n[gaze.both]'), "gaze.frame"),
        (GAZE, ("[gaze.both]", "[gaze]\nscene_px = [1]\n[gaze.both]"), "gaze.scene_px"),
        (GAZE, ("[gaze.both]", "[gaze]\npupil_scale = 0\n[gaze.both]"), "gaze.pupil_scale"),
        (GAZE, ("[gaze.both]", "[gaze]\nzero_pupil_is_blink = 1\n[gaze.both]"), "gaze.zero_pupil_is_blink"),
        (GAZE, ("[gaze.both]", "[eeg]\n[gaze.both]"), "eeg"),
    ],
)
def test_a_mistake_is_refused_with_file_key_and_what_to_do(write, base, change, key):
    assert change[0] in base
    path = write(base.replace(*change))

    with pytest.raises(RtemoError) as refused:
        read_profile(path)

    assert repr(key) in refused.value.fact
    assert str(path) in refused.value.fact
    assert refused.value.found
    assert refused.value.todo


@pytest.mark.parametrize("text", ["id = ", "\x00", "[match"])
def test_what_is_no_toml_is_refused(write, text):
    with pytest.raises(RtemoError, match=r"profile\.toml cannot be read"):
        read_profile(write(text))


def test_bytes_that_are_no_text_are_refused(write):
    path = write("")
    path.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(RtemoError, match="cannot be read"):
        read_profile(path)


def test_the_id_is_the_folders_name(write):
    with pytest.raises(RtemoError, match="'id'"):
        read_profile(write(EEG, folder="another"))


def test_a_folder_without_the_generic_profiles_is_refused(tmp_path, write):
    write(EEG)

    with pytest.raises(RtemoError, match="generic-eeg and no generic-gaze"):
        load_profiles(tmp_path)


def test_the_check_lists_everything_that_is_wrong_at_once(tmp_path, write):
    for name in ("generic-eeg", "generic-gaze"):
        shutil.copytree(resources.devices() / name, tmp_path / name)
    assert check_profiles(tmp_path) == []

    write(EEG.replace("facts", "fakts"))
    (tmp_path / "empty").mkdir()
    shutil.rmtree(tmp_path / "generic-gaze")
    problems = check_profiles(tmp_path)

    assert any("no README.md" in problem for problem in problems)
    assert any("fakts" in problem or "facts" in problem for problem in problems)
    assert any("empty: there is no profile.toml" in problem for problem in problems)
    assert any("generic-gaze" in problem for problem in problems)


def test_the_readmes_example_is_right_and_fits_the_simulated_stream_best(tmp_path):
    text = (resources.devices() / "README.md").read_text(encoding="utf-8")
    shutil.copytree(resources.devices(), tmp_path / "devices")
    added = tmp_path / "devices" / "my-amp"
    added.mkdir()
    (added / "README.md").write_text("An amplifier.\n", encoding="utf-8")
    (added / "profile.toml").write_text(text.split("```toml\n")[1].split("```")[0], encoding="utf-8")
    simulated = SimulatedSession(SimulationPlan.for_duration(1, 10.0)).streams[0]

    assert check_profiles(added.parent) == []
    assert match(simulated, load_profiles(added.parent)).profile.id == "my-amp"


def test_every_key_of_the_schema_is_described_in_the_readme():
    text = (resources.devices() / "README.md").read_text(encoding="utf-8")
    rooms = (DeviceProfile, MatchRule, Ignored, EegRules, GazeRules, EyeRules, ColumnRef, FlagRef)
    keys = {field.name for room in rooms for field in fields(room)}

    assert {"pupil_scale", "scale_from", "description", "reason"} <= keys
    assert {key for key in keys if f"`{key}`" not in text and f"`[{key}]`" not in text and f"{key} =" not in text} <= {
        "match", "ignore", "left", "right", "both", "labels",
    }  # fmt: skip


@pytest.mark.parametrize("text", TOML_TEXTS, ids=range(len(TOML_TEXTS)))
def test_hostile_texts_are_refused(write, text):
    path = write("")
    path.write_bytes(text)
    refused(lambda: read_profile(path))


@pytest.mark.filterwarnings("ignore::FutureWarning")  # of regular expressions that may come to mean something else
@pytest.mark.parametrize("whole", [EVERYTHING, EVERY_EEG_KEY], ids=["gaze", "eeg"])
def test_changed_profiles_are_refused_or_read(write, whole):
    path = write(whole)
    assert isinstance(read_profile(path), DeviceProfile)

    @given(st.one_of(changed(tomllib.loads(whole)).map(toml_bytes), damaged(whole.encode())))
    def check(text):
        path.write_bytes(text)
        outcome(lambda: read_profile(path), DeviceProfile)

    check()
