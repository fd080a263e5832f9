"""Unit tests compute on the processor, also where a GPU is: they compare with tensors there.

Tests marked `gpu` are for the GPU, and run by `pytest -m gpu tests` alone.
"""

import os

ON_GPU = "gpu"


def pytest_configure(config):
    config.addinivalue_line("markers", f"{ON_GPU}: needs a CUDA GPU; only `-m {ON_GPU}` runs it")
    if config.option.markexpr != ON_GPU:
        # Before anything asks torch for one, and for the processes that tests start too.
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


def pytest_collection_modifyitems(config, items):
    if config.option.markexpr != ON_GPU:
        items[:] = [item for item in items if ON_GPU not in item.keywords]
