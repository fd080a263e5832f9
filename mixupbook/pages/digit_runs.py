"""The trainings on handwritten digits that the first two chapters share."""

from collections.abc import Sequence

from mixupbook.images.data.digits import load_digits
from mixupbook.images.data.images import ImageData
from mixupbook.images.training.fit import Run
from mixupbook.images.training.loop import MixFunction
from mixupbook.images.training.seeds import fit_seeds

__all__ = ["digit_sets", "train_digits"]


def digit_sets(seeds: Sequence[int]) -> list[ImageData]:
    """For each seed its own 100 training and 1000 test images."""
    return [load_digits(train=100, test=1000, seed=seed) for seed in seeds]


def train_digits(
    mixup: MixFunction | None,
    seeds: Sequence[int] = range(10),
    *,
    test_every: int = 150,
) -> list[Run]:
    """One run of the small convolutional network for each seed, on its set of `digit_sets`.

    Args:
        mixup: what `mixupbook.fit` takes: None for standard training.
        seeds: of the images, the initial weights and the batches.
        test_every: epochs from one test error in the history to the next; 150 are trained.
    """
    return fit_seeds(
        digit_sets(seeds),
        "small_convnet",
        seeds=seeds,
        workers=2,
        mixup=mixup,
        epochs=150,
        batch_size=50,
        lr=0.05,
        test_every=test_every,
        device="cpu",
        progress=False,
    )
