"""What a type checker makes of code that uses the package; `make lint` has it checked, not run."""

from collections.abc import Callable, Sequence
from typing import Any, assert_type

import torch
import xarray as xr
from torch import Tensor

import mixupbook as mb
from mixupbook.intervals import Interval, mean_interval

x, y = torch.rand(4, 3), torch.tensor([0, 1, 2, 0])

mixup = mb.Mixup(alpha=1.0, num_classes=3, label_map=torch.sqrt, partners="same_label")
assert_type(mixup(x, y), tuple[Tensor, Tensor])
assert_type(mixup({"a": x}, y), tuple[dict[str, Tensor], Tensor])
assert_type(mixup.alpha, float)
assert_type(mixup.num_classes, int | None)
assert_type(mixup.with_generator(None), mb.Mixup)
collate_fn: Callable[[Sequence[Any]], tuple[Tensor, Tensor]] = mixup.collate

draw = mixup.draw(x, y)
assert_type(draw, mb.Draw)
assert_type(mb.Draw(0.75, 0.5, torch.tensor([1, 0])).mix(x), Tensor)
assert_type(draw.targets(y), Tensor)
assert_type(draw.loss(torch.nn.CrossEntropyLoss(), x, y), Tensor)
assert_type(mb.mix_pairs(x, x, 0.7, partner=y), tuple[Tensor, Tensor])

digits = mb.load_digits(train=100, test=100)
assert_type(digits, mb.ImageData)
assert_type(digits.x_train, Tensor)
run = mb.fit(digits, "small_convnet", mixup=mixup, epochs=1, batch_size=10, lr=0.1)
assert_type(run, mb.Run)
assert_type(run.test_error, float)
runs = mb.fit_seeds(digits, "small_convnet", seeds=range(3), epochs=1, batch_size=10, lr=0.1)
assert_type(mean_interval([each.test_error for each in runs]), Interval)
network = mb.build_network("small_convnet", digits.x_train.shape[1:], 10)
assert_type(network, torch.nn.Module)
assert_type(mb.error_rate(run.network, digits.x_test, digits.y_test), float)

model = mb.FeatureNoise(100, 4, 0.1, 0.2, 1, 0.15)
train = model.sample(40, seed=0)
assert_type(train, mb.PatchData)
assert_type(mb.descend(train, mb.PairMixup(lam=0.7), test=train, seed=[0, 1]), xr.Dataset)
assert_type(mb.reduced_dynamics(model, mb.Standard(), train=train), xr.Dataset)

# What is wrong is said so: an ignore that is not needed is an error here.
mb.Mixup(alpha="1")  # type: ignore[arg-type]
mb.Mixup(aplha=1.0)  # type: ignore[call-arg]
mixup(x, 3)  # type: ignore[arg-type]
mb.fit(digits)  # type: ignore[call-arg]
_ = mb.mixup  # type: ignore[attr-defined]
