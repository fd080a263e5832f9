"""The repository's address: in one place, repeated equally, and moved by one command."""

import re
import shutil

import pytest
import yaml
from notebooks import ROOT, chapters
from repository import check_url, current_url, forms, places, rewrite

ELSEWHERE = "https://github.com/some-one/their.copy"


@pytest.fixture
def copy(tmp_path):
    for place in [*places(), ROOT / "_toc.yml", *(ROOT / "book").glob("*.ipynb")]:
        target = tmp_path / place.relative_to(ROOT)
        target.parent.mkdir(exist_ok=True)
        shutil.copy(place, target)
    return tmp_path


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf8")
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_every_repeated_address_is_the_configured_one():
    repository = re.compile(
        r"(?:git\+https://github\.com|mybinder\.org/v2/gh|colab\.research\.google\.com/github)"
        r"/([\w-]+/[\w.-]*[\w-])"
    )
    found = [
        (place.name, slug) for place in places() for slug in repository.findall(place.read_text())
    ]
    assert {name for name, _ in found} >= {"README.md", *(page.name for page in chapters())}
    slug = current_url().removeprefix("https://github.com/")
    assert {slug} == {each for _, each in found}


def test_citation_states_the_address():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf8"))
    assert citation["repository-code"] == current_url()
    assert citation["url"].removeprefix("https://") in forms(current_url())


def test_rewriting_reaches_every_place(copy):
    before = contents(copy)
    assert before == contents(copy)
    old = [form for form in forms(current_url()) if any(form in text for text in before.values())]
    rewrite(ELSEWHERE, copy)
    after = contents(copy)
    assert current_url(copy) == ELSEWHERE
    for form in old:
        assert not [name for name, text in after.items() if form in text]


def test_rewriting_back_restores_every_byte(copy):
    before = contents(copy)
    rewrite(ELSEWHERE, copy)
    rewrite(current_url(), copy)
    assert contents(copy) == before


def test_an_edited_chapter_is_refreshed_first(copy):
    page = copy / chapters()[0].relative_to(ROOT)
    before = contents(copy)
    page.write_text(page.read_text(encoding="utf8") + "\n```{code-cell} ipython3\n1 + 1\n```\n")
    edited = contents(copy)
    assert edited != before
    with pytest.raises(ValueError, match="run make notebooks"):
        rewrite(ELSEWHERE, copy)
    assert contents(copy) == edited


@pytest.mark.parametrize(
    "url",
    [
        "http://github.com/owner/name",
        "https://github.com/owner",
        "https://github.com/owner/name/",
        "https://github.com/owner/name.git",
        "https://example.org/owner/name",
        "github.com/owner/name",
        "",
    ],
)
def test_addresses_that_do_not_serve_are_refused(url):
    with pytest.raises(ValueError, match="owner/name"):
        check_url(url)
