"""The trainings on digits that two chapters share."""

import torch

import mixupbook as mb
from mixupbook.pages import digit_runs
from mixupbook.pages.digit_runs import digit_sets, train_digits


def test_each_seed_has_its_own_images():
    first, second = digit_sets([3, 4])
    assert torch.equal(first.x_train, mb.load_digits(train=100, test=1000, seed=3).x_train)
    assert not torch.equal(first.x_train, second.x_train)
    assert (len(first.x_train), len(first.x_test)) == (100, 1000)


def test_the_recipe_is_the_chapters(monkeypatch):
    seen = []
    monkeypatch.setattr(digit_runs, "fit_seeds", lambda *given, **more: seen.append((given, more)))
    train_digits(None, [5, 6], test_every=10)
    ((data, network), settings) = seen[0]
    assert network == "small_convnet"
    assert [len(images.x_train) for images in data] == [100, 100]
    recipe = {"epochs": 150, "batch_size": 50, "lr": 0.05, "test_every": 10, "mixup": None}
    assert recipe.items() <= settings.items()
    assert settings["seeds"] == [5, 6]
