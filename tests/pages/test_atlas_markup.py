"""The atlas's markup, and that pages are served and load its scripts."""

import json
import re

import laboratory_pages
import pytest
from notebooks import ROOT

from mixupbook.pages.atlas.atlas_markup import element

PACKAGED = ROOT / "mixupbook" / "pages" / "atlas"
SETTING = {
    "lam": 0.7,
    "label_lam": None,
    "init_std": 0.01,
    "n": 100,
    "d": 500,
    "steps": 1600,
    "stop": None,
}
POINT = {"rho": 0.1, "noise": 0.12, "standard": 0.5, "mixup": 1 / 3}


def test_the_element_holds_a_text_and_what_was_measured():
    made = element(SETTING, [POINT], text="a < b", laboratory="../intro.html")
    found = re.fullmatch(
        r'<mixup-atlas laboratory="../intro.html"><p>a &lt; b</p>'
        r'<script type="application/json">(.*)</script></mixup-atlas>',
        made,
    )
    recorded = json.loads(found[1])
    assert recorded == {"setting": SETTING, "points": [POINT | {"mixup": 0.333333}]}


def test_other_names_are_refused():
    with pytest.raises(ValueError, match="setting must have lam, label_lam"):
        element({"lam": 0.7}, [])
    with pytest.raises(ValueError, match="each point must have rho, noise, standard, mixup"):
        element(SETTING, [{"rho": 0.1}])
    with pytest.raises(ValueError, match="not JSON compliant"):
        element(SETTING, [POINT | {"mixup": float("nan")}])


def test_the_pages_serve_what_the_package_holds():
    served = ROOT / "book" / "_static" / "atlas"
    assert served.resolve() == PACKAGED
    assert (served / "define.js").exists()


def test_a_page_with_the_atlas_loads_its_script():
    loaded = []

    class App:
        add_js_file = staticmethod(lambda name, type: loaded.append((name, type)))

    body = {"body": element(SETTING, [])}
    laboratory_pages.load(App, "page", "page.html", body, None)
    assert loaded == [("atlas/define.js", "module")]
