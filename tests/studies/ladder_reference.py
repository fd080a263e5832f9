"""The ladder by slow means: one run at a time, in all dimensions, of mixed inputs, in float64."""

import math

import torch

from mixupbook.studies.ladder.examples import Examples, Task
from mixupbook.studies.ladder.unit_networks import first_weights

ARMS = ("standard", "all", "other", "same", "same-common-rare", "all-but-those", "smoothing")

# Label and rarity of each training example: everyone has a partner of each kind.
TWO = [(0, 0), (1, 0), (0, 1), (0, 0), (1, 1), (0, 0), (1, 0), (0, 1)]
THREE = [(2, 0), (1, 0), (0, 1), (2, 1), (1, 1), (0, 0), (2, 0), (0, 0), (2, 0)]
FIVE = [(k, rare) for rare in (0, 1) for k in range(5)] + [(3, 1), (0, 0)]


def made_up(seed, groups=TWO, dimension=7, patches=2, test=9, rank=None, scale=1.0):
    """A task of Gaussian patches, all within `rank` of the dimensions if that is given."""
    generator = torch.Generator().manual_seed(seed)
    within = torch.linalg.qr(torch.randn(dimension, rank or dimension, generator=generator)).Q.T
    classes = 1 + max(y for y, _ in groups)
    held_out = [(k % classes, k % 3 == 1) for k in range(test)]
    parts = []
    for each in (groups, held_out):
        x = torch.randn(len(each), patches, len(within), generator=generator)
        y, rare = zip(*each, strict=True)
        parts.append(Examples(scale * x @ within, torch.tensor(y), torch.tensor(rare).bool()))
    return Task(*parts, classes=classes)


def allowed(kind, first, second):
    """Whether two examples, each a label and its rarity, may be mixed."""
    same, as_rare = first[0] == second[0], first[1] == second[1]
    return {
        "all": True,
        "other": not same,
        "same": same,
        "same-common-rare": same and not as_rare,
        "all-but-those": not same or as_rare,
    }[kind]


def entropy(shares):
    return -sum(share * math.log(share) for share in shares if share > 0)


def mean_entropy(labels, classes, lam):
    """Of the mixed labels of all ordered pairs."""
    total = 0.0
    for first in labels:
        for second in labels:
            shares = [0.0] * classes
            shares[first] += lam
            shares[second] += 1 - lam
            total += entropy(shares)
    return total / len(labels) ** 2


def smoothing_of(floor, classes):
    """By bisection."""
    low, high = 0.0, 1.0
    for _ in range(60):
        eps = (low + high) / 2
        least = entropy([1 - eps + eps / classes] + [eps / classes] * (classes - 1))
        low, high = (eps, high) if least < floor else (low, eps)
    return low


SIGMA = {
    "linear": lambda z: z,
    "square": lambda z: z * z,
    "relu": lambda z: z.clamp(min=0),
    1.5: lambda z: z.clamp(min=0) * z.clamp(min=0).sqrt(),
    "gelu": lambda z: z * (1 + torch.erf(z / 2**0.5)) / 2,
    "softplus": lambda z: (1 + z.exp()).log(),
    "glu": lambda z: z[..., : z.shape[-1] // 2] * z[..., z.shape[-1] // 2 :],
    "swiglu": lambda z: (
        (z[..., : z.shape[-1] // 2] * z[..., : z.shape[-1] // 2].sigmoid())
        * z[..., z.shape[-1] // 2 :]
    ),
}


def outputs(network, parameters, x, classes):
    """F(x) of inputs (n, P, d)."""
    total = 0
    for patch in x.unbind(1):
        z = patch @ parameters["first"].T
        if "bias" in parameters:
            z = z + parameters["bias"]
        total = total + SIGMA[network.activation](z)
    if "head" in parameters:
        return total @ parameters["head"].T + parameters["head_bias"]
    units = network.units
    return torch.stack(
        [total[:, k * units : (k + 1) * units].sum(dim=1) for k in range(classes)], dim=1
    )


def trained(task, network, recipe, seed):
    """The parameters of each arm after training, by the random numbers of `train`."""
    x, classes = task.train.x.double(), task.classes
    groups = list(zip(task.train.y.tolist(), task.train.rare.tolist(), strict=True))
    labels = torch.eye(classes, dtype=torch.float64)[task.train.y]
    floor = mean_entropy(task.train.y.tolist(), classes, recipe.lam or 0.5)
    if recipe.lam is None:  # the mean entropy of (l, 1 - l) is 1/2, that of (1/2, 1/2) log 2
        floor *= 0.5 / math.log(2)
    eps = smoothing_of(floor, classes)
    found = {}
    for arm in ARMS:
        generator = torch.Generator().manual_seed(2**32 + seed)
        parameters = {
            name: value.double().requires_grad_()
            for name, value in first_weights(network, x.shape[-1], classes, seed).items()
        }
        velocity = dict.fromkeys(parameters, 0.0)
        for step in range(recipe.steps):
            drawn = torch.rand(1 + (recipe.batch or len(x)), generator=generator).tolist()
            lam = recipe.lam or 1 - drawn[0] / 2
            batch = list(range(len(x)))
            if recipe.batch:
                batch = torch.randperm(len(x), generator=generator).tolist()[: recipe.batch]
            inputs, targets = x[batch], labels[batch]
            if arm == "smoothing":
                targets = (1 - eps) * targets + eps / classes
            elif arm != "standard":
                partners = []
                for i, number in zip(batch, drawn[1:], strict=True):
                    those = [j for j in range(len(x)) if allowed(arm, groups[i], groups[j])]
                    partners.append(those[int(number * len(those))])
                inputs = lam * inputs + (1 - lam) * x[partners]
                targets = lam * targets + (1 - lam) * labels[partners]
            score = outputs(network, parameters, inputs, classes)
            loss = torch.nn.functional.cross_entropy(score, targets)
            rate = recipe.lr
            if recipe.cosine:
                rate *= math.cos(math.pi * step / recipe.steps / 2) ** 2
            gradients = torch.autograd.grad(loss, list(parameters.values()))
            for name, gradient in zip(list(parameters), gradients, strict=True):
                velocity[name] = recipe.momentum * velocity[name] + gradient
                moved = parameters[name].detach() - rate * velocity[name]
                parameters[name] = moved.requires_grad_()
        found[arm] = {name: value.detach() for name, value in parameters.items()}
    return found


def margins(network, parameters, examples, classes):
    """Score of the own class over the best other one, example by example."""
    found = []
    score = outputs(network, parameters, examples.x.double(), classes).tolist()
    for row, own in zip(score, examples.y.tolist(), strict=True):
        found.append(row[own] - max(each for k, each in enumerate(row) if k != own))
    return torch.tensor(found)
