"""The repository's address: stated in `_config.yml`, and repeated equally everywhere else."""

import re

import pytest
import yaml
from notebooks import ROOT, chapters, current_url

URL = current_url()
OWNER, NAME = URL.removeprefix("https://github.com/").split("/")
TOP = ["_config.yml", "README.md", "CONTRIBUTING.md", "CITATION.cff", "environment.yml"]
PLACES = [ROOT / name for name in TOP] + sorted((ROOT / "book").glob("*.md"))
# Where an address of the book begins, whoever owns it.
REPEATED = re.compile(
    r"(?:git\+https://github\.com|mybinder\.org/v2/gh|colab\.research\.google\.com/github)"
    r"/([\w-]+/[\w.-]*[\w-])"
)


def test_address_is_one_that_colab_and_binder_open():
    assert re.fullmatch(r"https://github\.com/[\w-]+/[\w.-]*[\w-]", URL)
    assert not URL.endswith(".git")


def test_chapters_and_readme_repeat_it():
    found = {place.name for place in PLACES if REPEATED.search(place.read_text(encoding="utf8"))}
    assert found >= {"README.md", *(page.name for page in chapters())}


@pytest.mark.parametrize("place", PLACES, ids=lambda path: path.name)
def test_every_repeated_address_is_the_configured_one(place):
    text = place.read_text(encoding="utf8")
    assert set(REPEATED.findall(text)) <= {f"{OWNER}/{NAME}"}
    assert set(re.findall(r"https://([\w-]+\.github\.io/[\w.-]*[\w-])", text)) <= {
        f"{OWNER}.github.io/{NAME}"
    }


def test_citation_states_the_address():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf8"))
    assert citation["repository-code"] == URL
    assert citation["url"] in (URL, f"https://{OWNER}.github.io/{NAME}")
