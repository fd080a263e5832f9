"""Mixup with decoupled labels and early stopping, and exact feature-noise experiments.

Import it as ``import mixupbook as mb``. The names below are the public interface; each is loaded
on first use, so that ``import mixupbook`` stays quick.
"""

import importlib
import warnings
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "Mixup": "mixup.transform",
    "CutMix": "mixup.cutmix",
    "Draw": "mixup.draw",
    "mix_pairs": "mixup.draw",
    "label_coefficient": "mixup.label_maps",
    "FeatureNoise": "theory.feature_noise",
    "PatchData": "theory.feature_noise",
    "Standard": "theory.objectives",
    "PairMixup": "theory.objectives",
    "ExpectedMixup": "theory.objectives",
    "loss_and_gradient": "theory.gradients",
    "descend": "theory.descent",
    "reduced_dynamics": "theory.reduced",
    "conserved_quantity": "theory.conservation",
    "gradient_flow": "theory.conservation",
    "orthogonal_sample": "theory.conservation",
    "rare_threshold": "theory.threshold",
    "needed_window": "theory.windows",
    "settle": "theory.settle",
    "time_to_learn": "theory.windows",
    "ImageData": "images.data.images",
    "Checkpoint": "images.training.checkpoint",
    "TrainingInterrupted": "images.training.fit",
    "load_cifar10": "images.data.cifar10",
    "load_digits": "images.data.digits",
    "load_npz": "images.data.npz",
    "Run": "images.training.fit",
    "fit": "images.training.fit",
    "fit_seeds": "images.training.seeds",
    "error_rate": "images.training.evaluation",
    "group_errors": "images.training.evaluation",
    "recalibrate": "images.training.evaluation",
    "build_network": "images.networks",
}

__all__ = ["__version__", *sorted(_HOME)]


# Names of version 0.1, which work for one more version.
_RENAMED = {"test_error": "error_rate"}
# Functions of version 0.1 that say themselves, at every call, what to call instead.
_SUPERSEDED = {"descend_weights": "theory.descent"}


def __getattr__(name: str) -> Any:
    if name in _RENAMED:
        message = f"mixupbook.{name} is called {_RENAMED[name]} now"
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        name = _RENAMED[name]
    home = _HOME.get(name) or _SUPERSEDED.get(name)
    if home is None:
        raise AttributeError(f"module 'mixupbook' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"mixupbook.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
