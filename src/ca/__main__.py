"""Where `ca` and `python -m ca` start: what must be in place before anything that takes time is imported."""

import os
import sys

from ca.system.signals import end_by_ctrl_c, ended_by_ctrl_c
from ca.system.streams import finish, open_missing_streams, print_any_letter


def main() -> None:
    """Entry point of the console script."""
    with ended_by_ctrl_c():
        for name in [name for name in os.environ if name.startswith("TQDM_")]:
            del os.environ[name]  # tqdm would end commands for values that it can't read
        open_missing_streams()
        print_any_letter()
        from ca.cli import main as run_command_line
    try:
        run_command_line()
    finally:
        end_by_ctrl_c()  # the interpreter takes a moment to end
        finish(sys.stderr)  # on a full disk, for example


if __name__ == "__main__":
    main()
