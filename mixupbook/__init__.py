"""Mixup with decoupled labels and early stopping, and exact feature-noise experiments.

Import it as ``import mixupbook as mb``. The names below are the public interface; each is loaded
on first use, so that ``import mixupbook`` stays quick.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "Mixup": "mixing",
    "mix_pairs": "interpolation",
    "label_coefficient": "label_maps",
    "FeatureNoise": "theory.feature_noise",
    "PatchData": "theory.feature_noise",
    "Standard": "theory.objectives",
    "PairMixup": "theory.objectives",
    "ExpectedMixup": "theory.objectives",
    "loss_and_gradient": "theory.gradients",
    "descend": "theory.descent",
    "descend_weights": "theory.descent",
    "ImageData": "images.data",
    "Checkpoint": "images.checkpoint",
    "TrainingInterrupted": "images.training",
    "load_cifar10": "images.cifar10",
    "load_digits": "images.data",
    "load_npz": "images.npz",
    "Run": "images.training",
    "fit": "images.training",
    "fit_seeds": "images.seeds",
    "test_error": "images.evaluation",
    "recalibrate": "images.evaluation",
    "build_network": "images.networks",
}

__all__ = ["__version__", *sorted(_HOME)]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'mixupbook' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"mixupbook.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
