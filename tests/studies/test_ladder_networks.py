"""The networks of a rung: activations, heads, and the weights that a seed starts from."""

import pytest
import torch
from studies import ladder_reference
from torch.nn.functional import gelu, linear, silu, softplus

from mixupbook.studies.ladder.unit_networks import (
    Network,
    activated,
    first_weights,
    responses,
    scores,
)

Z = torch.linspace(-2, 2, 48).reshape(2, 4, 6)
GATE, VALUE = Z[..., :3], Z[..., 3:]


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        ("linear", Z),
        ("square", Z**2),
        ("relu", Z.relu()),
        (1.0, Z.relu()),
        (1.5, Z.relu() ** 1.5),
        (3.0, Z.relu() ** 3),
        ("gelu", gelu(Z)),
        ("softplus", softplus(Z)),
        ("glu", GATE * VALUE),
        ("swiglu", silu(GATE) * VALUE),
    ],
)
def test_activations_are_those_of_torch(activation, expected):
    torch.testing.assert_close(activated(activation, Z), expected)


def test_an_unknown_activation_is_named():
    with pytest.raises(ValueError, match="'swish'"):
        activated("swish", Z)


def test_an_unknown_head_is_refused():
    with pytest.raises(ValueError, match=r"head must be one of 'fixed', 'trained', got 'free'"):
        first_weights(Network(head="free"), 7, 2, 0)


@pytest.mark.parametrize("activation", ["square", "glu"])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(("head", "width"), [("fixed", 12), ("trained", 4)])
def test_parameters_have_the_shapes_of_layers(activation, bias, head, width):
    network = Network(4, activation, bias=bias, head=head)
    rows = width * (2 if activation == "glu" else 1)
    expected = {"first": (rows, 7)}
    if bias:
        expected["bias"] = (rows,)
    if head == "trained":
        expected |= {"head": (3, width), "head_bias": (3,)}
    found = first_weights(network, 7, 3, 0)
    assert {name: tuple(value.shape) for name, value in found.items()} == expected
    assert network.width(3) == width


def test_first_weights_are_drawn_by_the_seed_with_the_deviation_asked_for():
    network = Network(200, init=0.3)
    weights = first_weights(network, 50, 2, 5)["first"]
    assert float(weights.std()) == pytest.approx(0.3, rel=0.03)
    assert float(weights.mean()) == pytest.approx(0, abs=0.01)
    assert (first_weights(network, 50, 2, 5)["first"] == weights).all()
    assert (first_weights(network, 50, 2, 6)["first"] != weights).any()


def test_layers_of_torch_are_uniform_on_what_their_inputs_allow():
    network = Network(400, bias=True, head="trained", init="torch")
    found = first_weights(network, 25, 3, 0)
    for name, inputs in {"first": 25, "bias": 25, "head": 400, "head_bias": 400}.items():
        assert float(found[name].abs().max()) <= inputs**-0.5
        if found[name].numel() > 300:
            assert float(found[name].abs().max()) > 0.97 * inputs**-0.5
            assert float(found[name].std()) == pytest.approx((3 * inputs) ** -0.5, rel=0.1)


@pytest.mark.parametrize("head", ["fixed", "trained"])
@pytest.mark.parametrize("activation", ["relu", "swiglu"])
def test_scores_are_those_of_each_network_alone(activation, head):
    """Two seeds, of two arms with parameters of their own each."""
    network, classes = Network(4, activation, bias=True, head=head, init=0.5), 3
    of_runs = [[first_weights(network, 7, classes, 2 * s + a) for a in (0, 1)] for s in (0, 1)]
    parameters = {
        name: torch.stack([torch.stack([run[name] for run in of_seed]) for of_seed in of_runs])
        for name in of_runs[0][0]
    }
    x = torch.randn(2, 5, 3, 7, generator=torch.Generator().manual_seed(0))
    mixed = responses(parameters["first"], x)
    found = scores(network, parameters, mixed, classes)
    assert found.shape == (2, 2, 5, classes)
    for seed, of_seed in enumerate(of_runs):
        for arm, run in enumerate(of_seed):
            torch.testing.assert_close(mixed[seed, arm], linear(x[seed], run["first"]))
            expected = ladder_reference.outputs(network, run, x[seed], classes)
            torch.testing.assert_close(found[seed, arm], expected)
