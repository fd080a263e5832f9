"""What the theme and the extensions write into a page, put right: names, roles, order, weight.

Every function here takes a parsed page and changes it. They run over each page once it is written.
"""

import re
from pathlib import Path

from bs4 import BeautifulSoup, NavigableString, Tag

# Scripts and styles of the theme and where they are of use: a selector, or nothing for nowhere.
NEEDED_BY = {
    "fontawesome.js": None,  # the icon fonts draw the same icons
    "sphinx-thebe": None,
    "thebe": None,
    "searchtools.js": "#search-results",
    "language_data.js": "#search-results",
    "searchindex.js": "#search-results",
    "mathjax/": ".math",
    "design-tabs.js": ".sd-tab-set",
    "sphinx-design": "[class*=sd-]",
    "proof.css": ".proof",
    "exercise.css": ".exercise, .solution",
    "togglebutton": ".toggle, .admonition.dropdown",
    "copybutton": "pre",
    "clipboard": "pre",
}
# What every chapter starts with: it brings the package to a machine that has none.
SET_UP = ("import mixupbook as mb", "except ImportError")
SET_UP_LABEL = "Set-up (installs the package on Colab)"
HYPHEN_AS_MINUS = re.compile(r"(?<![\w-])-(?=\d)")
CODE = ("pre", "code", "script", "style", "dt")


def mend(page: BeautifulSoup, pictures: dict[str, tuple[str, int, int]]):
    """Do all that follows to a page."""
    name_controls(page)
    mend_roles(page)
    mend_signatures(page)
    label_folds(page)
    join_set_up(page)
    join_folds(page)
    move_folds_below(page)
    write_minus(page)
    place_pictures(page, pictures)
    drop_unused(page)


def name_controls(page):
    """Give controls the names that are seen on them, and let icons be silent."""
    for element in page.select("summary[aria-label], .search-button-field[aria-label]"):
        del element["aria-label"]
    for icon in page.select("[class*=fa-]:empty"):
        icon["aria-hidden"] = "true"
        del icon["title"]
    for toggle in page.select("button.sidebar-toggle[title]"):
        toggle["aria-label"] = toggle["title"]
    for button in page.select("button:not([aria-label])[title]:has(.btn__icon-container)"):
        if not button.get_text(strip=True):
            button["aria-label"] = button["title"]


def mend_roles(page):
    """Landmarks, lists and ids, as they ought to be."""
    for sidebar in page.select("#pst-primary-sidebar"):
        sidebar["role"] = "region"
        sidebar["aria-label"] = "Book"
    for entry in page.select("[role=doc-biblioentry]"):
        entry["role"] = "listitem"
    for link in page.select(".citation [role=doc-backlink]"):
        del link["role"]
    ids = set()
    for element in page.select("[id]"):  # an id names the first that has it, as in a link
        if element["id"] in ids:
            del element["id"]
        else:
            ids.add(element["id"])
    for head in page.select("table.modindextable tr > td:nth-child(2)"):
        if head.get_text(strip=True):
            head.name = "th"
            head["scope"] = "row"
    for advertisement in page.select("#ethical-ad-placement"):
        advertisement.find_parent(class_="sidebar-primary__section").decompose()
    for again in page.select("meta[name=viewport]")[1:]:
        again.decompose()


def mend_signatures(page):
    """Arguments that stand on lines of their own: lines, where Sphinx has terms without names."""
    for lines in page.select("dt > dl"):
        for line in lines.find_all("dd", recursive=False):
            line.name = "span"
            line["class"] = "sig-line"
        lines.name = "span"


def label_folds(page):
    """One label for a folded cell, open or not: it says what the cell holds."""
    for label in page.select("details.hide > summary > p.expanded"):
        label.decompose()
    for label in page.select("details.hide > summary > p.collapsed"):
        label["class"] = "admonition-title"


def join_set_up(page):
    """Put the cell that installs the package into the folded cell after it, or label it small."""
    for cell in page.select("div.cell.tag_hide-cell"):
        text = cell.get_text()
        if not all(line in text for line in SET_UP):
            continue
        after = cell.find_next_sibling()
        fold = after and after.select_one(":scope.cell > details.hide.above-input > .cell_input")
        if fold:
            fold.insert(0, cell.select_one(".highlight").parent.extract())
            cell.decompose()
        else:
            cell.select_one("summary > p").string = SET_UP_LABEL


def join_folds(page):
    """Let one bar stand for folded cells in a row: those before the last show nothing but code.

    Inside, each keeps what it was called.
    """
    for fold in page.select("div.cell > details.hide.above-input:not(:has(~ .cell_output))"):
        after = fold.parent.find_next_sibling()
        next_fold = after and after.select_one(":scope.cell > details.hide.above-input")
        if not next_fold:
            continue
        name = page.new_tag("p", attrs={"class": "mxb-part"})
        name.string = fold.summary.get_text(strip=True)
        fold.select(":scope > .cell_input")[-1].insert_before(name)
        fold.summary.decompose()
        next_fold.summary.insert_after(*[part.extract() for part in list(fold.children)])
        fold.parent.decompose()


def move_folds_below(page):
    """Show what a cell makes first, and its folded code beneath."""
    for fold in page.select("div.cell > details.hide.above-input:has(~ .cell_output)"):
        cell = fold.parent
        cell.append(fold.extract())
        cell["class"] += ["mxb-output-first"]


def is_not_prose(element: Tag) -> bool:
    """Whether what stands in it is code or a formula."""
    return element.name in CODE or "math" in element.get("class", [])


def write_minus(page):
    """A minus before a number in prose, where code can only print a hyphen."""
    for text in page.find_all(string=HYPHEN_AS_MINUS):
        if type(text) is NavigableString and not text.find_parent(is_not_prose):
            text.replace_with(HYPHEN_AS_MINUS.sub("\N{MINUS SIGN}", text))


def place_pictures(page, pictures):
    """Name each picture's new file and its size, and let a wide one scroll in a box of its own."""
    for image in page.select("img[src]"):
        folder, _, name = image["src"].rpartition("/")
        if name not in pictures:
            continue
        file, width, height = pictures[name]
        image.attrs |= {"src": f"{folder}/{file}", "width": str(width), "height": str(height)}
        image["style"] = f"--natural-width: {width}px; {image.get('style', '')}".strip()
        image.wrap(page.new_tag("div", attrs={"class": "mxb-picture"}))
        link = image.find_parent("a")
        if link and link.get("href", "").endswith(name):
            link["href"] = image["src"]


def drop_unused(page):
    """Take out of a page the scripts and styles that nothing on it needs."""
    for element in page.select("head :is(script, link), body > script, .bd-container ~ script"):
        source = element.get("src") or element.get("href") or _inline(element)
        for part, selector in NEEDED_BY.items():
            if part in source and not (selector and page.select_one(f"body {selector}")):
                element.decompose()
                break


def _inline(script: Tag) -> str:
    """What an inline script is about, as far as it belongs to one of the files above."""
    if "toggle" in script.get_text():
        return "togglebutton"
    if "window.MathJax" in script.get_text():
        return "mathjax/"
    if "THEBE_JS_URL" in script.get_text():  # twice on a page, which is an error there
        return "thebe"
    return ""


def mend_file(path: Path, pictures: dict[str, tuple[str, int, int]]):
    """Mend the page in a file."""
    page = BeautifulSoup(path.read_text(encoding="utf8"), "html.parser")
    mend(page, pictures)
    path.write_text(str(page), encoding="utf8")
