"""Image networks: a small one for a processor, and the CIFAR versions of two well-known ones.

All take images in [0, 1], shape (B, C, H, W), and return one score (logit) for each class.
"""

from collections.abc import Callable, Iterable
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import relu

from mixupbook._arguments import one_of, whole_number
from mixupbook.images.isolation import isolated

__all__ = ["NETWORKS", "build_network"]


# `| Any`: what else is given is refused by hand, with messages for people.
def build_network(
    name: str | Any, image_shape: tuple[int, int, int] | Any, num_classes: int | Any
) -> nn.Module:
    """A freshly initialised network, by its name.

    Its weights are drawn from torch's default generator (PyTorch's default initialisation), in
    float32 on the CPU.

    - ``"small_convnet"``: two convolutions without batch norm, for digits on a processor.
    - ``"small_convnet_bn"``: three blocks of convolution, batch norm and pooling.
    - ``"resnet18"``: He et al. (CVPR 2016) with the stem for small images: a 3 x 3 convolution and
      no pooling before the first block.
    - ``"vgg16"``: configuration D of Simonyan and Zisserman (ICLR 2015) with batch norm, and one
      linear layer after the convolutions.

    The choice and the widths of the small networks are ours.

    Args:
        name: one of the names above.
        image_shape: channels, height and width of an image.
        num_classes: number of scores.

    Raises:
        TypeError: an argument of the wrong kind.
        ValueError: an unknown name, or images too small for the network's poolings.

    Example:
        >>> network = build_network("small_convnet", (1, 8, 8), 10)
        >>> sum(parameter.numel() for parameter in network.parameters())
        9930
    """
    build, smallest = NETWORKS[one_of("network", name, NETWORKS)]
    sizes = tuple(image_shape) if isinstance(image_shape, Iterable) else ()
    if len(sizes) != 3:
        raise TypeError(
            f"image_shape must be channels, height and width, as (3, 32, 32), got {image_shape!r}"
        )
    channels, height, width = (whole_number("image_shape", size, 1) for size in sizes)
    num_classes = whole_number("num_classes", num_classes, at_least=2)
    if min(height, width) < smallest:
        raise ValueError(
            f"network {name!r} needs images of at least {smallest} x {smallest} pixels, "
            f"got {height} x {width}"
        )
    # The draws are the caller's to seed; all else is torch's default, whatever is set.
    with isolated(grad=True, draws=False):
        return build((channels, height, width), num_classes)


def _small_convnet(image_shape: tuple[int, int, int], num_classes: int) -> nn.Module:
    channels, height, width = image_shape
    return nn.Sequential(
        nn.Conv2d(channels, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32 * (height // 2) * (width // 2), num_classes),
    )


def _small_convnet_bn(image_shape: tuple[int, int, int], num_classes: int) -> nn.Module:
    blocks = []
    channels = image_shape[0]
    for width in (32, 64, 128):
        blocks += [*_conv_bn_relu(channels, width), nn.MaxPool2d(2)]
        channels = width
    return nn.Sequential(*blocks, _GlobalMean(), nn.Linear(channels, num_classes))


def _resnet18(image_shape: tuple[int, int, int], num_classes: int) -> nn.Module:
    blocks: list[nn.Module] = []
    channels = 64
    for stage, width in enumerate((64, 128, 256, 512)):
        for block in range(2):
            stride = 2 if stage > 0 and block == 0 else 1
            blocks.append(_ResidualBlock(channels, width, stride))
            channels = width
    stem = _conv_bn_relu(image_shape[0], 64)
    return nn.Sequential(*stem, *blocks, _GlobalMean(), nn.Linear(channels, num_classes))


def _vgg16(image_shape: tuple[int, int, int], num_classes: int) -> nn.Module:
    layers = []
    channels = image_shape[0]
    for width, convolutions in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(convolutions):
            layers += _conv_bn_relu(channels, width)
            channels = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, _GlobalMean(), nn.Linear(channels, num_classes))


def _conv_bn_relu(channels: int, width: int) -> list[nn.Module]:
    # Batch norm subtracts the mean, so a bias before it would have no effect.
    convolution = nn.Conv2d(channels, width, 3, padding=1, bias=False)
    return [convolution, nn.BatchNorm2d(width), nn.ReLU(inplace=True)]


class _ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions with batch norm, added to the input (He et al., CVPR 2016)."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.shortcut = nn.Sequential()
        if stride != 1 or channels != width:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels, width, 1, stride=stride, bias=False), nn.BatchNorm2d(width)
            )

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B D h w"]:
        residual = relu(self.norm1(self.conv1(x)))
        residual = self.norm2(self.conv2(residual))
        return relu(residual + self.shortcut(x))


class _GlobalMean(nn.Module):
    """The mean over all positions; unlike adaptive pooling, deterministic on a GPU."""

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C"]:
        return x.mean(dim=(-2, -1))


# Each builder with the smallest side of an image that survives its poolings.
_Builder = Callable[[tuple[int, int, int], int], nn.Module]
NETWORKS: dict[str, tuple[_Builder, int]] = {
    "small_convnet": (_small_convnet, 2),
    "small_convnet_bn": (_small_convnet_bn, 8),
    "resnet18": (_resnet18, 8),
    "vgg16": (_vgg16, 32),
}
