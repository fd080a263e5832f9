import pytest
import torch
from torch import nn

from mixupbook.images.data.digits import load_digits
from mixupbook.images.training.checkpoint import Checkpoint
from mixupbook.images.training.fit import TrainingInterrupted, fit
from mixupbook.images.training.randomness import streams
from mixupbook.images.training.seeds import fit_seeds
from mixupbook.mixup.transform import Mixup

DATA = load_digits(train=33, test=50)
SETTINGS = {"epochs": 2, "batch_size": 7, "lr": 0.05, "progress": False, "device": "cpu"}
MIXUP = Mixup(num_classes=10)


def test_one_run_for_each_seed_in_order():
    runs = fit_seeds(DATA, "small_convnet", seeds=(3, 0, 5), mixup=MIXUP, **SETTINGS)
    for seed, run in zip((3, 0, 5), runs, strict=True):
        alone = fit(DATA, "small_convnet", seed=seed, mixup=MIXUP, **SETTINGS)
        assert run.history == alone.history
        assert run.config == alone.config


def test_each_seed_may_have_its_own_data():
    splits = [load_digits(train=33, test=50, seed=seed) for seed in (3, 0)]
    runs = fit_seeds(splits, "small_convnet", seeds=(3, 0), **SETTINGS)
    for seed, split, run in zip((3, 0), splits, runs, strict=True):
        assert run.history == fit(split, "small_convnet", seed=seed, **SETTINGS).history


def test_workers_give_the_same_runs(capfd):
    factor = 0.5  # a function of this place, as a notebook's are: no import brings it to a worker

    def fainter(x, y):
        return factor * x, y

    seeds = (3, 0, 5)
    both = [
        fit_seeds(DATA, "small_convnet", seeds=seeds, workers=workers, mixup=fainter, **SETTINGS)
        for workers in (1, 2)
    ]
    for alone, together in zip(*both, strict=True):
        assert alone.config == together.config
        for before, after in zip(alone.history, together.history, strict=True):
            assert before == pytest.approx(after, rel=1e-4)
    assert capfd.readouterr() == ("", "")


def test_workers_share_one_progress_bar(capfd):
    shown = {**SETTINGS, "progress": True}
    fit_seeds(DATA, "small_convnet", seeds=(0, 1), workers=2, **shown)
    assert "seeds: 100%" in capfd.readouterr().err


def test_what_a_worker_raises_is_raised(tmp_path):
    nowhere = tmp_path / "missing" / "digits.pt"
    with pytest.raises(OSError, match="could not be written"):
        fit_seeds(DATA, "small_convnet", seeds=(0, 1), workers=2, checkpoint=nowhere, **SETTINGS)


def test_ctrl_c_keeps_the_finished_runs():
    def press_ctrl_c(x, y):
        if torch.initial_seed() == second:
            raise KeyboardInterrupt
        return x, y

    second = streams(5)["network"]
    with pytest.raises(TrainingInterrupted, match="after 1 of 3 seeds; interrupted") as caught:
        fit_seeds(DATA, "small_convnet", seeds=(3, 5, 0), mixup=press_ctrl_c, **SETTINGS)
    (finished,) = caught.value.finished
    assert finished.history == fit(DATA, "small_convnet", seed=3, **SETTINGS).history
    assert caught.value.run.history == []


def test_every_seed_has_its_own_checkpoint(tmp_path):
    checkpoint = Checkpoint(tmp_path / "digits.pt", every=2)
    runs = fit_seeds(DATA, "small_convnet", seeds=(1, 2), checkpoint=checkpoint, **SETTINGS)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["digits-seed1.pt", "digits-seed2.pt"]
    again = fit_seeds(
        DATA, "small_convnet", seeds=(2, 1), checkpoint=tmp_path / "digits.pt", **SETTINGS
    )
    assert [run.history for run in again] == [run.history for run in reversed(runs)]


def test_a_module_starts_every_seed_from_its_weights():
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    runs = fit_seeds(DATA, network, seeds=(1, 2), **{**SETTINGS, "batch_size": 33, "epochs": 1})
    losses = [run.history[0]["train_loss"] for run in runs]
    # One step on all images: only the order within the sum differs.
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seeds": ()}, "seeds must be at least one"),
        ({"seeds": (1, 2, 1)}, "all different, got"),
        ({"seeds": (1, -2)}, "seeds must be at least 0"),
        ({"seeds": (1, 2), "workers": 0}, "workers must be at least 1, got 0"),
        ({"seeds": (1, 2), "data": [DATA]}, "one for each of 2 seeds, got 1"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        fit_seeds(**{"data": DATA, "network": "small_convnet", **SETTINGS, **arguments})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seeds": 3}, r"such as range\(10\), got 3"),
        ({"seeds": None}, r"such as range\(10\), got None"),
        ({"seeds": (1, 2), "seed": 0}, "seeds must be given in place of seed, got seed=0"),
        ({"seeds": (1, 2), "workers": 1.5}, "workers must be an integer, got 1.5"),
        ({"seeds": (1, 2), "progress": 1}, "progress must be True or False, got 1"),
        (
            {"seeds": (1, 2), "epoch": 1},
            r"fit_seeds\(\) has no argument 'epoch' \(did you mean",
        ),
        ({"seeds": (1, 2), "checkpoint": 1}, "checkpoint must be a path or a Checkpoint, got 1"),
    ],
)
def test_refuses_the_wrong_kind(arguments, message):
    with pytest.raises(TypeError, match=message):
        fit_seeds(DATA, "small_convnet", **{**SETTINGS, **arguments})


@pytest.mark.parametrize("data", [3, None, (each for each in ())])
def test_data_of_another_kind_are_named(data):
    with pytest.raises(TypeError, match="data must be ImageData, or a sequence with one for each"):
        fit_seeds(data, "small_convnet", seeds=[1], epochs=1, batch_size=5, lr=0.1)
