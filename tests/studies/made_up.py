"""A study, images and records that the tests of this folder share."""

import dataclasses
from datetime import date

import numpy as np
import torch

from mixupbook.images.data.images import ImageData
from mixupbook.studies.catalogue import STUDIES
from mixupbook.studies.provenance import source_digests
from mixupbook.studies.record import Record, SeedRun

SMALL = STUDIES["cifar10-small-cpu"]
TINY = dataclasses.replace(
    SMALL,
    name="tiny",
    recipe=SMALL.recipe.model_copy(update={"epochs": 4, "batch_size": 5, "seeds": (0, 3)}),
    label_maps=("hard",),
    stops=(2,),
    start=2,
    partners=(),
    train=11,
    test=7,
)


def with_recipe(study, **changes):
    return dataclasses.replace(study, recipe=study.recipe.model_copy(update=changes))


def tiny_data(train=13, test=9):
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (train + test, 3, 8, 8), generator=generator, dtype=torch.uint8)
    labels = torch.arange(train + test) % 3
    parts = (images[:train], labels[:train], images[train:], labels[train:])
    return ImageData(*parts, classes=("a", "b", "c"))


def options(folder):
    """Options for `main`, with some images to train on."""
    random = np.random.default_rng(0)
    arrays = {}
    for split, count in (("train", 13), ("test", 9)):
        arrays[f"x_{split}"] = random.integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
        arrays[f"y_{split}"] = np.arange(count) % 3
    np.savez(folder / "images.npz", **arrays)
    places = {"--data": "images.npz", "--work": "work", "--out": "out"}
    return [text for key, name in places.items() for text in (key, str(folder / name))]


def untimed(record):
    return {(run.arm, run.seed): run.model_copy(update={"seconds": None}) for run in record.runs}


def a_run(arm="standard", seed=0, error=0.25, recalibrated=0.2, seconds=7.5, epochs=3):
    return SeedRun(
        arm=arm,
        seed=seed,
        train_loss=tuple(2.0 - 0.1 * epoch for epoch in range(epochs)),
        test_error=(*[0.5 + 0.01 * seed] * (epochs - 1), error),
        final_error=error,
        recalibrated_error=recalibrated,
        seconds=seconds,
    )


def a_record(**changes):
    """Two arms of three seeds, of which one run is missing."""
    recipe = TINY.recipe.model_copy(
        update={"epochs": 3, "precision": "float32", "seeds": (0, 1, 5)}
    )
    fields = {
        "name": "five-by-three",
        "title": "An example",
        "note": "Made up for a test.",
        "data": {"edition": "other", "train": 7, "test": 11, "digest": "f00"},
        "settings": recipe.model_dump(),
        "arms": {"standard": None, "mixup": {"label_map": "identity"}},
        "runs": (
            a_run("standard", 0, 0.3),
            a_run("mixup", 5, 0.3),
            a_run("standard", 5, 0.4),
            a_run("standard", 1, 0.2),
            a_run("mixup", 0, 0.1),
        ),
        "sources": source_digests(["_arguments", "studies.provenance"]),
        "package_version": "0.1.0",
        "environment": {"python": "3.11.2"},
        "device": "an abacus",
        "date": date(2024, 2, 29),
    }
    return Record(**(fields | changes))


def stale_record(**changes):
    sources = source_digests(["_arguments"]) | {"studies.provenance": "0" * 16}
    return a_record(sources=sources, **changes)
