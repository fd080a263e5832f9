"""The rungs whose lack of the condition was written down before anything like them was run."""

from dataclasses import replace

from mixupbook.studies.ladder.rung_parts import (
    APART,
    IMAGES,
    IN_PRACTICE,
    PICTURES,
    SGD,
    SHARED,
    SLOW,
    SMALL,
    SUPERLINEAR,
    TORCH,
    Rung,
)
from mixupbook.studies.ladder.training import Recipe
from mixupbook.studies.ladder.unit_networks import Network

__all__ = ["HELD_OUT"]

HELD_OUT = [
    replace(rung, part="held out", held_out=True)
    for rung in (
        Rung("cube", "max(z, 0)^3", "", network=Network(activation=3.0)),
        Rung("wide", "16 units a class", "", network=Network(units=16)),
        Rung(
            "stronger-noise",
            "200 examples, 8 rare, twice the noise",
            "",
            options={"examples": 200, "rare": 8, "noise": 20.0},
        ),
        Rung(
            "glu-sgd",
            "gated, batches of 20, l random",
            "",
            network=Network(activation="glu"),
            recipe=replace(SGD, lam=None),
        ),
        Rung(
            "digits-noise-sgd",
            "digits as noise, batches of 20, l random",
            "",
            options={"pictures": "digits"},
            recipe=replace(SGD, lr=0.01, steps=3000, lam=None),
        ),
        Rung(
            "beside-glu",
            "marker beside the picture, gated",
            "",
            task="tiles",
            network=Network(activation="glu"),
            recipe=replace(PICTURES, steps=4500),
        ),
        Rung(
            "distinct",
            "rare and common in different patches",
            "",
            options={"layout": "distinct"},
            lacks=(SHARED,),
        ),
        Rung(
            "easy",
            "40 of 100 examples rare, half the noise",
            "",
            options={"rare": 40, "noise": 5.0},
        ),
        Rung(
            "weights-0.2",
            "first weights of 0.2, usual batches",
            "",
            network=Network(init=0.2),
            recipe=SGD,
            lacks=(SMALL,),
        ),
        Rung(
            "softplus",
            "softplus",
            "",
            network=Network(activation="softplus"),
            recipe=SLOW,
            lacks=(SUPERLINEAR,),
        ),
        Rung(
            "practice-gelu",
            "usual recipe, GELU with bias",
            "",
            network=replace(TORCH, activation="gelu", bias=True),
            recipe=IN_PRACTICE,
            lacks=(SUPERLINEAR,),
        ),
        Rung(
            "fashion-noise-relu",
            "Fashion-MNIST as noise, ReLU with bias",
            "",
            options={"pictures": "fashion"},
            network=Network(activation="relu", bias=True),
            recipe=replace(PICTURES, lr=0.02),
            lacks=(SUPERLINEAR,),
        ),
        Rung(
            "overlay-1.5",
            "noise painted over the feature, max(z, 0)^1.5",
            "",
            options={"arrangement": "overlay"},
            network=Network(activation=1.5),
            recipe=Recipe(lr=0.1),
            lacks=(APART,),
        ),
        Rung(
            "dense-glu",
            "dense layer, gated",
            "",
            options={"arrangement": "dense"},
            network=Network(activation="glu"),
            lacks=(APART,),
        ),
        Rung(
            "on-glu",
            "marker on the picture, gated",
            "",
            task="tiles",
            options={"place": "on", "noise": 120.0},
            network=Network(activation="glu"),
            recipe=replace(PICTURES, lr=0.009),
            lacks=(APART,),
        ),
        Rung(
            "markers-glu",
            "markers on digits, gated",
            "",
            task="markers",
            network=replace(TORCH, units=32, activation="glu"),
            recipe=replace(IMAGES, lr=0.01),
            lacks=(APART,),
        ),
    )
]
