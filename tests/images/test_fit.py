import math
import pickle
import signal
import threading
from dataclasses import replace

import pytest
import torch
from torch import nn

from mixupbook.images.data.digits import load_digits
from mixupbook.images.data.images import ImageData
from mixupbook.images.training import loop
from mixupbook.images.training.evaluation import error_rate as measured_error
from mixupbook.images.training.fit import TrainingInterrupted, fit
from mixupbook.images.training.randomness import streams
from mixupbook.images.training.settings import Settings
from mixupbook.mixup.cutmix import CutMix
from mixupbook.mixup.transform import Mixup

DATA = load_digits(train=33, test=50)
SETTINGS = {"epochs": 3, "batch_size": 7, "lr": 0.05, "progress": False, "device": "cpu"}


def network_with_everything():
    """Batch norm, dropout, and weights that do not depend on the default generator."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(1, 4, 3),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.Dropout(0.2),
            nn.Flatten(),
            nn.Linear(4 * 36, 10),
        )


def plain_settings(**changes):
    return Settings(**{"epochs": 10, "batch_size": 7, "lr": 0.1, "device": "cpu", **changes})


class TestFit:
    def test_takes_cutmix_as_it_takes_mixup(self):
        mixup = CutMix(num_classes=10, stop_epoch=1)
        runs = [fit(DATA, network_with_everything(), mixup=mixup, **SETTINGS) for _ in range(2)]
        assert runs[0].history == runs[1].history
        plain = fit(DATA, network_with_everything(), **SETTINGS)
        assert runs[0].history != plain.history
        assert mixup.epoch is None

    def test_agrees_with_a_plain_loop(self):
        """The same batches and rates, with an optimiser of a few lines."""
        lr, momentum, decay = 0.05, 0.8, 0.01
        network = network_with_everything()
        network[3].p = 0.0
        run = fit(
            DATA, network, **SETTINGS, momentum=momentum, weight_decay=decay, schedule="cosine"
        )
        order = torch.Generator().manual_seed(streams(0)["order"])
        velocity = [torch.zeros_like(p) for p in network.parameters()]
        step, losses = 0, []
        for _ in range(3):
            epoch_losses = []
            for batch in torch.randperm(33, generator=order).split(7):
                loss = nn.functional.cross_entropy(
                    network(DATA.x_train[batch]), DATA.y_train[batch]
                )
                gradients = torch.autograd.grad(loss, list(network.parameters()))
                rate = lr * 0.5 * (1 + math.cos(math.pi * step / 15))
                with torch.no_grad():
                    for p, v, g in zip(network.parameters(), velocity, gradients, strict=True):
                        v.mul_(momentum).add_(g + decay * p)
                        p.sub_(rate * v)
                epoch_losses += [loss.item()] * len(batch)
                step += 1
            losses.append(sum(epoch_losses) / 33)
        torch.testing.assert_close([record["train_loss"] for record in run.history], losses)
        torch.testing.assert_close(run.network.state_dict(), network.eval().state_dict())
        assert run.test_error == measured_error(network, DATA.x_test, DATA.y_test)

    @pytest.mark.parametrize("network", ["small_convnet", "with everything"])
    def test_same_seed_same_run(self, network):
        if network == "with everything":
            network = network_with_everything()
        settings = {**SETTINGS, "mixup": Mixup(num_classes=10), "augment": "crop_flip"}
        runs = [fit(DATA, network, **settings, seed=seed) for seed in (4, 4, 5)]
        states = [run.network.state_dict() for run in runs]
        assert runs[0].history == runs[1].history != runs[2].history
        assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])

    def test_global_random_state_and_arguments_are_left_alone(self):
        network, mix = network_with_everything(), Mixup(num_classes=10, stop_epoch=2)
        weights = {name: value.clone() for name, value in network.state_dict().items()}
        images, state = DATA.x_train.clone(), torch.get_rng_state()
        fit(DATA, network, **SETTINGS, mixup=mix, augment="crop_flip")
        assert torch.equal(torch.get_rng_state(), state)
        assert torch.equal(DATA.x_train, images)
        assert all(torch.equal(network.state_dict()[name], weights[name]) for name in weights)
        assert mix.generator is None
        assert mix.epoch is None

    def test_random_state_does_not_depend_on_the_global_one(self):
        torch.manual_seed(1)
        first = fit(DATA, network_with_everything(), **SETTINGS)
        torch.manual_seed(2)
        assert fit(DATA, network_with_everything(), **SETTINGS).history == first.history

    def test_runs_with_other_mixup_see_the_same_batches_and_weights(self):
        seen = []

        def watch(x, y):
            seen.append((x.clone(), y.clone()))
            return x, y

        class Drawing:
            """Draws from the default generator, as a function of the user's may."""

            def __call__(self, x, y):
                seen.append((x.clone(), y.clone()))
                return x + torch.rand_like(x), y

        first = fit(DATA, "small_convnet", **SETTINGS, mixup=watch)
        second = fit(DATA, "small_convnet", **SETTINGS, mixup=Drawing())
        assert len(seen) == 2 * 3 * 5
        for one, other in zip(seen[:15], seen[15:], strict=True):
            assert torch.equal(one[0], other[0])
            assert torch.equal(one[1], other[1])
        assert first.history != second.history

    def test_late_started_mixup_equals_none_before_its_start(self):
        plain = fit(DATA, "small_convnet", **SETTINGS)
        late = fit(DATA, "small_convnet", **SETTINGS, mixup=Mixup(num_classes=10, start_epoch=2))
        losses = [[record["train_loss"] for record in run.history] for run in (plain, late)]
        assert losses[0][:2] == pytest.approx(losses[1][:2], rel=1e-4)
        assert abs(losses[0][2] - losses[1][2]) > 0.01

    def test_tells_mixup_the_epoch(self):
        class Watching:
            epochs: tuple[int, ...] = ()

            def set_epoch(self, epoch):
                self.epochs += (epoch,)

            def __call__(self, x, y):
                return x, y

        watching = Watching()
        fit(DATA, "small_convnet", **SETTINGS, mixup=watching)
        assert watching.epochs == (0, 1, 2)

    def test_tests_every_few_epochs_and_at_the_end(self):
        run = fit(DATA, "small_convnet", **{**SETTINGS, "epochs": 5}, test_every=2)
        assert ["test_error" in record for record in run.history] == [
            False,
            True,
            False,
            True,
            True,
        ]
        assert [record["epoch"] for record in run.history] == [0, 1, 2, 3, 4]
        assert run.test_error == run.history[-1]["test_error"]
        assert run.test_error == measured_error(run.network, DATA.x_test, DATA.y_test)

    def test_learns_the_digits_and_mixup_helps(self):
        data = load_digits(train=100, test=1000)
        settings = {"epochs": 150, "batch_size": 50, "lr": 0.05, "test_every": 150}
        plain, mixed = (
            fit(data, "small_convnet", mixup=mixup, progress=False, **settings)
            for mixup in (None, Mixup(num_classes=10))
        )
        assert plain.history[-1]["train_loss"] < 0.01
        assert mixed.test_error < plain.test_error - 0.01
        assert plain.test_error < 0.2

    def test_measures_the_errors_of_groups(self):
        groups = torch.arange(50) % 3 * 10 - 10
        run = fit(replace(DATA, group_test=groups), "small_convnet", **SETTINGS, test_every=2)
        for group in (-10, 0, 10):
            members = groups == group
            part = DATA.x_test[members], DATA.y_test[members]
            assert run.group_errors[group] == measured_error(run.network, *part)
        assert 0 < run.group_errors[0] != run.group_errors[10]
        assert list(run.group_errors) == [-10, 0, 10]
        assert ["group_errors" in epoch for epoch in run.history] == [False, True, True]
        assert run.history[-1]["group_errors"] == run.group_errors
        assert run.history[1]["group_errors"] != run.group_errors

    def test_groups_change_nothing_else(self):
        groups = {"group_train": torch.arange(33), "group_test": torch.arange(50)}
        plain, grouped = (
            fit(data, "small_convnet", **SETTINGS, mixup=Mixup(num_classes=10))
            for data in (DATA, replace(DATA, **groups))
        )
        assert plain.group_errors == {}
        for epoch in grouped.history:
            del epoch["group_errors"]
        assert grouped.history == plain.history
        states = plain.network.state_dict(), grouped.network.state_dict()
        assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])

    def test_bytes_give_the_same_run_as_floats(self, monkeypatch):
        images = torch.randint(256, (40, 1, 8, 8), generator=torch.Generator().manual_seed(0))
        images, labels = images.to(torch.uint8), torch.arange(40) % 10
        data = ImageData(images[:30], labels[:30], images[30:], labels[30:], DATA.classes)
        assert loop.as_bytes(data.x_train).dtype == torch.uint8
        run = fit(data, "small_convnet", **SETTINGS)
        monkeypatch.setattr(loop, "as_bytes", lambda images: images)
        assert fit(data, "small_convnet", **SETTINGS).history == run.history

    def test_bfloat16_stays_close_to_float32(self):
        runs = [
            fit(DATA, "small_convnet", **SETTINGS, precision=precision)
            for precision in ("float32", "bfloat16")
        ]
        losses = [run.history[-1]["train_loss"] for run in runs]
        assert losses[0] != losses[1]
        assert losses[0] == pytest.approx(losses[1], rel=0.02)
        assert next(runs[1].network.parameters()).dtype == torch.float32

    def test_nothing_is_read_back_inside_an_epoch(self, monkeypatch):
        """Any of these would make a processor wait for its GPU."""
        training = loop.Training(
            DATA, network_with_everything(), None, plain_settings(augment="crop_flip")
        )
        batches = torch.arange(33).split(7)

        def refuse(*_, **__):
            raise AssertionError("a value was read back from the device")

        for name in ("item", "tolist", "cpu", "numpy", "__bool__", "__float__", "__int__"):
            monkeypatch.setattr(torch.Tensor, name, refuse)
        losses = training._train(batches, epoch=0)
        monkeypatch.undo()
        assert losses.shape == (5,)
        assert losses.isfinite().all()

    def test_shows_a_progress_bar_on_request(self, capsys):
        fit(DATA, "small_convnet", **{**SETTINGS, "progress": True}, seed=3)
        output = capsys.readouterr()
        assert output.out == ""
        assert "seed 3: 100%" in output.err
        fit(DATA, "small_convnet", **SETTINGS)
        assert capsys.readouterr().err == ""

    def test_config_says_what_was_run(self):
        run = fit(DATA, "small_convnet", **SETTINGS, mixup=Mixup(num_classes=10), seed=2)
        assert run.config == {
            "data": "ImageData(33 training and 50 test images of 1x8x8, 10 classes)",
            "network": "small_convnet",
            "mixup": repr(Mixup(num_classes=10)),
            "epochs": 3,
            "batch_size": 7,
            "lr": 0.05,
            "momentum": 0.9,
            "weight_decay": 0.0,
            "schedule": "cosine",
            "augment": None,
            "seed": 2,
            "device": "cpu",
            "precision": "float32",
            "compile": False,
            "test_every": 1,
            "partner_pool": "batch",
        }


class TestBadInput:
    @pytest.mark.parametrize(
        ("changes", "error", "message"),
        [
            ({"epochs": 0}, ValueError, "epochs must be at least 1, got 0"),
            ({"epochs": True}, TypeError, "epochs must be an integer, got True"),
            ({"batch_size": 0}, ValueError, "batch_size must be at least 1"),
            ({"lr": 0.0}, ValueError, r"lr must lie in .0, inf., got 0.0"),
            ({"lr": math.nan}, ValueError, "lr must be finite, got nan"),
            ({"momentum": 1.0}, ValueError, r"momentum must lie in \[0, 1\), got 1.0"),
            ({"weight_decay": -0.1}, ValueError, "weight_decay must lie in"),
            ({"schedule": "cosin"}, ValueError, r"schedule .*did you mean 'cosine'\?"),
            ({"augment": "crop"}, ValueError, r"augment must be one of 'crop_flip', got 'crop'"),
            ({"seed": -1}, ValueError, "seed must be at least 0"),
            ({"device": "gpu"}, ValueError, r"device must be 'auto' or one .* \(cpu\), got 'gpu'"),
            ({"device": "meta"}, ValueError, r"device must be 'auto' or one that torch has here"),
            (
                {"epoch": 3},
                TypeError,
                r"fit\(\) has no argument 'epoch' \(did you mean 'epochs'",
            ),
            (
                {"chekpoint": 3},
                TypeError,
                r"'chekpoint' \(did you mean 'checkpoint'\?\); it trains by SGD",
            ),
            (
                {"zzz": 3},
                TypeError,
                r"fit\(\) has no argument 'zzz'; it trains by SGD and takes mixup, ",
            ),
            ({"precision": "float16"}, ValueError, "precision must be one of 'auto', 'float32'"),
            ({"test_every": 0}, ValueError, "test_every must be at least 1"),
            ({"network": "small_covnet"}, ValueError, r"did you mean 'small_convnet'\?"),
            ({"network": nn.Linear(8, 10)}, ValueError, "must return one score for each of the 10"),
        ],
    )
    def test_refuses(self, changes, error, message):
        arguments = {"data": DATA, "network": "small_convnet", **SETTINGS, **changes}
        with pytest.raises(error, match=message):
            fit(**arguments)

    @pytest.mark.parametrize(
        ("name", "function", "error", "message"),
        [
            ("augment", lambda x, g: None, TypeError, "images, got NoneType"),
            ("augment", lambda x, g: x[:3], ValueError, r"as many .*7, C, H, W\), got \(3, 1, 8"),
            ("augment", lambda x, g: x.mean(), ValueError, r"7, C, H, W\), got \(\)$"),
            ("augment", lambda x, g: x.double(), TypeError, "float32 on cpu, got torch.float64"),
            ("augment", lambda x, g: x.to("meta"), TypeError, "got torch.float32 on meta"),
            ("mixup", lambda x, y: [x, y], TypeError, r"a pair \(x, targets\), got list"),
            ("mixup", lambda x, y: (x[:3], y), ValueError, "as many images"),
            ("mixup", lambda x, y: (x.half(), y), TypeError, "float32 on cpu, got torch.float16"),
            ("mixup", lambda x, y: (x, None), TypeError, "targets, got NoneType"),
            (
                "mixup",
                lambda x, y: (x, y[:3]),
                ValueError,
                r"labels of shape \(7,\), got .* \(3,\)",
            ),
            ("mixup", lambda x, y: (x, y.int()), ValueError, "int64 labels .* got torch.int32 of"),
            (
                "mixup",
                lambda x, y: (x, x[:, 0, 0]),
                ValueError,
                r"\(7, 10\), .*float32 of \(7, 8",
            ),
            (
                "mixup",
                lambda x, y: (x, nn.functional.one_hot(y, 10)),
                ValueError,
                "got torch.int64",
            ),
        ],
    )
    def test_refuses_what_a_function_returns(self, name, function, error, message):
        with pytest.raises(error, match=rf"{name} must return .*{message}"):
            fit(DATA, "small_convnet", **SETTINGS, **{name: function})

    @pytest.mark.parametrize("missing", ["epochs", "batch_size", "lr"])
    def test_says_what_is_missing(self, missing):
        given = {name: value for name, value in SETTINGS.items() if name != missing}
        with pytest.raises(TypeError, match=rf"fit\(\) needs the argument '{missing}'"):
            fit(DATA, "small_convnet", **given)

    @pytest.mark.parametrize("device", ["cuda", "mps"])
    def test_refuses_a_gpu_that_is_not_there(self, device):
        with pytest.raises(ValueError, match=f"torch has here .*got '{device}'"):
            plain_settings(device=device)

    def test_refuses_mixup_for_another_number_of_classes(self):
        with pytest.raises(ValueError, match=r"mixup\.num_classes must be 10.*got 7"):
            fit(DATA, "small_convnet", **SETTINGS, mixup=Mixup(num_classes=7))

    def test_nan_stops_the_run_and_says_where(self):
        calls = []

        def poison(x, y):
            calls.append(1)
            return x * (math.nan if len(calls) == 8 else 1), y

        with pytest.raises(FloatingPointError, match=r"became nan in epoch 1, step 2 \(of 5"):
            fit(DATA, "small_convnet", **SETTINGS, mixup=poison)

    def test_out_of_memory_names_batch_size_and_precision(self):
        def exhaust(x, y):
            raise torch.cuda.OutOfMemoryError("tried to allocate 20 GiB")

        with pytest.raises(
            torch.cuda.OutOfMemoryError,
            match=r"batch_size=7 in float32: try .* or bfloat16 \(tried to allocate 20 GiB\)",
        ):
            fit(DATA, "small_convnet", **SETTINGS, mixup=exhaust)

    @pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: no")])
    def test_out_of_memory_on_a_processor_too(self, error):
        def exhaust(x, y):
            raise error

        with pytest.raises(torch.OutOfMemoryError, match="batch_size=7 in float32"):
            fit(DATA, "small_convnet", **SETTINGS, mixup=exhaust)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"progress": "no"}, "progress must be True or False, got 'no'"),
            ({"compile": "no"}, "compile must be True or False, got 'no'"),
            ({"checkpoint": 3}, "checkpoint must be a path or a Checkpoint, got 3"),
            ({"epochs": "3"}, "epochs must be an integer, got '3'"),
            ({"lr": "3"}, "lr must be a real number, got '3'"),
            ({"augment": Mixup}, "augment must be one of 'crop_flip', got <class"),
            ({"network": nn.Flatten}, "network must be a name or a torch.nn.Module, got <class"),
            ({"data": [1]}, "data must be ImageData .`load_npz` makes one., got list"),
            ({"mixup": Mixup}, "mixup must be a Mixup, another function or None"),
            ({"augment": lambda x, g: None}, "augment must return images, got NoneType"),
            ({"mixup": lambda x, y: x}, r"mixup must return a pair \(x, targets\), got Tensor"),
        ],
    )
    def test_the_kind_of_an_argument_is_checked(self, changes, message):
        arguments = {"data": DATA, "network": "small_convnet", **SETTINGS, **changes}
        with pytest.raises(TypeError, match=message):
            fit(**arguments)

    def test_a_last_batch_of_one_is_too_little_for_batch_norm(self):
        settings = {**SETTINGS, "batch_size": 16}  # of 33 images
        with pytest.raises(ValueError, match="batch_size must not leave a last batch of one"):
            fit(DATA, "resnet18", **settings)
        assert len(fit(DATA, network_with_everything(), **settings).history) == 3


class Reshaping(nn.Module):
    """Asks for images in the plain layout, as many a first network does."""

    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(1, 4, 3)
        self.linear = nn.Linear(4 * 36, 10)

    def forward(self, x):
        return self.linear(self.convolution(x).view(len(x), -1))


class Volumes(nn.Module):
    """Has weights with five dimensions, which have no channels-last layout."""

    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv3d(1, 2, (1, 3, 3))
        self.linear = nn.Linear(2 * 36, 10)

    def forward(self, x):
        return self.linear(self.convolution(x.unsqueeze(2)).flatten(1))


class LateStarter(nn.Module):
    """A part of it gets its first gradient in the third step."""

    def __init__(self):
        super().__init__()
        self.early, self.late = nn.Linear(64, 10), nn.Linear(64, 10)
        self.calls = 0

    def forward(self, x):
        self.calls += self.training
        x = x.flatten(1)
        return self.early(x) + self.late(x) if self.calls > 2 else self.early(x)


@pytest.mark.parametrize("network", [Reshaping, Volumes, LateStarter])
def test_modules_of_many_kinds_are_trained(network):
    history = fit(DATA, network(), **SETTINGS).history
    assert history[-1]["train_loss"] < history[0]["train_loss"]


@pytest.fixture
def ctrl_c_interrupts():
    """Ctrl-C as at a terminal: a job that a script started in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class TestInterrupt:
    def test_ctrl_c_keeps_the_history_so_far(self, ctrl_c_interrupts):
        calls = []

        def press_ctrl_c(x, y):
            calls.append(1)
            if len(calls) == 13:
                signal.raise_signal(signal.SIGINT)
            return x, y

        assert threading.current_thread() is threading.main_thread()
        state = torch.get_rng_state()
        with pytest.raises(TrainingInterrupted, match="interrupted after 2 of 3 epochs") as caught:
            fit(DATA, "small_convnet", **SETTINGS, mixup=press_ctrl_c)
        assert isinstance(caught.value, KeyboardInterrupt)
        run = caught.value.run
        assert run.history == fit(DATA, "small_convnet", **SETTINGS).history[:2]
        assert run.test_error == run.history[-1]["test_error"]
        assert torch.equal(torch.get_rng_state(), state)

    def test_before_the_first_test_the_error_is_unknown(self):
        def press_ctrl_c(x, y):
            raise KeyboardInterrupt

        with pytest.raises(TrainingInterrupted) as caught:
            fit(DATA, "small_convnet", **SETTINGS, mixup=press_ctrl_c)
        assert caught.value.run.history == []
        assert math.isnan(caught.value.run.test_error)
        # As a worker of `fit_seeds` hands it to the process that waits for it.
        handed_on = pickle.loads(pickle.dumps(caught.value))
        assert str(handed_on) == str(caught.value)
        assert handed_on.run.config == caught.value.run.config


class TestSchedule:
    def test_cosine_falls_to_zero(self):
        settings = plain_settings(schedule="cosine")
        rates = [settings.learning_rate(progress) for progress in (0.0, 0.25, 0.5, 1.0)]
        assert rates == pytest.approx([0.1, 0.1 * (1 + 0.5**0.5) / 2, 0.05, 0], abs=1e-12)

    def test_one_cycle_rises_then_falls(self):
        settings = plain_settings(schedule="one_cycle")
        rates = [settings.learning_rate(progress) for progress in (0.0, 0.15, 0.3, 0.65, 1.0)]
        assert rates == pytest.approx([0.01, 0.055, 0.1, 0.05, 0], abs=1e-12)

    def test_triangular_rises_then_falls_along_lines(self):
        settings = plain_settings(schedule="triangular")
        rates = [settings.learning_rate(progress) for progress in (0.0, 0.15, 0.3, 0.475, 1.0)]
        assert rates == pytest.approx([0.01, 0.055, 0.1, 0.075, 0], abs=1e-12)

    def test_constant(self):
        settings = plain_settings(schedule="constant")
        assert {settings.learning_rate(progress / 7) for progress in range(8)} == {0.1}

    def test_history_holds_the_rate_at_each_epoch(self):
        run = fit(DATA, "small_convnet", **SETTINGS)
        expected = [0.05 * (1 + math.cos(math.pi * epoch / 3)) / 2 for epoch in range(3)]
        assert [record["lr"] for record in run.history] == pytest.approx(expected)


def test_streams_differ_between_parts_and_seeds():
    seeds = [value for seed in range(20) for value in streams(seed).values()]
    assert len(set(seeds)) == len(seeds) == 100
