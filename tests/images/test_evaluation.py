import pytest
import torch
from torch import nn

from mixupbook.images.training import evaluation
from mixupbook.images.training.evaluation import recalibrate


def small_network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 5, 3), nn.BatchNorm2d(5), nn.Dropout(0.5), nn.Flatten(), nn.Linear(30, 3)
    )


IMAGES = torch.rand(11, 2, 4, 5, generator=torch.Generator().manual_seed(1))
LABELS = torch.randint(3, (11,), generator=torch.Generator().manual_seed(2))


class TestError:
    @pytest.mark.parametrize("batch_size", [1, 4, 11, 500])
    def test_agrees_with_one_image_at_a_time(self, batch_size):
        network = small_network()
        wrong = 0
        for image, label in zip(IMAGES, LABELS, strict=True):
            with torch.no_grad():
                wrong += int(network.eval()(image[None]).argmax() != label)
        assert 0 < wrong < 11
        error = evaluation.error_rate(network, IMAGES, LABELS, batch_size=batch_size)
        assert error == wrong / 11

    def test_leaves_the_network_as_it_was(self):
        network = small_network().train()
        network[1].eval()
        evaluation.error_rate(network, IMAGES, LABELS)
        assert [module.training for module in network] == [True, False, True, True, True]
        assert network[1].num_batches_tracked == 0
        assert all(parameter.grad is None for parameter in network.parameters())

    @pytest.mark.parametrize(
        ("images", "labels"), [(IMAGES, LABELS[:-1]), (IMAGES[:0], LABELS[:0])]
    )
    def test_refuses_labels_that_do_not_fit(self, images, labels):
        with pytest.raises(ValueError, match="labels must hold one label for each"):
            evaluation.error_rate(small_network(), images, labels)

    @pytest.mark.parametrize("value", [torch.nan, torch.inf])
    def test_scores_that_are_no_numbers_are_no_prediction(self, value):
        network = small_network()
        network[4].bias.data[1] = value
        with pytest.raises(FloatingPointError, match="highest scores on the images are infinite o"):
            evaluation.error_rate(network, IMAGES, LABELS)

    def test_classes_may_be_masked_but_not_all(self):
        network = small_network()
        expected = [network.eval()(IMAGES)[:, [0, 2]].argmax(dim=1) * 2]
        network[4].bias.data[1] = -torch.inf
        error = evaluation.error_rate(network, IMAGES, LABELS)
        assert error == (expected[0] != LABELS).sum().item() / 11
        network[4].bias.data[:] = -torch.inf
        with pytest.raises(FloatingPointError, match="infinite or NaN"):
            evaluation.error_rate(network, IMAGES, LABELS)

    @pytest.mark.parametrize(("batch_size", "sizes"), [(10, [11]), (5, [6, 5]), (4, [4, 4, 3])])
    def test_no_image_is_left_alone(self, batch_size, sizes):
        network, seen = Squeezing(), []
        network.register_forward_hook(lambda module, x, y: seen.append(len(y)))
        alone = [network(image[None]).argmax().item() for image in IMAGES]
        seen.clear()
        error = evaluation.error_rate(network, IMAGES, LABELS, batch_size=batch_size)
        assert error == sum(a != b for a, b in zip(alone, LABELS.tolist(), strict=True)) / 11
        assert seen == sizes

    @pytest.mark.parametrize(("count", "batch_size"), [(11, 1), (1, 1), (1, 500)])
    def test_one_image_is_evaluated_as_one(self, count, batch_size):
        arguments = IMAGES[:count], LABELS[:count]
        evaluation.error_rate(small_network(), *arguments, batch_size=batch_size)
        message = r"one row of scores for each of 1 images, got \(3,\)"
        with pytest.raises(ValueError, match=message):
            evaluation.error_rate(Squeezing(), *arguments, batch_size=batch_size)

    def test_refuses_what_are_no_scores(self):
        network = nn.LSTM(5, 3)
        with pytest.raises(ValueError, match="one row of scores for each of 11 images, got tuple"):
            evaluation.error_rate(network, IMAGES[:, 0], LABELS)


SCORES = torch.randn(13, 4, generator=torch.Generator().manual_seed(3))
CHOSEN = torch.randint(4, (13,), generator=torch.Generator().manual_seed(4))
GROUPS = torch.tensor([7, -2, 7, 0, 0, 7, 7, 0, -2, 7, 0, 7, 100])
EXAMPLES = SCORES.tolist(), CHOSEN.tolist(), GROUPS.tolist()


class TestGroupErrors:
    def test_agrees_with_one_example_at_a_time(self):
        counts, wrong = {}, {}
        for scores, label, group in zip(*EXAMPLES, strict=True):
            counts[group] = counts.get(group, 0) + 1
            wrong[group] = wrong.get(group, 0) + (scores.index(max(scores)) != label)
        expected = {group: wrong[group] / counts[group] for group in (-2, 0, 7, 100)}
        errors = evaluation.group_errors(SCORES, CHOSEN, GROUPS)
        assert list(errors.items()) == list(expected.items())
        assert len(set(expected.values())) > 2
        assert all(type(key) is int and type(value) is float for key, value in errors.items())

    def test_one_group_has_the_error_rate(self):
        network = small_network().eval()
        with torch.no_grad():
            scores = network(IMAGES)
        errors = evaluation.group_errors(scores, LABELS, torch.zeros(11, dtype=torch.uint8))
        assert errors == {0: evaluation.error_rate(network, IMAGES, LABELS)}

    def test_classes_may_be_masked(self):
        masked = SCORES.clone()
        masked[:, 2] = -torch.inf
        expected = evaluation.group_errors(masked.clamp(min=-100), CHOSEN, GROUPS)
        assert evaluation.group_errors(masked, CHOSEN, GROUPS) == expected

    @pytest.mark.parametrize("value", [torch.nan, torch.inf])
    def test_scores_that_are_no_numbers_are_no_prediction(self, value):
        scores = SCORES.clone()
        scores[5, 1] = value
        with pytest.raises(FloatingPointError, match="highest scores of some examples"):
            evaluation.group_errors(scores, CHOSEN, GROUPS)

    @pytest.mark.parametrize(
        ("changes", "error", "message"),
        [
            ({"scores": SCORES.tolist()}, TypeError, "scores must be a floating .*, got list"),
            ({"scores": CHOSEN}, TypeError, "scores must be a floating .*, got torch.int64"),
            ({"scores": SCORES[:, 0]}, ValueError, r"shape \(N, K\), got \(13,\)"),
            ({"scores": SCORES[:0]}, ValueError, r"at least one example.*got \(0, 4\)"),
            ({"labels": CHOSEN[:5]}, ValueError, r"labels must have shape \(13,\).*got \(5,\)"),
            (
                {"labels": CHOSEN.float()},
                TypeError,
                "labels must be .* got torch.float32",
            ),
            ({"labels": CHOSEN - 1}, ValueError, r"labels must lie in 0\.\.3.*got -1 to 2"),
            ({"labels": CHOSEN + 1}, ValueError, r"labels must lie in 0\.\.3.*got 1 to 4"),
            ({"groups": GROUPS[:, None]}, ValueError, r"groups must have shape \(13,\)"),
            ({"groups": GROUPS > 0}, TypeError, "groups must be .* integers, got torch.bool"),
            ({"groups": GROUPS.tolist()}, TypeError, "groups must be .* integers, got list"),
        ],
    )
    def test_refuses(self, changes, error, message):
        given = {"scores": SCORES, "labels": CHOSEN, "groups": GROUPS, **changes}
        with pytest.raises(error, match=message):
            evaluation.group_errors(**given)


class Squeezing(nn.Module):
    """Loses the batch where it is one image."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(40, 3)

    def forward(self, x):
        return self.linear(x.flatten(1)).squeeze()


def row_network():
    """Its batch norm takes no variance of one image."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(40, 5), nn.BatchNorm1d(5), nn.Linear(5, 3))


class TestRecalibrate:
    def test_averages_the_statistics_of_batches(self):
        network = small_network()
        network[1].running_mean.fill_(100)
        outputs = [network[0](batch) for batch in IMAGES.split(4)]
        mean = torch.stack([out.mean(dim=(0, 2, 3)) for out in outputs]).mean(dim=0)
        variance = torch.stack([out.var(dim=(0, 2, 3)) for out in outputs]).mean(dim=0)
        fresh = recalibrate(network, IMAGES, batch_size=4)
        torch.testing.assert_close(fresh[1].running_mean, mean)
        torch.testing.assert_close(fresh[1].running_var, variance)

    def test_works_on_a_copy_with_the_same_weights(self):
        network = small_network().train()
        fresh = recalibrate(network, IMAGES)
        assert network[1].num_batches_tracked == 0
        assert network.training
        assert not fresh.training
        assert fresh[1].momentum == network[1].momentum == 0.1
        for before, after in zip(network.parameters(), fresh.parameters(), strict=True):
            assert torch.equal(before, after)

    def test_dropout_does_not_disturb_later_layers(self):
        network = nn.Sequential(nn.Dropout(0.9), nn.BatchNorm2d(2))
        expected = IMAGES.mean(dim=(0, 2, 3))
        torch.testing.assert_close(recalibrate(network, IMAGES)[1].running_mean, expected)

    def test_without_batch_norm_computes_the_same(self):
        network = nn.Sequential(nn.Flatten(), nn.Linear(40, 3))
        assert torch.equal(recalibrate(network, IMAGES)(IMAGES), network(IMAGES))

    @pytest.mark.parametrize(("batch_size", "sizes"), [(10, [11]), (5, [6, 5]), (2, [3, *[2] * 4])])
    def test_no_image_is_left_alone(self, batch_size, sizes):
        network = row_network()
        hidden = [network[1](batch.flatten(1)) for batch in IMAGES.split(sizes)]
        fresh = recalibrate(network, IMAGES, batch_size=batch_size)[2]
        means = torch.stack([batch.mean(dim=0) for batch in hidden])
        variances = torch.stack([batch.var(dim=0) for batch in hidden])
        torch.testing.assert_close(fresh.running_mean, means.mean(dim=0))
        torch.testing.assert_close(fresh.running_var, variances.mean(dim=0))
        assert fresh.num_batches_tracked == len(sizes)

    def test_one_image_is_enough_where_it_has_pixels(self):
        network = small_network()
        outputs = [network[0](batch) for batch in IMAGES.split(5)]  # 5, 5 and 1
        mean = torch.stack([out.mean(dim=(0, 2, 3)) for out in outputs]).mean(dim=0)
        fresh = recalibrate(network, IMAGES, batch_size=5)
        torch.testing.assert_close(fresh[1].running_mean, mean)

    @pytest.mark.parametrize(("count", "batch_size"), [(1, 500), (1, 1), (11, 1)])
    def test_one_image_is_too_little_for_a_row(self, count, batch_size):
        message = f"hold at least two and batch_size be at least 2, got {count} and {batch_size}"
        with pytest.raises(ValueError, match=message):
            recalibrate(row_network(), IMAGES[:count], batch_size=batch_size)

    def test_refuses_no_images(self):
        with pytest.raises(ValueError, match="images must hold at least one"):
            recalibrate(small_network(), IMAGES[:0])


@pytest.mark.parametrize("measure", [evaluation.error_rate, recalibrate])
def test_arguments_of_another_kind_are_named(measure):
    labels = [LABELS] if measure is evaluation.error_rate else []
    with pytest.raises(TypeError, match=r"network must be a torch.nn.Module .*, got 'resnet18'"):
        measure("resnet18", IMAGES, *labels)
    for images in (IMAGES.numpy(), None, IMAGES.mean()):
        with pytest.raises(TypeError, match=r"images must be a torch.Tensor, one row each, got "):
            measure(small_network(), images, *labels)
    with pytest.raises(TypeError, match=r"batch_size must be an integer, got 2.0"):
        measure(small_network(), IMAGES, *labels, batch_size=2.0)


def test_labels_of_another_kind_are_named():
    with pytest.raises(TypeError, match=r"labels must be a torch.Tensor, one row each, got array"):
        evaluation.error_rate(small_network(), IMAGES, LABELS.numpy())
