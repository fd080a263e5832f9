"""A chapter as the notebook that Binder and Colab open: made to be read and run there.

Jupyter knows nothing of the book's markup. So the numbers, references and citations of the text
are filled in, as the pages show them; definitions and exercises become headed text; captions stand
under their figures; and solutions and what the pages fold away are folded here as well.
"""

import ast
import copy
import re
from pathlib import Path

import nbformat
from pybtex.database import parse_file

# What the pages call a thing, by the directive that makes it.
STATEMENTS = "conjecture|corollary|definition|lemma|proposition|theorem"
BOXES = "note|tip|hint|important|warning|caution|attention|danger|error|seealso"
ROLE = re.compile(r"\{([\w:]+)\}`([^`]+)`")
DIRECTIVE = re.compile(
    r"^(?P<fence>`{3,})\{(?P<name>[\w:-]+)\}[ ]*(?P<title>[^\n]*)\n(?P<body>.*?)^(?P=fence)[ ]*$",
    re.MULTILINE | re.DOTALL,
)
OPTIONS = re.compile(r"(?::\w+:[^\n]*\n)*")
# What has a label and a number, in the order in which the pages count: a figure, a statement or
# exercise, an equation.
LABELLED = re.compile(
    rf"^(?: +|:)name: (?P<figure>fig-\S+)$"
    rf"|\{{(?:prf:)?(?P<kind>{STATEMENTS}|exercise)(?:-start)?\}}[^\n]*\n:label: (?P<label>\S+)"
    r"|\$\$ \((?P<equation>[\w-]+)\)"
    r"|^\((?P<target>[\w-]+)\)=$",
    re.MULTILINE,
)
COLLAPSED_HEADING = "jp-MarkdownHeadingCollapsed"


class Book:
    """What a chapter's text refers to: titles, numbers and sources.

    Args:
        pages: every page in order, and whether it has a number.
        sources: the bibliography.
        url: the repository's address, from which that of the pages follows.
    """

    def __init__(self, pages: list[tuple[Path, bool]], sources: Path, url: str) -> None:
        owner, name = url.split("/")[-2:]
        self.site = f"https://{owner}.github.io/{name}/book"
        self.sources = parse_file(sources).entries
        self.titles: dict[str, str] = {}
        self.chapters: dict[str, int] = {}
        self.labels: dict[str, tuple[str, str]] = {}  # name of its page, and how it is called
        for page, numbered in pages:
            text = page.read_text(encoding="utf8")
            self.titles[page.stem] = re.search(r"^# (.*)$", text, re.MULTILINE).group(1)
            if numbered:
                self.chapters[page.stem] = len(self.chapters) + 1
            self._count(page.stem, text)

    def _count(self, page: str, text: str) -> None:
        chapter = f"{self.chapters[page]}." if page in self.chapters else ""
        counts: dict[str, int] = {}
        for match in LABELLED.finditer(text):
            found = match.groupdict()
            kind = found["kind"] or next(key for key, value in found.items() if value)
            label = found["label"] or found[kind]
            counts[kind] = counts.get(kind, 0) + 1
            number = f"{chapter}{counts[kind]}"
            forms = {"figure": f"Fig. {number}", "equation": f"({number})", "target": ""}
            self.labels[label] = (page, forms.get(kind, f"{kind.capitalize()} {number}"))

    def reference(self, label: str, page: str, text: str = "") -> str:
        """How a labelled thing is called, with a link where it is on another page."""
        home, called = self.labels[label]
        if home == page and not text:
            return called
        anchor = f"equation-{label}" if label.startswith("eq-") else label
        return f"[{text or called}]({self.site}/{home}.html#{anchor})"

    def link(self, page: str) -> str:
        """A page by its title."""
        return f"[{self.titles[page]}]({self.site}/{page}.html)"

    def citation(self, keys: str, *, in_brackets: bool) -> str:
        """Author and year, as the pages have them, linked to the source."""
        shown = []
        for key in map(str.strip, keys.split(",")):
            entry = self.sources[key]
            names = [" ".join(person.last_names).strip("{}") for person in entry.persons["author"]]
            authors = f"{names[0]} et al." if len(names) > 2 else " and ".join(names)
            year = entry.fields["year"]
            text = f"{authors}, {year}" if in_brackets else f"{authors} ({year})"
            url = entry.fields.get("url")
            shown.append(f"[{text}]({url})" if url else text)
        return f"({'; '.join(shown)})" if in_brackets else ", ".join(shown)


def for_readers(chapter: nbformat.NotebookNode, page: Path, book: Book) -> nbformat.NotebookNode:
    """The executed chapter as its readers' notebook; `chapter` itself is left as it is.

    Raises:
        KeyError: the text shows a number, label, page or source that there is not.
        ValueError: the text uses a role or directive that this does not know.
    """
    notebook = copy.deepcopy(chapter)
    writer = _Writer(page.stem, book, _glued(chapter))
    cells: list[nbformat.NotebookNode] = []
    in_solution = False
    for cell in notebook.cells:
        if cell.cell_type == "code":
            _fold(cell, in_solution)
            cells += [cell, *writer.caption(cell)]
            continue
        for text in _pieces(cell.source):
            if opening := re.match(r"`{3,}\{solution-start\} (\S+)", text):
                in_solution = True
                exercise = book.reference(opening.group(1), page.stem)
                heading = nbformat.v4.new_markdown_cell(f"#### Solution to {exercise}")
                heading.metadata[COLLAPSED_HEADING] = True
                cells.append(heading)
            elif re.match(r"`{3,}\{solution-end\}", text):
                in_solution = False
            elif shown := writer.markdown(text).strip():
                cells.append(nbformat.v4.new_markdown_cell(shown))
    cells[0].source = f"{cells[0].source.rstrip()}\n\n{writer.preface()}"
    notebook.cells = cells
    return notebook


def _glued(chapter: nbformat.NotebookNode) -> dict[str, str]:
    """The texts that the chapter's cells have computed, by name."""
    found = {}
    for cell in chapter.cells:
        for output in cell.get("outputs", []):
            if record := output.get("metadata", {}).get("scrapbook"):
                shown = output["data"][f"{record['mime_prefix']}text/plain"]
                found[record["name"]] = ast.literal_eval(shown)
    return found


def _fold(cell: nbformat.NotebookNode, in_solution: bool) -> None:
    """Fold away what the pages do: the code or all of it."""
    tags = cell.metadata.get("tags", [])
    hides_all = in_solution or bool({"hide-cell", "remove-cell"} & set(tags))
    if hides_all or "hide-input" in tags:
        cell.metadata["jupyter"] = {"source_hidden": True}
        cell.metadata["cellView"] = "form"  # Colab's word for it
    if hides_all:
        cell.metadata["jupyter"]["outputs_hidden"] = True


def unfold(notebook: nbformat.NotebookNode) -> None:
    """Give code cells back the metadata that the chapter states."""
    for cell in notebook.cells:
        cell.metadata.pop("jupyter", None)
        cell.metadata.pop("cellView", None)


def _pieces(text: str) -> list[str]:
    """A cell's text, cut where an exercise begins, and before and after a solution's marks."""
    marks = r"(^`{3,}\{solution-(?:start|end)\}[^\n]*\n(?::\w+:[^\n]*\n)*`{3,}[ ]*$)"
    pieces = re.split(marks, text, flags=re.MULTILINE)
    return [
        part
        for piece in pieces
        for part in re.split(r"(?=^`{3,}\{exercise-start\})", piece, flags=re.MULTILINE)
    ]


class _Writer:
    """The text of one chapter in plain Markdown."""

    def __init__(self, page: str, book: Book, glued: dict[str, str]) -> None:
        self.page, self.book, self.glued = page, book, glued

    def preface(self) -> str:
        number = self.book.chapters.get(self.page)
        part = f"Chapter {number}" if number else "A page"
        return (
            f"*{part} of [What Mixup learns]({self.book.site}/{self.page}.html), as a notebook to "
            "run and change. Solutions and the code of figures are folded: a click on the bar or "
            "the mark beside them opens them. Numbers in the text are those of the stored outputs; "
            "running the cells does not change them.*"
        )

    def caption(self, cell: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
        figure = cell.metadata.get("mystnb", {}).get("figure")
        if not figure:
            return []
        called = self.book.reference(figure["name"], self.page)
        return [nbformat.v4.new_markdown_cell(f"**{called}** {self.roles(figure['caption'])}")]

    def markdown(self, text: str) -> str:
        text = re.sub(r"^\([\w-]+\)=\n", "", text, flags=re.MULTILINE)
        text = DIRECTIVE.sub(self._directive, text)
        text = re.sub(
            r"^\$\$ \(([\w-]+)\)$",
            lambda found: rf"\tag{{{self.book.labels[found.group(1)][1][1:-1]}}}" "\n$$",
            text,
            flags=re.MULTILINE,
        )
        text = re.sub(
            r"\]\(([\w-]+)\.md\)", lambda found: f"]({self.book.site}/{found.group(1)}.html)", text
        )
        return self.roles(text)

    def _directive(self, found: re.Match) -> str:
        name, title = found["name"].removeprefix("prf:"), found["title"].strip()
        head = OPTIONS.match(found["body"]).group()
        options = dict(re.findall(r":(\w+): *(.*)", head))
        body = DIRECTIVE.sub(self._directive, found["body"].removeprefix(head)).strip()
        if name == "admonition" and "dropdown" in options.get("class", "").split():
            return f"<details><summary><b>{title}</b></summary>\n\n{body}\n\n</details>"
        if name == "admonition":
            return f"**{title}**\n\n{body}"
        if re.fullmatch(BOXES, name):
            return "\n\n".join(filter(None, [f"**{name.capitalize()}**", title, body]))
        if name == "figure":
            called = self.book.labels[options["name"]][1]
            return f"![{options['alt']}]({title})\n\n**{called}** {body}"
        if name == "proof":
            return f"*Proof.* {body} ∎"
        if name == "exercise-start":
            return f"### {self.book.labels[options['label']][1]}\n"
        if name == "exercise-end":
            return ""
        if re.fullmatch(STATEMENTS, name):
            called = self.book.labels[options["label"]][1]
            return f"**{called}{f' ({title})' if title else ''}.** {body}"
        raise ValueError(f"{self.page}: a notebook has no form for the directive {name!r}")

    def roles(self, text: str) -> str:
        return ROLE.sub(lambda found: self._role(*found.groups()), text)

    def _role(self, name: str, content: str) -> str:
        if name == "glue:text":
            return self.glued[content]
        if name == "math":
            return f"${content}$"
        if name in ("cite:t", "cite:p"):
            return self.book.citation(content, in_brackets=name == "cite:p")
        if name == "doc":
            return self.book.link(content)
        if name in ("eq", "numref", "prf:ref"):
            return self.book.reference(content, self.page)
        if name in ("func", "class"):
            return f"[`{content}`]({self.book.site}/api.html#{content})"
        if name == "ref":
            text, label = re.fullmatch(r"(.*?) *<(.*)>", content).groups()
            return self.book.reference(label, self.page, text)
        raise ValueError(f"{self.page}: a notebook has no form for the role {name!r}")
