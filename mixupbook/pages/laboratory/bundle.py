"""ES modules with all that they need as one text, which is what anywidget takes."""

import json
import re
from functools import cache
from pathlib import Path

__all__ = ["bundle"]

HERE = Path(__file__).parent
# How a module names another one: in an import, or as the file of a worker.
IMPORT = re.compile(r'(?:from|import) "\./([\w.]+)"')
WORKER = re.compile(r'new URL\("\./([\w.]+)", import\.meta\.url\)')

# Each module becomes a blob with an address of its own, those that it names before it. So nothing
# of a module's text is rewritten but these names, and the worker runs as it does on a page.
LOADER = """\
const sources = %s;
const addresses = {};
for (const [name, text] of Object.entries(sources)) {
  const at = (name) => `"${addresses[name]}"`;
  const linked = text
    .replace(/(from|import) "\\.\\/([\\w.]+)"/g, (_, word, other) => `${word} ${at(other)}`)
    .replace(/new URL\\("\\.\\/([\\w.]+)", import\\.meta\\.url\\)/g, (_, other) => at(other));
  addresses[name] = URL.createObjectURL(new Blob([linked], { type: "text/javascript" }));
}
const { render } = await import(addresses["%s"]);
export default { render };
"""


@cache
def bundle(entry: str = "notebook.js") -> str:
    """The text of one ES module with the default export ``{ render }``, as anywidget wants it.

    Args:
        entry: the module in this folder that exports `render`.

    Raises:
        ValueError: modules that need each other in a circle.

    Example:
        >>> bundle().rstrip().endswith("export default { render };")
        True
    """
    sources = {name: (HERE / name).read_text(encoding="utf8") for name in in_order(entry)}
    return LOADER % (json.dumps(sources, ensure_ascii=False, indent=0), entry)


def in_order(name: str, above: tuple[str, ...] = ()) -> list[str]:
    """A module after all those that it needs, each of them once."""
    if name in above:
        raise ValueError(f"modules need each other in a circle: {' -> '.join((*above, name))}")
    text = (HERE / name).read_text(encoding="utf8")
    needed = [*IMPORT.findall(text), *WORKER.findall(text)]
    found: list[str] = []
    for other in needed:
        found += [inner for inner in in_order(other, (*above, name)) if inner not in found]
    return [*found, name]
