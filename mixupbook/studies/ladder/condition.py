"""The condition under which a rare feature is learned from its mixture with the common one."""

from mixupbook.studies.ladder.rungs import Rung

__all__ = ["DIFFERENT_AT_MOST", "MEMORISED", "NEEDED", "SAME_NEEDS", "expected"]

# Fixed before the rungs were trained: standard training memorises where less than this share of the
# rare margin carries over to test examples; and pairs are needed where the rare error rises by more
# than so many points without them.
MEMORISED = 0.055
NEEDED = 25.0
# Fixed before the rungs were trained again under other seeds: their needs follow the first ones
# with at least this correlation; no rung that both ladders decide changes its side of `NEEDED`; and
# at most so many of the 54 rungs differ by more than the 95 % interval of the difference (without
# any difference, seven or more do so with a probability of 2 %).
SAME_NEEDS = 0.95
DIFFERENT_AT_MOST = 6


def expected(rung: Rung, share: float) -> bool:
    """Whether the condition says that `need` is above `NEEDED`.

    Args:
        rung: with what it lacks.
        share: mean rare margin of test over training examples, under standard training.
    """
    return not rung.lacks and share < MEMORISED
