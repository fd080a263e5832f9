"""What a page loads, made small: pictures, icons, the parts of MathJax that set a formula."""

import importlib.resources
import re
import shutil
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from PIL import Image

# The setter of formulas, what reads them to those who listen, and the fonts and TeX extensions
# that are fetched on use. The menu and the explorer, half of MathJax, stay behind.
MATHJAX_PARTS = (
    "startup.js",
    "core.js",
    "input/tex.js",
    "input/tex/extensions",
    "output/chtml.js",
    "output/chtml/fonts",
    "a11y/assistive-mml.js",
)
MATHJAX = {"loader": {"load": ["input/tex", "output/chtml", "a11y/assistive-mml"]}}

# Rules of the theme's style sheet: an icon's name and character, and what uses a character.
ICON_RULE = re.compile(r'((?:\.fa-[a-z0-9-]+:+before,?)+)\{content:"\\([0-9a-f]+)"\}')
CHARACTER = re.compile(r'content:"\\([ef][0-9a-f]{3})"')
ITSELF = re.compile("[\ue000-\uf8ff]")  # written as it is, in the theme's variables
ICON_NAME = re.compile(r"\bfa-([a-z0-9-]+)")
SECTION_NUMBER = re.compile(r'<span class=\\"section-number\\">[^<]*</span>')
FONT_SOURCE = re.compile(r'url\([^)]*/([\w-]+)\.woff2\) format\("woff2"\),url\([^)]*\.ttf\)[^;}]*')


def serve_mathjax(static: Path):
    """Copy what the pages need of MathJax into the site."""
    source = importlib.resources.files("sphinx-mathjax-offline") / "static" / "mathjax"
    for part in MATHJAX_PARTS:
        target = static / "mathjax" / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if (source / part).is_dir():
            shutil.copytree(source / part, target, dirs_exist_ok=True)
        else:
            shutil.copy(source / part, target)


def drop_debugging_files(static: Path):
    """Delete the maps from the theme's scripts to their source."""
    for path in static.rglob("*.map"):
        path.unlink()


def plain_titles(index: Path):
    """Take the numbers of chapters out of the index, so that a search knows a title it is given."""
    text = index.read_text(encoding="utf8")
    index.write_text(SECTION_NUMBER.sub("", text), encoding="utf8")


def compress_pictures(folder: Path) -> dict[str, tuple[str, int, int]]:
    """Write each PNG file as lossless WebP, which has half its size; its new name, width, height.

    Only the PNG files go: a picture of any other kind stays as it is.
    """
    written = {}
    for path in sorted(folder.glob("*.png")):
        target = path.with_suffix(".webp")
        with Image.open(path) as picture:
            picture.save(target, lossless=True, exact=True, method=6)
            written[path.name] = (target.name, *picture.size)
        path.unlink()
    return written


def subset_icons(static: Path, pages: list[str]):
    """Leave in the icon fonts, and in the theme's style sheet, only the icons that are used.

    `pages` is the text of every page. An icon is used if a page or a script of the theme has its
    class, or if a style sheet writes its character elsewhere than in the icon's own rule.
    """
    sheet = static / "styles" / "pydata-sphinx-theme.css"
    text = sheet.read_text(encoding="utf8")
    scripts = [path.read_text(encoding="utf8") for path in (static / "scripts").glob("*.js")]
    names = {name for source in (*pages, *scripts) for name in ICON_NAME.findall(source)}
    characters = set()

    def keep(rule):
        if names.isdisjoint(ICON_NAME.findall(rule[1])):
            return ""
        characters.add(rule[2])
        return rule[0]

    text = ICON_RULE.sub(keep, text)
    for other in (text, *(path.read_text(encoding="utf8") for path in static.rglob("*.css"))):
        characters.update(CHARACTER.findall(ICON_RULE.sub("", other)))
        characters.update(f"{ord(written):x}" for written in ITSELF.findall(other))
    fonts = static / "vendor" / "fontawesome" / "webfonts"
    for path in sorted(fonts.glob("*.ttf")):
        _subset(path, {int(character, 16) for character in characters})
    for path in fonts.glob("*.woff2"):
        path.unlink()
    sheet.write_text(
        FONT_SOURCE.sub(r'url(../vendor/fontawesome/webfonts/\1.woff) format("woff")', text),
        encoding="utf8",
    )


def _subset(path: Path, characters: set[int]):
    options = Options(flavor="woff", layout_features=[], notdef_outline=True)
    with TTFont(path) as font:
        subsetter = Subsetter(options)
        subsetter.populate(unicodes=characters)
        subsetter.subset(font)
        font.flavor = "woff"
        font.save(path.with_suffix(".woff"))
    path.unlink()
