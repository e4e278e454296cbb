"""Draw every digit on the page with the mouse, small, medium and large, and print what the cells say.

uv run python tools/page_digits.py [CHECKPOINT] [--screenshot FILE.png]

The strokes are those of `src/ca/data/drawn_forms.py`, which no automaton was trained on: the first way of
each class, drawn by a random hand. Needs Chromium.
"""

import argparse
import shutil
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

from ca.checkpoint.folder import BUNDLED_DRAWN, load_checkpoint
from ca.data.drawn_forms import WAYS
from ca.data.drawn_hand import Hand, outline
from ca.data.load import load_digits
from ca.page.build import build_page
from ca.sizes import NUM_CLASSES

SIZES = {"small": (11, 1.5), "medium": (22, 2.5), "large": (45, 4)}  # height and brush, in cells
TICKS = 150
SEED = 0
SET_BRUSH = """(size) => {
  const slider = document.getElementById("size");
  slider.value = size;
  slider.dispatchEvent(new Event("input"));
}"""
RUN = """(ticks) => {
  ca.app.session.step(ticks);
  return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
}"""
BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw every digit on the page in three sizes.")
    parser.add_argument("checkpoint", type=Path, nargs="?")
    parser.add_argument("--screenshot", type=Path, help="picture of the page after the last digit")
    arguments = parser.parse_args()
    checkpoint = load_checkpoint(arguments.checkpoint, bundled=BUNDLED_DRAWN)
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise SystemExit("no Chromium on this machine (on Debian: apt install chromium)")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder) / "page.html"
        path.write_text(build_page(checkpoint, load_digits("mnist", "test")), encoding="utf-8")
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": 1200, "height": 900})
        page.goto(path.as_uri())
        page.wait_for_function("window.ca?.app")
        page.evaluate("ca.app.setPlaying(false)")
        right = 0
        for name, (height, brush) in SIZES.items():
            read = [draw_and_read(page, label, height, brush) for label in range(NUM_CLASSES)]
            right += sum(text.startswith(f"{label} ") for label, text in enumerate(read))
            print(f"{name}, {height} cells high, brush {brush}")
            for label, text in enumerate(read):
                print(f"  {label} is read as {text}")
        print(f"{right} of {len(SIZES) * NUM_CLASSES} right")
        if arguments.screenshot:
            page.screenshot(path=arguments.screenshot)
        chromium.close()


def draw_and_read(page: Page, label: int, height: float, brush: float) -> str:
    """Draw a digit in the middle of a clear board with the mouse; returns what the page says of it."""
    rng = np.random.default_rng([SEED, label])
    way = next(way for way in WAYS if way.digit == label)
    strokes = outline(way.strokes, Hand.random(rng), rng)
    extent = max(points[:, 0].max() for points in strokes)
    page.click("#clear")
    page.evaluate(SET_BRUSH, str(brush))
    box = page.locator("#board").bounding_box()
    assert box is not None
    cell = box["width"] / page.evaluate("ca.app.session.board.side")
    middle = np.array([box["x"] + box["width"] / 2, box["y"] + box["height"] / 2])
    for points in strokes:
        places = middle + (points - np.array([extent, 1]) / 2) * (height - brush) * cell
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place)
        page.mouse.up()
    page.evaluate(RUN, TICKS)
    return f"{page.inner_text('#majority')} ({page.inner_text('#verdict')}; {page.inner_text('#sureness')})"


if __name__ == "__main__":
    main()
