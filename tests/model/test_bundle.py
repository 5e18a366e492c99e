from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np
import onnx
import pytest
from hostile_documents import JSON_TEXTS, changed, damaged, outcome, refused
from hypothesis import given, settings
from safetensors.numpy import load_file, save_file

from rtemo.core.errors import RtemoError
from rtemo.core.records import Misfit
from rtemo.model.bundle import FORMAT, Bundle, _fingerprint, _sha256, load_bundle, read_network, write_bundle
from rtemo.model.bundle_schema import FixedChannels
from rtemo.model.runtime import Runtime


@pytest.fixture
def copy(bundle, tmp_path):
    return shutil.copytree(bundle.path, tmp_path / "copy")


def rewrite(path, change):
    """Change bundle.json as its author would: hashes and fingerprint fit again."""
    document = json.loads((path / "bundle.json").read_text())
    change(document)
    document["files"] = {name: _sha256(path / name) for name in document["files"]}
    document["fingerprint"] = _fingerprint(document)
    (path / "bundle.json").write_text(json.dumps(document))


def test_what_was_written_is_read_back(bundle, spec, parts):
    read = load_bundle(bundle.path)
    assert read.spec == spec
    assert read.fingerprint == bundle.fingerprint
    np.testing.assert_array_equal(read.heads["eye"].weight, parts[0]["eye"].weight)
    np.testing.assert_array_equal(read.familiar["both"].precision, parts[1]["both"].precision)
    assert read_network(bundle.path).keys() == parts[2].keys()


@pytest.mark.parametrize("name", ["bundle.json", "weights.safetensors", "model.onnx", "MODEL_CARD.md"])
def test_a_missing_file_is_refused(copy, name):
    (copy / name).unlink()
    with pytest.raises(RtemoError, match=name):
        load_bundle(copy)


def test_who_may_read_one_file_may_read_all(bundle):
    assert len({file.stat().st_mode for file in bundle.path.iterdir()}) == 1


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(RtemoError, match="no model bundle"):
        load_bundle(tmp_path / "nothing")


@pytest.mark.parametrize("name", ["weights.safetensors", "model.onnx"])
def test_a_changed_file_is_refused(copy, name):
    content = bytearray((copy / name).read_bytes())
    content[-1] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(RtemoError, match=f"{name} was changed"):
        load_bundle(copy)


def _other_graph(path):
    graph = onnx.load(path / "model.onnx")
    graph.doc_string = "another one"
    onnx.save(graph, path / "model.onnx")


def _other_heads(path):
    arrays = load_file(path / "weights.safetensors")
    save_file({**arrays, "head.eye.bias": arrays["head.eye.bias"] + 1.0}, path / "weights.safetensors")


def _other_quantiles(path):
    document = json.loads((path / "bundle.json").read_text())
    for one in document["combinations"].values():
        one["quantiles"] = {level: 0.5 * quantile for level, quantile in one["quantiles"].items()}
    (path / "bundle.json").write_text(json.dumps(document))


@pytest.mark.parametrize("exchange", [_other_graph, _other_heads, _other_quantiles])
def test_what_is_exchanged_is_refused_even_where_every_hash_was_made_anew(copy, exchange):
    exchange(copy)
    rewrite(copy, lambda _: None)
    with pytest.raises(RtemoError, match="were not made for this model"):
        load_bundle(copy)


def test_a_changed_setting_is_refused(copy):
    text = (copy / "bundle.json").read_text()
    (copy / "bundle.json").write_text(text.replace('"dwell_s": 60.0', '"dwell_s": 61.0'))
    with pytest.raises(RtemoError, match="fingerprint"):
        load_bundle(copy)


def test_other_line_ends_in_the_texts_do_not_matter(copy, bundle):
    for name in ("bundle.json", "MODEL_CARD.md"):
        (copy / name).write_bytes((copy / name).read_bytes().replace(b"\n", b"\r\n"))
    assert load_bundle(copy).fingerprint == bundle.fingerprint


def test_a_newer_format_is_refused(copy):
    rewrite(copy, lambda document: document.update(format=FORMAT + 1))
    with pytest.raises(RtemoError, match="newer rtemo"):
        load_bundle(copy)


@pytest.mark.parametrize("content", [b"not json", b"[1]", b"\xff\xfe\x00", b'{"format": "1"}', b"{}"])
def test_a_description_that_is_none_is_refused(copy, content):
    (copy / "bundle.json").write_bytes(content)
    with pytest.raises(RtemoError):
        load_bundle(copy)


def set_at(*keys_and_value):
    *keys, last, value = keys_and_value

    def change(document):
        for key in keys:
            document = document[key]
        document[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (set_at("labels", ["happy", "happy"]), "labels"),
        (set_at("labels", "happy"), "labels"),
        (set_at("combinations", {}), "combinations"),
        (set_at("combinations", "both", "weights", {"nose": 1.0}), "combinations.both.weights"),
        (set_at("combinations", "eeg", "quantiles", {"0.8": 0.5}), "combinations.eeg.quantiles"),
        (set_at("combinations", "eeg", "quantiles", {"90": 0.5}), "combinations.eeg.quantiles.90"),
        (set_at("combinations", "eye", "novelty", "energy", [0.0, 0.0]), "combinations.eye.novelty.energy"),
        (set_at("combinations", "eye", "decorrelation_s", -1), "combinations.eye.decorrelation_s"),
        (set_at("temperatures", "joint", 0.0), "temperatures.joint"),
        (set_at("temperatures", "joint", None), "temperatures.joint"),
        (set_at("gate", "eye_share", True), "gate.eye_share"),
        (set_at("smoothing", "prior", [0.5, 0.5]), "smoothing.prior"),
        (set_at("smoothing", "prior", [0.5, 0.5, 0.5, 0.5]), "smoothing.prior"),
        (set_at("decision", "largest_set", 9), "decision.largest_set"),
        (set_at("input", "embedding", 0), "input.embedding"),
        (set_at("trained_on", 5), "trained_on"),
        (set_at("pipeline", []), "pipeline"),
    ],
)
def test_a_description_that_does_not_fit_is_refused_with_the_field(copy, change, named):
    rewrite(copy, change)
    with pytest.raises(RtemoError, match=f"{named} does not fit"):
        load_bundle(copy)


@pytest.mark.parametrize("text", JSON_TEXTS, ids=range(len(JSON_TEXTS)))
def test_hostile_descriptions_are_refused(copy, text):
    (copy / "bundle.json").write_bytes(text)
    refused(lambda: load_bundle(copy))


def test_changed_descriptions_are_refused_or_read(copy):
    path, content = copy / "bundle.json", (copy / "bundle.json").read_bytes()

    @settings(max_examples=200)
    @given(changed(json.loads(content)))
    def check(document):
        for signed in (document, {**document, "fingerprint": _fingerprint(document)}):
            path.write_text(json.dumps(signed))
            outcome(lambda: load_bundle(copy), Bundle)

    @given(damaged(content))
    def check_text(text):
        path.write_bytes(text)
        outcome(lambda: load_bundle(copy), Bundle)

    check()
    check_text()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("head.eeg.weight", np.zeros((3, 40), np.float32)),
        ("head.eye.bias", np.zeros(4, np.float64)),
        ("head.joint.bias", np.full(4, np.nan, np.float32)),
        ("novelty.both.mean", None),
        ("novelty.eeg.precision", np.zeros((39, 40), np.float32)),
    ],
)
def test_arrays_that_do_not_fit_are_refused_by_name(copy, key, value):
    arrays = load_file(copy / "weights.safetensors")
    arrays = {name: array for name, array in {**arrays, key: value}.items() if array is not None}
    save_file(arrays, copy / "weights.safetensors")
    rewrite(copy, lambda document: None)
    with pytest.raises(RtemoError, match=key):
        load_bundle(copy)


@pytest.mark.parametrize("change", [set_at("pipeline", "magic", 1), lambda document: document["pipeline"].pop("eeg")])
def test_pipeline_settings_of_another_version_are_refused(copy, change):
    rewrite(copy, change)
    with pytest.raises(RtemoError, match="pipeline settings do not fit"):
        load_bundle(copy)


def test_weights_that_are_no_safetensors_are_refused(copy):
    (copy / "weights.safetensors").write_bytes(b"\x80\x04pickle")
    rewrite(copy, lambda document: None)
    with pytest.raises(RtemoError, match="cannot be read"):
        load_bundle(copy)


def test_a_graph_that_is_none_is_refused(spec, parts, tmp_path):
    heads, familiar, weights, _, card = parts
    graph = lambda path: path.write_bytes(b"no graph")  # noqa: E731
    made = write_bundle(tmp_path / "b", spec, heads, familiar, weights, graph, card)
    with pytest.raises(RtemoError, match="cannot be run"):
        Runtime(made)


@pytest.mark.parametrize("failure", [KeyboardInterrupt, OSError])
def test_an_interrupted_write_leaves_no_bundle(tmp_path, spec, parts, failure):
    def stop(path):
        raise failure

    heads, familiar, weights, _, card = parts
    with pytest.raises(failure):
        write_bundle(tmp_path / "b", spec, heads, familiar, weights, stop, card)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_left_is_in_nobodys_way(tmp_path, spec, parts, bundle):
    (tmp_path / ".b.partial").mkdir()
    (tmp_path / ".b.partial" / "bundle.json").write_text("half")
    heads, familiar, weights, _, card = parts

    def copy_graph(path):
        shutil.copy(bundle.onnx_path, path)

    assert write_bundle(tmp_path / "b", spec, heads, familiar, weights, copy_graph, card).spec == spec
    assert [entry.name for entry in tmp_path.iterdir()] == ["b"]


def test_a_bundle_that_does_not_fit_itself_is_not_written(tmp_path, spec, parts, bundle):
    heads, familiar, weights, _, card = parts
    with pytest.raises(RtemoError, match=r"head\.eye"):
        write_bundle(
            tmp_path / "b",
            spec,
            {name: head for name, head in heads.items() if name != "eye"},
            familiar,
            weights,
            lambda path: shutil.copy(bundle.onnx_path, path),
            card,
        )
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(bundle, spec, parts):
    with pytest.raises(RtemoError, match="exists already"):
        write_bundle(bundle.path, spec, *parts)


def test_loading_and_running_a_bundle_needs_no_torch_and_unpickles_nothing(bundle):
    program = """
import pickle, sys
def refuse(*args, **kwargs): raise AssertionError("unpickled")
pickle.load = pickle.loads = refuse
from pathlib import Path
from rtemo.model.bundle import load_bundle
from rtemo.model.decoder import Decoder
from rtemo.model.runtime import Runtime
bundle = load_bundle(Path(sys.argv[1]))
Runtime(bundle), Decoder(bundle)
assert "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program, str(bundle.path)], check=True)


def test_a_bundle_of_format_1_holds_the_network_of_rtemo_that_gives_no_features_beside_its_embedding(copy):
    def older(document):
        document["format"] = 1
        for key in ("must_understand", "model", "calibrated", "calibration_of"):
            del document[key]

    rewrite(copy, older)
    spec = load_bundle(copy).spec
    assert (spec.model.kind, spec.model.name, spec.model.channels) == ("network", "rtemo network", None)
    assert spec.model.inputs == ("eeg", "eeg_mask", "positions", "eye", "eye_valid")
    assert (spec.model.output, spec.model.features) == ("embedding", 0)
    assert spec.calibrated


@pytest.mark.parametrize(("labels", "places"), [((), 0), (("Cz", "Pz"), 1), (("Cz",), 2)])
def test_fixed_channels_have_one_place_each(labels, places):
    with pytest.raises(Misfit, match=f"^positions: not one place for each of {len(labels)} channels$"):
        FixedChannels(labels, ((0.0, 0.0, 1.0),) * places)
