"""The image wing: data, networks and training with Mixup, on a CPU or a GPU."""
