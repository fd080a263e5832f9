"""The laboratory's engine, run by node: by itself, and beside `mixupbook.descend`."""

import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from mixupbook import PairMixup, PatchData, Standard, descend
from mixupbook.theory import walk

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PACKAGED = ROOT / "mixupbook" / "pages" / "laboratory"
STEPS, EVERY = 300, 100
SETTING = {"rho": 0.1, "noise": 0.15, "overlap": 1}
# What the laboratory's controls do, one after the other, with five seeds each.
RUNS = {
    "as it opens": ({}, {"lam": 0.7}),
    "stopped early": ({}, {"lam": 0.7, "stop": 50}),
    "stopped halfway": ({}, {"lam": 0.7, "stop": 80}),
    "no overlap": ({"overlap": 0}, {"lam": 0.7}),
    "little of the second": ({}, {"lam": 0.95}),
    "all of it": (
        {"rho": 0.2, "noise": 0.2, "overlap": 0.5},
        {"lam": 0.6, "labelLam": 0.8, "stop": 100},
    ),
}
CASES = list(itertools.product(RUNS, range(5)))


@pytest.fixture(scope="module")
def node():
    found = shutil.which("node")
    assert found, "node is needed: https://nodejs.org, or apt-get install nodejs"
    return found


@pytest.mark.parametrize("name", [path.name for path in sorted(HERE.glob("*.test.mjs"))])
def test_node(node, name):
    """What `node --test` finds; it takes what it compares with from the Python that runs here."""
    done = subprocess.run(
        [node, "--test", "--test-reporter=spec", HERE / name],
        cwd=ROOT,
        env={**os.environ, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]


def test_the_pages_serve_what_the_package_holds():
    served = ROOT / "book" / "_static" / "laboratory"
    assert served.resolve() == PACKAGED
    assert (served / "engine.js").read_bytes() == (PACKAGED / "engine.js").read_bytes()


def test_engine_knows_nothing_of_a_page():
    text = (PACKAGED / "engine.js").read_text(encoding="utf8")
    for word in ("document", "window", "import ", "fetch", "Math.random", "Date"):
        assert word not in text.split("*/", 1)[1], word


class World:
    """A world that the engine drew, and what it measured there."""

    def __init__(self, folder: Path, number: int, described: dict) -> None:
        self.lr, self.found = described["lr"], described["found"]
        self.width = described["filters"]
        patches, dimension = described["patches"], described["dimension"]
        start = np.fromfile(folder / f"{number}.start", dtype=np.float32)
        test = np.fromfile(folder / f"{number}.test", dtype=np.float32)
        count = 2 * self.width * dimension
        self.weights = torch.tensor(start[:count]).view(2, self.width, dimension)
        self.train, self.test = (
            PatchData(
                torch.tensor(x).view(-1, patches, dimension),
                torch.tensor(described[split]["y"]),
                torch.tensor(described[split]["isRare"]) == 1,
            )
            for split, x in (("train", start[count:]), ("test", test))
        )


@pytest.fixture(scope="module")
def worlds(node, tmp_path_factory):
    """Every setting with every seed."""
    folder = tmp_path_factory.mktemp("worlds")
    runs = [
        {"draw": {**SETTING, **RUNS[name][0], "seed": seed}, "training": RUNS[name][1]}
        for name, seed in CASES
    ]
    written = subprocess.run(
        [node, HERE / "write_worlds.mjs", folder],
        input=json.dumps({"steps": STEPS, "every": EVERY, "runs": runs}),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    described = zip(CASES, json.loads(written), strict=True)
    return {case: World(folder, k, found) for k, (case, found) in enumerate(described)}


def objective(name: str) -> PairMixup:
    training = RUNS[name][1]
    return PairMixup(training["lam"], training.get("labelLam"), stop_step=training.get("stop"))


@pytest.fixture(scope="module")
def descended(worlds):
    """What `descend` makes of the same worlds from the same weights: (which, case) to a run."""
    # Standard training knows nothing of Mixup's controls: it is the same in equal worlds.
    distinct = {(str(RUNS[name][0]), seed): (name, seed) for name, seed in CASES}
    runs = [("standard", case) for case in distinct.values()]
    runs += [("mixup", case) for case in CASES]
    given = [worlds[case] for _, case in runs]
    weights = torch.stack([world.weights for world in given])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(walk, "initial_weights", lambda *_: weights)
        result = descend(
            [world.train for world in given],
            [Standard() if which == "standard" else objective(name) for which, (name, _) in runs],
            test=[world.test for world in given],
            width=given[0].width,
            lr=given[0].lr,
            steps=STEPS,
            record_every=EVERY,
            dtype=torch.float64,
        )
    return {key: result.isel(run=run) for run, key in enumerate(runs)}


def test_reacts_as_descend_does(worlds, descended):
    assert len(descended) == 3 * 5 + len(CASES)
    for (which, case), expected in descended.items():
        at = [measured[which] for measured in worlds[case].found]
        found = {name: [values[name] for values in at] for name in at[0]}
        assert found["rareError"] == expected.rare_error.values.tolist(), (which, case)
        assert found["commonError"] == expected.common_error.values.tolist(), (which, case)
        features = expected.feature_alignment.values
        noise = expected.noise_memorisation.values[:, worlds[case].train.is_rare.numpy()]
        for quantity, values in {
            "loss": expected.loss.values,
            "commonFeature": features[:, :2].mean(axis=1),
            "rareFeature": features[:, 2:].mean(axis=1),
            "noise": noise.mean(axis=1),
        }.items():
            message = f"{which}, {case}, {quantity}"
            np.testing.assert_allclose(found[quantity], values, rtol=1e-7, err_msg=message)


def test_the_controls_matter(worlds):
    """The comparison above is of runs that differ: settings end with errors of their own."""
    ends = {case: world.found[-1]["mixup"]["rareError"] for case, world in worlds.items()}
    means = {name: np.mean([ends[case] for case in CASES if case[0] == name]) for name in RUNS}
    assert means["as it opens"] == 0
    assert 0.1 < means["stopped halfway"] < 0.4
    for name in ("stopped early", "no overlap", "little of the second"):
        assert means[name] > 0.4, name
