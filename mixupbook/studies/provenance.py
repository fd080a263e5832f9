"""Where a recorded result comes from: source, versions and device."""

import platform
from importlib.metadata import version

import torch

from mixupbook._sources import source_digest, source_digests

__all__ = ["SOURCES", "environment", "source_digest", "source_digests"]

# What decides the numbers: the modules of these folders, and these. (Images have their own digest.)
SOURCES = ("mixup", "images", "images.training", "images.data.pixels", "studies.run")


def environment(device: torch.device) -> dict[str, str]:
    """Versions and platform that a result may depend on, with nothing that names the machine."""
    found = {"torch": version("torch"), "numpy": version("numpy"), "system": platform.system()}
    found |= {"python": platform.python_version(), "machine": platform.machine()}
    if device.type == "cuda":
        found |= {"cuda": str(torch.version.cuda), "cudnn": str(torch.backends.cudnn.version())}
    return found
