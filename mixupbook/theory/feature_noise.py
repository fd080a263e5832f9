"""The feature-noise data model: common and rare features, feature noise, and plain noise."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mixupbook._arguments import in_interval, one_of, whole_number

__all__ = ["FEATURES", "LAYOUTS", "FeatureNoise", "PatchData"]

# The four features are the first four coordinate axes, in this order.
FEATURES = ("common_0", "common_1", "rare_0", "rare_1")

LAYOUTS = ("random", "same", "distinct")


# `| Any`, here and below: what else is given is refused by hand, with messages for people; the type
# checker of the tests is not to speak first.
@dataclass(frozen=True, eq=False)
class PatchData:
    """Examples made of patches, with their labels and whether each one is rare.

    `FeatureNoise.sample` returns it, and anyone may build one from tensors of their own. What the
    package measures of features takes the first four coordinates to be common_0, common_1, rare_0
    and rare_1.

    Args:
        x: examples, shape (n, P, d), floating and finite.
        y: labels 0 or 1, shape (n,), of an integer type.
        is_rare: whether an example's feature is its class's rare one, shape (n,), bool.

    Raises:
        TypeError: an argument that is not a tensor, or not of the type named above.
        ValueError: shapes that disagree, an empty axis, other labels, or values not finite (or
            none, on the device ``"meta"``).

    Example:
        >>> data = PatchData(torch.eye(5)[None, :2], torch.tensor([0]), torch.tensor([False]))
        >>> data.x.shape
        torch.Size([1, 2, 5])
    """

    x: Tensor | Any
    y: Tensor | Any
    is_rare: Tensor | Any

    def __post_init__(self) -> None:
        for name in ("x", "y", "is_rare"):
            value = getattr(self, name)
            if not isinstance(value, Tensor):
                raise TypeError(f"{name} must be a tensor, got {type(value).__name__}")
            if value.is_meta:
                raise ValueError(f"{name} must hold values, got a tensor on the device 'meta'")
        if not self.x.is_floating_point():
            raise TypeError(f"x must be floating, got {self.x.dtype}")
        if self.y.dtype == torch.bool or self.y.is_floating_point() or self.y.is_complex():
            raise TypeError(f"y must be of an integer type, got {self.y.dtype}")
        if self.is_rare.dtype != torch.bool:
            raise TypeError(f"is_rare must be bool, got {self.is_rare.dtype}")
        if self.x.ndim != 3 or 0 in self.x.shape:
            raise ValueError(
                f"x must have shape (n, P, d) with no empty axis, got {tuple(self.x.shape)}"
            )
        for name in ("y", "is_rare"):
            shape = tuple(getattr(self, name).shape)
            if shape != (len(self.x),):
                raise ValueError(
                    f"{name} must have shape ({len(self.x)},), one entry for each example in x, "
                    f"got {shape}"
                )
        if not ((self.y == 0) | (self.y == 1)).all():
            raise ValueError(f"y must hold labels 0 and 1, got {self.y.unique().tolist()}")
        if not self.x.isfinite().all():
            raise ValueError("x must be finite, got NaN or infinite values")

    def __len__(self) -> int:
        return len(self.x)


@dataclass(frozen=True)
class FeatureNoise:
    """The feature-noise data model: x in R^(P x d) and a label y in {0, 1}, both equally likely.

    Four orthonormal features, which by rotation invariance are the axes e_0 to e_3: common v_0, v_1
    and rare r_0, r_1. One patch holds the feature of the class: v_y, or with probability rho r_y.
    `noise_patches` further patches, at random positions, hold feature noise alpha v_s with s in
    {0, 1} uniform and independent of y. The rest are noise: N(0, sigma^2) in every coordinate
    beyond the four.

    Args:
        dimension: d, at least 5: four features and at least one coordinate for noise.
        patches: P, at least 1 + `noise_patches` (and 2 with the layout ``"distinct"``).
        rare_fraction: rho in [0, 1].
        feature_noise: alpha in [0, 1].
        noise_patches: b, how many patches hold feature noise, at least 0.
        noise_std: sigma, not negative.
        layout: which patch holds the feature: ``"random"``, uniform; ``"same"``, the first;
            ``"distinct"``, the first in common and the second in rare examples, so that a rare
            feature never meets a common one in a mixed patch.

    Raises:
        TypeError: an argument of the wrong kind.
        ValueError: a value outside what is allowed.

    The model is our reconstruction of the one that the abstract of Zou, Cao, Li and Gu (ICML 2023)
    describes in words; the layouts are ours, an ablation of the mechanism.

    Example:
        >>> model = FeatureNoise(50, 4, 0.1, 0.2, 1, 0.15, layout="same")
        >>> data = model.sample(20, seed=0, rare=3)
        >>> data.x.shape, int(data.is_rare.sum())
        (torch.Size([20, 4, 50]), 3)
    """

    dimension: int | Any
    patches: int | Any
    rare_fraction: float | Any
    feature_noise: float | Any
    noise_patches: int | Any
    noise_std: float | Any
    layout: str | Any = "random"

    def __post_init__(self) -> None:
        whole_number("dimension", self.dimension, at_least=5)
        whole_number("noise_patches", self.noise_patches)
        whole_number("patches", self.patches, at_least=1)
        in_interval("rare_fraction", self.rare_fraction, 0, 1)
        in_interval("feature_noise", self.feature_noise, 0, 1)
        in_interval("noise_std", self.noise_std, 0)
        one_of("layout", self.layout, LAYOUTS)
        if self.patches < 1 + self.noise_patches:
            raise ValueError(
                f"patches must be at least 1 + noise_patches = {1 + self.noise_patches}, "
                f"got {self.patches}"
            )
        if self.layout == "distinct" and self.patches < 2:
            raise ValueError(
                f"patches must be at least 2 with layout 'distinct', got {self.patches}"
            )

    @torch.inference_mode(False)  # examples drawn in it could not be trained with later
    def sample(self, n: int | Any, *, seed: int | Any, rare: int | Any | None = None) -> PatchData:
        """Draws n examples on the CPU; the draw depends on the arguments and the seed alone.

        The seed's random numbers do not depend on the model's other parameters: the same seed at
        another rho, alpha, sigma or layout gives the same labels and the same noise, rescaled.

        Args:
            n: how many examples, at least 1.
            seed: a whole number in [0, 2^63).
            rare: how many of them are rare, exactly, at most n; where it is None, each is rare
                with probability rho. A share is not taken: it would be mistaken for a count. A pair
                says how many are rare in class 0 and in class 1, such as (5, 5): how many there are
                in the smaller class decides much of what a seed does. Labels are drawn as ever.

        Returns:
            `PatchData` with x (n, P, d) float32, y (n,) int64 and is_rare (n,) bool.

        Raises:
            TypeError: an argument is not a whole number (or, for `rare`, a pair of them).
            ValueError: a value outside what is allowed, or more rare examples in a class than the
                seed draws examples of it.
        """
        n = whole_number("n", n, at_least=1)
        if isinstance(rare, tuple | list):
            rare = _pair(rare)
        elif rare is not None and whole_number("rare", rare) > n:
            raise ValueError(f"rare must be at most n = {n}, got {rare!r}")
        generator = torch.Generator("cpu").manual_seed(check_seed("seed", seed))
        # Named, as torch's defaults are the user's to change, and other draws would come of them.
        whole: dict[str, Any] = {"generator": generator, "device": "cpu"}
        real: dict[str, Any] = {**whole, "dtype": torch.float32}
        y = torch.randint(2, (n,), **whole)
        rarity = torch.rand(n, **real)
        if rare is None:
            is_rare = rarity < self.rare_fraction
        elif isinstance(rare, tuple):
            is_rare = _smallest_by_class(rarity, y, rare)
        else:
            is_rare = _smallest(rarity, rare)
        order = self._patch_order(is_rare, torch.rand(n, self.patches, **real))
        foreign = torch.randint(2, (n, self.patches), **whole)[:, : self.noise_patches]
        noise = torch.randn(n, self.patches, self.dimension, **real)

        x = noise.mul_(self.noise_std)
        x[:, :, :4] = 0
        example = torch.arange(n, device="cpu")
        feature_patch, foreign_patches = order[:, 0], order[:, 1 : 1 + self.noise_patches]
        x[example, feature_patch] = 0
        x[example, feature_patch, y + 2 * is_rare] = 1
        x[example[:, None], foreign_patches] = 0
        x[example[:, None], foreign_patches, foreign] = self.feature_noise
        return PatchData(x, y, is_rare)

    def _patch_order(self, is_rare: Tensor, scores: Tensor) -> Tensor:
        """Each example's patches in the order feature, feature noise, noise."""
        if self.layout != "random":
            first = is_rare if self.layout == "distinct" else torch.zeros_like(is_rare)
            scores = scores.scatter(1, first.long()[:, None], -1.0)
        return scores.argsort(dim=1)


def check_seed(name: str, value: object) -> int:
    """`value` where it is a seed that torch takes."""
    seed = whole_number(name, value)
    if seed >= 2**63:
        raise ValueError(f"{name} must be below 2^63, got {value!r}")
    return seed


def _smallest(values: Tensor, count: int) -> Tensor:
    """Marks the `count` smallest entries."""
    marked = torch.zeros_like(values, dtype=torch.bool)
    marked[values.argsort()[:count]] = True
    return marked


def _pair(rare: tuple | list) -> tuple[int, int]:
    """The numbers of rare examples in the two classes."""
    if len(rare) != 2:
        raise ValueError(f"rare must be one number, or a pair of one for each class, got {rare!r}")
    return whole_number("rare", rare[0]), whole_number("rare", rare[1])


def _smallest_by_class(values: Tensor, y: Tensor, counts: tuple[int, int]) -> Tensor:
    """Marks so many of the smallest entries of each class."""
    marked = torch.zeros_like(values, dtype=torch.bool)
    for label, count in enumerate(counts):
        members = (y == label).nonzero().flatten()
        if count > len(members):
            raise ValueError(
                f"rare must be at most the number of examples in each class, here {len(members)} "
                f"of class {label}, got {counts!r}"
            )
        marked[members] = _smallest(values[members], count)
    return marked
