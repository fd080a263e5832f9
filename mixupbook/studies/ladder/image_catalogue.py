"""The kinds of images with rare subclasses on which `fit` trains."""

from mixupbook.studies.ladder.image_runs import IMAGE_ARMS, ImageRung

__all__ = ["IMAGE_RUNGS"]

PAIRINGS = tuple(range(1000, 1030))
FEW_ARMS = (
    "standard",
    "all",
    "other",
    "same",
    "smoothing",
    "noise-0.13",
    "noise-0.26",
    "cutmix",
    "oversampled",
    "oversampled-mixup",
)

IMAGE_RUNGS = {
    rung.name: rung
    for rung in (
        ImageRung(
            "digits",
            "digits, 40 and 4 images",
            "digits",
            common=40,
            rare=4,
            network="small_convnet",
            recipe={"epochs": 120, "batch_size": 50, "lr": 0.05},
            arms=IMAGE_ARMS,
            seeds=PAIRINGS,
        ),
        ImageRung(
            "fashion",
            "Fashion-MNIST, 100 and 10 images",
            "fashion",
            common=100,
            rare=10,
            network="small_convnet",
            recipe={"epochs": 40, "batch_size": 50, "lr": 0.05},
            arms=FEW_ARMS,
            seeds=PAIRINGS[:10],
        ),
        ImageRung(
            "fashion-5000",
            "Fashion-MNIST, 900 and 90 images",
            "fashion",
            common=900,
            rare=90,
            network="small_convnet",
            recipe={"epochs": 20, "batch_size": 50, "lr": 0.05},
            arms=FEW_ARMS,
            seeds=PAIRINGS[:10],
        ),
        # What the two above suggested, that Mixup helps on oversampled images, asked once more.
        ImageRung(
            "fashion-again",
            "Fashion-MNIST, 100 and 10 images, other pairings",
            "fashion",
            common=100,
            rare=10,
            network="small_convnet",
            recipe={"epochs": 40, "batch_size": 50, "lr": 0.05},
            arms=("standard", "all", "oversampled", "oversampled-mixup"),
            seeds=PAIRINGS[10:],
        ),
        ImageRung(
            "cifar10",
            "CIFAR-10 (JPEG edition), 450 and 45 images",
            "cifar10",
            common=450,
            rare=45,
            network="small_convnet",
            recipe={"epochs": 20, "batch_size": 50, "lr": 0.05},
            arms=tuple(arm for arm in FEW_ARMS if arm not in ("same", "noise-0.26")),
            seeds=PAIRINGS[:10],
        ),
    )
}
