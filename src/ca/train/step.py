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
    """Draw a batch from the pool, roll it out, update the weights, and write the final states back.

    Returns:
        the loss, a scalar without gradient on the run's device, the mean over all processes

    Raises:
        FailedError: the loss or a gradient is not finite
    """
    automaton, architecture = run.automaton, run.automaton.architecture
    run.step += 1

    batch = run.pool.draw(run.settings.batch_size // run.ranks.size)
    graph = CellGraph.of(batch.grid[:, 0], architecture)
    ticks, fire_rate = run.draw_ticks(), run.draw_fire_rate()
    draws = random_draws(graph, automaton, ticks, run.generator, fire_rate)
    cells = rollout(automaton, graph, graph.gather(batch.grid), draws)

    living = slice(graph.num_alive)
    labels = batch.labels[graph.batch[living]]
    last = outputs(cells[living], architecture)
    loss_sum, count = LOSSES[run.settings.loss](last, labels, len(batch.labels))
    loss = learn(run, loss_sum, count)

    run.pool.write_back(batch, graph, cells.detach())
    return loss


def learn(run: TrainingRun, loss_sum: Tensor, count: int) -> Tensor:
    """Update the weights by the gradient of `loss_sum / count`, at the learning rate of the run's step.

    Both are this process's; the update is that of the mean over all processes.

    Returns:
        the loss, the mean over all processes

    Raises:
        FailedError: the loss or a gradient is not finite; the weights are unchanged
    """
    loss = loss_sum / max(1, count)
    loss.backward()
    exchanged = run.ranks.exchange(run.automaton, loss.detach(), count, run.stop.signal)
    loss, run.stopped_by = exchanged.loss, exchanged.stop_signal
    norms = gradient_norms(run.automaton)
    if not math.isfinite(loss + norms.sum()):
        raise FailedError(
            f"loss {loss:.3g} and largest gradient {norms.max():.3g} at step {run.step}: training stops; "
            f"try a learning rate below {run.recipe.rate:g}"
        )
    if run.recipe.normalise:
        normalise_gradients(run.automaton, norms)
    set_rate(run.optimisers, run.recipe.rate_at(run.step, run.settings.steps))
    for optimiser in run.optimisers:
        optimiser.step()
        optimiser.zero_grad()
    return loss
