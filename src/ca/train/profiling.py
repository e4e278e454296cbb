"""A profile of training steps."""

from pathlib import Path

from torch.profiler import ProfilerActivity, profile, supported_activities

from ca.system.errors import UsageError
from ca.system.publish import published
from ca.system.terminal import print_line
from ca.train.run import TrainingRun
from ca.train.step import training_step

WARM_UP = 5
STEPS = 20


def profile_steps(run: TrainingRun, path: Path) -> None:
    """Train the next steps of a run, and write a trace of the last 20 of them, in Chrome's trace format.

    It contains the operations of PyTorch, those of the kernel (`_Rollout` and `_RolloutBackward`) and Python
    functions. A stop signal is left to the steps that follow.

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
    if run.ranks.is_main:
        with published(path) as temporary:
            trace.export_chrome_trace(str(temporary))
        print_line(f"profiled {STEPS} steps: open {path} in https://ui.perfetto.dev or chrome://tracing")
