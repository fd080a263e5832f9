"""The laboratory for Python: its settings, its static figure, its widget, its directive."""

import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import laboratory_pages
import numpy as np
import pytest
import traitlets
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

import mixupbook.pages
from mixupbook.pages.laboratory import bundle as bundling
from mixupbook.pages.laboratory import fallback, laboratory
from mixupbook.pages.laboratory.bundle import bundle, in_order
from mixupbook.pages.laboratory.fallback import element, experiment, picture
from mixupbook.pages.laboratory.parameters import PARAMETERS, attributes, settings

FOLDER = Path(fallback.__file__).parent


@pytest.fixture(scope="module")
def javascript():
    """What an ES module of the laboratory exports under a name, as JSON."""
    node = shutil.which("node")
    assert node, "node is needed: https://nodejs.org, or apt-get install nodejs"

    def exported(module, name):
        code = f"import {{ {name} }} from '{FOLDER / module}'; console.log(JSON.stringify({name}))"
        run = [node, "--input-type=module", "-e", code]
        return json.loads(subprocess.run(run, capture_output=True, check=True, text=True).stdout)

    return exported


# ------------------------------------------------------------------ settings


def test_the_function_has_the_place_of_its_module():
    assert mixupbook.pages.laboratory is laboratory


def test_both_tables_are_one(javascript):
    rows = {row["name"]: row for row in javascript("parameters.js", "PARAMETERS")}
    assert rows.pop("run")["kind"] == "flag"
    assert list(rows) == list(PARAMETERS)
    for name, row in PARAMETERS.items():
        theirs = rows[name]
        assert (theirs["min"], theirs["max"], theirs.get("word")) == (row.low, row.high, row.word)
        assert theirs["default"] == (row.word if row.default is None else row.default)
        assert (theirs["kind"] == "whole") == row.whole


def test_the_figure_has_the_sizes_of_the_engine(javascript):
    fixed = javascript("engine.js", "FIXED")
    assert fixed == {
        "examples": fallback.EXAMPLES,
        "testExamples": fallback.TEST_EXAMPLES,
        "dimension": fallback.DIMENSION,
        "patches": fallback.PATCHES,
        "noisePatches": fallback.NOISE_PATCHES,
        "featureNoise": fallback.FEATURE_NOISE,
        "filters": fallback.WIDTH,
        "initStd": fixed["initStd"],
        "lr": fallback.LR,
        "steps": PARAMETERS["steps"].default,
    }
    assert experiment(settings(steps=50)).attrs["init_std"] == fixed["initStd"]


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"lam": 0.4}, ValueError, r"lam must lie in \[0.5, 1\], got 0.4"),
        ({"label_lam": 1.5}, ValueError, "label_lam must lie"),
        ({"lam": "0.7"}, TypeError, "lam must be a real number, got '0.7'"),
        ({"lam": None}, TypeError, "lam must be a real number"),
        ({"stop": 1.5}, TypeError, "stop must be an integer, got 1.5"),
        ({"steps": 49}, ValueError, r"steps must lie in \[50, 20000\], got 49"),
        ({"noise": float("nan")}, ValueError, "noise must be finite"),
        ({"run": 1}, TypeError, "run must be True or False, got 1"),
        ({"controls": "many"}, ValueError, "controls must be one of 'full', 'few', got 'many'"),
    ],
)
def test_bad_settings_are_named(given, error, says):
    with pytest.raises(error, match=says):
        laboratory(**given)


def test_attributes_say_what_differs():
    assert attributes(settings()) == ""
    said = attributes(settings(label_lam=0.9, stop=0, seed=999999, run=True, controls="few"))
    assert said == 'label_lam="0.9" stop="0" seed="999999" run="1" controls="few"'


# ------------------------------------------------------------------ static figure


@pytest.fixture
def static(monkeypatch):
    monkeypatch.setenv("MIXUPBOOK_STATIC", "1")


def test_static_pages_get_the_element_with_a_figure_inside(static):
    shown = laboratory(stop=150, controls="few").data
    root = ET.fromstring(shown)
    assert root.tag == "mixup-laboratory"
    assert root.attrib == {"stop": "150", "controls": "few"}
    figure, sentence = root
    assert figure.attrib["role"] == "img"
    assert sentence.text in figure.attrib["aria-label"]
    assert sentence.text.startswith("After 800 steps standard training errs on ")
    assert "stopped at step 150" in sentence.text
    assert shown == laboratory(stop=150, controls="few").data


def test_the_figure_shows_the_run():
    chosen = settings(stop=75)
    result = experiment(chosen)
    standard, mixup = result.rare_error.to_numpy()
    assert standard[-1] > 0.35
    assert 0.05 < mixup[-1] < standard[-1]
    drawn = picture(result, chosen)
    ends = re.findall(r'd="M[^"]*L(\d+) (\d+)"', drawn)
    height = (fallback.BOTTOM - fallback.TOP) / 0.6
    expected = [round(fallback.BOTTOM - height * error) for error in (standard[-1], mixup[-1])]
    assert [(int(x), int(y)) for x, y in ends] == [(fallback.RIGHT, y) for y in expected]
    assert "Mixup stops here: 75" in drawn


def test_a_stop_after_the_last_step_is_none():
    chosen = settings(steps=100, stop=100)
    result = experiment(chosen)
    same = experiment(settings(steps=100))
    np.testing.assert_array_equal(result.rare_error, same.rare_error)
    assert "stop" not in picture(result, chosen)


def test_overlap_is_a_share_of_the_rare_examples():
    chosen = settings(rho=0.2, overlap=0.25)
    data = fallback._sample(40, (4, 4), 3, chosen)
    features = data.x[:, :, :4].eq(1).float()
    place = features.sum(2).argmax(1)
    assert place[data.is_rare].tolist().count(0) == 2
    assert place[data.is_rare].tolist().count(1) == 6
    assert not place[~data.is_rare].any()
    assert data.y[data.is_rare].sum() == 4


def test_overlap_decides_in_the_figure_too():
    _, mixup = experiment(settings(overlap=0.0)).rare_error.to_numpy()[:, -1]
    assert mixup > 0.35
    _, mixup = experiment(settings()).rare_error.to_numpy()[:, -1]
    assert mixup < 0.05


# ------------------------------------------------------------------ notebooks


@pytest.fixture
def live(monkeypatch):
    monkeypatch.delenv("MIXUPBOOK_STATIC", raising=False)


def test_widget_has_a_trait_for_each_parameter(live):
    widget = laboratory(lam=0.9, stop=75, controls="few")
    said = {name: getattr(widget, name) for name in [*PARAMETERS, "run", "controls"]}
    assert said == settings(lam=0.9, stop=75, controls="few")
    assert {*said, "step", "standard_rare_error", "mixup_rare_error"} <= set(widget.keys)
    widget.stop = None
    with pytest.raises(traitlets.TraitError):
        widget.lam = 1.1


def test_every_module_is_in_a_bundle():
    bundled = {*in_order("notebook.js"), *in_order("timeline.js")}
    # The reduced dynamics run in the atlas, which no notebook shows live.
    of_atlas = set(in_order("reduced.js"))
    assert bundled | of_atlas == {path.name for path in FOLDER.glob("*.js")}


@pytest.mark.parametrize("entry", ["notebook.js", "timeline.js"])
def test_bundle_holds_every_module_after_what_it_needs(entry):
    order = in_order(entry)
    assert len(order) == len(set(order))
    for name in order:
        needed = re.findall(r'"\./([\w.]+)"', (FOLDER / name).read_text(encoding="utf8"))
        assert set(needed) <= set(order[: order.index(name)]), name
    inside = bundle(entry).split("const sources = ")[1].split(";\nconst addresses")[0]
    assert json.loads(inside) == {name: (FOLDER / name).read_text("utf8") for name in order}


def test_modules_in_a_circle_are_named(tmp_path, monkeypatch):
    (tmp_path / "a.js").write_text('import { b } from "./b.js";')
    (tmp_path / "b.js").write_text('new Worker(new URL("./a.js", import.meta.url));')
    monkeypatch.setattr(bundling, "HERE", tmp_path)
    with pytest.raises(ValueError, match=r"a\.js -> b\.js -> a\.js"):
        in_order("a.js")


# ------------------------------------------------------------------ pages


def built(folder, text):
    """A page with this text, and what the build warned of."""
    (folder / "index.md").write_text(f"# Title\n\n{text}\n", encoding="utf8")
    (folder / "plain.md").write_text("---\norphan: true\n---\n\n# Plain\n", encoding="utf8")
    warnings = (folder / "warnings").open("w+", encoding="utf8")
    with docutils_namespace(), warnings:
        app = Sphinx(
            folder, None, folder / "out", folder / "trees", "html",
            confoverrides={
                "extensions": ["myst_parser"],
                "html_theme": "basic",
                # Or Sphinx would write the parser into its defaults, for every later build.
                "source_suffix": {".md": "markdown"},
            },
            status=None, warning=warnings,
        )  # fmt: skip
        laboratory_pages.setup(app)
        app.build()
        warnings.seek(0)
        return app, warnings.read()


def test_a_page_gets_the_element_the_script_and_links(tmp_path):
    text = (
        "```{laboratory}\n:controls: few\n:stop: 150\n```\n\n"
        "See {lab}`without <overlap=0&run=1>` it."
    )
    _, warned = built(tmp_path, text)
    assert warned == ""
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf8")
    assert element(settings(stop=150, controls="few")) in page
    assert '<a class="reference internal" href="#lab?overlap=0&amp;run=1">without</a>' in page
    assert re.search(r'<script type="module" src="_static/laboratory/define\.js[^"]*">', page)
    plain = (tmp_path / "out" / "plain.html").read_text(encoding="utf8")
    assert "laboratory" not in plain


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("```{laboratory}\n:lam: 2\n```", "lam must lie in"),
        ("```{laboratory}\n:stop: soon\n```", "stop must be a whole number, got 'soon'"),
        ("```{laboratory}\n:speed: 2\n```", "speed"),
        ("{lab}`so <lam=x>`", "lam must be a number, got 'x'"),
        ("{lab}`so <speed=2>`", "'speed' is no parameter"),
        ("{lab}`so`", "bad query field"),
    ],
)
def test_a_wrong_option_is_an_error_of_the_page(tmp_path, text, says):
    _, warned = built(tmp_path, text)
    assert says in warned


def test_words_are_read_as_the_address_has_them():
    read = laboratory_pages.read({"stop": "never", "label_lam": "same", "run": "1", "seed": "3"})
    assert read == settings(seed=3, run=True)
