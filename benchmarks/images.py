"""The cost of Mixup and the speed of image training, as ratios measured in one run.

    python benchmarks/images.py [--quick]

Where timm is installed (``pip install --no-deps timm`` is enough: one file of it is loaded), its
Mixup is compared with. The epoch of ResNet-18 is timed on a GPU only. `--quick` takes fewer
repeats.
"""

import argparse
import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import torch
from timing import best_times, report
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot, pad
from torch.utils.data import DataLoader, Dataset
from torch.utils.flop_counter import FlopCounterMode

import mixupbook as mb
from mixupbook.images.isolation import isolated
from mixupbook.images.training.loop import Training
from mixupbook.images.training.settings import Settings

CLASSES = 10


def random_batch(batch: int, device: torch.device) -> tuple[Tensor, Tensor]:
    return (
        torch.rand(batch, 3, 32, 32, device=device),
        torch.randint(CLASSES, (batch,), device=device),
    )


def mixing_beside_a_step(device: torch.device, repeats: int) -> None:
    """Mixup of a batch, beside a training step of ResNet-18 on it."""
    x, y = random_batch(128, device)
    x = x.contiguous(memory_format=torch.channels_last)
    network = mb.build_network("resnet18", (3, 32, 32), CLASSES)
    network.to(device=device, memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, fused=True)
    mix = mb.Mixup(num_classes=CLASSES, generator=torch.Generator(device).manual_seed(0))
    on_gpu = device.type == "cuda"

    def step() -> None:
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=on_gpu):
            loss = cross_entropy(network(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    times = best_times({"step": step, "mix": lambda: mix(x, y)}, repeats if on_gpu else 5)
    share = times["mix"] / times["step"]
    print(f"      a step takes {1e3 * times['step']:.1f} ms, Mixup {1e3 * times['mix']:.2f} ms")
    report("Mixup beside a ResNet-18 step, batch 128", f"{share:.2%}", "<= 2 %", share <= 0.02)


def mix_in_a_loop(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Per-sample Mixup as one writes it first, the draws all at once."""
    partners = torch.randperm(len(x)).tolist()
    draws = torch.distributions.Beta(1.0, 1.0).sample((len(x),))
    lams = torch.maximum(draws, 1 - draws).tolist()
    targets = one_hot(y, CLASSES).float()
    mixed_x, mixed_y = [], []
    for i, (j, lam) in enumerate(zip(partners, lams, strict=True)):
        mixed_x.append(lam * x[i] + (1 - lam) * x[j])
        mixed_y.append(lam * targets[i] + (1 - lam) * targets[j])
    return torch.stack(mixed_x), torch.stack(mixed_y)


def per_sample_against_a_loop(repeats: int) -> None:
    x, y = random_batch(512, torch.device("cpu"))
    mix = mb.Mixup(num_classes=CLASSES, per_sample=True)
    calls = {"ours": lambda: mix(x, y), "loop": lambda: mix_in_a_loop(x, y)}
    times = best_times(calls, repeats)
    speedup = times["loop"] / times["ours"]
    report(
        "per-sample Mixup of 512x3x32x32 over a loop", f"{speedup:.1f}x", ">= 10x", speedup >= 10
    )


def per_batch_beside_timm(timm: ModuleType, batch: int, repeats: int) -> dict[str, float]:
    """Our Mixup out of place, timm's into its input, which it may have.

    Twenty batches in a row are timed, as training would ask for them: the first after another
    method's would pay for the memory that the other one gave back.
    """
    x, y = random_batch(batch, torch.device("cpu"))
    ours = mb.Mixup(num_classes=CLASSES)
    theirs = timm.Mixup(mixup_alpha=1.0, label_smoothing=0.0, num_classes=CLASSES)

    def twenty(mix: Callable) -> None:
        for _ in range(20):
            mix(x, y)

    times = best_times({"ours": lambda: twenty(ours), "theirs": lambda: twenty(theirs)}, repeats)
    return {name: time / 20 for name, time in times.items()}


def compare_with_timm(timm: ModuleType, repeats: int) -> None:
    small = per_batch_beside_timm(timm, 128, repeats)
    print(f"      per-batch Mixup of 128x3x32x32: ours {1e6 * small['ours']:.0f} us, ", end="")
    print(f"timm's {1e6 * small['theirs']:.0f} us")
    large = per_batch_beside_timm(timm, 512, repeats)
    ratio = large["ours"] / large["theirs"]
    report("per-batch Mixup of 512x3x32x32, ours / timm's", f"{ratio:.2f}", "<= 1", ratio <= 1)


def find_timm() -> ModuleType | None:
    """The one file of timm that holds its Mixup: the whole of it would need torchvision."""
    package = importlib.util.find_spec("timm")
    if package is None:
        return None
    path = Path(package.submodule_search_locations[0], "data", "mixup.py")
    spec = importlib.util.spec_from_file_location("timm_mixup", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def random_images(train: int) -> mb.ImageData:
    x = torch.randint(256, (train, 3, 32, 32), dtype=torch.uint8)
    y = torch.randint(CLASSES, (train,))
    return mb.ImageData(x, y, x[:100], y[:100], [str(label) for label in range(CLASSES)])


def our_epoch(data: mb.ImageData, batch_size: int, device: torch.device) -> Callable[[], None]:
    settings = Settings(
        epochs=1000,
        batch_size=batch_size,
        lr=0.1,
        weight_decay=5e-4,
        augment="crop_flip",
        device=device,
        test_every=1000,
    )
    return Training(data, "resnet18", mb.Mixup(num_classes=CLASSES), settings).run_epoch


class AugmentedImages(Dataset):
    """Crop and flip image by image, as a DataLoader's workers do it."""

    def __init__(self, data: mb.ImageData) -> None:
        self.x, self.y = data.x_train, data.y_train

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = pad(self.x[index], (4, 4, 4, 4))
        top, left, flip = torch.randint(9, ()), torch.randint(9, ()), torch.rand(()) < 0.5
        image = image[:, top : top + 32, left : left + 32]
        return (image.flip(-1) if flip else image), int(self.y[index])


def plain_epoch(data: mb.ImageData, batch_size: int, device: torch.device) -> Callable[[], None]:
    """The loop of most tutorials: workers, float32, and the loss read back at every step."""
    network = mb.build_network("resnet18", (3, 32, 32), CLASSES).to(device).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    loader = DataLoader(
        AugmentedImages(data),
        batch_size,
        shuffle=True,
        num_workers=min(8, os.cpu_count() or 1),
        persistent_workers=True,
        pin_memory=device.type == "cuda",
    )
    mix = mb.Mixup(num_classes=CLASSES)

    def epoch() -> None:
        total = 0.0
        for x, y in loader:
            mixed, targets = mix(x.to(device), y.to(device))
            loss = cross_entropy(network(mixed), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()

    return epoch


def flops_per_image(network: nn.Module) -> float:
    """Of a forward and a backward pass."""
    x, y = random_batch(8, torch.device("cpu"))
    with FlopCounterMode(display=False) as counter:
        cross_entropy(network(x), y).backward()
    return counter.get_total_flops() / len(x)


def peak_flops(device: torch.device) -> float:
    """What a large bfloat16 product reaches on this machine, per second."""
    size = 8192 if device.type == "cuda" else 1024
    a = torch.randn(size, size, device=device, dtype=torch.bfloat16)
    return 2 * size**3 / best_times({"product": lambda: a @ a}, 20)["product"]


def epoch_of_resnet18(device: torch.device, images: int, batch_size: int) -> None:
    data = random_images(images)
    ours = our_epoch(data, batch_size, device)
    plain = plain_epoch(data, batch_size, device)
    with isolated(device, grad=True):  # as `fit` does
        ours_time = best_times({"ours": ours}, 2)["ours"]
    times = {"ours": ours_time, **best_times({"plain": plain}, 2)}
    rate = images / times["ours"]
    flops = flops_per_image(mb.build_network("resnet18", (3, 32, 32), CLASSES))
    fraction = rate * flops / peak_flops(device)
    print(f"      ResNet-18, {images} images, batch {batch_size}: {times['ours']:.2f} s an epoch,")
    print(f"      {rate:.0f} images/s, {fraction:.1%} of the bfloat16 peak measured here")
    speedup = times["plain"] / times["ours"]
    report("epoch over a plain float32 DataLoader loop", f"{speedup:.1f}x", ">= 4x", speedup >= 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    options = parser.parse_args()
    repeats = 20 if options.quick else 100
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    print(f"torch {torch.__version__}, {device.type}, {torch.get_num_threads()} threads")

    mixing_beside_a_step(device, repeats)
    per_sample_against_a_loop(repeats // 4)
    timm = find_timm()
    if timm is None:
        print("      timm is not installed (pip install --no-deps timm): not compared with")
    else:
        compare_with_timm(timm, repeats)
    if device.type == "cuda":
        epoch_of_resnet18(device, images=50_000, batch_size=512)
    else:
        print("      no GPU here: the epoch of ResNet-18 was not timed")


if __name__ == "__main__":
    main()
