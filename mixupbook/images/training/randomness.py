"""Random streams: every draw of a run follows from one seed."""

import numpy as np

__all__ = ["streams"]

# Order matters: a stream's seed follows from its place. The batch order has a stream of its own,
# so runs that differ in Mixup or augmentation alone see the same batches.
STREAMS = ("weights", "order", "augment", "mixup", "network")


def streams(seed: int) -> dict[str, int]:
    """Independent seeds for the parts of a run, all derived from one."""
    state = np.random.SeedSequence(seed).generate_state(len(STREAMS), np.uint64)
    # torch's generators take 63 bits without complaint.
    return {name: int(word >> 1) for name, word in zip(STREAMS, state, strict=True)}
