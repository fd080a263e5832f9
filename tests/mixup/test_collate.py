"""Mixup inside a DataLoader: pairs, what another collate_fn returns, and worker processes."""

import copy
import pickle
from collections import UserDict, namedtuple
from types import MappingProxyType

import pytest
import torch
from mixup.mixup_reference import BATCH, CLASSES, images, labels, one_hot, seeded
from torch.utils.data import DataLoader, Dataset, TensorDataset, default_collate

import mixupbook as mb

PAIRS = list(zip(images(), labels().tolist(), strict=True))


def mixup(**settings):
    return mb.Mixup(**{"num_classes": CLASSES, "generator": seeded(), **settings})


def same(first, second):
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_pairs_are_stacked_and_mixed():
    expected = mixup()(images(), labels())
    assert same(mixup().collate(PAIRS), expected)
    assert same(mixup().collate([list(pair) for pair in PAIRS]), expected)
    assert same(mixup().collate(TensorDataset(images(), labels())), expected)


def test_pairs_of_anything_that_can_be_stacked():
    views = [({"a": image, "b": [image[0], 0.5]}, torch.tensor([1.0, 0])) for image in images()]
    x, y = mixup(num_classes=None).collate(views)
    draw = mixup().draw(BATCH)
    assert torch.equal(x["a"], draw.mix(images()))
    assert torch.equal(x["b"][0], draw.mix(images()[:, 0]))
    assert x["b"][1].tolist() == [0.5] * BATCH
    assert y.tolist() == [[1.0, 0.0]] * BATCH
    x, y = mixup().collate([(image, 0.5) for image in images()])
    assert (y.dtype, y.shape) == (torch.float64, (BATCH,))
    x, y = mixup().collate([(image.numpy(), label) for image, label in PAIRS])
    assert torch.equal(x, draw.mix(images()))


def test_a_loader_with_an_odd_last_batch():
    dataset = TensorDataset(torch.rand(11, 3), torch.arange(11) % CLASSES)
    loader = DataLoader(dataset, batch_size=4, collate_fn=mixup().collate)
    assert [x.shape[0] for x, _ in loader] == [4, 4, 3]


@pytest.mark.parametrize(
    ("samples", "error", "message"),
    [
        ([], ValueError, r"^samples must hold at least one pair \(x, y\), got none$"),
        (
            [(torch.zeros(2), 0, 5)],
            TypeError,
            r"^samples must be pairs \(x, y\), got \(tensor\(\[0., 0.\]\), 0, 5\): for other "
            r"samples there is mix.after\(collate_fn, inputs=0, labels=1\)$",
        ),
        ([(torch.zeros(2), 0), (torch.zeros(2),)], TypeError, r"samples must be pairs \(x, y\)"),
        ([torch.zeros(2)], TypeError, r"samples must be pairs \(x, y\), got tensor\(\[0., 0.\]\)"),
        (
            [{"pixels": 1, "label": 0}],
            TypeError,
            r"^samples must be pairs \(x, y\), got dictionaries with 'pixels', 'label': use "
            r"mix.after\(collate_fn, inputs='pixel_values', labels='labels'\) with your own names, "
            "and torch.utils.data.default_collate where you have no collate_fn$",
        ),
        ([UserDict(x=1)], TypeError, "got dictionaries with 'x': use mix.after"),
        ([{}], TypeError, "got dictionaries with nothing in it: use mix.after"),
        (
            [(torch.zeros(2), "cat"), (torch.zeros(2), "dog")],
            TypeError,
            r"^y must be a torch.Tensor, got strings \('cat', ...\): number the classes from 0$",
        ),
        ([("cat", "dog")], TypeError, r"^x\[0\] must be a torch.Tensor, got str$"),
        ([(torch.zeros(2), {"box": 1})], TypeError, "^y must be a torch.Tensor, got dict$"),
        ([(torch.zeros(2), 9)], ValueError, r"^y must lie in 0\.\.4"),
        ([(torch.zeros(2).byte(), 1)], TypeError, r"^x must be floating \(convert images"),
    ],
)
def test_samples_that_cannot_be_mixed_are_named(samples, error, message):
    with pytest.raises(error, match=message):
        mixup().collate(samples)


# After another collate_fn.


def as_hugging_face(samples):
    """As the collate_fn of an image classifier that trains on dictionaries."""
    return {
        "pixel_values": torch.stack([image for image, _ in samples]),
        "labels": torch.tensor([label for _, label in samples]),
        "names": [str(label) for _, label in samples],
    }


def test_a_dictionary_by_its_usual_names():
    batch = mixup().after(as_hugging_face)(PAIRS)
    assert list(batch) == ["pixel_values", "labels", "names"]
    assert same((batch["pixel_values"], batch["labels"]), mixup()(images(), labels()))
    assert batch["names"] == [str(label) for label in labels().tolist()]


def test_dictionaries_and_the_default_collate():
    samples = [{"image": image, "y": label, "id": 3} for image, label in PAIRS]
    for inputs in ("image", ["image"], ("image",)):
        batch = mixup().after(default_collate, inputs=inputs, labels="y")(samples)
        assert same((batch["image"], batch["y"]), mixup()(images(), labels()))
        assert batch["id"].tolist() == [3] * BATCH


def test_several_inputs_share_one_draw():
    samples = [{"left": image, "right": -image, "labels": label} for image, label in PAIRS]
    batch = mixup().after(default_collate, inputs=["left", "right"])(samples)
    assert torch.equal(batch["left"], -batch["right"])
    assert not torch.equal(batch["left"], images())


def test_what_the_collate_fn_returned_is_left_alone():
    returned = as_hugging_face(PAIRS)
    mixup().after(lambda samples: returned)(PAIRS)
    assert torch.equal(returned["labels"], labels())
    assert torch.equal(returned["pixel_values"], images())


Batch = namedtuple("Batch", "x y z")


@pytest.mark.parametrize(
    ("kind", "inputs", "labels_at"),
    [(tuple, 0, 1), (list, 0, 1), (lambda parts: Batch(*parts), 0, 1), (tuple, -3, -2)],
)
def test_tuples_and_lists_by_index(kind, inputs, labels_at):
    whole = kind([images(), labels(), "rest"])
    mixed = mixup().after(lambda samples: whole, inputs=inputs, labels=labels_at)(PAIRS)
    assert type(mixed) is type(whole)
    assert same(mixed[:2], mixup()(images(), labels()))
    assert mixed[2] == "rest"
    assert whole[1].shape == (BATCH,)


def test_inputs_that_are_nested_containers():
    nested = {"x": {"a": images(), "b": (images(),)}, "labels": labels()}
    batch = mixup().after(lambda samples: nested, inputs="x")(PAIRS)
    assert torch.equal(batch["x"]["a"], batch["x"]["b"][0])
    assert torch.equal(batch["x"]["a"], mixup().draw(BATCH).mix(images()))


def test_mappings_keep_their_kind_where_they_can_be_changed():
    whole = UserDict(as_hugging_face(PAIRS))
    mixed = mixup().after(lambda samples: whole)(PAIRS)
    assert type(mixed) is UserDict
    assert mixed["labels"].shape == (BATCH, CLASSES)
    assert whole["labels"].shape == (BATCH,)
    fixed = MappingProxyType(as_hugging_face(PAIRS))
    mixed = mixup().after(lambda samples: fixed)(PAIRS)
    assert type(mixed) is dict
    assert mixed["labels"].shape == (BATCH, CLASSES)


def test_it_can_be_pickled_and_copied():
    collate_fn = mixup().after(as_hugging_face)
    expected = mixup().after(as_hugging_face)(PAIRS)
    for twin in (pickle.loads(pickle.dumps(collate_fn)), copy.deepcopy(collate_fn)):
        assert torch.equal(twin(PAIRS)["labels"], expected["labels"])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"collate_fn": None}, TypeError, "^collate_fn must be a function of samples, got None$"),
        (
            {"inputs": 1.5},
            TypeError,
            "^inputs must be a name, an index, or a list of such, got 1",
        ),
        ({"inputs": ["a", None]}, TypeError, r"^inputs must be a name.*got \['a', None\]$"),
        ({"labels": ["y"]}, TypeError, r"^labels must be a name or an index, got \['y'\]$"),
        (
            {"inputs": []},
            ValueError,
            r"^inputs must name at least one part of the batch, and not the labels 'labels', got ",
        ),
        ({"inputs": ["x", "labels"]}, ValueError, "^inputs must name .*, and not the labels"),
    ],
)
def test_bad_names_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        mixup().after(**{"collate_fn": as_hugging_face, **arguments})


@pytest.mark.parametrize(
    ("batch", "names", "error", "message"),
    [
        (
            {"image": 1, "label": 2},
            {},
            ValueError,
            "^inputs must name a part of the batch, got 'pixel_values'; the batch has 'image', 'la",
        ),
        (
            {"pixel_values": images()},
            {},
            ValueError,
            "^labels must name .*, got 'labels'; the",
        ),
        ({}, {}, ValueError, "the batch has nothing in it$"),
        (
            (images(), labels()),
            {},
            ValueError,
            "^inputs must name a part of the batch, got 'pixel_values'; the batch has 2 parts$",
        ),
        ((images(),), {"inputs": 0, "labels": 1}, ValueError, "^labels must name .*has 1 parts$"),
        (images(), {}, TypeError, "^collate_fn must return a dict, a list or a tuple, got Tensor$"),
        (
            {"pixel_values": images().byte(), "labels": labels()},
            {},
            TypeError,
            r"x\['pixel_values'\] must be floating",
        ),
    ],
)
def test_batches_without_the_named_parts_are_refused(batch, names, error, message):
    with pytest.raises(error, match=message):
        mixup().after(lambda samples: batch, **names)(PAIRS)


# Workers.

EYE = TensorDataset(torch.eye(8), torch.arange(8))


def pairs_as_dictionary(samples):
    x, y = default_collate(samples)
    return {"pixel_values": x, "labels": y}


def batches(collate_fn, seed=0, workers=2, **options):
    """The targets of a pass over the identity matrix, in batches of 4."""
    loader = DataLoader(
        EYE, 4, collate_fn=collate_fn, num_workers=workers, generator=seeded(seed), **options
    )
    return [b["labels"] if isinstance(b, dict) else b[1] for b in loader]


class Calling:
    """A collate_fn of the user's, which calls the Mixup."""

    def __init__(self, mix):
        self.mix = mix

    def __call__(self, samples):
        return self.mix(*default_collate(samples))


WAYS = {
    "collate": lambda mix: mix.collate,
    "after": lambda mix: mix.after(pairs_as_dictionary),
    "call": Calling,
}
ways = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


@ways
def test_workers_draw_differently_from_generators_of_their_own(way):
    collate_fn = way(mb.Mixup(num_classes=8, per_sample=True, generator=seeded()))
    first, second = batches(collate_fn)
    assert not torch.equal(first.max(1).values, second.max(1).values)
    again = batches(collate_fn)
    assert same((first, second), again)
    assert not torch.equal(first, batches(collate_fn, seed=1)[0])
    other = way(mb.Mixup(num_classes=8, per_sample=True, generator=seeded(1)))
    assert not torch.equal(first, batches(other)[0])


def test_a_workers_generator_goes_on_from_batch_to_batch():
    mix = mb.Mixup(num_classes=8, per_sample=True, generator=seeded())
    first, second = batches(mix.collate, workers=1)
    assert not torch.equal(first.max(1).values, second.max(1).values)


# A process that is spawned imports torch anew, for seconds.
@pytest.mark.parametrize(
    ("way", "context", "persistent"),
    [
        ("collate", "fork", False),
        ("collate", "fork", True),
        ("after", "fork", True),
        ("after", "spawn", True),
    ],
)
def test_workers_hear_of_the_epoch(way, context, persistent):
    mix = mb.Mixup(num_classes=8, start_epoch=1, stop_epoch=2)
    loader = DataLoader(
        EYE,
        4,
        collate_fn=WAYS[way](mix),
        num_workers=1,
        persistent_workers=persistent,
        multiprocessing_context=context,
    )
    mixed = []
    for epoch in range(4):
        mix.set_epoch(epoch)
        targets = [b["labels"] if isinstance(b, dict) else b[1] for b in loader]
        mixed.append(any(not rows.equal(rows.round()) for rows in targets))
    assert mixed == [False, True, False, False]


@ways
def test_a_schedule_that_hears_of_no_epoch_is_an_error_in_workers_too(way):
    with pytest.raises(RuntimeError, match=r"call mix.set_epoch\(epoch\) before the loop"):
        batches(way(mb.Mixup(num_classes=8, stop_epoch=3)))


class Mixing(Dataset):
    """A data set that mixes by itself, on batches."""

    def __init__(self, mix):
        self.mix = mix

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return self.mix(torch.eye(8), torch.arange(8))[1]


def test_a_data_set_that_mixes_hears_of_the_epoch():
    mix = mb.Mixup(num_classes=8, stop_epoch=1)
    loader = DataLoader(Mixing(mix), None, num_workers=1, persistent_workers=True)
    for epoch, mixes in ((0, True), (1, False)):
        mix.set_epoch(epoch)
        assert all(torch.equal(rows, rows.round()) != mixes for rows in loader)


def test_the_labels_of_the_default_collate_are_rows():
    """What the reference of this file rests on."""
    _, targets = mixup(alpha=0).collate(PAIRS)
    assert torch.equal(targets, one_hot(labels()).float())
