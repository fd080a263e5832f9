"""Training an image network: `fit`, and the run it returns."""

import contextlib
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import nn
from tqdm import tqdm

from mixupbook._arguments import true_or_false
from mixupbook.images.data.images import ImageData
from mixupbook.images.isolation import isolated
from mixupbook.images.training.checkpoint import Checkpoint, as_checkpoint
from mixupbook.images.training.identity import identity
from mixupbook.images.training.keeping import Kept
from mixupbook.images.training.loop import History, MixFunction, Training
from mixupbook.images.training.memory import out_of_memory_explained
from mixupbook.images.training.settings import Settings, describe, takes_settings
from mixupbook.mixup.transform import Mixup

__all__ = ["Run", "TrainingInterrupted", "fit"]


@dataclass(frozen=True, eq=False)
class Run:
    """What `fit` returns.

    Attributes:
        history: one dictionary per epoch: ``epoch`` (from 0), ``lr`` at its first step,
            ``train_loss`` (mean cross-entropy of the batches as trained on, in nats) and, in
            epochs that were tested, ``test_error`` and, where the data have test groups,
            ``group_errors``.
        test_error: fraction of the test images classified wrongly, in [0, 1], when last tested;
            NaN where a run was interrupted before that.
        network: the trained network, on the device it was trained on, in inference mode.
        config: the settings as plain values (numbers, strings, booleans, None).
        group_errors: the fraction of wrong classifications in each group of test images
            (`ImageData.group_test`), when last tested; empty without groups or test.

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

    history: list[History]
    test_error: float
    network: nn.Module
    config: dict[str, Any]
    group_errors: dict[int, float] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Run(test_error={self.test_error:.4f} after {len(self.history)} epochs)"


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C during `fit`: ends a script or a cell as ever, but keeps what there is.

    Args:
        message: what was stopped, and where.

    Attributes:
        run: the `Run` so far, with the history of the completed epochs. None where it was under
            way in a worker process of `fit_seeds`.
        finished: the runs that `fit_seeds` had finished before.

    Example:
        >>> try:
        ...     raise TrainingInterrupted("stopped in epoch 3", run=None)
        ... except TrainingInterrupted as stop:
        ...     print(stop, len(stop.finished))
        stopped in epoch 3 0
    """

    def __init__(self, message: str, run: Run | None, finished: Sequence[Run] = ()) -> None:
        super().__init__(message)
        self.run = run
        self.finished = tuple(finished)

    def __reduce__(self) -> tuple[type, tuple[str, Run | None, tuple[Run, ...]]]:
        # From a worker process to the one that asked for the run.
        return type(self), (str(self), self.run, self.finished)


@takes_settings  # `| Any`: what else is given is refused by hand, with messages for people
def fit(
    data: ImageData | Any,
    network: str | nn.Module | Any,
    *,
    mixup: MixFunction | Any | None = None,
    checkpoint: str | os.PathLike | Checkpoint | Any | None = None,
    progress: bool | Any = True,
    **settings: Any,
) -> Run:
    """Trains a network by stochastic gradient descent with momentum on the cross-entropy.

    Arguments are checked, network and data are prepared, the run is trained to its end (going on
    from a checkpoint where there is one), and returned.

    Every random draw (weights of a named network, batch order, augmentation, Mixup, dropout)
    follows from `seed`. Torch's own random state and its global settings (default dtype and device,
    autocast, grad mode, deterministic algorithms) neither matter nor change. On one machine, with
    the same versions and number of threads, the same call gives the same run bit for bit. Runs that
    differ in `mixup` or `augment` alone start from the same weights and see the same batches.

    Args:
        data: images and labels; they are kept on the device during training, as bytes where that
            loses nothing.
        network: a name (see `build_network`), or a module that returns a tensor of scores, shape
            (B, K), in training and in inference mode. A module given is copied, moved to `device`,
            and trained in training mode from its weights, which have to be float32; parameters
            without ``requires_grad`` stay as they are. Whether it can be trained is tried on a copy
            first: all parameters have to be registered before it sees images, finite, and without
            hooks.
        mixup: a `Mixup`, or any function (x, y) -> (x, targets) of a batch; targets are integers
            (B,) or floating rows (B, K).
            A `Mixup` is copied and draws from a generator of the run's; another function is used
            as it is, and its draws from torch's default generators follow from `seed`. Where there
            is a method ``set_epoch``, it hears of every epoch.
        checkpoint: a file (or a `Checkpoint`, which also says how often) to keep the state in. The
            same call finds it and goes on from there, or returns at once where the run is done. On
            a CPU the history is then that of a run never interrupted, bit for bit. A call that
            would train differently is refused: functions, modules and other objects are told apart
            by their code, by the code that it calls outside of installed libraries, and by all the
            values that they hold. What cannot be told apart is refused too, unless the `Checkpoint`
            has a ``key``. A module of your own must start from the same weights: seed torch before
            you build it. What a function or module keeps of a run in plain attributes, such as a
            counter, is not in the file.
        progress: show a progress bar.
        {settings}

    Returns:
        A `Run`.

    Raises:
        TypeError: an argument of the wrong kind.
        ValueError: a value outside what is allowed, a network that cannot be trained on the images
            and classes, or a checkpoint that is damaged, in use, or of another run.
        FloatingPointError: loss, weights or highest test scores became infinite or NaN; the last
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
    chosen = Settings.from_keywords(fit, settings)
    checkpoint = as_checkpoint(checkpoint)
    progress = true_or_false("progress", progress)
    _check_parts(data, network, mixup, chosen.partner_pool)
    config = {
        "data": repr(data),
        "network": describe(network),
        "mixup": describe(mixup),
        **chosen.config(),
    }
    with (
        contextlib.nullcontext() if checkpoint is None else checkpoint.held(),
        isolated(chosen.device, grad=True),
        out_of_memory_explained(chosen),
    ):
        kept = None
        if checkpoint is not None:
            whose = identity(data, network, mixup, chosen, checkpoint.key)
            kept = Kept(checkpoint, whose)
        training = Training(data, network, mixup, chosen)
        try:
            _train_to_the_end(training, kept, progress)
        except KeyboardInterrupt:
            run = _as_run(training, config)
            raise TrainingInterrupted(_interruption(training, kept), run) from None
    return _as_run(training, config)


def _check_parts(data: object, network: object, mixup: Any, partner_pool: str) -> None:
    if not isinstance(data, ImageData):
        raise TypeError(f"data must be ImageData (`load_npz` makes one), got {type(data).__name__}")
    if not isinstance(network, str | nn.Module):
        raise TypeError(f"network must be a name or a torch.nn.Module, got {network!r}")
    if isinstance(mixup, type) or not (mixup is None or callable(mixup)):
        raise TypeError(f"mixup must be a Mixup, another function or None, got {mixup!r}")
    if partner_pool == "train" and not (mixup is None or type(mixup) is Mixup):
        raise ValueError(
            "partner_pool must be 'batch' where mixup is not a Mixup, since another function (or a "
            f"class of its own) chooses partners itself, got 'train' with mixup={describe(mixup)}"
        )
    num_classes = len(data.classes)
    # A Mixup of labels that are rows already has none.
    if getattr(mixup, "num_classes", None) not in (None, num_classes):
        raise ValueError(
            f"mixup.num_classes must be {num_classes}, as many as the data has classes, "
            f"got {mixup.num_classes!r}"
        )


def _train_to_the_end(training: Training, kept: Kept | None, progress: bool) -> None:
    if kept is not None:
        kept.take_up(training)
    settings, done = training.settings, len(training.history)
    remaining = range(done, settings.epochs)
    if progress:
        remaining = tqdm(
            remaining,
            desc=f"seed {settings.seed}",
            initial=done,
            total=settings.epochs,
            unit="epoch",
        )
    for _ in remaining:
        training.run_epoch()
        if kept is not None:
            kept.epoch_done(training)


def _as_run(training: Training, config: dict[str, Any]) -> Run:
    tested = [record for record in training.history if "test_error" in record]
    last: History = tested[-1] if tested else {"test_error": math.nan}
    return Run(
        history=training.history,
        test_error=last["test_error"],
        network=training.network.eval(),
        config=config,
        group_errors=last.get("group_errors", {}),
    )


def _interruption(training: Training, kept: Kept | None) -> str:
    message = f"interrupted after {len(training.history)} of {training.settings.epochs} epochs"
    if kept is None:
        return message
    return f"{message}; the same call goes on from checkpoint {str(kept.checkpoint.path)!r}"
