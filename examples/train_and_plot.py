"""Train an automaton for some hundred steps, measure it, plot both and save it.

uv run python examples/train_and_plot.py
"""

import argparse
from pathlib import Path

from matplotlib.figure import Figure

import ca

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--steps", type=int, default=400)
parser.add_argument("--digits", type=int, default=500, help="test digits to measure")
parser.add_argument("--output-dir", type=Path, default=Path("outputs_examples"))
options = parser.parse_args()

losses: list[float] = []
automaton = ca.train_automaton(
    steps=options.steps, callback=lambda step, loss, automaton: losses.append(loss)
)
curves = ca.measure_automaton(automaton, ca.load_digits()[: options.digits], ticks=100).curves()
path = ca.save_automaton(automaton, options.output_dir, step=options.steps)

figure = Figure(figsize=(9, 3.5), layout="constrained")
left, right = figure.subplots(1, 2)
left.plot(range(1, len(losses) + 1), losses, linewidth=0.8)
left.set(xlabel="training step", ylabel="loss")
for name in ("cell_accuracy", "agreement", "digit_accuracy"):
    right.plot(range(1, len(curves[name]) + 1), curves[name], label=name.replace("_", " "))
right.set(xlabel="tick", ylabel="share of cells or digits", ylim=(0, 1))
right.legend()
figure.savefig(options.output_dir / "training.png", dpi=150)
print(f"digit accuracy {curves['digit_accuracy'][-1]:.1%} at tick 100")
print(path, options.output_dir / "training.png", sep="\n")
