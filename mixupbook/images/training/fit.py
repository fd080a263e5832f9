"""Training an image network: `fit`, and the run it returns."""

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from tqdm import tqdm

from mixupbook._arguments import true_or_false
from mixupbook.images.data.images import ImageData
from mixupbook.images.training.augment import Augmentation
from mixupbook.images.training.checkpoint import Checkpoint, as_checkpoint
from mixupbook.images.training.loop import MixFunction, Training
from mixupbook.images.training.randomness import deterministic_convolutions, isolated_defaults
from mixupbook.images.training.settings import Settings, describe

__all__ = ["Run", "TrainingInterrupted", "fit"]


@dataclass(frozen=True, eq=False)
class Run:
    """What `fit` returns.

    Attributes:
        history: one dictionary per epoch: ``epoch`` (from 0), ``lr`` at its first step,
            ``train_loss`` (mean cross-entropy of the batches as trained on, in nats) and, in
            epochs that were tested, ``test_error``.
        test_error: fraction of the test images classified wrongly, in [0, 1], when last tested;
            NaN where a run was interrupted before that.
        network: the trained network, on the device it was trained on, in inference mode.
        config: the settings as plain values (numbers, strings, booleans, None).

    Example:
        >>> from mixupbook.images.data.digits import load_digits
        >>> digits = load_digits(train=50, test=100)
        >>> recipe = dict(epochs=1, batch_size=25, lr=0.05)
        >>> run = fit(digits, "small_convnet", **recipe, progress=False)
        >>> sorted(run.history[0])
        ['epoch', 'lr', 'test_error', 'train_loss']
        >>> run.test_error == run.history[-1]["test_error"]
        True
    """

    history: list[dict[str, int | float]]
    test_error: float
    network: nn.Module
    config: dict[str, Any]

    def __repr__(self) -> str:
        return f"Run(test_error={self.test_error:.4f} after {len(self.history)} epochs)"


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C during `fit`: ends a script or a cell as ever, but keeps what there is.

    Attributes:
        run: the `Run` so far, with the history of the completed epochs. None where it was under
            way in a worker process of `fit_seeds`.
        finished: the runs that `fit_seeds` had finished before.
    """

    def __init__(self, message: str, run: Run | None, finished: Sequence[Run] = ()) -> None:
        super().__init__(message)
        self.run = run
        self.finished = tuple(finished)

    def __reduce__(self) -> tuple[type, tuple[str, Run | None, tuple[Run, ...]]]:
        # From a worker process to the one that asked for the run.
        return type(self), (str(self), self.run, self.finished)


def fit(
    data: ImageData,
    network: str | nn.Module,
    *,
    mixup: MixFunction | None = None,
    epochs: int,
    batch_size: int,
    lr: float,
    momentum: float = 0.9,
    weight_decay: float = 0.0,
    schedule: str = "cosine",
    augment: str | Augmentation | None = None,
    seed: int = 0,
    device: str | torch.device = "auto",
    precision: str = "auto",
    compile: bool = False,
    test_every: int = 1,
    checkpoint: str | os.PathLike | Checkpoint | None = None,
    progress: bool = True,
) -> Run:
    """Trains a network by stochastic gradient descent with momentum on the cross-entropy.

    Every random draw (weights of a named network, batch order, augmentation, Mixup, dropout)
    follows from `seed`, and torch's own random state is left as it was. On one machine, with the
    same versions and number of threads, the same call gives the same run bit for bit. Runs that
    differ in `mixup` or `augment` alone start from the same weights and see the same batches.

    Args:
        data: images and labels; they are kept on the device during training, as bytes where that
            loses nothing.
        network: a name (see `build_network`) or a module that returns one score for each class.
            A module given is copied, and training starts from its weights.
        mixup: a `Mixup`, or any function (x, y) -> (x, targets) of a batch; targets may be soft.
            A `Mixup` is copied and draws from a generator of the run's; another function is used
            as it is, and its draws from torch's default generators follow from `seed`. Where there
            is a method ``set_epoch``, it hears of every epoch.
        epochs: passes over the training images, at least 1.
        batch_size: images in a step, at least 1; an epoch's last batch may be smaller.
        lr: peak learning rate, positive.
        momentum: in [0, 1).
        weight_decay: at least 0; applied to all parameters.
        schedule: learning rate per step: ``"cosine"`` falls from `lr` to 0; ``"one_cycle"`` rises
            linearly from a tenth of `lr` during the first 30 % of the steps, then falls along a
            cosine to 0; ``"constant"``.
        augment: ``"crop_flip"``, or a function (images, generator) -> images of a batch.
        seed: at least 0.
        device: ``"auto"`` (a GPU where there is one), ``"cpu"`` or ``"cuda"``.
        precision: ``"float32"``; ``"bfloat16"`` (automatic mixed precision); ``"auto"`` is
            bfloat16 on GPUs that compute in it, else float32.
        compile: use ``torch.compile`` for the network; worth it for long runs on a GPU.
        test_every: epochs between two measurements of the test error; the last epoch is always
            measured. For tiny networks testing costs more than training.
        checkpoint: a file (or a `Checkpoint`, which also says how often) to keep the state in. The
            same call finds it and goes on from there, or returns at once where the run is done. On
            a CPU the history is then that of a run never interrupted, bit for bit. A module of
            your own must start from the same weights then: seed torch before you build it.
            Functions and modules are told apart by their code, but not by what it calls.
        progress: show a progress bar.

    Returns:
        A `Run`.

    Raises:
        TypeError: an argument of the wrong kind.
        ValueError: a value outside what is allowed, a network that does not fit the images or
            classes, or a checkpoint that is damaged or of another run.
        FloatingPointError: loss, weights or test scores became infinite or NaN; the last
            checkpoint is kept.
        torch.OutOfMemoryError: with the batch size and the precision.
        OSError: the checkpoint could not be written.
        TrainingInterrupted: Ctrl-C; a KeyboardInterrupt that carries the run so far. The
            checkpoint holds the last state written.

    Example:
        >>> from mixupbook.images.data.digits import load_digits
        >>> settings = dict(epochs=30, batch_size=50, lr=0.05, test_every=30, progress=False)
        >>> run = fit(load_digits(train=100, test=200), "small_convnet", **settings)
        >>> run.test_error < 0.3, len(run.history)
        (True, 30)
    """
    true_or_false("compile", compile)
    true_or_false("progress", progress)
    settings = Settings(
        epochs=epochs,
        batch_size=batch_size,
        lr=lr,
        momentum=momentum,
        weight_decay=weight_decay,
        schedule=schedule,
        augment=augment,
        seed=seed,
        device=device,
        precision=precision,
        compile=compile,
        test_every=test_every,
    )
    if not isinstance(data, ImageData):
        raise TypeError(f"data must be ImageData (`load_npz` makes one), got {type(data).__name__}")
    _check_mixup(mixup, len(data.classes))
    if checkpoint is not None:
        checkpoint = as_checkpoint(checkpoint)
    config = {
        "data": repr(data),
        "network": describe(network),
        "mixup": describe(mixup),
        **settings.config(),
    }
    with (
        isolated_defaults(settings.device),
        deterministic_convolutions(),
        _out_of_memory_explained(settings),
    ):
        training = Training(data, network, mixup, settings)
        try:
            _train_to_the_end(training, settings, checkpoint, config, progress)
        except KeyboardInterrupt:
            raise TrainingInterrupted(
                _interruption(training, settings, checkpoint), _as_run(training, config)
            ) from None
    return _as_run(training, config)


def _check_mixup(mixup: MixFunction | None, num_classes: int) -> None:
    if isinstance(mixup, type) or not (mixup is None or callable(mixup)):
        raise TypeError(f"mixup must be a Mixup, another function or None, got {mixup!r}")
    if getattr(mixup, "num_classes", num_classes) != num_classes:
        raise ValueError(
            f"mixup.num_classes must be {num_classes}, as many as the data has classes, "
            f"got {mixup.num_classes!r}"
        )


def _train_to_the_end(
    training: Training,
    settings: Settings,
    checkpoint: Checkpoint | None,
    config: dict[str, Any],
    progress: bool,
) -> None:
    if checkpoint is not None:
        identity = {**config, **training.fingerprints()}
        state = checkpoint.read(identity)
        if state is not None:
            _go_on(training, state, checkpoint, settings)
        else:
            checkpoint.write(identity, training.state_dict())
    remaining = range(len(training.history), settings.epochs)
    if progress:
        remaining = tqdm(
            remaining,
            desc=f"seed {settings.seed}",
            initial=len(training.history),
            total=settings.epochs,
            unit="epoch",
        )
    for epoch in remaining:
        training.run_epoch()
        due = (epoch + 1) % checkpoint.every == 0 if checkpoint is not None else False
        if checkpoint is not None and (due or epoch + 1 == settings.epochs):
            checkpoint.write(identity, training.state_dict())


def _go_on(
    training: Training, state: dict[str, Any], checkpoint: Checkpoint, settings: Settings
) -> None:
    try:
        training.load_state_dict(state)
        epochs = [record["epoch"] for record in training.history]
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise ValueError(
            f"checkpoint {str(checkpoint.path)!r} does not hold the state of a run ({error!r}): "
            "delete it to start anew"
        ) from error
    if epochs != list(range(len(epochs))) or len(epochs) > settings.epochs:
        raise ValueError(
            f"checkpoint {str(checkpoint.path)!r} must hold the epochs 0, 1, ... of a run, "
            f"got {epochs}: delete it to start anew"
        )


def _as_run(training: Training, config: dict[str, Any]) -> Run:
    errors = [record["test_error"] for record in training.history if "test_error" in record]
    return Run(
        history=training.history,
        test_error=errors[-1] if errors else math.nan,
        network=training.network.eval(),
        config=config,
    )


def _interruption(training: Training, settings: Settings, checkpoint: Checkpoint | None) -> str:
    message = f"interrupted after {len(training.history)} of {settings.epochs} epochs"
    if checkpoint is None:
        return message
    return f"{message}; the same call goes on from checkpoint {str(checkpoint.path)!r}"


@contextmanager
def _out_of_memory_explained(settings: Settings) -> Iterator[None]:
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not _is_out_of_memory(error):
            raise
        raise torch.OutOfMemoryError(
            f"out of memory on {settings.device} with batch_size={settings.batch_size} in "
            f"{settings.precision}: try a smaller batch size"
            f"{' or bfloat16' if settings.precision == 'float32' else ''} ({error})"
        ) from error


def _is_out_of_memory(error: Exception) -> bool:
    # A processor's allocator and cuBLAS have no exception of their own for it.
    said = ("DefaultCPUAllocator", "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED")
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return any(words in str(error) for words in said)
