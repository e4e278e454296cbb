"""The picture of the board: colours, hatching and views."""

import io

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page
from support.browser import cells_of, centre_of, classes_of, next_frame, show
from support.colours import ciede2000, to_lab

DISTINCT = "536c58 fe3687 3d00f3 9aff7e 9e9e07 b50502 11a8a1 ecafff 8472ff 92006d"


@pytest.mark.parametrize("palette", ["distinct", "petroff", "article"])
def test_pixels_have_the_colours_of_the_legend(page: Page, palette: str) -> None:
    page.select_option("#palette", palette)
    show(page, 3, 25)
    classes = classes_of(cells_of(page))
    places = [tuple(map(int, place)) for place in np.argwhere((classes >= 0) & (classes < 10))[::9]]
    swatches = page.evaluate(
        """[...document.querySelectorAll("#votes .swatch")].map(
          (element) => getComputedStyle(element).backgroundColor.match(/\\d+/g).map(Number))"""
    )
    screen = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    assert len(places) >= 10
    for y, x in places:
        assert (
            list(np.asarray(screen)[tuple(map(int, centre_of(page, x, y)))[::-1]]) == swatches[classes[y, x]]
        )
    if palette == "distinct":
        assert " ".join(bytes(swatch).hex() for swatch in swatches[:10]) == DISTINCT


def test_undecided_cells_are_hatched_on_the_board_and_in_the_legend(page: Page) -> None:
    show(page, 3, 0)
    y, x = (int(value) for value in np.argwhere(classes_of(cells_of(page)) == 10)[40])
    left, top = (int(value) for value in centre_of(page, x, y))
    screen = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("L"))
    near = screen[top - 4 : top + 5, left - 4 : left + 5]
    assert near.max() == 176
    assert near.min() < 140, "dark lines"
    swatch = page.locator("#votes .swatch").last
    assert swatch.inner_text() == "?"
    assert "gradient" in swatch.evaluate("(element) => getComputedStyle(element).backgroundImage")


def test_every_view_looks_different(page: Page) -> None:
    show(page, 8, 12)
    seen = {}
    for view in page.locator("#view option").evaluate_all("(all) => all.map((one) => one.value)"):
        page.select_option("#view", view)
        next_frame(page)
        seen[view] = page.evaluate("document.getElementById('board').toDataURL()")
        assert (page.inner_text("#view-about") == "") == (view == "class")
    assert len(seen) == 4 + 20
    assert len(set(seen.values())) == len(seen)


def test_marks_need_no_colour(page: Page) -> None:
    show(page, 8, 60)
    page.select_option("#view", "marks")
    pictures = []
    for palette in ("distinct", "article"):
        page.select_option("#palette", palette)
        next_frame(page)
        pictures.append(page.evaluate("document.getElementById('board').toDataURL()"))
    assert pictures[0] == pictures[1]
    colours = page.evaluate(
        """() => {
          const canvas = document.getElementById("board");
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          let coloured = 0;
          for (let at = 0; at < data.length; at += 4) {
            const parts = [data[at], data[at + 1], data[at + 2]];
            if (Math.max(...parts) - Math.min(...parts) > 24) coloured++;
          }
          return coloured;
        }"""
    )
    assert colours == 0


def test_default_colours_differ_for_all_eyes(page: Page) -> None:
    """Colours of the legend as the browser shows them, at least 15 apart by CIEDE2000."""
    session = page.context.new_cdp_session(page)
    for deficiency in ("none", "deuteranopia", "protanopia", "tritanopia"):
        session.send("Emulation.setEmulatedVisionDeficiency", {"type": deficiency})
        image = Image.open(io.BytesIO(page.locator("#votes").screenshot())).convert("RGB")
        origin = page.locator("#votes").bounding_box()
        assert origin is not None
        colours = []
        for box in (swatch.bounding_box() for swatch in page.locator("#votes .swatch").all()[:10]):
            assert box is not None
            x, y = int(box["x"] - origin["x"]) + 4, int(box["y"] - origin["y"] + box["height"] / 2)
            colours.append(image.getpixel((x, y)))
        assert len(set(colours)) == 10, deficiency
        labs = [to_lab(np.array(colour) / 255) for colour in colours]
        distances = [ciede2000(labs[i], labs[j]) for i in range(10) for j in range(i)]
        assert min(distances) >= 15, deficiency
    session.send("Emulation.setEmulatedVisionDeficiency", {"type": "none"})
