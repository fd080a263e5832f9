"""The directives of the page *How the package is built*: ``rooms`` draws, ``room-contents`` lists.

Both are made anew by every build, from the source of the package.
"""

import statistics

from architecture import GROUND, arrows, contents, height, purpose, without_detours
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

# Measures of the drawing, in its own units; a phone shows them at about two thirds.
WIDTH, ROW, BOX_WIDTH, BOX_HEIGHT = 480, 96, 132, 44


def drawing(graph: dict[str, set[str]]) -> str:
    """The rooms as boxes, one that imports above what it imports, in SVG of the page's colours.

    Args:
        graph: for each room the rooms that it imports, without circles.
    """
    drawn = without_detours(graph)
    place = _places(graph, drawn)
    lines = [
        _arrow(place[start], place[end]) for start, ends in drawn.items() for end in sorted(ends)
    ]
    boxes = [_box(x, y, BOX_WIDTH, name) for name, (x, y) in place.items()]
    floor = max(y for _, y in place.values()) + ROW - 30
    ground = ", ".join(path.removesuffix(".py") for path, _ in contents(GROUND))
    boxes.append(_box(WIDTH / 2, floor, WIDTH - 8, ground))
    said = "; ".join(
        f"{start} imports {', '.join(sorted(ends))}" for start, ends in graph.items() if ends
    )
    return (
        f'<svg class="mxb-rooms" viewBox="0 0 {WIDTH} {floor + BOX_HEIGHT + 4}" role="img" '
        f'aria-label="The rooms of the package as boxes, joined by arrows from each to what it '
        f'imports: {said}; below them, the modules that serve all: {ground}">'
        '<defs><marker id="mxb-head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0 L10 5 L0 10 z"/></marker></defs>'
        f"{''.join(lines)}{''.join(boxes)}</svg>"
    )


def _places(
    graph: dict[str, set[str]], drawn: dict[str, set[str]]
) -> dict[str, tuple[float, float]]:
    """Where the rooms stand: side by side in a row, or alone above what they import."""
    rows: dict[int, list[str]] = {}
    for name in graph:
        rows.setdefault(height(graph, name), []).append(name)
    place: dict[str, tuple[float, float]] = {}
    for level, names in sorted(rows.items()):
        for column, name in enumerate(names):
            x = (2 * column + 1) * WIDTH / (2 * len(names))
            if len(names) == 1 and drawn[name]:
                x = statistics.mean(place[end][0] for end in drawn[name])
            place[name] = (x, (max(rows) - level) * ROW + 4)
    return place


def _box(x: float, y: float, width: float, text: str) -> str:
    return (
        f'<rect x="{x - width / 2:g}" y="{y:g}" width="{width:g}" height="{BOX_HEIGHT}" rx="7"/>'
        f'<text x="{x:g}" y="{y + BOX_HEIGHT / 2 + 5:g}">{text}</text>'
    )


def _arrow(start: tuple[float, float], end: tuple[float, float]) -> str:
    (x1, y1), (x2, y2) = start, end
    return f'<path d="M{x1:g} {y1 + BOX_HEIGHT:g} L{x2:g} {y2 - 2:g}" marker-end="url(#mxb-head)"/>'


class Rooms(SphinxDirective):
    """The drawing, with the directive's content as its caption."""

    has_content = True

    def run(self):
        """A figure."""
        caption = nodes.caption()
        self.state.nested_parse(self.content, self.content_offset, caption)
        figure = nodes.figure()
        figure += nodes.raw("", drawing(arrows()), format="html")
        figure += nodes.caption("", "", *caption.children[0].children)
        return [figure]


class RoomContents(SphinxDirective):
    """For each room, and what serves all, a table of its modules and what they hold."""

    def run(self):
        """Paragraphs and tables."""
        graph, lines = arrows(), []
        for name in [*graph, GROUND]:
            if name == GROUND:
                lines += ["**For all rooms**, and knowing none of them."]
            else:
                known = ", ".join(f"`{end}`" for end in graph if end in graph[name])
                lines += [f"**{name}**: {purpose(name)} Imports {known or 'no other room'}."]
            lines += ["", "| Module | What it holds |", "|:--|:--|"]
            rows = [(path.removeprefix(f"{name}/"), text) for path, text in contents(name)]
            lines += [f"| `{path}` | {text} |" for path, text in rows]
            lines += [""]
        holder = nodes.container(classes=["mxb-modules"])
        self.state.nested_parse(StringList(lines), 0, holder)
        return [holder]
