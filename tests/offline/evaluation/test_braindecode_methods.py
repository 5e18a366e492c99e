"""braindecode's models with random weights: that they fit, go live and refuse. Nothing is said of how good they are."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
import torch

from offline.evaluation.methods import method_named
from offline.evaluation.methods.braindecode_models import BraindecodeModel
from offline.evaluation.window_table import ChannelSet
from rtemo.core.eeg.montage import place
from rtemo.core.errors import RtemoError

pytestmark = pytest.mark.skipif(find_spec("braindecode") is None, reason="braindecode is not installed")


@pytest.fixture(scope="module")
def channels():
    placed = place(["Fp1", "Fp2", "C3", "C4", "O1", "O2"])
    return ChannelSet(placed.labels, placed.positions, "six")


def test_a_name_says_the_weights_and_whether_the_network_stays_as_it_is():
    found = method_named("braindecode:EEGNet@some/file.safetensors,frozen").make
    assert (found.name, found.weights, found.frozen) == ("EEGNet", "some/file.safetensors", True)
    assert method_named("de-lr") is not None
    assert method_named("nothing") is None
    with pytest.raises(RtemoError, match="has no model 'Nothing'"):
        method_named("braindecode:Nothing")


def test_a_frozen_network_keeps_its_weights_and_its_head_learns(channels):
    torch.manual_seed(0)
    network = BraindecodeModel("ShallowFBCSPNet", frozen=True)(channels, 4)
    before = {name: value.clone() for name, value in network.body.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.1)
    head = network.head.weight.clone()
    network.train()
    network(torch.randn(4, 6, 800)).square().sum().backward()
    optimizer.step()
    assert not torch.equal(network.head.weight, head)
    for name, value in network.body.state_dict().items():  # running means of its norms too
        assert torch.equal(value, before[name]), name


def test_weights_of_a_file_are_taken_and_those_of_another_model_refused(channels, tmp_path):
    torch.manual_seed(1)
    given = BraindecodeModel("EEGNet")(channels, 3).body.state_dict()
    torch.save(given, tmp_path / "w.pt")
    made = BraindecodeModel("EEGNet", str(tmp_path / "w.pt"))(channels, 4).body.state_dict()
    alike = [name for name, value in given.items() if made[name].shape == value.shape]
    assert 0 < len(alike) < len(given)  # the last layer is of other labels
    assert all(torch.equal(made[name], given[name]) for name in alike)
    with pytest.raises(RtemoError, match="not of braindecode's ShallowFBCSPNet"):
        BraindecodeModel("ShallowFBCSPNet", str(tmp_path / "w.pt"))(channels, 4)


def test_a_model_that_does_not_take_these_channels_is_refused_before_training(channels):
    with pytest.raises(RtemoError, match="cannot be made for these windows"):
        BraindecodeModel("Labram")(channels, 4)
