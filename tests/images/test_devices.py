"""What `fit` does on a device that this machine lacks, as far as it can be told without one."""

import contextlib
from types import SimpleNamespace

import pytest
import torch

from mixupbook import _devices
from mixupbook.images import isolation
from mixupbook.images.training import settings as settings_module
from mixupbook.images.training.settings import Settings

MPS, CUDA = torch.device("mps", 0), torch.device("cuda", 0)


@pytest.fixture
def apples(monkeypatch):
    """Torch as if it had Apple's GPU: the device resolves, and its generator is recorded."""
    state = [torch.zeros(4, dtype=torch.uint8)]
    generator = SimpleNamespace(
        manual_seed=lambda seed: state.__setitem__(0, torch.tensor([seed])),
        get_rng_state=lambda: state[0],
        set_rng_state=lambda saved: state.__setitem__(0, saved),
    )
    monkeypatch.setattr(torch, "mps", generator)
    monkeypatch.setattr(settings_module, "resolve_device", lambda device: MPS)
    return state


def test_auto_takes_cuda_before_apples(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert _devices._best() == "mps"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert _devices._best() == "cuda"


def test_apples_computes_in_float32_unless_asked(apples):
    given = {"epochs": 1, "batch_size": 2, "lr": 0.1, "device": "mps"}
    assert Settings(**given).device == MPS
    assert Settings(**given).precision == "float32"
    assert Settings(**given, precision="bfloat16").precision == "bfloat16"
    assert Settings(**given).config()["device"] == "mps"


@pytest.mark.parametrize(("capability", "precision"), [((7, 5), "float32"), ((8, 0), "bfloat16")])
def test_bfloat16_where_a_gpu_computes_in_it(monkeypatch, capability, precision):
    monkeypatch.setattr(settings_module, "resolve_device", lambda device: CUDA)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert Settings(epochs=1, batch_size=2, lr=0.1).precision == precision


def test_other_devices_are_refused(monkeypatch):
    monkeypatch.setattr(settings_module, "resolve_device", lambda device: torch.device("xpu", 0))
    with pytest.raises(ValueError, match="device must be 'auto', 'cpu', 'cuda' or 'mps', got 'x'"):
        Settings(epochs=1, batch_size=2, lr=0.1, device="x")


def test_draws_on_apples_gpu_leave_no_trace(apples):
    with contextlib.suppress(ValueError), isolation.isolated(MPS):
        isolation.seed_defaults(7, MPS)
        assert apples[0].tolist() == [7]
        saved = isolation.default_states(MPS)
        isolation.seed_defaults(8, MPS)
        isolation.set_default_states(saved, MPS)
        assert apples[0].tolist() == [7]
        raise ValueError
    assert apples[0].tolist() == [0] * 4
