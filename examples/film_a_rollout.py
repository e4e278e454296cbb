"""Film a rollout as a GIF: nine digits classify themselves, then mutate to nine others.

uv run python examples/film_a_rollout.py
"""

import argparse
from pathlib import Path

import imageio.v3 as imageio

import ca

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--ticks", type=int, default=60)
parser.add_argument("--output-dir", type=Path, default=Path("outputs_examples"))
options = parser.parse_args()
options.output_dir.mkdir(parents=True, exist_ok=True)

automaton, images = ca.CellularAutomaton.from_pretrained(), ca.load_digits().images
grids = list(ca.roll_out(automaton, images[:9], ticks=options.ticks))
grids += ca.roll_out(automaton, images[9:18], ticks=options.ticks, start=grids[-1])

frames = [ca.draw_cells(grid, zoom=5) for grid in grids]
path = options.output_dir / "rollout.gif"
imageio.imwrite(path, frames, duration=40, loop=0)  # milliseconds a frame
print(f"{len(frames)} states, each of {frames[0].shape[1]} x {frames[0].shape[0]} pixels", path, sep="\n")
