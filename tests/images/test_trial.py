"""Networks of every kind are trained, or refused before training with the cause."""

from collections import OrderedDict, namedtuple

import pytest
import torch
from torch import nn

from mixupbook.images.data.digits import load_digits
from mixupbook.images.training.evaluation import error_rate, recalibrate
from mixupbook.images.training.fit import fit
from mixupbook.images.training.loop import Training
from mixupbook.images.training.settings import Settings
from mixupbook.images.training.trial import prepare_network, trained_layout
from mixupbook.mixup.transform import Mixup

DATA = load_digits(train=33, test=50)
SETTINGS = {"epochs": 2, "batch_size": 7, "lr": 0.05, "progress": False, "device": "cpu"}
CPU = torch.device("cpu")
Outputs = namedtuple("Outputs", ["logits", "aux_logits"])


class ModelOutput(OrderedDict):
    """As of Hugging Face: a dictionary of its own kind."""


class Linear(nn.Linear):
    """Scores; what comes beside them is up to the classes below."""

    def __init__(self):
        super().__init__(64, 10)

    def scores(self, x):
        return super().forward(x.flatten(1))

    def forward(self, x):
        return self.scores(x)


def returning(make, *, when=None):
    """A network whose output is made from its scores, in one mode or in both."""

    class Returning(Linear):
        def forward(self, x):
            scores = self.scores(x)
            return make(scores) if when in (None, self.training) else scores

    return Returning()


class Masked(Linear):
    """Never scores the last class; the data of the test lack it."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mask", torch.tensor([0.0] * 9 + [-torch.inf]))

    def forward(self, x):
        return self.scores(x) + self.mask


class Remembering(Linear):
    """Has a state of its own, which it gives and takes."""

    def __init__(self):
        super().__init__()
        self.seen = {"batches": 0}

    def get_extra_state(self):
        return dict(self.seen)

    def set_extra_state(self, state):
        self.seen = dict(state)

    def forward(self, x):
        self.seen["batches"] += self.training
        return self.scores(x) * (1 + 1 / (1 + self.seen["batches"]))


class Giving(Linear):
    """Gives a state, and does not take it back."""

    def get_extra_state(self):
        return {"a": 1}


class Secret:
    pass


class GivingSecrets(Remembering):
    def get_extra_state(self):
        return {"secret": Secret()}


def giving(state):
    network = Remembering()
    network.seen = {"batches": 0, "more": state}
    return network


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two, self.last = nn.Linear(64, 64), nn.Linear(64, 64), nn.Linear(64, 10)
        self.two.weight = self.one.weight
        self.never_used = nn.Linear(3, 3)

    def forward(self, x):
        return self.last(self.two(self.one(x.flatten(1)).relu()).relu())


class Cached(Linear):
    """Keeps a running mean in a buffer that is not in the state dictionary."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(64), persistent=False)

    def forward(self, x):
        if self.training:
            self.mean.lerp_(x.detach().flatten(1).mean(dim=0), 0.3)
        return super().forward(x - self.mean.view(1, 8, 8))


class Squeezing(Linear):
    def forward(self, x):
        return self.scores(x).squeeze()


class EmbeddedSparsely(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.EmbeddingBag(17, 10, sparse=True)

    def forward(self, x):
        return self.table((16 * x.flatten(1)).long())


class InPlace(Linear):
    """Overwrites what its own gradient needs."""

    def forward(self, x):
        hidden = self.scores(x).sigmoid()
        squared = hidden.square()
        hidden.add_(1)
        return squared


class Centring(Linear):
    """Works in place on the images themselves."""

    def forward(self, x):
        return self.scores(x.sub_(0.5))


class Recurrent(Linear):
    """A layer that holds weak references to its own weights."""

    def __init__(self):
        super().__init__()
        self.rows = nn.GRU(8, 8, batch_first=True)

    def forward(self, x):
        return self.scores(self.rows(x[:, 0])[0])


class Caching(Linear):
    """Keeps buffers that are made, or change their shape, in forward."""

    def __init__(self):
        super().__init__()
        self.register_buffer("ones", torch.ones(1))
        self.register_buffer("zeros", None, persistent=False)

    def forward(self, x):
        self.ones, self.zeros = torch.ones(5, 1), torch.zeros(len(x), 1)
        return self.ones[0] * self.scores(x) + self.zeros


class Unregistered(Linear):
    """Has a layer where torch does not look."""

    def __init__(self):
        super().__init__()
        self.layers = [nn.Linear(64, 64)]

    def forward(self, x):
        return self.scores(self.layers[0](x.flatten(1)))


class BuiltInForward(Linear):
    def forward(self, x):
        if not hasattr(self, "layer"):
            self.layer = nn.Linear(64, 10)
        return self.scores(x) + self.layer(x.flatten(1))


class Expanded(Linear):
    """A buffer whose elements share memory: it cannot be written."""

    def __init__(self):
        super().__init__()
        self.register_buffer("shared", torch.zeros(1).expand(3))


def with_parameter_hook():
    network = Linear()
    network.weight.register_hook(torch.zeros_like)
    return network


def starting_at(value):
    network = Linear()
    nn.init.constant_(network.bias, value)
    return network


def computed():
    """As copies of TorchScript are: parameters that are computed from others."""

    class Copying(Linear):
        def __deepcopy__(self, memo):
            twin = Linear()
            del twin.weight
            twin._parameters["weight"] = self.weight.clone()
            return twin

    return Copying()


def with_frozen_part():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 20), nn.ReLU(), nn.Linear(20, 10))
    network[1].requires_grad_(False)
    return network


def lazy():
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(20), nn.LazyBatchNorm1d(), nn.Linear(20, 10))


def lazy_unused():
    network = lazy()
    network.add_module("unused", nn.Identity())
    network.unused.part = nn.LazyLinear(3)
    return network


TRAINED = [
    Linear,
    Tied,
    Remembering,
    Cached,
    Centring,
    Recurrent,
    Caching,
    with_frozen_part,
    lazy,
]


@pytest.mark.parametrize("make", TRAINED)
def test_trained(make):
    history = fit(DATA, make(), **{**SETTINGS, "epochs": 4}).history
    assert history[-1]["train_loss"] < history[0]["train_loss"]


@pytest.mark.parametrize("make", TRAINED)
def test_goes_on_from_a_checkpoint(make, tmp_path, monkeypatch):
    def run(**more):
        torch.manual_seed(0)
        return fit(DATA, make(), **SETTINGS, **more)

    whole, epoch = run(), Training.run_epoch
    path = tmp_path / "a.pt"
    with monkeypatch.context() as patch:

        def first_epoch_only(self):
            if self.history:
                raise ConnectionError
            epoch(self)

        patch.setattr(Training, "run_epoch", first_epoch_only)
        with pytest.raises(ConnectionError):
            run(checkpoint=path)
    resumed = run(checkpoint=path)
    assert resumed.history == whole.history


def test_images_are_left_alone_by_a_network_that_works_in_place():
    images = DATA.x_train.clone(), DATA.x_test.clone()
    errors = fit(DATA, Centring(), **SETTINGS, checkpoint=None).test_error
    network = nn.Sequential(Centring(), nn.BatchNorm1d(10))
    assert 0 <= errors <= 1
    assert error_rate(network, DATA.x_test, DATA.y_test) == error_rate(
        network, DATA.x_test, DATA.y_test
    )
    recalibrate(network, DATA.x_train)
    fit(DATA, nn.Sequential(Centring(), nn.LazyBatchNorm1d(), nn.LazyLinear(10)), **SETTINGS)
    assert torch.equal(DATA.x_train, images[0])
    assert torch.equal(DATA.x_test, images[1])


def test_a_mask_may_be_infinite():
    few = load_digits(train=60, test=50)
    seen = few.y_train != 9, few.y_test != 9
    data = type(few)(
        few.x_train[seen[0]],
        few.y_train[seen[0]],
        few.x_test[seen[1]],
        few.y_test[seen[1]],
        few.classes,
    )
    run = fit(data, Masked(), **{**SETTINGS, "batch_size": 11})
    assert run.test_error < 0.9


def test_frozen_parts_stay_and_the_rest_moves():
    before, after = with_frozen_part(), fit(DATA, with_frozen_part(), **SETTINGS).network
    assert torch.equal(before[1].weight, after[1].weight)
    assert not torch.equal(before[3].weight, after[3].weight)
    assert not after[1].weight.requires_grad


def test_tied_weights_stay_tied():
    network = fit(DATA, Tied(), **SETTINGS).network
    assert network.one.weight is network.two.weight


def test_lazy_weights_follow_from_the_seed_and_the_network_given_stays_lazy():
    network = lazy()
    one, other, another = (fit(DATA, network, **SETTINGS, seed=seed) for seed in (1, 1, 2))
    assert one.history == other.history != another.history
    assert isinstance(network[1], nn.LazyLinear)


def test_a_network_in_inference_mode_is_trained_in_training_mode():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(64), nn.Linear(64, 10))
    runs = [fit(DATA, network.train(mode), **SETTINGS) for mode in (True, False)]
    assert runs[0].history == runs[1].history
    assert not network.training
    assert network[1].num_batches_tracked == 0
    assert runs[1].network[1].num_batches_tracked == 2 * 5


def test_the_trial_leaves_no_trace():
    training = Training(DATA, Remembering(), None, Settings(epochs=1, batch_size=7, lr=0.1))
    assert training.network.seen == {"batches": 0}
    assert all(parameter.grad is None for parameter in training.network.parameters())


SCORES = r"network must return one score for each of the 10 classes, a tensor of shape \(5, 10\) "
WRAP = ": wrap it in a module that returns those$"
REFUSED = {
    "pair": (
        lambda: returning(lambda s: (s, s[:, :3])),
        rf"{SCORES}for 5 images, got tuple of shape \(5, 10\), shape \(5, 3\) in inf.*{WRAP}",
    ),
    "pair in training": (
        lambda: returning(lambda s: Outputs(s, s), when=True),
        rf"got Outputs of logits: shape \(5, 10\), aux_logits: shape \(5, 10\) in tr.*{WRAP}",
    ),
    "list": (lambda: returning(lambda s: [s]), rf"got list of shape \(5, 10\) in inf.*{WRAP}"),
    "empty tuple": (lambda: returning(lambda s: ()), "got tuple of nothing in inference mode"),
    "nested": (lambda: returning(lambda s: (s, [None])), "shape .*, list of NoneType in inf"),
    "dictionary": (
        lambda: returning(lambda s: {"out": s, "aux": s}),
        "got dict with 'out', 'aux' in inf",
    ),
    "dictionary in training": (
        lambda: returning(lambda s: ModelOutput(logits=s), when=True),
        "got ModelOutput with 'logits' in training mode",
    ),
    "nothing": (lambda: returning(lambda s: None), f"got NoneType in inference mode{WRAP}"),
    "more scores in training": (
        lambda: returning(lambda s: torch.cat([s, s], 1), when=True),
        r"for 5 images, got shape \(5, 20\) in training mode$",
    ),
    "one image's scores": (
        lambda: returning(lambda s: s.mean(0, keepdim=True)),
        r"got shape \(1, 10\) in inference",
    ),
    "wrong number": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 4)), r"got shape \(5, 4\)"),
    "map of scores": (lambda: nn.Conv2d(1, 10, 3), r"got shape \(5, 10, 6, 6\)"),
    "other images": (
        lambda: nn.Conv2d(3, 10, 3),
        r"must take images of shape \(5, 1, 8, 8\); it failed: ",
    ),
    "no tensor at all": (lambda: nn.LSTM(8, 3), r"it failed: LSTM"),
    "any exception": (lambda: returning(lambda s: {}["logits"]), r"it failed: 'logits'"),
    "no parameters": (lambda: nn.Flatten(), r"to train \(requires_grad\), got none"),
    "all frozen": (lambda: Linear().requires_grad_(False), r"to train \(requires_grad\), got none"),
    "detached": (
        lambda: returning(torch.Tensor.detach),
        "scores that depend on its parameters .*, got scores without a gradient in training mode",
    ),
    "double": (
        lambda: Linear().double(),
        r"float32 parameters \(network.float\(\) makes them so\), got torch.float64 for 'weight'",
    ),
    "half": (lambda: Linear().half(), "got torch.float16 for 'weight'"),
    "double scores": (
        lambda: returning(torch.Tensor.double),
        "scores in float32, got torch.float64 in inference",
    ),
    "bfloat16 scores": (
        lambda: returning(torch.Tensor.bfloat16, when=True),
        "got torch.bfloat16 in training mode",
    ),
    "meta": (
        lambda: Linear().to("meta"),
        r"must hold values, got none \(device 'meta'\) for 'weight'",
    ),
    "lazy and unused": (lazy_unused, "once it has seen images; 'unused.part.weight' has none"),
    "sparse gradients": (
        EmbeddedSparsely,
        "plain gradients, got torch.sparse_coo for 'table.weight'",
    ),
    "no way back": (InPlace, "must have gradients; the step back failed: one of the variables"),
    "hook on a parameter": (with_parameter_hook, "no hooks on parameters, .* one on 'weight'"),
    "infinite weights": (lambda: starting_at(torch.inf), "from finite weights, got .* in 'bias'"),
    "NaN weights": (lambda: starting_at(torch.nan), "from finite weights, got .* in 'bias'"),
    "layer in a list": (Unregistered, r"registered before it sees.* another, of shape \(64, 64\)"),
    "layer made in forward": (BuiltInForward, r"none made in forward.* of shape \(10, 64\)"),
    "weights of the copy computed": (computed, "parameters of its own, .* got 'weight' computed"),
    "no copy": (lambda: holding(k for k in ()), "that copy.deepcopy copies; it failed: cannot"),
}


def holding(value):
    network = Linear()
    network.held = value
    return network


@pytest.mark.parametrize("kind", REFUSED)
def test_refused(kind, monkeypatch):
    make, message = REFUSED[kind]
    monkeypatch.setattr(Training, "run_epoch", None)
    with pytest.raises(ValueError, match=message):
        fit(DATA, make(), **SETTINGS)


def test_refused_with_a_checkpoint(tmp_path):
    path = tmp_path / "a.pt"
    for make, message in [
        (Giving, "network must take back the state that it gives .set_extra_state after get_extra"),
        (GivingSecrets, "network must have a state that a checkpoint can hold and give back: ten"),
        (lambda: giving(lambda: 1), "network must have a state that a checkpoint can hold and giv"),
        (Expanded, "network must take back the state that it gives"),
    ]:
        assert len(fit(DATA, make(), **SETTINGS).history) == 2
        with pytest.raises(ValueError, match=message):
            fit(DATA, make(), **SETTINGS, checkpoint=path)
        assert list(tmp_path.iterdir()) == []


def test_a_batch_of_one_only_where_the_network_takes_it():
    settings = {**SETTINGS, "batch_size": 16}  # of 33 images
    assert fit(DATA, Linear(), **settings).test_error < 1
    with pytest.raises(ValueError, match=r"a tensor of shape \(1, 10\) for 1 images, got shape"):
        fit(DATA, Squeezing(), **settings)
    with pytest.raises(ValueError, match="batch_size must not leave a last batch of one image"):
        fit(DATA, lazy(), **settings)
    with pytest.raises(ValueError, match="batch_size must not leave"):
        fit(DATA, lazy(), **{**settings, "batch_size": 1})
    assert fit(DATA, Squeezing(), **{**SETTINGS, "batch_size": 31}).test_error < 1


def test_bfloat16_scores_are_those_of_automatic_mixed_precision():
    run = fit(DATA, returning(torch.Tensor.bfloat16), **SETTINGS, precision="bfloat16")
    assert next(run.network.parameters()).dtype == torch.float32


class TestLayout:
    def test_channels_last_where_it_can(self):
        network = prepare_network(
            nn.Sequential(nn.Conv2d(1, 10, 8), nn.Flatten()), DATA.x_train[:2], 10, CPU
        )
        assert self.layout(network) == torch.channels_last

    def test_plain_where_a_module_views(self):
        class ViewingInTraining(nn.Module):
            def __init__(self):
                super().__init__()
                self.convolution, self.linear = nn.Conv2d(1, 4, 3), nn.Linear(144, 10)

            def forward(self, x):
                x = self.convolution(x)
                flat = x.view(len(x), -1) if self.training else x.flatten(1)
                return self.linear(flat)

        assert self.layout(ViewingInTraining()) == torch.contiguous_format
        history = fit(DATA, ViewingInTraining(), **SETTINGS).history
        assert history[-1]["train_loss"] < history[0]["train_loss"]

    def layout(self, network):
        return trained_layout(network, DATA.x_train[:3], DATA.y_train[:3], 10)

    def test_memory_that_runs_out_is_no_reason_to_refuse(self):
        def exhaust(scores):
            raise MemoryError("no more")

        with pytest.raises(torch.OutOfMemoryError, match=r"batch_size=7 in float32: .*no more"):
            fit(DATA, returning(exhaust), **SETTINGS)
        with pytest.raises(torch.OutOfMemoryError, match="batch_size=7"):
            fit(DATA, returning(exhaust, when=True), **SETTINGS, mixup=Mixup(num_classes=10))
