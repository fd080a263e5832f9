"""What the book measured, in the text of a page: claims quoted, outcomes, and advice.

All are read from the outputs of the executed chapters, by the build of the pages, so that a page
without code can show them, and so that several pages say the same.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from mixupbook.pages.claims import collect

__all__ = ["ADVICE_TITLE", "outcomes", "practical_advice", "quoted_claims"]

ADVICE_TITLE = "What to do in practice"
# Each line, and the claims whose numbers it shows, with the verdicts that it rests on.
ADVICE = (
    (
        "**Few images for the network? Mix, all through the run.** `mb.Mixup(num_classes=K)` in "
        "front of the loss: {mixup-digits} points of error on 100 digits (below zero: fewer "
        "errors).",
        {"mixup-digits": "supported"},
    ),
    (
        "**Mix labels as you mix images, or soften the labels instead.** The farthest of five "
        "other ways to mix the labels ended {C1-digits} points from Mixup, and the farther of two "
        "ways to soften labels of unmixed images {digits-soft-labels}.",
        {"C1-digits": "supported", "digits-soft-labels": "supported"},
    ),
    (
        "**Skip Mixup in a short run; where unsure, let validation images choose "
        "`stop_epoch`.** In 30 epochs on a part of CIFAR-10 no gain shows ({mixup-cifar-small} "
        "points).",
        {"mixup-cifar-small": "mixed"},
    ),
    (
        "**With batch norm, use `mb.recalibrate` before you compare.** It moved the error of "
        "networks that ended under Mixup by {bn-confound-cifar-small} points.",
        {"bn-confound-cifar-small": "supported"},
    ),
    (
        "**Look at rare subgroups by themselves, with `mb.group_errors`, and try label smoothing "
        "at Mixup's loss beside Mixup.** On digits with rare subclasses it ended "
        "{pairs-digits-smoothing} points of rare error from Mixup. In the theory's model Mixup "
        "learns the rare features in {C3-rare}, and smoothing does not.",
        {
            "pairs-digits-smoothing": "supported",
            "C3-rare": "supported",
        },
    ),
)
OUTCOMES = (
    (
        "**Linearity, the usual account of why Mixup works, is not what it needs.** With other "
        "coefficients for the labels than for the images it does about as well: the farthest of "
        "five such label maps ended {C1-digits} points of test error from it, on digits.",
        {"C1-digits": "supported"},
    ),
    (
        "**Standard training learns only the common features.** In the model with common and rare "
        "features, after what amounts to a million steps, it errs on more than 40 % of the rare "
        "test examples in {C2-rare}, and on fewer than 1 % of the common ones in {C2-common}.",
        {"C2-rare": "supported", "C2-common": "supported"},
    ),
    (
        "**Mixup learns the rare features, from their mixture with common ones.** By step 1600 it "
        "has, in {C3-rare}; without the pairs of a common and a rare example it errs on "
        "{C3-partners} % of the rare ones. The model's network squares; with ReLU in place of the "
        "square Mixup learns them in part only, and errs on {C3-relu} %. On digits pairs of "
        "*different* labels change the error of rare subclasses by {pairs-digits-other} points, "
        "and pairs of one label by {pairs-digits-same}.",
        {
            "C3-rare": "supported",
            "C3-partners": "supported",
            "C3-relu": "supported",
            "pairs-digits-other": "supported",
            "pairs-digits-same": "supported",
        },
    ),
    (
        "**Most of it can happen early.** Mixup in the first 800 of a million steps suffices, in "
        "{C4-first-window}. From step 800 on it takes {C4-late-costs} times as many steps: late "
        "costs more, and still works.",
        {"C4-first-window": "supported", "C4-late-costs": "supported"},
    ),
    (
        "**On photographs little of it shows, so far.** On a part of CIFAR-10, with three seeds, "
        "Mixup throughout made no clear difference to the test error ({mixup-cifar-small} points, "
        "where less would be better), and Mixup in the first half of a run did worse than in the "
        "second, by {C4-cifar-small-late} points: claim 4 is one about the model.",
        {"mixup-cifar-small": "mixed", "C4-cifar-small-late": "not supported"},
    ),
)
# The value, or the count of seeds, at the head of a claim's measurement, with the interval.
NUMBER = re.compile(
    r"\d+ of \d+, (?:at (?:least|most) [\d.]+|[\d.]+ to [\d.]+) % of \w+|\S+ \[[^\]]*\]"
)


def practical_advice(folder: str | Path) -> str:
    """At most five lines of advice, each with its numbers, as a Markdown list.

    Args:
        folder: where the executed chapters lie.

    Raises:
        ValueError: a claim that a line rests on is not there, or has another verdict by now.
    """
    claims = {row["id"]: row for row in collect(folder)}
    return "\n".join(f"{n}. {_line(*each, claims)}" for n, each in enumerate(ADVICE, start=1))


def outcomes(folder: str | Path) -> str:
    """What came of the paper's four claims, and on photographs: a Markdown list with verdicts.

    Args:
        folder: where the executed chapters lie.

    Raises:
        ValueError: a claim is not there, or has another verdict by now than its line says.
    """
    claims = {row["id"]: row for row in collect(folder)}
    lines = []
    for number, (template, verdicts) in enumerate(OUTCOMES, start=1):
        said = "; ".join(dict.fromkeys(verdicts.values())).capitalize()
        lines.append(f"{number}. {_line(template, verdicts, claims)} *{said}.*")
    return "\n".join(lines)


def quoted_claims(ids: Sequence[str], folder: str | Path) -> str:
    """Claims in their own words, as a Markdown list: sentence, measurement, verdict and chapter.

    Args:
        ids: of the claims, in the order wanted.
        folder: where the executed chapters lie.

    Raises:
        ValueError: there is no claim of that id.
    """
    claims = {row["id"]: row for row in collect(folder)}
    rows = [_found(claim_id, claims) for claim_id in ids]
    return "\n".join(
        f"- {row['sentence']} *{row['verdict'].capitalize()}*: {row['measured']} "
        f"([{row['id']}]({row['chapter']}.md))."
        for row in rows
    )


def _line(template: str, verdicts: dict[str, str], claims: dict[str, dict[str, str]]) -> str:
    numbers = {}
    for claim_id, verdict in verdicts.items():
        row = _found(claim_id, claims)
        if row["verdict"] != verdict:
            raise ValueError(
                f"a line rests on claim {claim_id!r} being {verdict}, and it is {row['verdict']}: "
                "write another"
            )
        numbers[claim_id] = f"[{_number(row['measured'])}]({row['chapter']}.md)"
    return template.format_map(numbers)


def _found(claim_id: str, claims: dict[str, dict[str, str]]) -> dict[str, str]:
    if claim_id not in claims:
        raise ValueError(f"claim {claim_id!r} is in none of the executed chapters")
    return claims[claim_id]


def _number(measured: str) -> str:
    found = NUMBER.match(measured)
    if found is None:
        raise ValueError(f"a measurement must begin with value and interval, got {measured!r}")
    return re.sub(r"([\[\]])", r"\\\1", found.group())  # it becomes the text of a link
