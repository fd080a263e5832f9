"""Trains a tiny network, kills it at random moments and starts it again; prints what came of it.

usage: kill_and_resume.py FOLDER KILLS

Every life is a forked process, so a start costs milliseconds. The network, the augmentation and
Mixup have every kind of state: batch-norm statistics, momentum, dropout, and generators.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import torch
from torch import nn

import mixupbook as mb

EPOCHS = 16
DATA = mb.load_digits(train=30, test=20)


def train(seed, checkpoint):
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.2), nn.Flatten(), nn.Linear(144, 10)
    )
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.linspace(-0.1, 0.1, parameter.numel()).view_as(parameter))
    return mb.fit(
        DATA,
        network,
        mixup=mb.Mixup(num_classes=10, stop_epoch=EPOCHS // 2),
        augment="crop_flip",
        epochs=EPOCHS,
        batch_size=7,
        lr=0.02,
        seed=seed,
        device="cpu",
        checkpoint=checkpoint,
        progress=False,
    )


def start(seed, checkpoint, result):
    """Trains in a child process, which leaves history and weights in the file `result`."""
    child = os.fork()
    if child == 0:
        run = train(seed, checkpoint)
        weights = {name: value.tolist() for name, value in run.network.state_dict().items()}
        result.write_text(json.dumps([run.history, weights]))
        os._exit(0)
    return child


def finish(child):
    """Whether the child was killed; any other failure is an error here."""
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    assert os.waitstatus_to_exitcode(status) == 0
    return False


def main():
    folder, kills_wanted = Path(sys.argv[1]), int(sys.argv[2])
    draw = random.Random(0)
    # What the first batch imports is then there in every life.
    mb.Mixup(num_classes=10)(DATA.x_train, DATA.y_train)
    kills, seed, runs = 0, 0, []
    while kills < kills_wanted:
        whole, resumed = folder / f"whole-{seed}", folder / f"resumed-{seed}"
        begin = time.monotonic()
        finish(start(seed, None, whole))
        duration = time.monotonic() - begin
        lives = 1
        child = start(seed, folder / "state.pt", resumed)
        while True:
            time.sleep(draw.uniform(0, duration))
            os.kill(child, signal.SIGKILL)
            if not finish(child):
                break
            kills, lives = kills + 1, lives + 1
            child = start(seed, folder / "state.pt", resumed)
        same = whole.read_text() == resumed.read_text()
        runs.append({"lives": lives, "same": same})
        (folder / "state.pt").unlink()
        seed += 1
    sys.stdout.write(json.dumps({"kills": kills, "runs": runs}))


if __name__ == "__main__":
    main()
