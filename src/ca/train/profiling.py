"""What training steps spend their time on."""

from pathlib import Path

from torch.profiler import ProfilerActivity, profile, supported_activities

from ca.system.errors import UsageError
from ca.system.terminal import print_line
from ca.train.run import TrainingRun
from ca.train.step import training_step

WARM_UP = 5
STEPS = 20


def profile_steps(run: TrainingRun, path: Path) -> None:
    """Take the next steps of a run, and write a trace of the last of them that the usual viewers open.

    The trace has the operations of PyTorch, the compiled kernel's as `_Rollout` and `_RolloutBackward`, and
    the Python functions around them.

    Raises:
        UsageError: the run has too few steps left
    """
    if run.settings.steps - run.step <= WARM_UP + STEPS:
        raise UsageError(f"--profile takes {WARM_UP + STEPS} steps: --steps must leave more than that")
    for _ in range(WARM_UP):
        training_step(run)
    activities = supported_activities() & {ProfilerActivity.CPU, ProfilerActivity.CUDA}
    with profile(activities=activities, with_stack=True) as trace:
        for _ in range(STEPS):
            training_step(run)
    run.stopped_by = 0  # the step after finds a stop signal again, and saves
    if run.ranks.is_main:
        trace.export_chrome_trace(str(path))
        print_line(f"profiled {STEPS} steps: open {path} in https://ui.perfetto.dev or chrome://tracing")
