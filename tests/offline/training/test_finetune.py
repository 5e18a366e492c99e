from __future__ import annotations

import math
import resource
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from offline.splits import split_subjects
from offline.training import finetune
from offline.training.batches import NONE, pick_epoch, plain_batches
from offline.training.checkpoint import FORMAT, load_checkpoint, save_checkpoint
from offline.training.finetune import batch_loss, fit, train
from offline.training.training_run import TrainingSettings, begin, best_network, read_trained
from rtemo.core.errors import RtemoError
from rtemo.model.network import Heads, Network, NetworkConfig

SMALL = NetworkConfig(width=40, layers=1, heads=5, channel_width=16, queries=2, pool_heads=2)
SETTINGS = TrainingSettings(
    seed=1, device="cpu", epochs=4, patience=4, batch=64, per_trial=3, rate=3e-3, least_steps=1, network=SMALL
)


@pytest.fixture(scope="module")
def trained(corpus, tmp_path_factory):
    return train(corpus, SETTINGS, tmp_path_factory.mktemp("run") / "checkpoint.pt")


def test_training_lowers_the_loss_of_people_that_it_never_saw(trained):
    losses = [epoch["validation_loss"] for epoch in trained.history]
    assert losses[0] > trained.best_loss
    assert trained.best_loss < 1.25  # ln 4 = 1.386 is what guessing gets


def test_training_reads_no_window_of_a_held_out_person(corpus, tmp_path, monkeypatch):
    seen = set()

    def watch(shards, *args):
        seen.update(shard.about.subject for shard in shards)
        return original(shards, *args)

    original = finetune.training_batches
    monkeypatch.setattr(finetune, "training_batches", watch)
    state = train(corpus, replace(SETTINGS, epochs=1), tmp_path / "c.pt")
    assert seen == set(state.split.train)


def test_two_runs_are_bitwise_the_same(corpus, tmp_path, trained):
    again = train(corpus, SETTINGS, tmp_path / "c.pt")
    assert again.history == trained.history
    for name, value in trained.best["network"].items():
        assert torch.equal(value, again.best["network"][name])


def test_an_interrupted_run_goes_on_as_if_it_had_not_stopped(corpus, tmp_path, trained, monkeypatch):
    path, epochs = tmp_path / "c.pt", []

    def stop_in_the_third(*args):
        epochs.append(args)
        if len(epochs) == 3:
            raise KeyboardInterrupt
        return original(*args)

    original = finetune._epoch
    monkeypatch.setattr(finetune, "_epoch", stop_in_the_third)
    with pytest.raises(KeyboardInterrupt):
        train(corpus, SETTINGS, path)
    monkeypatch.setattr(finetune, "_epoch", original)
    resumed = train(corpus, SETTINGS, path)
    assert resumed.history == trained.history
    for name, value in trained.best["network"].items():
        assert torch.equal(value, resumed.best["network"][name])


def test_no_time_means_no_epoch_and_no_error(corpus, tmp_path):
    assert train(corpus, replace(SETTINGS, max_minutes=0.0), tmp_path / "c.pt").epoch == 0


def test_patience_ends_a_run_that_no_longer_gets_better(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(finetune, "_held_out_loss", lambda *args: 1.0)
    state = train(corpus, replace(SETTINGS, epochs=30, patience=2), tmp_path / "c.pt")
    assert (state.epoch, state.best_epoch) == (2, -1)  # none was better than new heads on the network as it was


@pytest.mark.parametrize(
    ("change", "what"), [({"rate": 1e-4}, "rate"), ({"seed": 9}, "seed"), ({"network": NetworkConfig()}, "network")]
)
def test_a_checkpoint_of_other_settings_is_refused(corpus, tmp_path, change, what):
    path = tmp_path / "c.pt"
    train(corpus, replace(SETTINGS, epochs=1), path)
    with pytest.raises(RtemoError, match=what):
        train(corpus, replace(SETTINGS, **change), path)


def test_a_checkpoint_of_another_corpus_is_refused(corpus, tmp_path):
    path = tmp_path / "c.pt"
    train(corpus, replace(SETTINGS, epochs=1), path)
    with pytest.raises(RtemoError, match="another corpus"):
        train(replace(corpus, fingerprint="other"), SETTINGS, path)


def test_a_loss_that_is_not_finite_stops_the_run_with_the_place(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(finetune, "batch_loss", lambda *args, **options: torch.tensor(float("nan")))
    with pytest.raises(RtemoError, match="not finite; epoch 0, step 0"):
        train(corpus, SETTINGS, tmp_path / "c.pt")


def test_a_saved_run_is_read_back(corpus, tmp_path):
    path = tmp_path / "c.pt"
    state = train(corpus, replace(SETTINGS, epochs=2), path)
    read, saved = read_trained(path)
    assert (read.split, read.history, read.best_epoch) == (state.split, state.history, state.best_epoch)
    assert saved["settings"]["network"] == asdict(SMALL)


def test_the_best_weights_are_what_float16_holds(trained):
    network, _ = best_network(trained)
    assert all(torch.equal(p, p.half().float()) for p in network.parameters())


def test_weights_that_are_given_are_where_training_begins(corpus, tmp_path, trained):
    begun = train(corpus, replace(SETTINGS, max_minutes=0.0, seed=5), tmp_path / "c.pt", trained.best["network"])
    for name, value in begun.network.state_dict().items():
        assert torch.equal(value, trained.best["network"][name])


def test_given_weights_of_another_shape_are_refused(corpus, tmp_path):
    other = Network(replace(SMALL, queries=4)).state_dict()
    with pytest.raises(RtemoError, match="do not fit"):
        train(corpus, SETTINGS, tmp_path / "c.pt", other)


def test_a_head_learns_only_from_windows_that_offer_its_modality(corpus):
    torch.manual_seed(0)
    network, heads = Network(SMALL).eval(), Heads(SMALL.width, 4)
    picked = finetune.pick_epoch(corpus.shards[:2], 2, np.random.default_rng(0))
    batch = next(plain_batches(corpus.shards[:2], picked, 64))
    batch.eye_valid[:] = False
    batch_loss(network, heads, batch, 0.0, torch.device("cpu")).backward()
    assert heads.linear["eye"].weight.grad is None
    assert heads.linear["eeg"].weight.grad is not None


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"\x80\x04\x95"])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path, content):
    path = tmp_path / "c.pt"
    path.write_bytes(content)
    with pytest.raises(RtemoError, match="cannot be read"):
        load_checkpoint(path, "finetune")


class Evil:
    def __reduce__(self):
        return (print, ("code from a checkpoint ran",))


def test_a_checkpoint_runs_no_code(tmp_path, capsys):
    path = tmp_path / "c.pt"
    torch.save({"format": FORMAT, "x": Evil()}, path)
    with pytest.raises(RtemoError, match="cannot be read"):
        load_checkpoint(path, "finetune")
    assert capsys.readouterr().out == ""


def test_a_checkpoint_of_another_version_or_none_at_all_is_refused(tmp_path):
    save_checkpoint(tmp_path / "c.pt", "finetune", {"format": 99})
    with pytest.raises(RtemoError, match="version"):
        load_checkpoint(tmp_path / "c.pt", "finetune")
    with pytest.raises(RtemoError, match="no such file"):
        load_checkpoint(tmp_path / "d.pt", "finetune")


def test_augmentation_can_be_switched_off(corpus, tmp_path):
    state = train(corpus, replace(SETTINGS, epochs=1, augmentation=NONE), tmp_path / "c.pt")
    assert len(state.history) == 1


def sides(corpus):
    people = corpus.subjects
    return corpus.of(people[:18]), corpus.of(people[18:24])


def test_recordings_handed_over_by_side_are_fitted_without_a_file(corpus, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    learning, selecting = sides(corpus)
    network, heads = fit(learning, selecting, SETTINGS)
    assert list(tmp_path.iterdir()) == []
    batch = next(plain_batches(selecting, finetune.pick_epoch(selecting, 6, np.random.default_rng(0)), 400))
    assert batch_loss(network, heads, batch, 0.0, torch.device("cpu")).item() < 1.25


def test_an_epoch_of_few_people_still_has_steps_enough_to_learn(corpus, monkeypatch):
    sizes = []

    def count(*args):
        for batch in original(*args):
            sizes.append(len(batch.labels))
            yield batch

    original = finetune.training_batches
    monkeypatch.setattr(finetune, "training_batches", count)
    fit(corpus.shards[:1], corpus.shards[1:2], replace(SETTINGS, epochs=1, least_steps=7))
    assert sizes == [64] * 7


def test_the_number_of_labels_may_be_said_where_the_recordings_lack_some(corpus):
    learning, selecting = sides(corpus)
    _, heads = fit(learning, selecting, replace(SETTINGS, max_minutes=0.0), n_labels=7)
    assert heads.linear["joint"].weight.shape[0] == 7


def test_a_probe_fits_the_heads_and_leaves_the_network_alone(corpus, trained):
    learning, selecting = sides(corpus)
    given = {name: value.half().float() for name, value in trained.best["network"].items()}
    network, heads = fit(learning, selecting, replace(SETTINGS, mode="probe"), given)
    for name, value in network.state_dict().items():
        assert torch.equal(value, given[name])
    windows = pick_epoch(learning, 12, np.random.default_rng(0))
    (batch,) = plain_batches(learning, windows, len(windows.shard))
    fitted, random = (
        float(batch_loss(network, one, batch, 0.0, torch.device("cpu")).detach())
        for one in (heads, Heads(SETTINGS.network.width, 4))
    )
    assert fitted < min(random, 1.2)  # the logarithm of 4 is 1.386


def test_given_weights_are_probed_first_and_then_trained_too(corpus, tmp_path, trained):
    given = trained.best["network"]
    probed = train(corpus, replace(SETTINGS, max_minutes=0.0), tmp_path / "c.pt", given)
    assert all(torch.equal(value, given[name]) for name, value in probed.network.state_dict().items())
    assert (probed.epoch, probed.best_epoch) == (0, -1)
    assert math.isfinite(probed.best_loss)
    whole = train(corpus, replace(SETTINGS, epochs=1), tmp_path / "c.pt", given)
    assert not any(torch.equal(p, given[name]) for name, p in whole.network.named_parameters() if "blocks" in name)
    assert whole.best_loss <= probed.best_loss


def test_lower_layers_of_given_weights_learn_more_slowly(trained):
    begun = begin(replace(SETTINGS, layer_decay=0.5), 4, torch.device("cpu"), trained.best["network"])
    names = {id(p): name for name, p in [*begun.network.named_parameters(), *begun.heads.named_parameters()]}
    scale = {names[id(p)]: group["scale"] for group in begun.optimizer.param_groups for p in group["params"]}
    assert scale["linear.eeg.weight"] == 1.0
    assert scale["blocks.0.qkv.weight"] == scale["norm.weight"] == 0.5
    assert scale["channels.spectrum.weight"] == scale["cls_eye"] == 0.25
    assert set(scale) == set(names.values())


def test_random_weights_all_learn_at_one_rate():
    begun = begin(replace(SETTINGS, layer_decay=0.5), 4, torch.device("cpu"), None)
    assert {group["scale"] for group in begun.optimizer.param_groups} == {1.0}


def test_weights_that_know_a_person_who_is_held_out_are_refused(corpus, tmp_path, trained):
    settings, given = replace(SETTINGS, max_minutes=0.0), trained.best["network"]
    split = trained.split
    train(corpus, settings, tmp_path / "c.pt", given, split, [f"invented/{split.train[0]}", "invented/somebody"])
    for side in (split.validation, split.calibration, split.test):
        with pytest.raises(RtemoError, match=f"held out.*invented/{side[0]}"):
            train(corpus, settings, tmp_path / "d.pt", given, split, [f"invented/{side[0]}"])


def test_a_split_that_is_given_is_the_one_that_is_used(corpus, tmp_path):
    split = split_subjects(corpus.subjects, 77)
    assert train(corpus, replace(SETTINGS, max_minutes=0.0), tmp_path / "c.pt", split=split).split == split


def test_a_run_is_not_taken_up_with_another_split_or_from_other_weights(corpus, tmp_path, trained):
    train(corpus, replace(SETTINGS, epochs=1), tmp_path / "c.pt")
    with pytest.raises(RtemoError, match="another split"):
        train(corpus, SETTINGS, tmp_path / "c.pt", split=split_subjects(corpus.subjects, 77))
    with pytest.raises(RtemoError, match="other weights"):
        train(corpus, SETTINGS, tmp_path / "c.pt", trained.best["network"])


def test_a_mode_or_a_device_that_is_not_there_is_refused(corpus):
    with pytest.raises(RtemoError, match="mode"):
        TrainingSettings(mode="half")
    with pytest.raises(RtemoError, match="no device"):
        fit(*sides(corpus), replace(SETTINGS, device="cuda:99"))


def test_a_disk_that_is_full_is_an_error_and_the_last_checkpoint_stays(corpus, tmp_path):
    path = tmp_path / "c.pt"
    train(corpus, replace(SETTINGS, epochs=1), path)
    before, limits = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, limits[1]))
    try:
        with pytest.raises(RtemoError, match=r"cannot be written.*make room"):
            train(corpus, replace(SETTINGS, epochs=2), path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["c.pt"]
    assert train(corpus, replace(SETTINGS, epochs=2), path).epoch == 2
