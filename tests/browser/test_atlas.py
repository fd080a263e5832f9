"""The atlas on a page of its own: by slider, mouse, finger and keyboard, on phones, in the dark."""

from urllib.parse import parse_qs

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from browser.atlas_page import POINTS, AtlasPage, serve
from browser.laboratory_page import DESKTOP, PHONE
from browser.opened import PHONES

MIDDLES = 39  # from the first to the last of 40 cells
VIOLATIONS = """async () => {
  const { violations } = await axe.run({ include: [["mixup-atlas"]] });
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html}`));
}"""


@pytest.fixture(scope="module")
def atlas_address():
    with serve() as server:
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def visit(browser, atlas_address):
    """Makes browsers of one's own, none of which may have an error."""
    opened = []

    def new(**options):
        context = browser.new_context(**(DESKTOP | options))
        opened.append((context, AtlasPage(context.new_page(), atlas_address)))
        return opened[-1][1]

    yield new
    for context, atlas in opened:
        context.close()
        assert atlas.errors == []


@pytest.fixture
def atlas(visit):
    return visit().open()


def test_it_opens_at_the_recorded_measurement(atlas):
    data = atlas.data()
    assert 100 < int(data["cells"]) < 1600
    assert float(data["mapMs"]) > 0
    assert int(data["dots"]) == len(POINTS) == atlas.find(".measured").count()
    assert float(data["standardRareError"]) > 0.4 > 0.05 > float(data["mixupRareError"])
    assert all(atlas.find(f"path.{kind}[d^=M]").count() for kind in ("standard", "mixup"))


@pytest.mark.parametrize(
    ("name", "place", "shown"),
    [
        ("lam", 0.9, "0.90"),
        ("label_lam", 0.8, "0.80"),
        ("stop", 20, "400"),
        ("steps", 8, "400"),
        ("init_std", 20, "0.1"),
        ("n", 300, "300"),
        ("d", 1000, "1000"),
    ],
)
def test_each_control_redraws_and_takes_the_dots_away(atlas, name, place, shown):
    before = atlas.pixels()
    assert atlas.change(name, place).at_once == "busy"
    assert atlas.until("done").pixels() != before
    assert atlas.find(f".field:has(input.{name}) output").inner_text() == shown
    assert atlas.data()["dots"] == "0"
    assert "Nothing was measured at these settings" in atlas.find(".note").inner_text()
    atlas.element.get_by_role("button", name="recorded measurement").click()
    assert atlas.until("done").pixels() == before
    assert int(atlas.data()["dots"]) == len(POINTS)
    assert "Dots were measured" in atlas.find(".note").inner_text()


def test_the_latest_of_many_moves_is_what_is_drawn(atlas):
    for steps in range(24, 8, -1):
        atlas.change("steps", steps)
    dragged = atlas.change("steps", 8).until("done").pixels()
    fresh = atlas.open().change("steps", 8).until("done").pixels()
    assert dragged == fresh


def test_the_label_follows_the_features_until_it_is_moved(atlas):
    same = atlas.find("input.same")
    atlas.change("lam", 0.8)
    assert atlas.element.evaluate("(e) => e.values.label_lam") == "same"
    assert atlas.find("input.label_lam").input_value() == "0.8"
    atlas.change("label_lam", 0.6)
    assert not same.is_checked()
    atlas.change("lam", 0.9)
    assert atlas.find("input.label_lam").input_value() == "0.6"
    same.check()
    assert atlas.find("input.label_lam").input_value() == "0.9"


def point(atlas):
    return [float(number) for number in atlas.data()["point"].split()]


def test_keys_move_the_reading_point(atlas):
    rho, noise = point(atlas)
    atlas.plane.press("ArrowUp")
    atlas.plane.press("ArrowRight")
    assert point(atlas) == pytest.approx([rho + 0.38 / MIDDLES, noise + 0.48 / MIDDLES], abs=2e-4)
    atlas.plane.press("Shift+ArrowDown")
    assert point(atlas)[0] == pytest.approx(rho - 4 * 0.38 / MIDDLES, abs=2e-4)
    for _ in range(9):
        atlas.plane.press("PageDown")
    atlas.plane.press("End")
    assert point(atlas) == [0.02, 0.5]
    for _ in range(9):
        atlas.plane.press("PageUp")
    atlas.plane.press("Home")
    assert point(atlas) == [0.4, 0.02]


def test_the_reading_is_written_at_once_and_read_out_when_the_reader_rests(atlas):
    atlas.page.wait_for_timeout(600)
    before = atlas.find("[aria-live]").text_content()
    atlas.plane.press("PageUp")
    written = atlas.find(".says").text_content()
    assert "predicted rare error" in written != before
    atlas.page.wait_for_timeout(600)
    assert atlas.find("[aria-live]").text_content() == written


def test_what_was_measured_in_a_cell_is_said_there(atlas):
    assert "Measured there: 50\u00a0%" in atlas.find(".says").inner_text()
    atlas.plane.press("PageUp")
    assert "Measured" not in atlas.find(".says").inner_text()


def test_where_a_class_has_no_rare_example_nothing_is_predicted(atlas):
    assert not atlas.find(".hatched").is_visible()
    atlas.change("n", 40).until("done")
    assert atlas.find(".hatched").is_visible()
    for _ in range(9):
        atlas.plane.press("PageDown")
    assert "nothing is predicted" in atlas.find(".says").inner_text()


def test_the_mouse_reads_and_a_click_opens_the_laboratory(atlas):
    box = atlas.find("canvas").bounding_box()
    left, bottom = box["x"] + 1, box["y"] + box["height"] - 1
    atlas.page.mouse.move(left, bottom)
    assert point(atlas) == [0.02, 0.02]
    atlas.page.mouse.click(left + box["width"] / 2, bottom - box["height"] / 2)
    atlas.page.wait_for_url("**/intro.html#lab?*")


def test_a_finger_reads_and_does_not_leave_the_page(visit):
    atlas = visit(**PHONE).open()
    box = atlas.find("canvas").bounding_box()
    atlas.page.touchscreen.tap(box["x"] + box["width"] - 2, box["y"] + 2)
    assert point(atlas) == [0.4, 0.5]
    assert atlas.page.url.endswith("/light")


def test_enter_opens_the_laboratory_with_the_same_noise(atlas):
    atlas.change("label_lam", 0.8)
    atlas.plane.press("Home")
    atlas.plane.press("Enter")
    atlas.page.wait_for_url("**/intro.html#lab?*")
    found = parse_qs(atlas.page.url.partition("?")[2])
    # sigma of 40 examples in 200 dimensions
    assert float(found["noise"][0]) == pytest.approx((0.02 * 40 / 200) ** 0.5, abs=0.005)
    assert found["label_lam"] == ["0.8"]
    assert found["steps"] == ["1600"]
    assert found["run"] == ["1"]


@pytest.mark.parametrize("kind", ["light", "dark"])
def test_axe_finds_nothing(visit, kind):
    atlas = visit().open(kind)
    atlas.page.evaluate(AXE_SCRIPT)
    assert atlas.page.evaluate(VIOLATIONS) == []


def test_it_follows_the_theme(atlas):
    light = atlas.pixels()
    atlas.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    atlas.page.wait_for_timeout(50)
    assert atlas.pixels() != light
    assert atlas.find(".laboratory").evaluate("(e) => e.classList.contains('dark')")


def test_the_focus_is_seen(atlas):
    atlas.plane.focus()
    atlas.page.keyboard.press("ArrowUp")
    outline = atlas.plane.evaluate("(e) => getComputedStyle(e).outlineStyle")
    assert outline == "solid"


def test_it_fits_phones(visit):
    atlas = visit(**PHONE).open()
    for width in PHONES:
        atlas.page.set_viewport_size({"width": width, "height": 740})
        atlas.page.wait_for_timeout(50)
        assert atlas.page.evaluate("document.documentElement.scrollWidth") == width
        box, inner = atlas.element.bounding_box(), atlas.plane.bounding_box()
        assert inner["x"] + inner["width"] <= box["x"] + box["width"]


def test_without_javascript_a_text_stands(visit):
    atlas = visit(java_script_enabled=False)
    atlas.page.goto(f"{atlas.address}/light")
    assert "It needs JavaScript" in atlas.page.locator("mixup-atlas").inner_text()


def test_without_workers_the_text_stands(visit):
    atlas = visit()
    atlas.page.add_init_script("delete window.Worker")
    atlas.page.goto(f"{atlas.address}/light")
    atlas.until("failed")
    assert atlas.page.get_by_text("It needs JavaScript").is_visible()
    assert not atlas.plane.is_visible()
