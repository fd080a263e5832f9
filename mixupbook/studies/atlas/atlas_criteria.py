"""By what the atlas's claims are judged, written down before any of its maps was made.

A cell is learned where the mean rare error over its seeds is below `LEARNED`. Verdicts and errors
are those at the last step that a map keeps.
"""

__all__ = [
    "COLLAPSED",
    "FASTER",
    "LEARNED",
    "METHODS_FAIL",
    "METHODS_LEARN",
    "OF_TEN",
    "RANKED",
    "RIGHT",
]

LEARNED = 0.25
# A prediction agrees with the measurement where it is right in at least this share of the cells or
# settings, as the lower end of the one-sided 95 % interval of Clopper and Pearson, and beats the
# verdict that is the more frequent one; and it orders the settings where the rank correlation of
# errors is at least `RANKED`.
RIGHT = 0.8
RANKED = 0.9
# Sizes (n, d) collapse onto one curve where the kappa at which half is learned differs by at most
# this factor between any two of them.
COLLAPSED = 1.25
# A method learns the rare feature where at least so many of ten seeds are below 5 % at its last
# step, and fails where none is; and one is faster where it is so in at least so many of ten.
OF_TEN = 9
METHODS_LEARN = ("mixup", "cutmix-2", "cutmix-3", "cutmix-2-apart", "dropping-half")
METHODS_FAIL = ("standard", "smoothing", "repeated", "minibatches", "input-noise", "mixup-apart")
FASTER = ("mixup", "cutmix-2")
