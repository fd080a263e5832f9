"""Links between the chapters and the page of the package, both ways.

Under each name the page says which chapters use it; and where a page first writes a public name as
code, in its text, that is a link to it.
"""

import ast
import functools
import re
from pathlib import Path

from docutils import nodes
from sphinx.addnodes import pending_xref

ROOT = Path(__file__).resolve().parent.parent
PACKAGE_PAGE = "book/api"
CELL = re.compile(r"^```\{code-cell\}.*?^```$", re.MULTILINE | re.DOTALL)
# A name of the package in a text, such as `mb.fit`, `fit(...)` or `mixupbook.fit`.
WRITTEN = re.compile(r"(?:mb\.|mixupbook\.)?(?P<name>\w+)(?:\(.*\))?", re.DOTALL)


@functools.cache
def public_names() -> frozenset[str]:
    """What `import mixupbook as mb` gives, as its stub lists it."""
    stub = (ROOT / "mixupbook" / "__init__.pyi").read_text(encoding="utf8")
    imports = [node for node in ast.parse(stub).body if isinstance(node, ast.ImportFrom)]
    return frozenset(alias.name for node in imports for alias in node.names)


def users(name: str, chapters: dict[str, str]) -> list[str]:
    """The chapters in whose code a name of the package stands, in their order.

    Args:
        name: such as ``"Mixup"``.
        chapters: the text of each by its name.
    """
    used = re.compile(rf"\b{name}\b")
    return [
        chapter
        for chapter, text in chapters.items()
        if any(used.search(cell) for cell in CELL.findall(text))
    ]


def say_users(app, what, name, value, options, lines):
    """Add to a docstring which chapters use what it documents."""
    folder = Path(app.srcdir)
    chapters = {
        page: (folder / f"{page}.md").read_text(encoding="utf8")
        for page in app.env.external_site_map
        if (folder / f"{page}.md").is_file()
    }
    found = users(name.rpartition(".")[2], chapters) if what != "method" else []
    if found:
        lines += ["", "*In the book:* " + ", ".join(f":doc:`/{page}`" for page in found), ""]


def link_names(app, doctree):
    """Make the first mention of each public name in a page a link to its documentation."""
    if app.env.docname == PACKAGE_PAGE:
        return
    seen = set()
    for literal in list(doctree.findall(nodes.literal)):
        found = WRITTEN.fullmatch(literal.astext())
        name = found and found["name"]
        within = isinstance(literal.parent, nodes.reference | nodes.title | pending_xref)
        if name not in public_names() - seen or within:
            continue
        seen.add(name)
        target = {"refdomain": "py", "reftype": "obj", "reftarget": f"mixupbook.{name}"}
        link = pending_xref("", refdoc=app.env.docname, refexplicit=True, refwarn=True, **target)
        literal.replace_self(link)
        link += literal
