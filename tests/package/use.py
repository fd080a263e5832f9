"""Uses mixupbook as a newcomer would, where it alone is installed; anything wrong is an error.

`tools/package.py` runs it in an empty folder. Nothing of the clone may be needed.
"""

import importlib.metadata
import importlib.resources
import subprocess
import sys
import warnings

import torch

import mixupbook as mb
from mixupbook.studies import store

warnings.simplefilter("error", DeprecationWarning)  # of what the package calls, too

installed = importlib.resources.files("mixupbook")
assert "site-packages" in str(installed), installed
assert (installed / "py.typed").is_file()
assert mb.__version__ == importlib.metadata.version("mixupbook")
for name in mb.__all__:
    getattr(mb, name)

# A loop of one's own.
digits = mb.load_digits(train=100, test=100, seed=0)
mixup = mb.Mixup(alpha=1.0, num_classes=10, stop_epoch=2)
network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
for epoch in range(3):
    mixup.set_epoch(epoch)
    for x, y in zip(digits.x_train.split(25), digits.y_train.split(25), strict=True):
        mixed, targets = mixup(x, y)
        torch.nn.functional.cross_entropy(network(mixed), targets).backward()
        optimizer.step()
        optimizer.zero_grad()
assert mb.error_rate(network, digits.x_test, digits.y_test) < 0.9

# The loop of the package, over several seeds too.
mixup = mb.Mixup(num_classes=10)
settings = {"epochs": 10, "batch_size": 25, "lr": 0.05, "device": "cpu", "progress": False}
run = mb.fit(digits, "small_convnet", mixup=mixup, checkpoint="run.pt", **settings)
assert run.test_error < 0.8, run
runs = mb.fit_seeds(digits, "small_convnet", mixup=mixup, seeds=range(2), workers=2, **settings)
assert len(runs) == 2

# The theory.
model = mb.FeatureNoise(
    dimension=200,
    patches=4,
    rare_fraction=0.1,
    feature_noise=0.2,
    noise_patches=1,
    noise_std=0.1,
    layout="same",
)
train, test = model.sample(60, seed=0), model.sample(200, seed=1)
result = mb.descend(train, mb.PairMixup(lam=0.7), test=test, steps=100, seed=[0, 1], progress=False)
assert result.sizes["run"] == 2
assert bool((result.common_error.isel(step=-1) < 0.5).all())
reduced = mb.reduced_dynamics(model, mb.PairMixup(lam=0.7), train=train, steps=100)
assert bool(reduced.rare_error.notnull().all())

# The studies that the package brings.
assert store.names()
for name in store.names():
    assert store.load(name).errors("standard").size
listed = subprocess.check_output([sys.executable, "-m", "mixupbook.studies", "--list"], text=True)
assert all(name in listed for name in store.names())
