"""What the mixed loss and CutMix cost, as ratios measured in one run.

    python benchmarks/mixing.py [--quick]

The loss of integer labels (`Draw.loss`) is compared with the cross entropy of mixed targets, both
forwards and backwards, and CutMix with Mixup, with a loop over the images and, where it is
installed, with timm's. `--quick` takes fewer repeats.
"""

import argparse
from collections.abc import Callable

import torch
from images import CLASSES, find_timm, random_batch
from timing import best_times, report
from torch import Tensor

import mixupbook as mb

SHAPES = [(512, 1000), (4096, 10)]


def losses(batch: int, classes: int, smoothing: float, device: torch.device) -> dict[str, Callable]:
    """One forward and backward pass by the labels, and one by targets that are mixed first."""
    output = torch.randn(batch, classes, device=device, requires_grad=True)
    y = torch.randint(classes, (batch,), device=device)
    draw = mb.Mixup(num_classes=classes).draw(y)
    criterion = torch.nn.CrossEntropyLoss(label_smoothing=smoothing)

    def by_labels() -> None:
        output.grad = None
        draw.loss(criterion, output, y).backward()

    def by_targets() -> None:
        output.grad = None
        criterion(output, draw.targets(y)).backward()

    def unmixed() -> None:
        output.grad = None
        criterion(output, y).backward()

    return {"labels": by_labels, "targets": by_targets, "unmixed": unmixed}


def loss_against_targets(device: torch.device, repeats: int) -> None:
    for batch, classes in SHAPES:
        for smoothing in (0.0, 0.1):
            times = best_times(losses(batch, classes, smoothing, device), repeats)
            ratio = times["labels"] / times["targets"]
            plain = times["labels"] / times["unmixed"]
            what = f"({batch}, {classes}){', smoothed' if smoothing else ''}"
            print(
                f"      loss of {what}: {1e3 * times['labels']:.2f} ms, {plain:.2f} unmixed losses"
            )
            if not smoothing:
                report(
                    f"loss / cross entropy of targets, {what}", f"{ratio:.2f}", "<= 1", ratio <= 1
                )
            else:
                print(f"      over cross entropy of targets: {ratio:.2f}")


def cut_in_a_loop(x: Tensor) -> Tensor:
    """CutMix with a box for each image, as one writes it first."""
    draw = mb.CutMix(per_sample=True).draw(x)
    mixed = x.clone()
    for i, (j, box) in enumerate(zip(draw.partner.tolist(), draw.box.tolist(), strict=True)):
        x1, y1, x2, y2 = box
        mixed[i, :, y1:y2, x1:x2] = x[j, :, y1:y2, x1:x2]
    return mixed


def cutmix(device: torch.device, repeats: int) -> None:
    x, y = random_batch(512, device)
    kinds = {
        "Mixup": mb.Mixup(num_classes=CLASSES),
        "CutMix": mb.CutMix(num_classes=CLASSES),
        "a box each": mb.CutMix(num_classes=CLASSES, per_sample=True),
    }
    calls = {name: lambda mix=mix: mix(x, y) for name, mix in kinds.items()}
    calls["a loop"] = lambda: cut_in_a_loop(x)
    timm = find_timm() if device.type == "cpu" else None  # its boxes wait for a GPU
    if timm is not None:
        theirs = timm.Mixup(
            mixup_alpha=0.0, cutmix_alpha=1.0, label_smoothing=0.0, num_classes=CLASSES
        )
        calls["timm"] = lambda: theirs(x, y)
    times = best_times(calls, repeats)
    shown = ", ".join(f"{name} {1e6 * time:.0f} us" for name, time in times.items())
    print(f"      512x3x32x32: {shown}")
    ratio = times["CutMix"] / times["Mixup"]
    report("CutMix / Mixup, one draw for the batch", f"{ratio:.2f}", "<= 2", ratio <= 2)
    ratio = times["a box each"] / times["a loop"]
    report("CutMix with a box each / a loop over images", f"{ratio:.2f}", "<= 1", ratio <= 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    options = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    print(f"torch {torch.__version__}, {device.type}, {torch.get_num_threads()} threads")
    loss_against_targets(device, 30 if options.quick else 200)
    cutmix(device, 30 if options.quick else 200)


if __name__ == "__main__":
    main()
