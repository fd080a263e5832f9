"""The links of the built pages into the laboratory: followed, they run, and end as is said."""

import json
from pathlib import Path

import pytest
from browser.built import SITE

LINKED = json.loads(
    (Path(__file__).parents[1] / "laboratory" / "linked.json").read_text(encoding="utf8")
)


@pytest.mark.parametrize("name", LINKED)
def test_links_into_the_laboratory_end_as_the_page_says(fresh, site, name):
    errors = []
    fresh.on("pageerror", lambda error: errors.append(str(error)))
    fresh.goto(f"{site}/book/{name}.html", wait_until="networkidle")
    links = fresh.locator("a[href*='#lab?']")
    followed = set()
    for k in range(links.count()):
        link = links.nth(k)
        query = link.get_attribute("href").partition("#lab?")[2]
        link.evaluate("(e) => { e.closest('details')?.setAttribute('open', ''); }")
        link.click()
        laboratory = fresh.locator("mixup-laboratory").first
        # The state of the link before may still say that it is done.
        fresh.wait_for_function("location.hash.endsWith('run=1')")
        fresh.wait_for_selector("mixup-laboratory:not([data-state=done])")
        fresh.wait_for_selector("mixup-laboratory[data-state=done]", timeout=60000)
        data = laboratory.evaluate("(e) => ({ ...e.dataset })")
        assert data["refused"] == ""
        assert int(data["step"]) == laboratory.evaluate("(e) => e.values.steps")
        for which in ("standard", "mixup"):
            low, high = LINKED[name]["links"][query][which]
            assert low <= float(data[f"{which}RareError"]) <= high, (query, which)
        followed.add(query)
    assert followed == set(LINKED[name]["links"])
    assert errors == []


def test_all_pages_with_links_are_among_them():
    linking = [
        path.stem
        for path in (SITE / "book").glob("*.html")
        if "#lab?" in path.read_text(encoding="utf8")
    ]
    assert sorted(linking) == sorted(LINKED)
