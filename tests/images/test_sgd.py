"""`Descent` is torch's SGD, bit for bit."""

import copy

import pytest
import torch
from torch import nn

from mixupbook.images.training.sgd import Descent


def trained(network, optimise, steps=range(6)):
    """Weights after steps on made-up batches; the second layer gets its first gradient late."""
    for step in steps:
        generator = torch.Generator().manual_seed(step)
        x = torch.rand(5, 7, generator=generator)
        hidden = network[0](x)
        loss = (network[1](hidden) if step > 2 else hidden).square().mean()
        loss.backward()
        optimise(0.1 / (1 + step))
    return [parameter.detach().clone() for parameter in network.parameters()]


def layers():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(7, 3), nn.Linear(3, 2))


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("weight_decay", [0.0, 0.01])
def test_it_is_sgd(momentum, weight_decay):
    settings = {"momentum": momentum, "weight_decay": weight_decay}
    network, other = layers(), layers()
    torchs = torch.optim.SGD(other.parameters(), lr=1.0, fused=True, **settings)
    if momentum > 0:  # it cannot start them late
        for parameter in other.parameters():
            torchs.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)

    def step_of_torchs(lr):
        torchs.param_groups[0]["lr"] = lr
        torchs.step()
        torchs.zero_grad()

    ours = Descent(network.parameters(), **settings)
    pairs = zip(trained(network, ours.step), trained(other, step_of_torchs), strict=True)
    assert all(torch.equal(mine, theirs) for mine, theirs in pairs)
    assert all(parameter.grad is None for parameter in network.parameters())


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_it_goes_on_from_its_state(momentum):
    network = layers()
    descent = Descent(network.parameters(), momentum=momentum, weight_decay=0.01)
    trained(network, descent.step, range(4))
    state = copy.deepcopy((network.state_dict(), descent.state_dict()))
    expected = trained(network, descent.step, range(4, 6))

    resumed = layers()
    resumed.load_state_dict(state[0])
    descent = Descent(resumed.parameters(), momentum=momentum, weight_decay=0.01)
    descent.load_state_dict(state[1])
    found = trained(resumed, descent.step, range(4, 6))
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(found, expected, strict=True))


def test_refuses_the_momenta_of_another_network():
    descent = Descent(layers().parameters(), momentum=0.9, weight_decay=0.0)
    with pytest.raises(ValueError, match="momenta must be"):
        descent.load_state_dict({"momenta": [torch.ones(1)] * 4})
    with pytest.raises(ValueError, match="momenta must be"):
        descent.load_state_dict({"momenta": [None] * 4})


def test_nothing_to_do_without_gradients():
    network = layers()
    before = copy.deepcopy(network.state_dict())
    Descent(network.parameters(), momentum=0.9, weight_decay=0.1).step(0.5)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
