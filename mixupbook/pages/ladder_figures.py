"""What the chapter *From the model to images* draws and tabulates: which pairs teach."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mixupbook.intervals import Interval, bootstrap_interval, mean_interval, paired_interval
from mixupbook.pages.figures import INK, METHODS, image_row
from mixupbook.pages.tables import Table
from mixupbook.studies import store
from mixupbook.studies.ladder.condition import NEEDED, expected
from mixupbook.studies.ladder.examples import TASKS, image_data
from mixupbook.studies.ladder.rung_records import LadderRecord, RungRecord
from mixupbook.studies.ladder.rungs import RUNGS, Rung

__all__ = [
    "change",
    "condition_table",
    "controls_table",
    "degree_figure",
    "gains_figure",
    "half_degree",
    "ladder_record",
    "need_figure",
    "pairs_table",
    "rung_results",
    "tile_pictures",
    "tuned",
    "undecided",
]

MEETS, LACKS = METHODS["hard label"], METHODS["Mixup"]
ARM_WORDS = {
    "standard": "standard training",
    "all": "Mixup, all pairs",
    "other": "Mixup, other label",
    "same": "Mixup, same label",
    "same-common-rare": "Mixup, same label, common-rare",
    "all-but-those": "Mixup, all but those",
    "smoothing": "label smoothing",
    "cutmix": "CutMix",
    "oversampled": "oversampled",
    "oversampled-mixup": "oversampled, with Mixup",
    "oversampled-smoothing": "oversampled, with smoothing",
    "cubic": "Mixup, label map cubic",
    "constant-0.75": "Mixup, label coefficient 0.75",
    "hard": "Mixup, hard label",
    "stopped": "Mixup in the first half",
    "started": "Mixup in the second half",
}


def ladder_record(name: str, folder: Path = store.FOLDER / "ladder") -> LadderRecord:
    """The record ``"which-pairs-teach"`` or ``"rare-subclasses"``.

    Raises:
        LookupError: it has not been made.
        ValueError: its file is damaged.
    """
    return store.load_as(LadderRecord, name, folder)


def change(rung: RungRecord, arm: str, group: str = "rare", against: str = "standard") -> Interval:
    """What an arm adds to the error of another one: points, paired by seed."""
    return paired_interval(rung.points(group, arm), rung.points(group, against))


def pairs_table(record: LadderRecord, parts: Sequence[str]) -> Table:
    """The rungs of some parts: the rare error, its change by mixing some pairs, and the need.

    "Those" are the common-rare pairs of one label.
    """
    return Table([_pairs_row(record, RUNGS[name]) for name in _names(record, parts)])


def tuned(rung: RungRecord, arms: Sequence[str]) -> np.ndarray:
    """Rare errors (%) where each pairing takes the arm that errs least on its validation part."""
    validation = np.stack([rung.points("validation", arm) for arm in arms])
    reported = np.stack([rung.points("rare", arm) for arm in arms])
    return np.take_along_axis(reported, validation.argmin(axis=0)[None], axis=0)[0]


def need_figure(record: LadderRecord, parts: Sequence[str]) -> Figure:
    """The need of rungs, mean and interval, from the greatest to the least."""
    names = sorted(_names(record, parts), key=lambda name: -record.rungs[name].need().mean())
    figure, ax = plt.subplots(figsize=(7.4, 0.9 + 0.25 * len(names)))
    for row, name in enumerate(names):
        found = mean_interval(record.rungs[name].need())
        meets = expected(RUNGS[name], _share(record.rungs[name]))
        _interval(ax, found, row, MEETS if meets else LACKS, marker="o" if meets else "D")
    ax.axvline(0, color=INK, linewidth=0.8)
    ax.set_yticks(range(len(names)), [RUNGS[name].words for name in names], fontsize=9)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.set_xlabel("rare error without same-label common-rare pairs, minus with them (points)")
    ax.plot([], [], "o", color=MEETS, label="meets the condition")
    ax.plot([], [], "D", color=LACKS, label="does not")
    ax.legend(loc="lower right", fontsize=9)
    return figure


def degree_figure(record: LadderRecord) -> Figure:
    """Need, and what same-label pairs alone change, over the degree q of max(z, 0)^q."""
    figure, ax = plt.subplots(figsize=(7.0, 3.2))
    lines: list[tuple[str, str, str, Callable[[RungRecord], Interval]]] = [
        ("need", "o", MEETS, lambda rung: mean_interval(rung.need())),
        ("same-label pairs alone", "D", LACKS, lambda rung: change(rung, "same")),
    ]
    for label, marker, shade, measure in lines:
        found = {q: measure(record.rungs[f"degree-{q}"]) for q in _degrees(record)}
        means = np.array([interval.mean for interval in found.values()])
        reach = [means - [i.low for i in found.values()], [i.high for i in found.values()] - means]
        ax.errorbar(
            list(found), means, yerr=reach, marker=marker, color=shade, label=label, capsize=3
        )
    ax.axhline(0, color=INK, linewidth=0.8)
    ax.set(xlabel="degree q of max(z, 0)^q", ylabel="points of rare error")
    ax.legend(fontsize=9)
    return figure


def half_degree(record: LadderRecord) -> Interval:
    """The degree at which the need is half of that at degree 2, with a bootstrap over seeds.

    Between two degrees the need is taken to be linear.
    """
    degrees = _degrees(record)
    by_seed = np.stack([record.rungs[f"degree-{q}"].need() for q in degrees], axis=1)

    def crossing(needs: np.ndarray) -> float:
        # The running maximum, so that chance makes no second crossing.
        rising = np.maximum.accumulate(needs.mean(axis=0))
        return float(np.interp(rising[-1] / 2, rising, degrees))

    return bootstrap_interval(by_seed, crossing)


def rung_results(record: LadderRecord) -> dict[str, bool]:
    """For each held-out rung, whether the condition says right on which side the need lies."""
    return {
        name: expected(RUNGS[name], _share(rung)) == (rung.need().mean() > NEEDED)
        for name, rung in record.rungs.items()
        if RUNGS[name].held_out
    }


def undecided(record: LadderRecord) -> list[str]:
    """The held-out rungs whose interval of the need contains the limit."""
    found = {name: mean_interval(record.rungs[name].need()) for name in rung_results(record)}
    return [name for name, need in found.items() if need.low <= NEEDED <= need.high]


def condition_table(record: LadderRecord) -> Table:
    """The held-out rungs: what each lacks, what is expected, and what was measured."""
    rows = []
    for name, right in rung_results(record).items():
        rung, found = RUNGS[name], record.rungs[name]
        share = _share(found)
        rows.append(
            {
                "rung": rung.words,
                "lacks": ", ".join(rung.lacks) or "–",
                "share": f"{share:z.2f}",
                "needed?": "yes" if expected(rung, share) else "no",
                "need": _spread(found.need()),
                "right": "yes" if right else "no",
            }
        )
    return Table(rows)


def controls_table(rung: RungRecord, against: str = "all") -> Table:
    """Every arm of a rung on images: both errors, and the difference from an arm, paired."""
    rows = []
    for arm in rung.common:
        beside = {"rare against standard": "–", "rare against Mixup": "–"}
        if arm != "standard":
            beside["rare against standard"] = _around(change(rung, arm), signed=True)
        if arm != against:
            beside["rare against Mixup"] = _around(change(rung, arm, against=against), signed=True)
        rows.append(
            {
                "trained with": _arm_words(arm),
                "common error (%)": _spread(rung.points("common", arm)),
                "rare error (%)": _spread(rung.points("rare", arm)),
                **beside,
            }
        )
    return Table(rows)


def gains_figure(rungs: Mapping[str, RungRecord], arms: Sequence[str]) -> Figure:
    """What each arm adds to the rare and to the common error of standard training: a panel each.

    A panel leaves out the arms that its rung lacks.
    """
    size = (7.4, 1.2 + 0.27 * len(arms))
    figure, panels = plt.subplots(1, len(rungs), figsize=size, sharey=True, squeeze=False)
    for ax, (title, rung) in zip(panels[0], rungs.items(), strict=True):
        for group, shade, marker in (("common", LACKS, "D"), ("rare", MEETS, "o")):
            for row, arm in enumerate(arms):
                if arm in rung.rare:
                    _interval(ax, change(rung, arm, group), row, shade, marker=marker)
            ax.plot([], [], marker, color=shade, label=f"{group} subclasses")
        ax.axvline(0, color=INK, linewidth=0.8)
        ax.set_title(title)
    panels[0, 0].set_yticks(range(len(arms)), [_arm_words(arm) for arm in arms], fontsize=9)
    panels[0, 0].set_ylim(len(arms) - 0.4, -0.6)
    figure.supxlabel("change of the test error against standard training (points)", fontsize=10)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2, fontsize=9)
    return figure


def tile_pictures(seed: int = 1000) -> Figure:
    """A rare example of the two experiments on pictures: the marker beside the picture, and on it.

    With a digit, which needs no download, in the place of a garment. The marker is drawn stronger
    than it is, or one would not see it.
    """
    figure, axes = plt.subplots(1, 3, figsize=(7.0, 2.6))
    shape = image_data("digits").image_shape[1:]
    task = TASKS["tiles"](seed, pictures="digits")
    rare = int(task.train.rare.nonzero()[0])
    marker, picture = task.train.x[rare].reshape(2, *shape).numpy()
    stretched = 0.5 + marker / (2 * np.abs(marker).max())
    shown = picture / picture.max()
    both = np.clip(shown + 0.5 * (2 * stretched - 1), 0, 1)
    titles = ("marker, a patch", "picture, a patch", "both in one")
    image_row(axes, [stretched, shown, both], titles)
    return figure


def _pairs_row(record: LadderRecord, rung: Rung) -> dict[str, str]:
    found = record.rungs[rung.name]
    columns = {
        "all pairs": "all",
        "other label": "other",
        "same label": "same",
        "those alone": "same-common-rare",
    }
    changes = {name: _around(change(found, arm), signed=True) for name, arm in columns.items()}
    return {
        "changed": rung.words,
        "rare error (%)": _spread(found.points("rare", "standard")),
        **changes,
        "need": _spread(found.need()),
    }


def _share(rung: RungRecord) -> float:
    return float(np.mean(rung.share))


def _names(record: LadderRecord, parts: Sequence[str]) -> list[str]:
    return [name for name in record.rungs if RUNGS[name].part in parts]


def _degrees(record: LadderRecord) -> list[float]:
    names = [name for name in record.rungs if name.startswith("degree-")]
    return sorted(float(name.removeprefix("degree-")) for name in names)


def _arm_words(arm: str) -> str:
    if arm.startswith("noise-"):
        return f"input noise {arm.removeprefix('noise-')}"
    return ARM_WORDS[arm]


def _spread(values: np.ndarray) -> str:
    return _around(mean_interval(values))


def _around(interval: Interval, *, signed: bool = False) -> str:
    """Mean and half of the interval."""
    sign = "+" if signed else ""
    return f"{interval.mean:{sign}z.1f} ± {interval.high - interval.mean:.1f}".replace("-", "−")


def _interval(axes: Axes, interval: Interval, row: int, shade: str, *, marker: str) -> None:
    axes.plot([interval.low, interval.high], [row, row], color=shade, linewidth=2.2)
    axes.plot(interval.mean, row, marker, color=shade, markersize=5)
