"""Networks that `fit` trains on images with rare subclasses: what each arm does."""

from dataclasses import replace

import pytest
import torch

import mixupbook as mb
from mixupbook.studies.ladder import image_runs
from mixupbook.studies.ladder.arms import PAIRS, floor_of_pairs, partner_masks
from mixupbook.studies.ladder.image_catalogue import IMAGE_RUNGS
from mixupbook.studies.ladder.image_runs import IMAGE_ARMS, mixup_of, run_image_rung

TINY = replace(
    IMAGE_RUNGS["digits"],
    recipe={"epochs": 2, "batch_size": 50, "lr": 0.05},
    arms=("standard", "other", "smoothing"),
    seeds=(3, 4),
)


@pytest.fixture(scope="module")
def data():
    digits = mb.load_digits(train=600, test=200)
    return mb.subclass_data(digits, seed=0, common=12, rare=3, superclasses=5)


@pytest.fixture
def batch(data):
    return data.x_train[:20], data.y_train[:20]


def test_standard_training_is_given_nothing(data):
    assert mixup_of("standard", data, 10) is None


def test_smoothed_targets_have_the_floor_of_mixup(data, batch):
    x, targets = mixup_of("smoothing", data, 10)(*batch)
    assert torch.equal(x, batch[0])
    assert torch.equal(targets.argmax(dim=1), batch[1])
    entropy = -(targets * targets.log()).sum(dim=1)
    assert torch.allclose(entropy, torch.tensor(floor_of_pairs(data.y_train, None)), atol=1e-5)


@pytest.mark.parametrize("level", image_runs.NOISE)
def test_noise_has_its_level_and_leaves_labels(data, batch, level):
    torch.manual_seed(0)
    x, y = mixup_of(f"noise-{level}", data, 10)(*batch)
    assert torch.equal(y, batch[1])
    assert (x - batch[0]).std().item() == pytest.approx(level, rel=0.1)


@pytest.mark.parametrize("arm", PAIRS)
def test_partners_are_of_the_kind(data, arm):
    rule = mixup_of(arm, data, 10).partners
    assert torch.equal(rule(data.y_train), partner_masks(data.y_train, data.group_train == 1)[arm])


def test_windows_and_label_maps(data):
    assert mixup_of("stopped", data, 10).stop_epoch == 5
    assert mixup_of("started", data, 10).start_epoch == 5
    assert mixup_of("hard", data, 10).label_map == "hard"
    assert mixup_of("constant-0.75", data, 10).label_map == 0.75
    assert isinstance(mixup_of("cutmix", data, 10), mb.CutMix)


def test_rare_images_are_repeated_and_nothing_else_is(data):
    more = image_runs.oversampled(data)
    assert more.group_train.bincount().tolist() == [60, 60]
    assert more.y_train.bincount().tolist() == [24] * 5
    for x, y, group in zip(data.x_train, data.y_train, data.group_train, strict=True):
        there = (more.x_train == x).flatten(1).all(dim=1)
        assert there.sum() == (4 if group else 1)
        assert (more.y_train[there] == y).all()
    assert torch.equal(more.x_test, data.x_test)


def test_oversampled_images_are_trained_on_for_as_many_steps(monkeypatch):
    trained = []
    monkeypatch.setattr(image_runs, "fit", lambda data, *_, **given: trained.append((data, given)))
    for arm in ("standard", *image_runs.OVERSAMPLED):
        with pytest.raises(AttributeError, match="group_errors"):
            image_runs._run(IMAGE_RUNGS["digits"], None, arm, 0)
    plain, *others = [(len(data.y_train), given["epochs"]) for data, given in trained]
    assert plain == (220, 120)
    assert others == [(400, 75)] * 3
    assert [type(given["mixup"]).__name__ for _, given in trained][:3] == [
        "NoneType",
        "NoneType",
        "Mixup",
    ]


def test_every_arm_of_every_rung_is_known(data):
    for rung in IMAGE_RUNGS.values():
        assert set(rung.arms) <= set(IMAGE_ARMS)
    for arm in IMAGE_ARMS:
        mixup_of(arm, data, 10)


def test_half_of_each_test_group_is_for_validation():
    paired = image_runs._paired(TINY, None, 3)
    counts = paired.group_test.bincount()
    assert len(counts) == 4
    assert abs(int(counts[:2].sum() - counts[2:].sum())) <= 1
    rare = paired.group_test % 2
    again = image_runs._paired(TINY, None, 3)
    assert torch.equal(again.group_test, paired.group_test)
    assert rare.bincount().min() > 200


def test_a_rung_is_what_single_runs_are():
    threads = torch.get_num_threads()
    found = run_image_rung(TINY, None, workers=1)
    torch.set_num_threads(threads)
    paired = image_runs._paired(TINY, None, 4)
    run = mb.fit(
        paired,
        "small_convnet",
        mixup=mixup_of("smoothing", paired, 2),
        seed=4,
        test_every=2,
        device="cpu",
        progress=False,
        **TINY.recipe,
    )
    assert found.seeds == (3, 4)
    assert list(found.rare) == list(TINY.arms)
    assert found.common["smoothing"][1] == round(run.group_errors[0], 4)
    assert found.rare["smoothing"][1] == round(run.group_errors[1], 4)
    assert found.validation["smoothing"][1] == round(run.group_errors[3], 4)


def test_cifar10_needs_its_file():
    with pytest.raises(ValueError, match="data must be the file of CIFAR-10"):
        run_image_rung(replace(IMAGE_RUNGS["cifar10"], seeds=(0, 1)), None, workers=1)
