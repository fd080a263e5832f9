"""The rungs: what is changed in each, and what it lacks of the condition that the chapter tests.

The condition says when a rare feature is learned from its mixture with the common one: the response
is steeper than linear at the working point, without a linear part (`SUPERLINEAR`); the feature
enters a response of its own, apart from what tells examples from each other (`APART`); rare and
common feature share a patch (`SHARED`); first weights are small (`SMALL`); and standard training
memorises, which a rung's record says.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from mixupbook.studies.ladder.networks import Network
from mixupbook.studies.ladder.training import Recipe

__all__ = ["RUNGS", "Rung"]

SUPERLINEAR = "superlinear response"
APART = "feature apart from noise"
SHARED = "shared patch"
SMALL = "small first weights"

MANY_SEEDS = tuple(range(1000, 1020))
SEEDS = MANY_SEEDS[:10]


@dataclass(frozen=True)
class Rung:
    """One setting, in which all arms are trained.

    Attributes:
        name: in the record.
        words: what is changed, for a table.
        part: of the ladder: which table it stands in.
        task: a name in `TASKS`.
        options: of the task.
        network: what is trained.
        recipe: how.
        lacks: what it lacks of the condition.
        held_out: whether `lacks` was written down before anything like it was run.
        seeds: under which it is trained.
    """

    name: str
    words: str
    part: str
    task: str = "model"
    options: dict[str, Any] = field(default_factory=dict)
    network: Network = field(default_factory=Network)
    recipe: Recipe = field(default_factory=Recipe)
    lacks: tuple[str, ...] = ()
    held_out: bool = False
    seeds: tuple[int, ...] = SEEDS


# The recipe by which images are trained, on the patches of the model.
SGD = Recipe(lr=0.04, batch=20, momentum=0.9)
IN_PRACTICE = Recipe(lr=0.02, steps=4000, batch=20, momentum=0.9, cosine=True, lam=None)
TORCH = Network(units=12, head="trained", init="torch")
SLOW = Recipe(lr=0.05)
# Images, seen whole.
MLP = Network(units=64, activation="relu", bias=True, head="trained", init="torch")
SOFTMAX = Network(units=1, activation="linear", bias=True, init="torch")
IMAGES = Recipe(lr=0.05, steps=800, batch=50, momentum=0.9, cosine=True, lam=None)
PICTURES = Recipe(lr=0.1, steps=3000)

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
