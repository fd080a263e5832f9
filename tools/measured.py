"""Directives that bring what the book measured into a page's text, also into one without code.

``practical-advice`` is the box *What to do in practice*; ``outcomes`` is what came of the four
claims; ``quoted-claims`` lists the claims whose ids stand in it, one a line. All read the executed
chapters at every build.
"""

from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

from mixupbook.pages.advice import ADVICE_TITLE, outcomes, practical_advice, quoted_claims

ADVICE = "practical-advice"
OUTCOMES = "outcomes"
MEASURED = (ADVICE, OUTCOMES, "quoted-claims")


def markdown(name: str, body: str, folder: Path) -> str:
    """What a directive stands for, in Markdown: its name, its content, and where chapters lie."""
    if name == ADVICE:
        return practical_advice(folder)
    if name == OUTCOMES:
        return outcomes(folder)
    return quoted_claims(body.split(), folder)


class Measured(SphinxDirective):
    """Any of the directives; the advice comes in a box."""

    has_content = True

    def run(self):
        """A list, or a box with one."""
        folder = Path(self.env.srcdir, "book")
        lines = markdown(self.name, "\n".join(self.content), folder).splitlines()
        if self.name == ADVICE:
            lines = [f"````{{admonition}} {ADVICE_TITLE}", ":class: tip", "", *lines, "````"]
        holder = nodes.container()
        self.state.nested_parse(StringList(lines), 0, holder)
        return holder.children
