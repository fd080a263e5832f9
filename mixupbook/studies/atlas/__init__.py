"""The atlas: where Mixup helps, and what else would, over thousands of small networks."""
