"""One training step."""

import math

from torch import Tensor

from ca.cells import outputs
from ca.engine.graph import CellGraph
from ca.engine.rollout import random_draws, rollout
from ca.loss import LOSSES
from ca.system.errors import FailedError
from ca.train.optimisers import gradient_norms, normalise_gradients, set_rate
from ca.train.run import TrainingRun


def training_step(run: TrainingRun) -> Tensor:
    """One step: draw a batch, roll it out, learn from its last state, put it back. Returns the loss.

    Raises:
        FailedError: the loss or a gradient is not finite
    """
    settings, automaton = run.settings, run.automaton
    run.step += 1

    batch = run.pool.draw(settings.batch_size // run.ranks.size)
    graph = CellGraph.of(batch.grid[:, 0])
    draws = random_draws(graph, automaton, run.draw_ticks(), run.generator)
    cells = rollout(automaton, graph, graph.gather(batch.grid), draws)

    living = slice(graph.num_alive)
    labels = batch.labels[graph.batch[living]]
    loss = LOSSES[settings.loss](outputs(cells[living]), labels, len(batch.labels))
    loss = learn(run, loss, len(labels) if settings.loss == "cross-entropy" else len(batch.labels))

    run.pool.write_back(batch, graph, cells.detach())
    return loss


def learn(run: TrainingRun, loss: Tensor, weight: float = 1.0) -> Tensor:
    """Update the weights at the learning rate of the run's step.

    Args:
        weight: how many cells or digits the loss is a mean over

    Returns:
        the loss, the mean over all processes of the run

    Raises:
        FailedError: the loss or a gradient is not finite; the weights are as before
    """
    loss.backward()
    loss, run.stopped_by = run.ranks.average(run.automaton, loss.detach(), weight, run.stop.signal)
    norms = gradient_norms(run.automaton)
    if not math.isfinite(loss + norms.sum()):
        raise FailedError(
            f"loss {loss:.3g} and largest gradient {norms.max():.3g} at step {run.step}: training ends there"
        )
    if run.recipe.normalise:
        normalise_gradients(run.automaton, norms)
    set_rate(run.optimisers, run.recipe.rate_at(run.step, run.settings.steps))
    for optimiser in run.optimisers:
        optimiser.step()
        optimiser.zero_grad()
    return loss
