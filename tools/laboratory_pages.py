"""The laboratory in the pages: the directive ``laboratory``, the role ``lab``, and the scripts.

`````
```{laboratory}
:controls: few
:stop: 150
```

Without overlap {lab}`it is not learned <overlap=0&run=1>`.
`````

A chapter with a kernel calls `mixupbook.pages.laboratory` in a cell instead, so that its notebook
has the laboratory too; `mixupbook.pages.timeline` is another element in a cell.
"""

import html
from typing import ClassVar
from urllib.parse import parse_qsl

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import ReferenceRole, SphinxDirective

from mixupbook.pages.laboratory.fallback import element
from mixupbook.pages.laboratory.parameters import PARAMETERS, settings

# The scripts of the elements that a page may hold.
SCRIPTS = {
    "<mixup-laboratory": "laboratory/define.js",
    "<mixup-timeline": "laboratory/timeline.js",
    "<mixup-mixer": "mixer/define.js",
    "<mixup-atlas": "atlas/define.js",
}


class Laboratory(SphinxDirective):
    """The element with its static figure, which the package makes by a run of its own."""

    option_spec: ClassVar[dict] = {
        **dict.fromkeys(PARAMETERS, directives.unchanged_required),
        "run": directives.flag,
        "controls": directives.unchanged_required,
    }

    def run(self):
        """A raw node; a wrong option is an error of the page."""
        try:
            chosen = read(self.options)
        except (TypeError, ValueError) as error:
            raise self.error(str(error)) from error
        return [nodes.raw("", element(chosen), format="html")]


class Lab(ReferenceRole):
    """A link that opens the page's laboratory in a state: ``text <stop=75&run=1>``."""

    def run(self):
        """A link; a parameter that there is not, or that does not fit, is an error of the page."""
        try:
            read(dict(parse_qsl(self.target, strict_parsing=True)))
        except (TypeError, ValueError) as error:
            said = self.inliner.reporter.error(f"lab: {error}", line=self.lineno)
            return [], [said]
        address = html.escape(f"#lab?{self.target}")
        link = f'<a class="reference internal" href="{address}">{html.escape(self.title)}</a>'
        return [nodes.raw("", link, format="html")], []


def read(options: dict[str, str | None]) -> dict:
    """Settings from text, as a directive's options and an address have them.

    Args:
        options: text by name; "same" and "never" are None, and None or "1" is a flag that is set.

    Raises:
        TypeError: a name that is no parameter.
        ValueError: text that is not what is asked for, or a value outside what is allowed.
    """
    given = {name: _value(name, text) for name, text in options.items()}
    return settings(**given)


def _value(name: str, text: str | None):
    if name == "run":
        return text in (None, "1")
    row = PARAMETERS.get(name)
    if row is None or text == row.word:
        return text if row is None else None
    try:
        return int(text) if row.whole else float(text)
    except ValueError:
        kind = "a whole number" if row.whole else "a number"
        raise ValueError(f"{name} must be {kind}, got {text!r}") from None


def load(app, pagename, templatename, context, doctree):
    """Load the script of each element that the page holds, as a module, and no other."""
    for opening, script in SCRIPTS.items():
        if opening in context.get("body", ""):
            app.add_js_file(script, type="module")


def setup(app):
    """Register the directive, the role and the scripts with Sphinx."""
    app.add_directive("laboratory", Laboratory)
    app.add_role("lab", Lab())
    app.connect("html-page-context", load)
