"""No result depends on torch's global settings, and none of them is left changed."""

import contextlib

import numpy as np
import pytest
import torch
from torch import nn

import mixupbook as mb
from mixupbook.images.linearity import distance_from_line, segment_predictions

DATA = mb.load_digits(train=21, test=14)
SETTINGS = {"epochs": 1, "batch_size": 7, "lr": 0.05, "progress": False, "device": "cpu"}


def globals_now():
    """Everything global that a computation could change."""
    return {
        "dtype": torch.get_default_dtype(),
        "device": torch.get_default_device().type,
        "grad": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "autocast dtype": torch.get_autocast_dtype("cpu"),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "warn only": torch.is_deterministic_algorithms_warn_only_enabled(),
        "convolutions": (torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark),
        "threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "draws": torch.get_rng_state().tolist(),
        "draws of NumPy": np.random.get_state()[1].tolist(),  # noqa: NPY002
    }


@contextlib.contextmanager
def odd_dtype():
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@contextlib.contextmanager
def odd_algorithms():
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = True
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)
        torch.backends.cudnn.benchmark = False


@contextlib.contextmanager
def other_draws():
    states = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002
    torch.manual_seed(99)
    np.random.seed(99)  # noqa: NPY002
    try:
        yield
    finally:
        torch.set_rng_state(states[0])
        np.random.set_state(states[1])  # noqa: NPY002


@contextlib.contextmanager
def odd_default_device():
    torch.set_default_device("meta")
    try:
        yield
    finally:
        torch.set_default_device(None)


ODD = {
    "default dtype": odd_dtype,
    "default device": odd_default_device,
    "device context": lambda: torch.device("meta"),
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "algorithms": odd_algorithms,
    "draws": other_draws,
}


def own_network():
    """Draws, makes tensors without a word about their dtype, and has batch norm."""

    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.convolution, self.norm = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)
            self.drop, self.linear = nn.Dropout(0.3), nn.Linear(144, 10)

        def forward(self, x):
            hidden = self.drop(self.norm(self.convolution(x)).flatten(1))
            return self.linear(hidden) * torch.full((10,), 0.5)

    with torch.random.fork_rng(devices=[]), torch.device("cpu"), torch.inference_mode(False):
        torch.manual_seed(0)
        return Own()


NETWORK = own_network()
PREDICTIONS = torch.rand(3, 2, 10, generator=torch.Generator().manual_seed(0))
LAMS = torch.tensor([0.0, 0.4, 1.0])


def numbers(run):
    return run.history, [value.tolist() for value in run.network.state_dict().values()]


def segments():
    network = NETWORK.train()  # whose dropout draws
    torch.manual_seed(1)
    return segment_predictions(network, DATA.x_train[:2], DATA.x_train[2:4], LAMS).tolist()


CALLS = {
    "fit": lambda: numbers(
        mb.fit(DATA, NETWORK, mixup=mb.Mixup(num_classes=10), augment="crop_flip", **SETTINGS)
    ),
    "fit a named network": lambda: numbers(mb.fit(DATA, "small_convnet_bn", **SETTINGS)),
    "fit in bfloat16": lambda: numbers(mb.fit(DATA, NETWORK, **SETTINGS, precision="bfloat16")),
    "fit_seeds": lambda: [
        numbers(run) for run in mb.fit_seeds(DATA, "small_convnet", seeds=(1, 2), **SETTINGS)
    ],
    "error_rate": lambda: mb.error_rate(NETWORK, DATA.x_test, DATA.y_test),
    "recalibrate": lambda: mb.recalibrate(NETWORK, DATA.x_train).norm.running_var.tolist(),
    "distance_from_line": lambda: distance_from_line(
        PREDICTIONS, LAMS, PREDICTIONS[0], PREDICTIONS[2]
    ).tolist(),
}


@pytest.fixture(scope="module")
def expected():
    return {name: call() for name, call in CALLS.items()}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("odd", ODD)
def test_nothing_global_matters_or_changes(call, odd, expected):
    with ODD[odd]():
        before = globals_now()
        found = CALLS[call]()
        assert globals_now() == before
    assert found == expected[call]


@pytest.mark.parametrize("odd", [odd for odd in ODD if odd != "draws"])
def test_build_network_draws_as_ever(odd):
    """Its draws are the caller's to seed, and the only thing that it changes."""

    def built():
        torch.manual_seed(5)
        return mb.build_network("small_convnet_bn", (1, 8, 8), 10), torch.rand((), device="cpu")

    with torch.random.fork_rng(devices=[]):
        plain, after = built()
        with ODD[odd]():
            before = globals_now()
            network, after_too = built()
            now = globals_now()
    assert {name for name in now if now[name] != before[name]} <= {"draws"}
    assert after_too.float() == pytest.approx(after.item(), rel=1e-2) or odd == "default dtype"
    for one, other in zip(plain.parameters(), network.parameters(), strict=True):
        assert torch.equal(one, other)
        assert other.requires_grad
        assert other.dtype == torch.float32


@pytest.mark.parametrize("odd", [odd for odd in ODD if odd != "draws"])
def test_segments_are_those_of_the_seed(odd):
    with torch.random.fork_rng(devices=[]):
        plain = segments()
        with ODD[odd]():
            state = torch.manual_seed(1).get_state()
            assert segments() == plain
            assert torch.equal(torch.get_rng_state(), state)


def test_a_number_of_threads_is_left_alone():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        two = mb.fit(DATA, "small_convnet", **SETTINGS)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    one = mb.fit(DATA, "small_convnet", **SETTINGS)
    assert two.history[0] == pytest.approx(one.history[0], rel=1e-4)


def test_an_error_changes_nothing_either():
    def fail(x, y):
        assert torch.is_grad_enabled()
        assert not torch.are_deterministic_algorithms_enabled()
        assert torch.backends.cudnn.deterministic
        torch.rand(3)
        raise KeyError("a function of the user's")

    with odd_dtype(), odd_algorithms(), torch.autocast("cpu"), torch.no_grad():
        before = globals_now()
        with pytest.raises(KeyError, match="of the user's"):
            mb.fit(DATA, NETWORK, mixup=fail, **SETTINGS)
        assert globals_now() == before


def test_casts_of_weights_that_changed_are_not_used():
    """An autocast of the network's own, within one of the caller's."""

    class Casting(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(64, 10)

        def forward(self, x):
            with torch.autocast("cpu", dtype=torch.bfloat16):
                scores = self.linear(x.flatten(1))
            return scores.float()

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = Casting()
    plain = mb.fit(DATA, network, **SETTINGS)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert numbers(mb.fit(DATA, network, **SETTINGS)) == numbers(plain)
