"""The page's brush against the one in Python: the same strokes leave the same ink."""

import numpy as np
from playwright.sync_api import Page
from support.strokes import some_strokes

from ca.data.brush import draw

SIDE = 56  # cells along the page's board
DRAW = """(drawings) => {
  const { session, tools } = ca.app, { board } = session;
  const canvas = document.getElementById("board");
  canvas.setPointerCapture = () => {}; // there is no device behind these events
  const box = canvas.getBoundingClientRect();
  const cell = canvas.clientWidth / board.side;
  const send = (kind, [x, y]) => {
    const clientX = box.left + canvas.clientLeft + x * cell;
    const clientY = box.top + canvas.clientTop + y * cell;
    const options = { clientX, clientY, pointerId: 7, pointerType: "pen", buttons: 1, bubbles: true };
    canvas.dispatchEvent(new PointerEvent(kind, options));
  };
  return drawings.map(({ strokes, diameter }) => {
    session.edit(() => board.ink.forEach((_, cell) => board.setInk(cell, 0)));
    tools.sizes.draw = diameter;
    for (const stroke of strokes) {
      send("pointerdown", stroke[0]);
      for (const place of stroke.slice(1)) send("pointermove", place);
      send("pointerup", stroke.at(-1));
    }
    return [...board.ink];
  });
}"""


def test_strokes_leave_the_ink_that_python_computes(page: Page) -> None:
    drawings = [some_strokes(seed, SIDE) for seed in range(20)]
    diameters = np.random.default_rng(1).uniform(1, 5, 20).tolist()
    described = [
        {"strokes": [stroke.tolist() for stroke in strokes], "diameter": diameter}
        for strokes, diameter in zip(drawings, diameters, strict=True)
    ]
    inks = page.evaluate(DRAW, described)
    for strokes, diameter, ink in zip(drawings, diameters, inks, strict=True):
        theirs = np.array(ink).reshape(SIDE, SIDE)
        ours = draw(strokes, diameter, SIDE).astype(int)
        assert abs(theirs - ours).max() <= 1, "places are rounded on their way through the window"
        assert (theirs != ours).mean() < 0.001
        assert (theirs > 0).any()
