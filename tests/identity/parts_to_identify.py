"""Parts of runs whose digests must be the same in every process; printed as JSON.

usage: parts_to_identify.py
"""

import abc
import collections
import dataclasses
import enum
import functools
import json
import operator
import random
import re
import sys
from pathlib import Path
from types import MappingProxyType, SimpleNamespace

import numpy as np
import torch
from torch import nn
from torch.nn import functional

import mixupbook as mb
from mixupbook.identity.parts import digest_of
from mixupbook.images.training.augment import crop_flip

MODES = {"flip", "crop", "both", "neither"}
STRENGTH = 0.5
CASES = {}


def case(part):
    CASES[getattr(part, "__qualname__", type(part).__qualname__)] = part
    return part


def helper(x):
    return x * STRENGTH


@case
def reads_sets_and_helpers(x, g):
    if x.mode in {"one", "two", "three", "four", "five"} or x.mode in MODES:
        return helper(torch.relu(functional.pad(x, (1, 1))) + np.sum([1]))
    return [helper(each) for each in x]


@case
def calls_itself(x, g):
    return other_half(x, g) if len(x) else x


def other_half(x, g):
    return calls_itself(x[1:], g)


class Colour(enum.Enum):
    RED = 1
    BLUE = "b"

    def shade(self):
        return self.value


Pair = collections.namedtuple("Pair", ["first", "second"])


@dataclasses.dataclass(frozen=True)
class Point:
    x: float = 0.5
    names: list = dataclasses.field(default_factory=list)


class Base(abc.ABC):
    @abc.abstractmethod
    def __call__(self, x, y): ...


class Slotted(Base):
    __slots__ = ("again", "alpha", "unset")

    def __init__(self, alpha):
        self.alpha, self.again = alpha, self

    @property
    def twice(self):
        return 2 * self.alpha

    @staticmethod
    def still(x):
        return x

    @classmethod
    def made(cls):
        return cls(3)

    @functools.cached_property
    def kept(self):
        return self.alpha

    @functools.lru_cache  # noqa: B019
    def looked_up(self, x):
        return x

    def __call__(self, x, y):
        return super().__call__(x, y)


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear, self.scale, self.words = nn.Linear(64, 10), 2, {"b", "a", "c", "d"}
        self.register_buffer("mask", torch.full((10,), -torch.inf), persistent=False)
        self.handle = self.linear.register_forward_hook(lambda *_: None)
        nn.init.zeros_(self.linear.weight)

    def forward(self, x):
        return self.linear(x.flatten(1)) * self.scale + self.mask


class Words(dict):
    pass


torch.manual_seed(0)
CASES["everything"] = functools.partial(
    helper,
    *(1, 2.5, 3j, None, ..., b"x", "é\ud800", True, np.float64(0.1), np.int8(3), np.longdouble(1)),
    a=[Colour.RED, Colour, Pair(1, 2), Point(), Point(1.0, [2]), (1, (2, {3, 4, "5", (6, "7")}))],
    b={"x": torch.arange(3.0), "y": np.arange(6).reshape(2, 3), "z": np.array([1, "a"], object)},
    c=[Slotted(0.2), Slotted, re.compile("a+"), Path("a"), slice(1, 2), range(3), Words(a=1)],
    d=[collections.deque([1]), collections.OrderedDict(a=1), collections.defaultdict(list, a=[1])],
    e=[np.random.default_rng(0), random.Random(0), torch.Generator().manual_seed(3)],
    f=[operator.itemgetter(1), operator.add, np.add, torch.relu, functional.relu, len, [].append],
    g=[MappingProxyType({"a": 1}), SimpleNamespace(a=1), torch.float32, torch.device("cpu"), int],
    h=[Scaled.forward, Scaled(), "text".upper, str.upper, (3).__add__, {1, "a"}, frozenset("abc")],
    i=[
        crop_flip,
        mb.Mixup(num_classes=10, label_map=lambda lam: lam**2),
        np.dtype("f4"),
        int | str,
    ],
    j=[
        collections.Counter("aab"),
        bytearray(b"a"),
        np.array([(1, 2.0)], dtype="i1,f8"),
        np.float32,
    ],
    k=[torch.Size([1]), Slotted(1).made, functools.partial(functools.partial(max, 1), 2), Point],
)
CASES["module"] = Scaled()
CASES["lazy"] = nn.Sequential(nn.Flatten(), nn.LazyLinear(10), nn.LazyBatchNorm1d())

if __name__ == "__main__":
    digests = {name: digest_of(part, name) for name, part in CASES.items()}
    sys.stdout.write(json.dumps(digests))
