"""Errors that a user can cause. Their messages are one line: what is wrong, and what to do."""


class FailedError(Exception):
    """The work failed: for example, a file is damaged, a device is absent or the disk is full."""

    exit_code = 1


class CheckpointError(FailedError):
    """A checkpoint is missing or damaged, or something else is in its place."""


class UsageError(FailedError):
    """A setting is invalid, or settings contradict each other."""

    exit_code = 2
