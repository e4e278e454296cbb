"""One training step."""

from torch import Tensor

from ca.cell_graph import CellGraph, Chance
from ca.cells import outputs
from ca.engine import rollout
from ca.loss import LOSSES
from ca.optimisers import normalise_gradients, set_rate
from ca.training_run import TrainingRun


def training_step(run: TrainingRun) -> Tensor:
    """One step: draw a batch, roll it out, learn from its last state, put it back. Returns the loss."""
    settings, automaton = run.settings, run.automaton
    run.step += 1

    batch = run.pool.draw(settings.batch_size)
    graph = CellGraph.of(batch.grid[:, 0])
    chance = Chance.draw(graph, automaton, run.draw_ticks(), run.generator)
    cells = rollout(automaton, graph, graph.gather(batch.grid), chance)

    living = slice(graph.num_alive)
    labels = batch.labels[graph.batch[living]]
    loss = LOSSES[settings.loss](outputs(cells[living]), labels, settings.batch_size)
    learn(run, loss)

    run.pool.write_back(batch, graph.scatter(cells.detach(), batch.grid))
    return loss.detach()


def learn(run: TrainingRun, loss: Tensor) -> None:
    """Update the weights: gradients of the loss, normalised, at the learning rate of the run's step."""
    loss.backward()
    normalise_gradients(run.automaton)
    set_rate(run.optimisers, run.recipe.rate_at(run.step, run.settings.steps))
    for optimiser in run.optimisers:
        optimiser.step()
        optimiser.zero_grad()
