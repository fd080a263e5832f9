"""A network that torch.compile has compiled is trained as another is."""

import pytest
import torch
from torch import nn

from mixupbook.images.data.digits import load_digits
from mixupbook.images.training.fit import fit

# Parts of one size: another would be compiled anew.
DATA = load_digits(train=14, test=7)


# Its own deprecations are torch's affair.
@pytest.mark.filterwarnings("ignore")
def test_a_compiled_network_is_trained_as_another_is(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("TORCHINDUCTOR_COMPILE_THREADS", "1")
    compiled = []
    compile_of_torch = torch.compile

    def watched(network):
        compiled.append(network)
        return compile_of_torch(network)

    monkeypatch.setattr(torch, "compile", watched)
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    settings = {"epochs": 1, "batch_size": 7, "lr": 0.05, "progress": False, "device": "cpu"}
    plain, fast = (fit(DATA, network, **settings, compile=flag) for flag in (False, True))
    assert compiled == [fast.network]
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] >= 1
    for one, other in zip(plain.history, fast.history, strict=True):
        assert one == pytest.approx(other, rel=1e-4)
    for one, other in zip(plain.network.parameters(), fast.network.parameters(), strict=True):
        torch.testing.assert_close(one, other)
