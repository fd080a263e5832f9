"""Where the built book lies, and its pages."""

from pathlib import Path

SITE = Path(__file__).resolve().parents[2] / "_build" / "html"
PAGES = sorted(
    path.relative_to(SITE).as_posix()
    for path in SITE.rglob("*.html")
    if not path.relative_to(SITE).as_posix().startswith("_static/")
)
BOOK = [page for page in PAGES if page.startswith("book/")]
