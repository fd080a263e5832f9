"""The theory wing: feature-noise data, the patch network, exact gradient descent on all pairs.

`descend` takes what it is asked for through four modules: `runs` checks every argument and stacks
the data (with `per_run` and `batches`), `walk` goes from step to step (with `losses` and
`stepping`), `history` records (with `measures` and `attributes`), and `divergence` reports what
went wrong.
"""
