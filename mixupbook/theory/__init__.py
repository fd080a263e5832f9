"""The theory wing: feature-noise data, the patch network, exact gradient descent on all pairs."""
