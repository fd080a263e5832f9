import pytest
import torch
from torch import nn

from mixupbook.images.networks import NETWORKS, build_network


def parameter_count(network):
    return sum(parameter.numel() for parameter in network.parameters())


class TestBuild:
    @pytest.mark.parametrize("name", NETWORKS)
    @pytest.mark.parametrize(("shape", "classes"), [((3, 32, 32), 10), ((1, 35, 33), 7)])
    def test_returns_a_score_for_each_class(self, name, shape, classes):
        network = build_network(name, shape, classes)
        assert network(torch.rand(3, *shape)).shape == (3, classes)

    def test_small_convnet_takes_digits(self):
        assert build_network("small_convnet", (1, 8, 8), 10)(torch.rand(5, 1, 8, 8)).shape == (
            5,
            10,
        )

    def test_resnet18_has_the_known_size(self):
        # Convolutions: 9 * 3 * 64 in the stem, then two per block and the three shortcuts.
        widths = [(64, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256)]
        widths += [(256, 512), (512, 512)]
        expected = 9 * 3 * 64 + 2 * 64
        for before, after in widths:
            expected += 9 * before * after + 9 * after * after + 2 * 2 * after
            if before != after:
                expected += before * after + 2 * after
        expected += 512 * 10 + 10
        assert parameter_count(build_network("resnet18", (3, 32, 32), 10)) == expected == 11_173_962

    def test_resnet18_halves_the_image_three_times(self):
        network = build_network("resnet18", (3, 32, 32), 10)
        assert network[:-2](torch.rand(2, 3, 32, 32)).shape == (2, 512, 4, 4)

    def test_vgg16_has_thirteen_convolutions(self):
        layers = list(build_network("vgg16", (3, 32, 32), 10).modules())
        widths = [layer.out_channels for layer in layers if isinstance(layer, nn.Conv2d)]
        assert widths == [64, 64, 128, 128, *[256] * 3, *[512] * 6]
        assert sum(isinstance(layer, nn.BatchNorm2d) for layer in layers) == 13

    def test_small_convnet_has_no_batch_norm_and_its_sibling_has(self):
        def norms(name):
            modules = build_network(name, (3, 8, 8), 10).modules()
            return sum(isinstance(module, nn.BatchNorm2d) for module in modules)

        assert norms("small_convnet") == 0
        assert norms("small_convnet_bn") == 3

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("resnet81", (3, 32, 32), 10), r"network must be one of .*did you mean 'resnet18'\?"),
            (("vgg16", (3, 31, 32), 10), "'vgg16' needs images of at least 32 x 32 pixels, got 31"),
            (("small_convnet", (1, 1, 8), 10), "at least 2 x 2 pixels, got 1 x 8"),
            (("small_convnet", (1, 8, 8), 1), "num_classes must be at least 2"),
            (("small_convnet", (0, 8, 8), 10), "image_shape must be at least 1"),
        ],
    )
    def test_refuses(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            build_network(*arguments)

    @pytest.mark.parametrize("shape", [8, None, (1, 8), (1, 1, 8, 8), "18"])
    def test_refuses_what_is_no_shape(self, shape):
        with pytest.raises(TypeError, match=r"image_shape must be channels, height and width, as"):
            build_network("small_convnet", shape, 10)
