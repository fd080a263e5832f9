"""Pages load fast: all that a browser fetches for one, compressed as a static host does."""

LANDING = "book/intro.html"


def test_page_is_light(opened):
    bound = 500_000 if opened.name == LANDING else 900_000
    heaviest = sorted(opened.bytes_loaded.items(), key=lambda item: -item[1])[:5]
    assert sum(opened.bytes_loaded.values()) < bound, heaviest


def test_mathjax_comes_only_with_formulas(opened):
    loads = any("mathjax" in url for url in opened.bytes_loaded)
    assert loads == (opened.page.locator(".math").count() > 0)


def test_icons_are_drawn(opened):
    """Each icon's character is in the font that the page has loaded."""
    opened.look()
    missing = """() => [...document.querySelectorAll("[class*=fa-]")].filter((icon) => {
      const { content, font, fontFamily } = getComputedStyle(icon, "::before");
      return icon.checkVisibility() && !(/Awesome/.test(fontFamily) && /^"[^"]+"$/.test(content)
        && document.fonts.check(font, content.slice(1, -1)));
    }).map((icon) => icon.outerHTML)"""
    assert opened.page.evaluate(missing) == []
