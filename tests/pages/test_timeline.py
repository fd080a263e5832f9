"""The timeline for Python: its record, its table, its widget."""

import json
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import mixupbook as mb
from mixupbook.pages.timeline import element, record, timeline

MODEL = mb.FeatureNoise(60, 3, 0.2, 0.2, 1, 0.15, layout="same")


@pytest.fixture(scope="module")
def runs():
    """Two trainings of three runs each, recorded at 0, 7, ..., 35, and who is rare."""
    train = [MODEL.sample(20, seed=seed, rare=4) for seed in range(3)]
    objectives = {"Standard training": mb.Standard(), "Mixup until step 20": mb.PairMixup(0.7)}
    found = {
        name: mb.descend(
            train,
            objective,
            test=MODEL.sample(50, seed=9, rare=20),
            seed=[0, 1, 2],
            width=2,
            lr=0.4,
            steps=35,
            record_every=7,
        )
        for name, objective in objectives.items()
    }
    return found, np.stack([data.is_rare.numpy() for data in train])


def test_record_holds_means_to_three_digits(runs):
    results, is_rare = runs
    found = record(results, is_rare, until=28, at=14)
    assert (found["steps"], found["at"]) == ([0, 7, 14, 21, 28], 2)
    assert [(run["name"], run["which"]) for run in found["runs"]] == [
        ("Standard training", "standard"),
        ("Mixup until step 20", "mixup"),
    ]
    for run, result in zip(found["runs"], results.values(), strict=True):
        for k in range(5):
            aligned = result.feature_alignment.values[:, k]
            noise = result.noise_memorisation.values[:, k]
            expected = {
                "error": result.rare_error.values[:, k].mean(),
                "common": np.mean([aligned[r, :2].mean() for r in range(3)]),
                "rare": np.mean([aligned[r, 2:].mean() for r in range(3)]),
                "noise": np.mean([noise[r, is_rare[r]].mean() for r in range(3)]),
            }
            for kind, mean in expected.items():
                assert run[kind][k] == pytest.approx(mean, rel=6e-3), (kind, k)
                assert len(re.sub(r"^0\.0*|\D|e.*", "", str(run[kind][k]))) <= 3


def test_static_pages_get_the_record_and_a_table(runs, monkeypatch):
    results, is_rare = runs
    monkeypatch.setenv("MIXUPBOOK_STATIC", "1")
    shown = timeline(results, is_rare, until=35, at=0).data
    assert shown == timeline(results, is_rare, until=35, at=0).data
    script, *tables = ET.fromstring(shown)
    found = json.loads(script.text)
    assert found == record(results, is_rare, until=35, at=0)
    assert [table.find("caption").text for table in tables] == list(results)
    cells = [[cell.text for cell in row] for row in tables[1].find("tbody")]
    assert [row[0] for row in cells] == ["0", "7", "14", "28", "35"]
    last = {kind: found["runs"][1][kind][-1] for kind in ("common", "rare", "noise")}
    assert cells[-1][2:] == [f"{value:.2f}" for value in last.values()]


def test_a_name_cannot_end_the_script():
    curves = {kind: [0.5, 0.5] for kind in ("error", "common", "rare", "noise")}
    run = {"name": "a </script>", "which": "standard", **curves}
    shown = element({"steps": [0, 1], "at": 0, "runs": [run]})
    inside = shown.split('json">')[1].split("</script>")[0]
    assert json.loads(inside)["runs"] == [run]


def test_widget_has_the_record(runs, monkeypatch):
    results, is_rare = runs
    monkeypatch.delenv("MIXUPBOOK_STATIC", raising=False)
    widget = timeline(results, is_rare, until=35, at=7)
    assert widget.record == record(results, is_rare, until=35, at=7)
    assert "mixup-timeline" in widget._esm


@pytest.mark.parametrize(
    ("until", "at", "says"),
    [
        (30, 0, "until must be one of the recorded steps, got 30"),
        (35, 1, "at must be one of the recorded steps, got 1"),
        (14, 21, "at must not lie after until = 14, got 21"),
    ],
)
def test_steps_that_there_are_not_are_named(runs, until, at, says):
    with pytest.raises(ValueError, match=says):
        timeline(*runs, until=until, at=at)


def test_runs_must_share_their_steps(runs):
    results, is_rare = runs
    other = {"a": results["Standard training"], "b": results["Standard training"].isel(step=[0, 2])}
    with pytest.raises(ValueError, match="runs must be recorded at the same steps"):
        timeline(other, is_rare, until=35, at=0)
