from __future__ import annotations

import pytest
import torch

from offline.export.onnx_graph import sample_inputs
from offline.pretraining.diagnostics import effective_rank
from offline.pretraining.objectives import Objectives, Pairs, Weights, encode, sigreg, vicreg
from offline.training.data_parallel import ProcessGroup
from rtemo.core.errors import RtemoError
from rtemo.model.network import Network, NetworkConfig

CONFIG = NetworkConfig(width=40, layers=1, heads=5, channel_width=16, queries=2, pool_heads=2)
ALONE, ALL = ProcessGroup(), Weights()
NOBODY = torch.zeros(16, dtype=torch.bool)


@pytest.fixture
def network():
    torch.manual_seed(0)
    return Network(CONFIG).eval()


def inputs(n=16):
    eeg, mask, positions, eye, valid = sample_inputs(CONFIG, n, 6)
    return [eeg, torch.ones_like(mask), positions, eye, torch.ones_like(valid)]


def without(values, eeg=(), eye=()):
    copy = [value.clone() for value in values]
    copy[1][list(eeg)] = False
    copy[4][list(eye)] = False
    return copy


def terms(network, target, context, same=None, weights=ALL, step=0, across=NOBODY):
    torch.manual_seed(1)
    objectives = Objectives(CONFIG, weights, 4)
    same = torch.ones(len(target[0]), dtype=torch.bool) if same is None else same
    return objectives(network, target, context, Pairs(same, across, nothing_near()), step, ALONE)[0]


def nothing_near(n=16):
    return torch.zeros(n // 4, 4, 4, dtype=torch.bool)


def moment(seen, known, same=None, near=None):
    torch.manual_seed(1)
    same = torch.zeros(16, dtype=torch.bool) if same is None else same
    near = nothing_near() if near is None else near
    return float(Objectives(CONFIG, Weights(), 4)._moment(seen, known, Pairs(same, NOBODY, near), ALONE).detach())


def normal(n, width=40):
    return torch.randn(n, width, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("term", [lambda z: sigreg(z, 0), vicreg])
def test_a_collapse_costs_more_than_spread_embeddings(term):
    spread = term(normal(256))
    constant = term(normal(1).expand(256, -1) + 1e-3 * normal(256))
    line = term(normal(256)[:, :1] * normal(1))
    assert float(constant) > 3 * float(spread)
    assert float(line) > 3 * float(spread)


def test_the_statistic_is_small_for_what_is_standard_normal_and_for_nothing_else():
    values = [float(sigreg(z, 0)) for z in (normal(512), 2 * normal(512), normal(512) + 1, torch.sign(normal(512)) * 0)]
    assert values[0] < 0.5 * min(values[1:])


def test_the_projections_change_with_the_step_and_with_nothing_else():
    z = 1.5 * normal(64)
    assert float(sigreg(z, 3)) == float(sigreg(z, 3))
    assert float(sigreg(z, 3)) != float(sigreg(z, 4))


def test_descent_on_the_statistic_spreads_a_collapsed_batch():
    z = (0.05 * normal(64)).requires_grad_()
    optimizer = torch.optim.Adam([z], lr=0.08)
    for step in range(40):
        optimizer.zero_grad()
        sigreg(z, step).backward()
        optimizer.step()
    assert float(z.std(dim=0).mean().detach()) > 0.6


def test_a_context_that_sees_nothing_less_still_has_every_term(network):
    target = inputs()
    context = without(target)
    context[1][:, 2:] = False
    found = terms(network, target, context)
    assert set(found) == {"latent", "collapse", "spectral", "cross", "moment"}
    assert all(torch.isfinite(value) for value in found.values())
    assert all(value > 0 for name, value in found.items() if name != "moment")  # which is for neighbours only


def test_a_weight_of_zero_leaves_its_term_out(network):
    target = inputs()
    for name in ("latent", "collapse", "spectral", "cross", "moment"):
        assert name not in terms(network, target, target, weights=Weights(**{name: 0.0}))


def test_spectral_and_token_terms_look_only_at_what_the_context_does_not_see(network):
    target = inputs()
    context = without(target)
    context[1][:, 2:] = False
    before = float(terms(network, target, context)["spectral"].detach())
    target[0][:, :2] += 5.0  # seen: part of no spectral target
    context[0][:] = target[0]
    assert float(terms(network, target, target)["spectral"].detach()) == 0.0
    target = inputs()
    context = without(target)
    context[1][:, 2:] = False
    target[0][:, 2:] += 5.0
    assert float(terms(network, target, context)["spectral"].detach()) > 2 * before


def test_a_neighbouring_window_gives_no_spectral_target(network):
    target = inputs()
    context = without(target)
    context[1][:, 2:] = False
    nobody = torch.zeros(16, dtype=torch.bool)
    assert float(terms(network, target, context, same=nobody)["spectral"].detach()) == 0.0


def test_without_eye_data_nothing_is_learned_across_modalities_and_all_else_goes_on(network):
    target = without(inputs(), eye=range(16))
    found = terms(network, target, target)
    assert float(found["cross"].detach()) == 0.0
    assert float(found["latent"].detach()) > 0.0
    sum(found.values()).backward()
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in network.parameters())


def test_without_any_signal_there_is_no_loss_and_no_nan(network):
    target = without(inputs(), eeg=range(16), eye=range(16))
    assert all(float(value.detach()) == 0.0 for value in terms(network, target, target).values())


def test_the_private_half_is_free_of_the_other_modality(network):
    target = inputs()
    objectives = Objectives(CONFIG, Weights(), 4)
    seen = encode(network, target)
    for z in seen.z:
        z.retain_grad()
    objectives._cross(seen, ALONE).backward()
    # as what is foretold, and as what is drawn together, only the shared half counts; as what foretells, all of it
    drawn = (seen.z[0][:, :20] - seen.z[1][:, :20]).detach()
    assert drawn.abs().max() > 0
    objectives.cross[0][2].weight.data.zero_()
    objectives.cross[1][2].weight.data.zero_()
    again = encode(network, target)
    for z in again.z:
        z.retain_grad()
    objectives._cross(again, ALONE).backward()
    assert again.z[0].grad[:, :20].abs().max() > 0
    assert again.z[0].grad[:, 20:].abs().max() == 0
    assert again.z[1].grad[:, 20:].abs().max() == 0


def test_telling_people_apart_earns_nothing(network):
    """Rows of a recording that are all alike count as collapsed, however different the recordings are."""
    target = inputs()
    apart, alike = (encode(network, target) for _ in range(2))
    for z in alike.z:
        z.data = z.data.reshape(4, 4, -1)[:, :1].expand(-1, 4, -1).reshape(16, -1).contiguous()
    alike.frames.data = alike.frames.data.reshape(4, 4, 4, -1)[:, :1].expand(-1, 4, -1, -1).reshape(16, 4, -1)
    objectives = Objectives(CONFIG, Weights(), 4)
    assert float(objectives._collapse(alike, 0, ALONE).detach()) > 1.2 * float(
        objectives._collapse(apart, 0, ALONE).detach()
    )


def test_the_window_of_the_same_moment_is_to_be_found(network):
    """The loss is small where row i of the context is most like row i of the target, and large where it is another."""
    own, other = encode(network, inputs()), encode(network, inputs())
    for z in other.z:
        z.data = z.data.roll(1, dims=0)
    assert moment(own, own) < 0.5 * moment(own, other)


def test_what_is_the_same_in_a_whole_recording_finds_no_moment(network):
    own, person = encode(network, inputs()), encode(network, inputs())
    for z in person.z:
        z.data = z.data + 3.0 * normal(4).repeat_interleave(4, dim=0)
    assert moment(person, person) == pytest.approx(moment(own, own), rel=1e-3)


def test_a_window_near_in_time_is_no_wrong_answer(network):
    own, other = encode(network, inputs()), encode(network, inputs())
    for z in other.z:
        z.data = z.data.roll(1, dims=0)
    near = torch.ones(4, 4, 4, dtype=torch.bool)
    assert moment(own, other, near=near) == pytest.approx(0.0, abs=1e-4)
    assert moment(own, other) > 1.0


def test_the_very_same_window_teaches_nothing_about_its_moment(network):
    own = encode(network, inputs())
    assert moment(own, own, same=torch.ones(16, dtype=torch.bool)) == 0.0


def test_nobody_foretells_the_embedding_of_another_person(network):
    target, context = inputs(), without(inputs(), eye=range(16))
    nobody, everybody = torch.zeros(16, dtype=torch.bool), torch.ones(16, dtype=torch.bool)
    found = [terms(network, target, context, same=nobody, across=across) for across in (nobody, everybody)]
    assert float(found[0]["latent"].detach()) > 0.0
    assert float(found[1]["latent"].detach()) == 0.0
    assert float(found[1]["moment"].detach()) == float(found[0]["moment"].detach()) > 0.0


def test_effective_rank_counts_directions():
    assert effective_rank(torch.ones(20, 8)) == 1.0
    assert effective_rank(normal(200)[:, :1] * normal(1)) == pytest.approx(1.0, abs=1e-3)
    assert effective_rank(normal(2000, 8)) == pytest.approx(8.0, abs=0.1)


def test_an_unknown_term_against_collapse_is_refused():
    with pytest.raises(RtemoError, match="sigreg"):
        Weights(against="hope")
