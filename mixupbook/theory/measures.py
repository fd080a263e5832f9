"""What the theory speaks of, measured at one step of many runs."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mixupbook.theory.activations import Activation
from mixupbook.theory.batches import Batch
from mixupbook.theory.feature_noise import FEATURES
from mixupbook.theory.patch_network import margins, mistakes
from mixupbook.theory.run_memory import products


def feature_alignment(columns: Float[Tensor, "R d filters"]) -> Float[Tensor, "R 4"]:
    """max over the filters r of the feature's own class k of |<w_{k,r}, feature>|."""
    on_features = columns[:, : len(FEATURES)].unflatten(-1, (2, -1)).abs().amax(dim=-1)
    own_class = torch.tensor([0, 1, 0, 1], device=columns.device)
    return on_features[:, torch.arange(len(FEATURES), device=columns.device), own_class]


def noise_memorisation(
    train: Batch,
    responses: Float[Tensor, "R n P filters"],
    columns: Float[Tensor, "R d filters"],
) -> Float[Tensor, "R n"]:
    """max |<w_{y,r}, xi^(p)>| over the patches p and the filters r of an example's own class y.

    xi^(p) is what is left of patch p off the four features.
    """
    features = len(FEATURES)
    rows = train.x[..., :features].flatten(1, 2)
    on_features = products(rows, columns[:, :features])
    on_noise = (responses - on_features.unflatten(1, responses.shape[1:3])).abs().amax(dim=2)
    by_class = on_noise.unflatten(-1, (2, -1)).amax(dim=-1)
    return torch.where(train.y == 1, by_class[..., 1], by_class[..., 0])


def error(
    wrong: Float[Tensor, "R n"], among: Bool[Tensor, "R n"] | None = None
) -> Float[Tensor, " R"]:
    """The fraction of mistakes, among the examples marked; NaN where one of them is."""
    if among is None:
        return wrong.mean(dim=1)
    return wrong.where(among, 0).sum(dim=1) / among.sum(dim=1)


def measure(
    train: Batch,
    test: Batch | None,
    responses: Float[Tensor, "R n P filters"],
    columns: Float[Tensor, "R d filters"],
    activation: Activation,
) -> dict[str, Tensor]:
    """All that is recorded of one step besides the loss."""
    found = {
        "train_error": error(mistakes(margins(responses, activation), train.y)),
        "feature_alignment": feature_alignment(columns),
        "noise_memorisation": noise_memorisation(train, responses, columns),
    }
    if test is not None:
        # Transposed, for a product with few rows is faster than one with few columns.
        rows = products(columns.mT, test.x.flatten(1, 2).mT).mT
        margin = margins(rows.unflatten(1, test.x.shape[1:3]), activation)
        wrong = mistakes(margin, test.y)
        among = {"rare_error": test.is_rare, "common_error": ~test.is_rare}
        found |= {name: error(wrong, kind) for name, kind in among.items() if kind.any()}
    return found
