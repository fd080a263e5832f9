"""What may be minimised: all the objectives there are, and the check that something is one."""

from collections.abc import Sequence

from mixupbook.theory.objectives import ExpectedMixup, PairMixup, Standard
from mixupbook.theory.patch_objectives import InputNoise, PairCutMix, PatchDropping

__all__ = ["Objective", "check_objectives"]

Objective = Standard | PairMixup | ExpectedMixup | PairCutMix | PatchDropping | InputNoise


def check_objectives(objectives: Sequence[object], patches: int) -> None:
    """Raises an error unless each is an objective, and suits data with so many patches."""
    for objective in objectives:
        if not isinstance(objective, Objective):
            found = f"{objective!r:.60}"
            if isinstance(objective, type) and issubclass(objective, Objective):
                found = f"the class {objective.__name__}: call it, {objective.__name__}(...)"
            raise TypeError(
                "objective must be Standard, PairMixup, ExpectedMixup, PairCutMix, PatchDropping "
                f"or InputNoise, or a sequence of them, got {found}"
            )
        if isinstance(objective, PairCutMix | PatchDropping):
            objective.patch_sets(patches)
