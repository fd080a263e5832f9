"""The condition under which a rare feature is learned from its mixture with the common one."""

from mixupbook.studies.ladder.rungs import Rung

__all__ = ["MEMORISED", "NEEDED", "expected"]

# Fixed before the rungs were trained: standard training memorises where less than this share of the
# rare margin carries over to test examples; and pairs are needed where the rare error rises by more
# than so many points without them.
MEMORISED = 0.055
NEEDED = 25.0


def expected(rung: Rung, share: float) -> bool:
    """Whether the condition says that `need` is above `NEEDED`.

    Args:
        rung: with what it lacks.
        share: mean rare margin of test over training examples, under standard training.
    """
    return not rung.lacks and share < MEMORISED
