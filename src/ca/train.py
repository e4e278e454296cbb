"""Training: the step, and the loop around it."""

import math
import sys

import torch
from torch import Tensor

from ca.cells import outputs
from ca.checkpoint import load_checkpoint
from ca.device import find_device
from ca.engine import CellGraph, Chance, rollout
from ca.errors import FailedError
from ca.interrupt import StopSignal
from ca.loss import LOSSES
from ca.optimisers import normalise_gradients, set_rates
from ca.output_folder import prepare_folder
from ca.settings import TrainSettings
from ca.training_output import DRAW_EVERY, RECORD_EVERY, TrainingOutput
from ca.training_run import TrainingRun


def training_step(run: TrainingRun) -> Tensor:
    """One step: draw a batch, roll it out, learn from its last state, put it back. Returns the loss."""
    settings, automaton = run.settings, run.automaton
    run.step += 1

    batch = run.pool.draw(settings.batch_size)
    graph = CellGraph.of(batch.grid[:, 0])
    chance = Chance.draw(graph, automaton, settings.ticks, run.chance)
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
    set_rates(run.optimisers, run.recipe, run.recipe.rate_factor(run.step, run.settings.steps))
    for optimiser in run.optimisers:
        optimiser.step()
        optimiser.zero_grad()


def train(settings: TrainSettings) -> None:
    """Train to the last step, or until told to stop; either way a checkpoint is left.

    Raises:
        FailedError: the loss is no longer a number, or the output folder can't be written
        UsageError: the settings do not fit the checkpoint to resume from
    """
    device = find_device(settings.device)
    folder = prepare_folder(settings.output_dir)
    if settings.resume is not None:
        run = TrainingRun.resume(settings, load_checkpoint(settings.resume), device)
    elif (folder / "metrics.jsonl").exists():
        raise FailedError(
            f"{folder} holds a run already: go on with --resume {folder}/model-steps-N, "
            "or choose another --output-dir"
        )
    else:
        run = TrainingRun.start(settings, device)

    try:
        with StopSignal() as stop, TrainingOutput(folder, run) as output:
            stop_signal = _train(run, output, stop)
    except OSError as error:
        raise FailedError(f"can't write into {folder}: {error.strerror}") from error

    path = folder / f"model-steps-{run.step}"
    if stop_signal:
        print(f"stopped; go on with: ca train --resume {path}", file=sys.stderr)
        raise SystemExit(128 + stop_signal)
    print(f"see it at work: ca evaluate {path}", file=sys.stderr)


def _train(run: TrainingRun, output: TrainingOutput, stop: StopSignal) -> int:
    """Train to the last step or to a stop signal; returns the signal's number, or 0."""
    settings, stopped_by = run.settings, 0
    while run.step < settings.steps and not stopped_by:
        loss = _train_until(_next_pause(run.step, settings), run, stop)
        if not math.isfinite(loss):
            raise FailedError(f"the loss is {loss} at step {run.step}: training stops, nothing saved")
        done = run.step == settings.steps
        stopped_by = 0 if done else stop.signal
        saving = done or bool(stopped_by) or run.step % settings.checkpoint_every == 0
        figures = output.score() if saving and not stopped_by else {}
        output.record(loss, figures)
        if saving or run.step % DRAW_EVERY == 0:
            output.draw()
        if saving:
            output.save(loss, figures)
    return stopped_by


def _next_pause(step: int, settings: TrainSettings) -> int:
    """The next step at which there is something to record or to save."""
    pauses = ((step // every + 1) * every for every in (RECORD_EVERY, settings.checkpoint_every))
    return min(*pauses, settings.steps)


def _train_until(step: int, run: TrainingRun, stop: StopSignal) -> float:
    """Take steps until that one, or until told to stop; the mean loss, read from the device only once."""
    losses = [training_step(run)]
    while run.step < step and not stop.signal:
        losses.append(training_step(run))
    return torch.stack(losses).mean().item()
