import pytest
import torch

from mixupbook.images.data.pixels import as_bytes, as_float
from mixupbook.images.training.augment import crop_flip, random_crop, random_flip


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def shifted(image, down, right):
    """Slow reference: pixel by pixel, black where the image has none."""
    _, height, width = image.shape
    result = torch.zeros_like(image)
    for i in range(height):
        for j in range(width):
            if 0 <= i + down < height and 0 <= j + right < width:
                result[:, i, j] = image[:, i + down, j + right]
    return result


@pytest.mark.parametrize("dtype", [torch.float32, torch.uint8])
def test_crop_is_a_shift_of_each_image(dtype):
    images = (torch.rand(11, 3, 5, 7, generator=generator(1)) * 250 + 1).to(dtype)
    cropped = random_crop(images, generator(), padding=2)
    assert cropped.dtype == dtype
    shifts = set()
    for image, result in zip(images, cropped, strict=True):
        matching = [
            (down, right)
            for down in range(-2, 3)
            for right in range(-2, 3)
            if torch.equal(result, shifted(image, down, right))
        ]
        assert len(matching) == 1
        shifts.update(matching)
    assert len(shifts) > 5


def test_all_shifts_are_about_equally_frequent():
    # A bright pixel in the middle shows where the image went.
    images = torch.zeros(9000, 1, 3, 3)
    images[:, 0, 1, 1] = 1
    counts = random_crop(images, generator(), padding=1).sum(dim=(0, 1))
    assert counts.sum() == 9000
    assert (counts - 1000).abs().max() < 5 * 1000**0.5


def test_flip_mirrors_about_half_of_the_images():
    images = torch.rand(1001, 1, 3, 4, generator=generator(1))
    flipped = random_flip(images, generator())
    mirrored = torch.stack([image.flip(-1) for image in images])
    is_mirrored = (flipped == mirrored).flatten(1).all(dim=1)
    is_same = (flipped == images).flatten(1).all(dim=1)
    assert torch.equal(is_mirrored, ~is_same)
    assert 420 < is_mirrored.sum() < 580


@pytest.mark.parametrize("augment", [random_crop, random_flip, crop_flip])
def test_draws_from_the_generator_alone_and_keeps_its_input(augment):
    images = torch.rand(7, 2, 5, 3)
    before, state = images.clone(), torch.get_rng_state()
    first = augment(images, generator(3))
    assert torch.equal(first, augment(images, generator(3)))
    assert not torch.equal(first, augment(images, generator(4)))
    assert torch.equal(images, before)
    assert torch.equal(torch.get_rng_state(), state)


def test_crop_without_padding_is_the_identity():
    images = torch.rand(3, 1, 5, 5)
    assert torch.equal(random_crop(images, generator(), padding=0), images)


def test_bytes_are_kept_where_they_lose_nothing():
    every_byte = torch.arange(256, dtype=torch.uint8).reshape(2, 2, 8, 8)
    assert torch.equal(as_bytes(as_float(every_byte)), every_byte)
    sixteenths = torch.rand(3, 1, 2, 2).mul(16).round() / 16
    sixteenths[0] = 3 / 16
    assert as_bytes(sixteenths) is sixteenths
    nearly = as_float(every_byte).clone()
    nearly[1, 1, 7, 7] -= 1e-6
    assert as_bytes(nearly) is nearly
