"""The signal that is kept beside the windows, and the methods that work on it."""

from __future__ import annotations

from copy import deepcopy
from functools import partial
from itertools import islice

import numpy as np
import pytest
import torch
from invented import LABELS, about, invented_corpus, invented_windows

from offline.corpus.build_recording import channel_map_of, windows_of
from offline.corpus.corpus import Shard, open_corpus, write_manifest
from offline.corpus.eeg_signal import SignalKeeper, cut, referenced, sizes
from offline.corpus.shard_writer import ShardWriter
from offline.datasets.synthetic import Population, load
from offline.evaluation.evaluate import evaluate
from offline.evaluation.experiment import ExperimentRequest
from offline.evaluation.folds import Experiment, run_fold
from offline.evaluation.methods.riemann import Riemann, band_covariances, tangent
from offline.evaluation.methods.signal_channels import SAMPLES, read_signal
from offline.evaluation.methods.signal_networks import Conformer, EegNet, Lags, SignalNetwork, eegnet
from offline.evaluation.methods.tangent_graph import logarithm
from offline.evaluation.methods.training import Recipe
from offline.evaluation.window_table import Windows, tabulate
from offline.splits import loso
from rtemo.core.eeg.band_power import BandPower
from rtemo.core.eeg.conditioning import GridBlock
from rtemo.core.errors import RtemoError
from rtemo.core.pipeline import Pipeline
from rtemo.core.settings import PipelineSettings
from rtemo.core.types import Modality


def block(first, values, valid=None):
    values = np.asarray(values, float)
    valid = np.ones(values.shape, bool) if valid is None else valid
    return GridBlock(first, values, values, valid, restarted=False)


def written(path, person, blocks, n_channels=3, **shape):
    windows, labels, trials = invented_windows(person, n_channels, **shape)
    with ShardWriter(path, about(person, windows[0].channels)) as writer:
        for one in zip(windows, labels, trials, strict=True):
            writer.add(*one)
        keep = SignalKeeper(writer.append)
        for one in blocks(windows, labels):
            keep(one)
        return writer.finish(channels=windows[0].channels)


def ramp(windows, labels):
    """Value = grid index / 8 - 100, which float16 holds, from 2 s to 6.5 s and from 7 s on."""
    for first, last in ((400, 900), (900, 1300), (1400, 2400)):
        grid = np.arange(first, last)[:, None]
        valid = np.ones((last - first, 3), bool)
        valid[:, 1] = grid[:, 0] != 1000
        yield block(first, grid / 8.0 - 100.0 + np.zeros(3), valid)


def test_a_window_is_cut_where_it_lies_and_holes_are_zero(tmp_path):
    shard = Shard(tmp_path / "recordings" / "p000", written(tmp_path, 0, ramp))
    first, second = cut(shard, np.array([0, 1]), 800, 200.0)

    grid = np.arange(800)
    assert (first[:, 0] == np.where(grid >= 400, grid / 8.0 - 100.0, 0.0)).all()
    grid = np.arange(400, 1200)
    assert (second[:, 0] == grid / 8.0 - 100.0).all()
    assert (second[:, 1] == np.where(grid == 1000, 0.0, grid / 8.0 - 100.0)).all()
    third = cut(shard, np.array([2]), 800, 200.0)[0, :, 2]
    grid = np.arange(800, 1600)
    assert (third == np.where((grid < 1300) | (grid >= 1400), grid / 8.0 - 100.0, 0.0)).all()


def test_a_channels_size_knows_nothing_of_what_comes_after_the_window(tmp_path):
    def loud_later(windows, labels):
        random = np.random.default_rng(0)
        yield block(0, 10.0 * random.normal(size=(1200, 3)))
        yield block(1200, 500.0 * random.normal(size=(6000, 3)))

    shard = Shard(tmp_path / "recordings" / "p000", written(tmp_path, 0, loud_later))
    early, late = sizes(shard, np.array([1, 5]), 200.0)

    assert early == pytest.approx(np.full(3, 10.0), rel=0.1)
    assert (late > 30.0).all()


def test_the_reference_is_the_mean_of_the_usable_channels():
    values = np.array([[[2.0, 4.0, 99.0]]], np.float32)
    got = referenced(values, np.array([[True, True, False]]), np.full((1, 3), 2.0, np.float32))

    assert got.tolist() == [[[-0.5, 0.5, 0.0]]]


def test_the_signal_is_what_the_windows_band_power_is_made_of(tmp_path):
    settings, recording = PipelineSettings().with_hop(4.0), load(Population(1, 1003), 1003)
    pipeline, kept = Pipeline(settings), {}
    for stream in recording.streams:
        pipeline.add_stream(stream.info, channel_map_of(stream.info, stream.modality, stream.screen))
    pipeline.branch(Modality.EEG).tap = SignalKeeper(lambda name, part: kept.setdefault(name, []).append(part))
    windows = list(islice(windows_of(recording, pipeline), 9))
    with ShardWriter(tmp_path, about(0)) as writer:
        for window in windows:
            writer.add(window, 0, 1)
        for name, parts in kept.items():
            writer.append(name, np.concatenate(parts))
        shard = Shard(tmp_path / "recordings" / "p000", writer.finish())
    power = BandPower(settings.eeg, 1.0)
    checked = 0
    for at in (3, 8):
        window = windows[at]
        usable = window.eeg_mask[-1]
        frame = cut(shard, np.array([at]), 200, 200.0)[0].astype(float)
        found = power(frame, np.ones(frame.shape, bool), usable)
        known = np.where(np.isfinite(window.eeg_power[-1]), window.eeg_power[-1], found)
        np.testing.assert_allclose(found[usable], known[usable], atol=0.02)
        checked += usable.sum()
    assert checked > 3


@pytest.fixture(scope="module")
def rhythms(tmp_path_factory):
    """Five people with 8 channels; two labels differ in the alpha rhythm at half of the channels, two in the beta."""
    path, recordings = tmp_path_factory.mktemp("rhythms"), []
    for person in range(5):

        def blocks(windows, labels, person=person):
            random, phases = np.random.default_rng([person, 9]), np.linspace(0, 1, 8)
            for window, label in zip(windows[::6], labels[::6], strict=True):
                first = round(200 * window.end_s) - 800
                time = np.arange(first, first + 2800)[:, None] / 200.0
                alpha = np.sin(2 * np.pi * (10.0 * time + phases)) * (np.arange(8) < 4) * (label in (0, 1))
                beta = np.sin(2 * np.pi * (20.0 * time + phases)) * (np.arange(8) >= 4) * (label in (0, 2))
                yield block(first, 10.0 * (random.normal(size=(2800, 8)) + 2.0 * alpha + 2.0 * beta))

        recordings.append(written(path, person, blocks, n_channels=8, effect=0.0))
    write_manifest(path, "invented", PipelineSettings().with_hop(2.0).to_dict(), LABELS, {}, recordings)
    return open_corpus(path)


def scored(corpus, method):
    table = tabulate(corpus)
    split = next(loso(table.ids, 0))
    outcome = run_fold(Experiment(table, method, ("eeg",), 0, 40), split).main
    return float(np.mean(outcome.probabilities.argmax(axis=1) == outcome.labels))


@pytest.mark.parametrize(
    "method",
    [
        Riemann(),
        SignalNetwork(eegnet, recipe=Recipe(epochs=5, batch=16, rate=5e-3)),
    ],
    ids=["riemann", "eegnet"],
)
def test_a_method_learns_rhythms_that_the_features_do_not_have(rhythms, method):
    assert scored(rhythms, method) > 0.6


def test_the_conformer_learns_a_rhythm():
    random, network = np.random.default_rng(0), Conformer(3, 200, 2)
    torch.manual_seed(0)

    def examples(n):
        labels, phase = random.integers(0, 2, n), random.uniform(0, 2 * np.pi, (n, 1, 1))
        rhythm = np.sin(2 * np.pi * 10.0 * np.arange(200) / 200.0 + phase) * labels[:, None, None]
        signal = random.normal(size=(n, 3, 200)) + 2.0 * rhythm
        return torch.from_numpy(signal.astype(np.float32)), torch.from_numpy(labels)

    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
    for _ in range(25):
        signal, labels = examples(32)
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(signal), labels).backward()
        optimizer.step()
    signal, labels = examples(100)
    assert (network.eval()(signal).argmax(dim=1) == labels).float().mean() > 0.9


def eegnet_as_published(network, x):
    """Every channel filtered in time, the batch norm, then the channels summed."""
    x = network.after_temporal(network.temporal(torch.nn.functional.pad(x.unsqueeze(1), (9, 10))))
    spatial = torch.renorm(network.spatial.weight, 2, 0, 1.0)
    x = network.after_spatial(torch.nn.functional.conv2d(x, spatial, groups=8))
    x = network.second(network.separable(network.first(x))).flatten(1)
    return torch.nn.functional.linear(x, torch.renorm(network.out.weight, 2, 0, 0.25), network.out.bias)


def gradients(network):
    return [parameter.grad.clone() for parameter in network.parameters()]


def test_eegnet_in_the_cheaper_order_is_eegnet():
    torch.manual_seed(0)
    network, x = EegNet(5, 128, 3, 20), 2.0 * torch.randn(6, 5, 128) + 0.5
    with torch.no_grad():
        network.after_temporal.weight.uniform_(0.5, 2.0)
        network.after_temporal.bias.normal_()
        network.spatial.weight.mul_(5.0)  # beyond a norm of 1, so that it is cut
    published = deepcopy(network)
    for ask in (network, partial(eegnet_as_published, published)):
        torch.manual_seed(1)  # the same dropout
        ask(x).square().sum().backward()

    for found, wanted in zip(gradients(network), gradients(published), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-4)
    for found, wanted in zip(network.buffers(), published.buffers(), strict=True):
        torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(network.eval()(x), eegnet_as_published(published.eval(), x), rtol=1e-4, atol=1e-5)


def test_lags_are_the_moments_of_every_window():
    rows = 3.0 * torch.randn(2, 4, 90, generator=torch.Generator().manual_seed(0)) + 1.0
    lags, windows = Lags(rows, 30), rows.unfold(-1, 30, 1).reshape(-1, 30).double()

    assert lags.n == len(windows)
    torch.testing.assert_close(lags.mean, windows.mean(0).float(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(lags.second, (windows.T @ windows / lags.n).float(), rtol=1e-4, atol=1e-5)


def test_the_conformers_two_convolutions_at_once_are_the_two():
    torch.manual_seed(0)
    network, x = Conformer(3, 200, 2).eval(), torch.randn(4, 3, 200)
    tokens = network.tokens(network.spatial(network.temporal(x.unsqueeze(1))).squeeze(2)).transpose(1, 2)
    for layer in network.layers:
        tokens = layer(tokens)

    torch.testing.assert_close(network(x), network.head(tokens.flatten(1)), rtol=1e-4, atol=1e-6)


def test_covariances_are_of_the_filtered_signal_and_sessions_are_recentred(rhythms):
    table = tabulate(rhythms)
    windows = Windows(table, np.arange(48), ("eeg",))
    covariances, label = band_covariances(windows), windows.labels

    alpha, beta = (np.trace(covariances[:, band], axis1=1, axis2=2) for band in (2, 3))
    assert np.linalg.eigvalsh(covariances).min() > 0.0
    assert alpha[np.isin(label, (0, 1))].mean() > 2 * alpha[np.isin(label, (2, 3))].mean()
    assert beta[np.isin(label, (0, 2))].mean() > 2 * beta[np.isin(label, (1, 3))].mean()
    early = table.shards[0].rows["end_s"] <= 124.0
    assert abs(tangent(windows)[early[:48]].mean(axis=0)).max() < 0.05


def test_a_hidden_signal_is_not_read(rhythms):
    windows = Windows(tabulate(rhythms), np.arange(3), ("eye",))

    assert not read_signal(windows).any()
    assert not tangent(windows).any()


def test_a_corpus_without_the_signal_is_refused(tmp_path):
    corpus = invented_corpus(tmp_path, 4)
    with pytest.raises(RtemoError, match="build the corpus with --signal"):
        evaluate(corpus, ExperimentRequest(method="riemann"))


def test_the_networks_have_as_many_parameters_as_the_references():
    # EEGNet-8,2 of arl-eegmodels for 64 channels, 128 samples, 2 labels: 512 + 16 + 1024 + 32 + 256 + 256 + 32 + 130
    assert sum(p.numel() for p in EegNet(64, 128, 2, 64).parameters()) == 2258
    # EEG-Conformer's ViT for 22 channels, 1000 samples, 4 labels, without its unused second head (244):
    # 1040 + 35240 + 80 + 1640 convolutions, 6 x 19720 layers, 624896 + 8224 + 132 head
    assert sum(p.numel() for p in Conformer(22, 1000, 4).parameters()) == 789_572
    assert SAMPLES == 800


@pytest.mark.parametrize("spread", [1.0, 10.0, 1e3, 1e4])
def test_the_logarithm_by_products_alone_is_that_by_eigenvalues(rng, spread):
    basis = np.linalg.qr(rng.normal(size=(3, 19, 19)))[0]
    values = 7.0 * np.geomspace(1.0, 1.0 / spread, 19)
    matrices, wanted = ((basis * v) @ basis.transpose(0, 2, 1) for v in (values, np.log(values)))
    found = logarithm(torch.from_numpy(matrices), torch.eye(19, dtype=torch.float64)).numpy()
    assert np.abs(found - wanted).max() < 1e-7
