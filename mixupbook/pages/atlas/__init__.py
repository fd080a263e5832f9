"""The atlas: the plane of noise and rare examples, computed in the reader's browser."""
