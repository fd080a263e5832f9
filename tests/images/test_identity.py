"""A checkpoint takes two calls for one run exactly where they train alike."""

import functools
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from torch import nn

from mixupbook.identity.parts import Unidentified
from mixupbook.images.data.digits import load_digits
from mixupbook.images.data.images import ImageData
from mixupbook.images.training.checkpoint import Checkpoint
from mixupbook.images.training.fit import fit
from mixupbook.images.training.identity import difference, identity
from mixupbook.images.training.settings import Settings
from mixupbook.mixup.cutmix import CutMix
from mixupbook.mixup.transform import Mixup

DATA = load_digits(train=12, test=5)
SETTINGS = {"epochs": 1, "batch_size": 5, "lr": 0.05, "device": "cpu"}

WHOLE = st.sampled_from([1, 2, 7, np.int64(2), np.uint8(7), np.int16(1)])
REAL = st.sampled_from([0.1, 0.5, 1, np.float64(0.1), np.float32(0.1), np.float16(0.5), np.int8(1)])
DRAWN = {
    "epochs": WHOLE,
    "batch_size": WHOLE,
    "lr": REAL,
    "momentum": st.sampled_from([0, 0.5, np.float16(0.5), np.float64(0)]),
    "weight_decay": REAL,
    "schedule": st.sampled_from(["cosine", np.str_("cosine"), "triangular", "constant"]),
    "augment": st.sampled_from([None, "crop_flip", np.str_("crop_flip")]),
    "seed": WHOLE,
    "precision": st.sampled_from(["auto", "float32", "bfloat16"]),
    "compile": st.sampled_from([True, False, np.True_, np.False_]),
    "test_every": WHOLE,
    "partner_pool": st.sampled_from(["batch", "train"]),
}


def identity_of(data=DATA, network="small_convnet", mixup=None, key=None, **settings):
    return identity(data, network, mixup, Settings(**{**SETTINGS, **settings}), key)


@hypothesis_settings(derandomize=True, deadline=None, max_examples=200)
@given(st.fixed_dictionaries(DRAWN), st.fixed_dictionaries({}, optional=DRAWN))
def test_settings_are_the_same_where_they_are_equal(one, changes):
    def plain(settings):
        precision = {"auto": "float32"}.get(settings["precision"], settings["precision"])
        return {**settings, "precision": precision}

    other = {**one, **changes}
    first, second = identity_of(**one), identity_of(**other)
    assert (first == second) == (plain(one) == plain(other))
    assert (difference(first, second) == "") == (first == second)
    kinds = {type(value) for value in first.values()}
    assert kinds <= {int, float, str, bool, type(None)}


def test_every_setting_is_in_it():
    assert DRAWN.keys() | {"device"} <= identity_of().keys()
    assert len(identity_of()) == len(DRAWN) + 7


def test_names_every_difference_in_order():
    first = identity_of(lr=0.1, seed=1)
    assert difference(first, identity_of(lr=0.2, seed=2)) == (
        "lr is 0.1 there and 0.2 here; seed is 1 there and 2 here"
    )
    del first["seed"]
    assert difference(first, identity_of(lr=0.1, seed=2)) == "seed is None there and 2 here"


def changed(**tensors):
    parts = {name: getattr(DATA, name).clone() for name in ("x_train", "y_train")}
    parts |= {"x_test": DATA.x_test.clone(), "y_test": DATA.y_test.clone()}
    return ImageData(**{**parts, **tensors}, classes=DATA.classes)


@pytest.mark.parametrize("name", ["x_train", "y_train", "x_test", "y_test"])
def test_other_data_is_another_run(name):
    assert identity_of(changed()) == identity_of()
    tensor = getattr(DATA, name).clone()
    tensor.view(-1)[0] = 1 - tensor.view(-1)[0].clamp(max=1)
    assert identity_of(changed(**{name: tensor})) != identity_of()


def test_the_number_of_classes_counts_and_their_names_do_not():
    tensors = DATA.x_train, DATA.y_train, DATA.x_test, DATA.y_test
    renamed = ImageData(*tensors, classes=[f"class {k}" for k in range(10)])
    assert identity_of(renamed) == identity_of()
    more = ImageData(*tensors, classes=[f"class {k}" for k in range(11)])
    assert difference(identity_of(), identity_of(more)).startswith("data is '10 classes, ")


def test_other_test_groups_are_another_run_for_their_errors_are_kept():
    groups = torch.arange(len(DATA.y_test)) % 3
    with_groups = identity_of(replace(DATA, group_test=groups))
    assert with_groups == identity_of(replace(DATA, group_test=groups.short()))
    assert difference(identity_of(), with_groups).startswith("group_test is None there and '")
    assert with_groups != identity_of(replace(DATA, group_test=groups.roll(1)))
    # A checkpoint of an earlier version knows of no groups, and had none.
    before = {name: value for name, value in identity_of().items() if name != "group_test"}
    assert difference(before, identity_of()) == ""


def test_training_groups_say_nothing():
    groups = torch.arange(len(DATA.y_train))
    assert identity_of(replace(DATA, group_train=groups)) == identity_of()


class TestMixup:
    def test_reads_as_it_was_made(self):
        mixup = identity_of(mixup=Mixup(0.2, num_classes=10))["mixup"]
        assert mixup.startswith("Mixup(alpha=0.2, label_map='identity', num_classes=10, ")
        assert mixup != identity_of(mixup=Mixup(8, num_classes=10))["mixup"]
        cutmix = identity_of(mixup=CutMix(0.2, num_classes=10))["mixup"]
        assert cutmix.startswith("CutMix(alpha=0.2, label_map='identity', num_classes=10, ")
        assert cutmix.split()[-1] != mixup.split()[-1]

    def test_its_generator_and_epoch_say_nothing(self):
        used = Mixup(num_classes=10, stop_epoch=3, generator=torch.Generator().manual_seed(1))
        used.set_epoch(2)
        used(DATA.x_train, DATA.y_train)
        assert identity_of(mixup=used) == identity_of(mixup=Mixup(num_classes=10, stop_epoch=3))
        assert used.epoch == 2

    def test_numbers_of_numpy_are_the_same(self):
        given = identity_of(mixup=Mixup(np.float64(0.2), num_classes=np.int64(10)))
        assert given == identity_of(mixup=Mixup(0.2, num_classes=10))

    def test_others_that_have_an_epoch_stay_as_they_are(self):
        class Watching:
            epoch = 3

            def set_epoch(self, epoch):
                self.epoch = epoch

            def __call__(self, x, y):
                return x, y

        watching = Watching()
        assert identity_of(mixup=watching)["mixup"].startswith("TestMixup.test_others")
        assert watching.epoch == 3


def linear(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))


class TestNetwork:
    def test_a_name_stands_for_itself(self):
        named = identity_of()
        assert (named["network"], named["initial_weights"]) == ("small_convnet", None)

    def test_says_why_a_module_does_not_start_alike(self):
        found = difference(identity_of(network=linear(1)), identity_of(network=linear(2)))
        assert found.startswith("initial_weights is '")
        assert found.endswith(
            "here. Where the network is a module of your own, seed torch before you build it"
        )
        assert identity_of(network=linear(1)) == identity_of(network=linear(1))

    def test_says_nothing_of_seeds_where_they_are_no_matter(self):
        named, own = identity_of(), identity_of(network=linear(1))
        assert not difference(own, named).endswith("build it")
        assert not difference(own, identity_of(network=linear(1), lr=1)).endswith("build it")

    def test_buffers_belong_to_the_weights(self):
        masked = [linear(1), linear(1)]
        for value, network in enumerate(masked):
            network.register_buffer("mask", torch.tensor(float(value)))
        one, other = (identity_of(network=network) for network in masked)
        assert one["network"] == other["network"]
        assert one["initial_weights"] != other["initial_weights"]


class Mixing:
    def __init__(self, alpha):
        self.alpha = alpha

    def __call__(self, x, y):
        return self.alpha * x, y


def closure(k):
    return lambda x, *_: x * k


class TestFit:
    """Through the front door: one path, and what would train differently is refused."""

    @pytest.mark.parametrize(
        "changing",
        [
            lambda alpha: {"mixup": Mixing(alpha)},
            lambda alpha: {"mixup": lambda x, y: (x * alpha, y)},
            lambda alpha: {"mixup": functools.partial(lambda k, x, y: (x * k, y), alpha)},
            lambda alpha: {"mixup": Mixup(num_classes=10, label_map=lambda lam: lam**alpha)},
            lambda alpha: {"augment": lambda x, g: x * alpha},
            lambda alpha: {"augment": closure(alpha)},
            lambda alpha: {"network": with_scale(alpha)},
        ],
    )
    def test_one_path_two_runs(self, tmp_path, changing):
        settings = {**SETTINGS, "checkpoint": tmp_path / "a.pt", "progress": False}
        first = fit(DATA, **{"network": "small_convnet", **settings, **changing(1)})
        again = fit(DATA, **{"network": "small_convnet", **settings, **changing(1)})
        assert again.history == first.history
        before = (tmp_path / "a.pt").read_bytes()
        with pytest.raises(ValueError, match=r"a\.pt' belongs to another run: "):
            fit(DATA, **{"network": "small_convnet", **settings, **changing(0.5)})
        assert (tmp_path / "a.pt").read_bytes() == before

    def test_a_number_of_numpy_finds_its_run_again(self, tmp_path):
        path = tmp_path / "a.pt"
        for lr in (np.float64(0.1), 0.1, np.float64(0.1)):
            run = fit(DATA, "small_convnet", **{**SETTINGS, "lr": lr}, checkpoint=path)
            assert type(run.config["lr"]) is float

    def test_what_cannot_be_told_apart_is_trained_without_a_checkpoint(self, tmp_path, capsys):
        lock = threading.Lock()

        def locking(x, y):
            with lock:
                return x, y

        arguments = {"data": DATA, "network": "small_convnet", "mixup": locking, **SETTINGS}
        plain = fit(**arguments)
        path = tmp_path / "a.pt"
        with pytest.raises(Unidentified, match=r"mixup\.lock is a lock: another one could not"):
            fit(**arguments, checkpoint=path)
        assert list(tmp_path.iterdir()) == []
        for _ in range(2):
            kept = fit(**arguments, checkpoint=Checkpoint(path, key="locked"))
            assert kept.history == plain.history
        with pytest.raises(ValueError, match="key is 'locked' there and 'other' here"):
            fit(**arguments, checkpoint=Checkpoint(path, key="other"))


def with_scale(scale):
    network = linear(1)
    network.scale = scale
    return network
