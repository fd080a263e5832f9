"""What rungs are made of, and the condition that the chapter tests.

The condition says when a rare feature is learned from its mixture with the common one: the response
is steeper than linear at the working point, without a linear part (`SUPERLINEAR`); the feature
enters a response of its own, apart from what tells examples from each other (`APART`); rare and
common feature share a patch (`SHARED`); first weights are small (`SMALL`); and standard training
memorises, which a rung's record says.
"""

from dataclasses import dataclass, field
from typing import Any

from mixupbook.studies.ladder.training import Recipe
from mixupbook.studies.ladder.unit_networks import Network

__all__ = [
    "APART",
    "IMAGES",
    "IN_PRACTICE",
    "MANY_SEEDS",
    "MLP",
    "OTHER_SEEDS",
    "PICTURES",
    "SGD",
    "SHARED",
    "SLOW",
    "SMALL",
    "SOFTMAX",
    "SUPERLINEAR",
    "TORCH",
    "Rung",
]

SUPERLINEAR = "superlinear response"
APART = "feature apart from noise"
SHARED = "shared patch"
SMALL = "small first weights"

MANY_SEEDS = tuple(range(1000, 1020))
SEEDS = MANY_SEEDS[:10]
OTHER_SEEDS = tuple(range(5000, 5010))  # to judge the verdicts by, with `--again`


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
