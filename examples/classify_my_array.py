"""Classify an array of your own: digits that Pillow draws in black on white paper.

uv run python examples/classify_my_array.py
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import ca

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--output-dir", type=Path, default=Path("outputs_examples"))
folder = parser.parse_args().output_dir
folder.mkdir(parents=True, exist_ok=True)

font = ImageFont.load_default(size=26)
images = np.empty((10, 28, 28))
for number in range(10):
    paper = Image.new("L", (28, 28), 255)
    ImageDraw.Draw(paper).text((14, 14), str(number), 0, font, anchor="mm")
    images[number] = np.asarray(paper) / 255

# The automaton expects bright ink on a dark background, from 0 to 1: this is refused without "1 -".
result = ca.classify(ca.CellularAutomaton.from_pretrained(), 1 - images)
for number in range(10):  # the printed 1 has a flag, unlike MNIST's: it looks like a 7
    print(
        f"drawn {number}: class {result.classes[number]}, {result.agreement[number]:.0%} of the cells agree"
    )

path = folder / "my-array.png"
Image.fromarray(ca.draw_cells(result.grid, zoom=6)).save(path)
print(path)
