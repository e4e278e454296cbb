"""Errors that a user can cause: each is one line that says what is wrong and what to do."""


class FailedError(Exception):
    """The work could not be done: a file is missing or broken, a device is absent, a disk is full."""

    exit_code = 1


class CheckpointError(FailedError):
    """What should be a checkpoint is missing, damaged, or of another kind."""


class UsageError(FailedError):
    """The command line asks for something that makes no sense."""

    exit_code = 2
