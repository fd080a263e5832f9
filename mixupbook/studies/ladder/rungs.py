"""The rungs: what is changed in each, and what it lacks of the condition (see `rung_parts`)."""

from dataclasses import replace

from mixupbook.studies.ladder.held_out import HELD_OUT
from mixupbook.studies.ladder.rung_parts import (
    APART,
    IMAGES,
    IN_PRACTICE,
    MANY_SEEDS,
    MLP,
    PICTURES,
    SGD,
    SLOW,
    SMALL,
    SOFTMAX,
    SUPERLINEAR,
    TORCH,
    Rung,
)
from mixupbook.studies.ladder.training import Recipe
from mixupbook.studies.ladder.unit_networks import Network

__all__ = ["RUNGS", "Rung"]

FROM_MODEL = [
    Rung("base", "the model: square, patches", "model", seeds=MANY_SEEDS),
    Rung("random-l", "l random", "model", recipe=replace(Recipe(), lam=None)),
    Rung("sgd", "batches of 20, momentum", "model", recipe=SGD),
    Rung(
        "trained-head",
        "second layer trained",
        "model",
        network=Network(units=12, head="trained"),
    ),
    Rung("low-dimension", "noise of 60 dimensions", "model", options={"dimension": 64}),
    Rung("more", "400 examples", "model", options={"examples": 400}),
    Rung(
        "fashion-noise",
        "Fashion-MNIST as noise",
        "model",
        options={"pictures": "fashion"},
        recipe=PICTURES,
    ),
    Rung("many-rare", "400 examples, 40 rare", "model", options={"examples": 400, "rare": 40}),
    Rung(
        "large-weights",
        "first weights of 0.3",
        "model",
        network=Network(init=0.3),
        lacks=(SMALL,),
    ),
]

DEGREES = [
    Rung(
        f"degree-{degree}",
        f"max(z, 0)^{degree}",
        "degree",
        network=Network(activation=degree),
        recipe=Recipe(lr=lr),
        lacks=() if degree >= 1.5 else (SUPERLINEAR,),
        seeds=MANY_SEEDS,
    )
    for degree, lr in [(1.0, 0.05), (1.1, 0.05), (1.25, 0.1), (1.5, 0.1), (1.75, 0.2), (2.0, 0.4)]
]

ACTIVATIONS = [
    Rung(
        "linear",
        "no activation",
        "activation",
        network=Network(activation="linear"),
        recipe=SLOW,
        lacks=(SUPERLINEAR,),
        seeds=MANY_SEEDS,
    ),
    Rung(
        "relu-bias",
        "ReLU with bias",
        "activation",
        network=Network(activation="relu", bias=True),
        recipe=SLOW,
        lacks=(SUPERLINEAR,),
        seeds=MANY_SEEDS,
    ),
    Rung(
        "square-bias",
        "square with bias",
        "activation",
        network=Network(bias=True),
        lacks=(SUPERLINEAR,),
        seeds=MANY_SEEDS,
    ),
    Rung(
        "gelu",
        "GELU",
        "activation",
        network=Network(activation="gelu"),
        recipe=SLOW,
        lacks=(SUPERLINEAR,),
    ),
    Rung("glu", "gated, product of two responses", "activation", network=Network(activation="glu")),
    Rung(
        "swiglu",
        "gated, SwiGLU",
        "activation",
        network=Network(activation="swiglu"),
    ),
]

RECIPES = [
    Rung(
        "practice-square",
        "usual recipe, square",
        "practice",
        network=TORCH,
        recipe=IN_PRACTICE,
        seeds=MANY_SEEDS,
    ),
    Rung(
        "practice-square-bias",
        "usual recipe, square with bias",
        "practice",
        network=replace(TORCH, bias=True),
        recipe=IN_PRACTICE,
        lacks=(SUPERLINEAR,),
        seeds=MANY_SEEDS,
    ),
    Rung(
        "practice-relu-bias",
        "usual recipe, ReLU with bias",
        "practice",
        network=replace(TORCH, activation="relu", bias=True),
        recipe=IN_PRACTICE,
        lacks=(SUPERLINEAR,),
    ),
    Rung(
        "practice-swiglu",
        "usual recipe, SwiGLU without bias",
        "practice",
        network=replace(TORCH, activation="swiglu"),
        recipe=IN_PRACTICE,
    ),
]

ARRANGEMENTS = [
    Rung(
        "overlay",
        "noise painted over the feature",
        "arrangement",
        options={"arrangement": "overlay"},
        lacks=(APART,),
        seeds=MANY_SEEDS,
    ),
    Rung(
        "dense-square",
        "dense layer, square",
        "arrangement",
        options={"arrangement": "dense"},
        lacks=(APART,),
        seeds=MANY_SEEDS,
    ),
    Rung(
        "dense-relu",
        "dense layer, ReLU with bias",
        "arrangement",
        options={"arrangement": "dense"},
        network=MLP,
        recipe=IN_PRACTICE,
        lacks=(SUPERLINEAR, APART),
    ),
    Rung(
        "dense-relu-low",
        "dense layer, ReLU, 20 dimensions",
        "arrangement",
        options={"arrangement": "dense", "dimension": 20},
        network=MLP,
        recipe=IN_PRACTICE,
        lacks=(SUPERLINEAR, APART),
    ),
]

ON_PICTURES = [
    Rung(
        "beside-square",
        "marker beside the picture, square",
        "pictures",
        task="tiles",
        recipe=PICTURES,
        seeds=MANY_SEEDS,
    ),
    Rung(
        "beside-relu",
        "marker beside it, ReLU",
        "pictures",
        task="tiles",
        network=Network(activation="relu"),
        recipe=PICTURES,
        lacks=(SUPERLINEAR,),
        seeds=MANY_SEEDS,
    ),
    Rung(
        "on-square",
        "marker on the picture, square",
        "pictures",
        task="tiles",
        options={"place": "on"},
        recipe=PICTURES,
        lacks=(APART,),
        seeds=MANY_SEEDS,
    ),
    Rung(
        "on-square-fainter",
        "marker on it, fainter",
        "pictures",
        task="tiles",
        options={"place": "on", "noise": 120.0},
        recipe=replace(PICTURES, lr=0.009),
        lacks=(APART,),
        seeds=MANY_SEEDS,
    ),
    Rung(
        "beside-whitened",
        "marker beside it, pictures whitened",
        "pictures",
        task="tiles",
        options={"whitened": True},
        recipe=Recipe(lr=0.3, steps=2000),
        seeds=MANY_SEEDS,
    ),
]

ON_IMAGES = [
    Rung(
        "markers-mlp",
        "markers on digits, ReLU",
        "images",
        task="markers",
        network=MLP,
        recipe=IMAGES,
        lacks=(SUPERLINEAR, APART),
        seeds=MANY_SEEDS,
    ),
    Rung(
        "markers-softmax",
        "markers on digits, linear",
        "images",
        task="markers",
        network=SOFTMAX,
        recipe=IMAGES,
        lacks=(SUPERLINEAR, APART),
        seeds=MANY_SEEDS,
    ),
    Rung(
        "digits-mlp",
        "subclasses of digits, ReLU",
        "images",
        task="subclasses",
        network=MLP,
        recipe=IMAGES,
        lacks=(SUPERLINEAR, APART),
        seeds=MANY_SEEDS,
    ),
    Rung(
        "digits-softmax",
        "subclasses of digits, linear",
        "images",
        task="subclasses",
        network=SOFTMAX,
        recipe=IMAGES,
        lacks=(SUPERLINEAR, APART),
        seeds=MANY_SEEDS,
    ),
]

RUNGS = {
    rung.name: rung
    for rung in (
        *FROM_MODEL,
        *DEGREES,
        *ACTIVATIONS,
        *RECIPES,
        *ARRANGEMENTS,
        *ON_PICTURES,
        *ON_IMAGES,
        *HELD_OUT,
    )
}
