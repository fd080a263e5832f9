"""One training run in progress: the loop over batches, and the state that a checkpoint holds.

Images lie on the device from the start, as bytes where that loses nothing. Inside an epoch nothing
waits for the device: order, augmentation and Mixup are drawn there, losses stay there, and the
learning rate is a plain number. Only the end of an epoch reads back.
"""

import contextlib
import math
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from mixupbook.images.data.images import ImageData
from mixupbook.images.data.pixels import as_bytes, as_float
from mixupbook.images.isolation import default_states, seed_defaults, set_default_states
from mixupbook.images.training.evaluation import group_fractions, misclassified
from mixupbook.images.training.pool import MixupFromPool
from mixupbook.images.training.randomness import streams
from mixupbook.images.training.returned import checked_images, checked_pair
from mixupbook.images.training.settings import Settings
from mixupbook.images.training.sgd import Descent
from mixupbook.images.training.trial import prepare_network, trained_layout

__all__ = ["History", "MixFunction", "Training"]

MixFunction = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
History = dict[str, Any]  # of one epoch: numbers, and the errors of groups by number


class Training:
    """A run of `fit` between two epochs.

    Torch's default generators belong to it while it lives (see `isolated`): the network's
    own draws, such as dropout, and a `mixup` without a generator take from them.

    Attributes:
        settings: the settings of the run.
        network: the network in training.
        history: one dictionary per completed epoch, as `Run` has them.
    """

    def __init__(
        self,
        data: ImageData,
        network: str | nn.Module,
        mixup: Any,
        settings: Settings,
    ) -> None:
        device = settings.device
        seeds = streams(settings.seed)
        self.settings = settings
        # Apple's GPU lacks the draws of Mixup, and a batch order comes from a processor as well.
        draws_on = torch.device("cpu") if device.type == "mps" else device
        self._generators = {
            "order": torch.Generator(draws_on).manual_seed(seeds["order"]),
            "augment": torch.Generator(device).manual_seed(seeds["augment"]),
            "mixup": torch.Generator(draws_on).manual_seed(seeds["mixup"]),
        }
        self._mixup: Any = mixup
        if hasattr(mixup, "with_generator"):
            self._mixup = self._mixup.with_generator(self._generators["mixup"])

        self._classes = classes = len(data.classes)
        seed_defaults(seeds["weights"], device)
        self.network = prepare_network(network, data.x_train[:2], classes, device)
        smallest = len(data.x_train) % settings.batch_size or settings.batch_size
        with self._autocast():
            self._layout = trained_layout(
                self.network,
                data.x_train[:smallest].clone().to(device),
                data.y_train[:smallest].clone().to(device),
                classes,
            )
        if self._layout == torch.channels_last:
            self.network = self.network.to(memory_format=self._layout)  # type: ignore[call-overload]
        self._model: Any = torch.compile(self.network) if settings.compile else self.network
        self._descent = Descent(
            self.network.parameters(),
            momentum=settings.momentum,
            weight_decay=settings.weight_decay,
        )
        self._images = as_bytes(data.x_train).to(device)
        self._labels = data.y_train.to(device)
        self._pool = None
        if settings.partner_pool == "train" and mixup is not None:
            self._pool = MixupFromPool(self._mixup, data.y_train, classes, device)
        self._test = as_bytes(data.x_test).to(device), data.y_test.to(device)
        self._test_groups = data.group_test
        self.history: list[History] = []
        seed_defaults(seeds["network"], device)

    def run_epoch(self) -> None:
        """Trains for one epoch and adds it to the history.

        Raises:
            FloatingPointError: the loss, the weights or the scores on the test images became
                infinite or NaN.
        """
        settings, epoch = self.settings, len(self.history)
        if hasattr(self._mixup, "set_epoch"):
            self._mixup.set_epoch(epoch)
        generator = self._generators["order"]
        order = torch.randperm(len(self._images), generator=generator, device=generator.device)
        batches = order.to(settings.device).split(settings.batch_size)
        losses = self._train(batches, epoch).tolist()
        for step, loss in enumerate(losses):
            if not math.isfinite(loss):
                raise FloatingPointError(
                    f"the training loss became {loss} in epoch {epoch}, step {step} "
                    f"(of {len(batches)}, both counted from 0): try a smaller lr than {settings.lr}"
                )
        if not self._all_finite():
            raise FloatingPointError(
                f"the weights became infinite or NaN in the last step of epoch {epoch} (counted "
                f"from 0): try a smaller lr than {settings.lr}"
            )
        total = math.fsum(loss * len(batch) for loss, batch in zip(losses, batches, strict=True))
        record: History = {
            "epoch": epoch,
            "lr": settings.learning_rate(epoch / settings.epochs),
            "train_loss": total / len(self._images),
        }
        if (epoch + 1) % settings.test_every == 0 or epoch + 1 == settings.epochs:
            record |= self._test_errors()
        self.history.append(record)

    def _train(self, batches: tuple[Int[Tensor, " _"], ...], epoch: int) -> Float[Tensor, " s"]:
        """One pass over the batches; the loss of every step, left on the device."""
        settings = self.settings
        losses = torch.empty(len(batches), device=settings.device)
        self.network.train()
        for step, chosen in enumerate(batches):
            lr = settings.learning_rate((epoch + step / len(batches)) / settings.epochs)
            x, targets = self._batch(chosen)
            with self._autocast():
                loss = cross_entropy(self._model(x), targets)
            loss.backward()
            self._descent.step(lr)
            losses[step] = loss.detach()
        return losses

    def _batch(self, chosen: Int[Tensor, " b"]) -> tuple[Tensor, Tensor]:
        if self._pool is not None:
            x, targets = self._pool.batch(chosen, self._augmented)
        else:
            x, targets = self._augmented(chosen), self._labels[chosen]
            if self._mixup is not None:
                x, targets = checked_pair(x, self._mixup(x, targets), self._classes)
        return x.contiguous(memory_format=self._layout), targets

    def _augmented(self, chosen: Int[Tensor, " _"]) -> Float[Tensor, "_ C H W"]:
        x = as_float(self._images.index_select(0, chosen))
        augment = self.settings.augmentation
        if augment is None:
            return x
        return checked_images(x, augment(x, self._generators["augment"]), "augment")

    def _all_finite(self) -> bool:
        """Whether the next step has finite numbers to start from.

        Only what is trained has to: a mask may be infinite on purpose.
        """
        trained = [each for each in self.network.parameters() if each.requires_grad]
        return bool(torch.stack([each.isfinite().all() for each in trained]).all())

    def _test_errors(self) -> History:
        images, labels = self._test
        try:
            with self._autocast():
                wrong = misclassified(_FromBytes(self._model), images, labels)
        except FloatingPointError as error:
            raise FloatingPointError(
                f"after epoch {len(self.history)} (counted from 0) {error}: "
                f"try a smaller lr than {self.settings.lr}"
            ) from error
        errors: History = {"test_error": wrong.sum().item() / len(wrong)}
        if self._test_groups is not None:
            errors["group_errors"] = group_fractions(wrong, self._test_groups)
        return errors

    def _autocast(self) -> contextlib.AbstractContextManager:
        # Within an autocast of the caller's, torch would keep casts of weights that have changed.
        torch.clear_autocast_cache()
        if self.settings.precision == "float32":  # `isolated` has switched the caller's off
            return contextlib.nullcontext()
        return torch.autocast(self.settings.device.type, dtype=torch.bfloat16)

    def state_dict(self) -> dict[str, Any]:
        """All that the coming epochs depend on, beside the settings.

        Of a network: parameters, buffers and extra state. What a module or a function keeps
        elsewhere, such as a counter in a plain attribute, is not in it.
        """
        return {
            "network": self.network.state_dict(),
            "buffers": dict(self.network.named_buffers()),  # those that are not persistent, too
            "descent": self._descent.state_dict(),
            "generators": {name: g.get_state() for name, g in self._generators.items()},
            "default_generators": default_states(self.settings.device),
            "history": self.history,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes back to where `state_dict` was taken."""
        _make_room(self.network, state)
        self.network.load_state_dict(state["network"])
        for name, buffer in self.network.named_buffers():
            buffer.copy_(state["buffers"][name])
        self._descent.load_state_dict(state["descent"])
        for name, generator in self._generators.items():
            generator.set_state(state["generators"][name])
        set_default_states(state["default_generators"], self.settings.device)
        self.history = state["history"]


def _make_room(network: nn.Module, state: dict[str, Any]) -> None:
    """Registers the saved buffers that are of another shape, such as what forward has cached."""
    for name, saved in state["buffers"].items():
        owner, _, own_name = name.rpartition(".")
        module = network.get_submodule(owner)
        there = getattr(module, own_name, None)
        if there is None or there.shape != saved.shape:
            device = next(network.parameters()).device
            module.register_buffer(own_name, saved.to(device), name in state["network"])


class _FromBytes(nn.Module):
    """A network that also takes images as bytes."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: UInt8[Tensor, "b C H W"] | Float[Tensor, "b C H W"]) -> Tensor:
        return self.network(as_float(images))
