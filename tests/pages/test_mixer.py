"""The mixer: its label maps and words beside the package's, its markup, its script."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import laboratory_pages
import numpy as np
import pytest
import torch
from notebooks import ROOT

import mixupbook as mb
from mixupbook.mixup.label_maps import LABEL_MAPS
from mixupbook.pages.mixer.markup import element

PACKAGED = ROOT / "mixupbook" / "pages" / "mixer"
X = torch.rand(2, 1, 5, 3, generator=torch.Generator().manual_seed(0))
Y = torch.tensor([1, 0])
CLASSES = ("a & b", "four")


def in_node(expression: str):
    """What an expression gives in node, where `maps` is the module."""
    node = shutil.which("node")
    assert node, "node is needed: https://nodejs.org, or apt-get install nodejs"
    code = f"import * as maps from {json.dumps((PACKAGED / 'maps.js').as_uri())};"
    code += f"process.stdout.write(JSON.stringify({expression}))"
    command = [node, "--input-type=module", "--eval", code]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def test_label_coefficients_are_the_packages():
    lams = torch.linspace(0, 1, 1001, dtype=torch.float64)
    for label_map in [*LABEL_MAPS, 0.5, 0.75, 1.0]:
        found = in_node(f"{lams.tolist()}.map((l) => maps.labelCoefficient('{label_map}', l))")
        expected = mb.label_coefficient(label_map, lams)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_a_second_draw_goes_to_the_larger_part():
    drawn = "[0.2, 0.5, 0.9].map((l) => maps.labelCoefficient('independent', l, 0.8))"
    np.testing.assert_allclose(in_node(drawn), [0.2, 0.8, 0.8])


def test_an_unknown_map_is_refused():
    with pytest.raises(subprocess.CalledProcessError) as failed:
        in_node("maps.labelCoefficient('cube', 0.7)")
    assert "no label map is called cube" in failed.value.stderr


def test_words():
    said = in_node(
        "[[0.7, 0.7, false], [0.7, 0.7, true], [0.7, 1, true], [0.7, 0.532, true]]"
        ".map((given) => maps.words(['zero', 'four'], ...given))"
    )
    assert said == [
        "The image is 70 % “zero” and 30 % “four”. Its label is 70 % “zero” and 30 % “four”.",
        "The image is 70 % “zero” and 30 % “four”. Its label is 70 % “zero” and 30 % “four”, "
        "on the straight line.",
        "The image is 70 % “zero” and 30 % “four”. Its label is 100 % “zero” and 0 % “four”, "
        "30 points above the straight line.",
        "The image is 70 % “zero” and 30 % “four”. Its label is 53 % “zero” and 47 % “four”, "
        "17 points below the straight line.",
    ]


def test_the_element_holds_the_images_and_the_maps():
    opening = re.match(r'<mixup-mixer examples="([^"]*)" maps="([^"]*)" curve>', made(curve=True))
    examples = json.loads(html.unescape(opening[1]))
    pixels = np.array(examples["pixels"]).reshape(2, 5, 3)
    np.testing.assert_allclose(pixels, X[:, 0], atol=1e-4)
    assert (examples["height"], examples["width"]) == (5, 3)
    assert examples["names"] == ["four", "a & b"]
    assert opening[2] == "hard independent 0.75"
    assert " curve" not in made().split(">")[0]


def test_the_static_figure_shows_the_packages_shares():
    drawing = ElementTree.fromstring(re.search(r"<svg.*</svg>", made())[0])
    texts = [text.text for text in drawing.iter("text")]
    lams = ("1", "0.9", "0.75", "0.6", "0.5")
    columns = [text for lam in lams for text in (lam, "1.00", "0.75")]
    assert texts == ["λ", *columns, "hard", "0.75"]
    assert len(list(drawing.iter("image"))) == 5


def test_the_pages_serve_what_the_package_holds():
    served = ROOT / "book" / "_static" / "mixer"
    for path in PACKAGED.glob("*.js"):
        assert (served / path.name).read_bytes() == path.read_bytes()


def test_a_page_loads_the_scripts_of_its_elements_alone():
    loaded = []

    class App:
        add_js_file = staticmethod(lambda name, type: loaded.append((name, type)))

    for body in ("nothing", made(), "<mixup-laboratory>"):
        laboratory_pages.load(App, "page", "page.html", {"body": body}, None)
        loaded.append(None)
    assert loaded == [
        None,
        ("mixer/define.js", "module"),
        None,
        ("laboratory/define.js", "module"),
        None,
    ]


def made(**options):
    return element(X, Y, CLASSES, ["hard", "independent", 0.75], **options)


def test_scripts_exist():
    static = Path(ROOT, "book", "_static")
    assert all((static / script).exists() for script in laboratory_pages.SCRIPTS.values())
