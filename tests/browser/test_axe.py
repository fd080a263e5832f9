"""axe-core finds nothing: on any page, in light and dark, on the desktop and on a phone."""

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from browser.opened import DESKTOP, PHONES, SCHEMES

# Axe is kept from fetching the style sheets anew: it looks for some in the wrong place.
# Every rule, best practices and experimental ones included, but these: the contrast that only
# level AAA asks, and that what has the focus is a control, for a box that scrolls is none.
STRUCTURE = """async () => {
  const rules = axe.getRules().map((rule) => rule.ruleId)
    .filter((rule) => !/contrast|focus-order-semantics/.test(rule));
  // What lies within a formula or a block of code is many elements, and the same everywhere.
  const inside = [...document.querySelectorAll("mjx-container, pre")]
    .map((element) => [element, [...element.childNodes]]);
  inside.forEach(([element]) => element.replaceChildren("x"));
  const { violations } = await axe.run(
    { preload: false, resultTypes: ["violations"], runOnly: rules });
  inside.forEach(([element, nodes]) => element.replaceChildren(...nodes));
  return violations.flatMap(({ id, nodes }) =>
    nodes.map((node) => `${id}: ${node.html.slice(0, 160)}`));
}"""
# Contrast, of one text for each kind: its colours, size and weight.
CONTRAST = """async () => {
  const ground = (element) => {
    for (let outer = element; outer; outer = outer.parentElement) {
      const color = getComputedStyle(outer).backgroundColor;
      if (!/^rgba\\(.*, 0\\)$/.test(color)) return color;
    }
  };
  const faint = (element) => {
    let opacity = 1;
    for (let outer = element; outer; outer = outer.parentElement)
      opacity *= getComputedStyle(outer).opacity;
    return opacity;
  };
  const kinds = new Map();
  for (const element of document.body.querySelectorAll("*")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !element.checkVisibility() || element.closest("mjx-container")) continue;
    const { color, fontSize, fontWeight } = getComputedStyle(element);
    const kind = [color, ground(element), faint(element), fontSize, fontWeight].join();
    if (!kinds.has(kind)) kinds.set(kind, element);
  }
  kinds.forEach((element) => element.setAttribute("data-kind", ""));
  const { violations } = await axe.run(
    { include: [["[data-kind]"]] },
    { preload: false, resultTypes: ["violations"], runOnly: ["color-contrast"] });
  kinds.forEach((element) => element.removeAttribute("data-kind"));
  return violations.flatMap(({ id, nodes }) =>
    nodes.map((node) => `${id}: ${node.html.slice(0, 160)}`));
}"""


def test_structure(opened):
    for width, scheme in ((DESKTOP, "light"), (PHONES[1], "dark")):
        opened.look(width, scheme)
        opened.page.evaluate(AXE_SCRIPT)
        assert opened.page.evaluate(STRUCTURE) == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_contrast(opened, scheme):
    for width in (DESKTOP, PHONES[1]):
        opened.look(width, scheme)
        opened.page.evaluate("document.getAnimations().forEach((animation) => animation.finish())")
        opened.page.evaluate(AXE_SCRIPT)
        assert opened.page.evaluate(CONTRAST) == []
