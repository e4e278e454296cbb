"""Where `ca` and `python -m ca` start: what must be in place before anything that takes time is imported."""

import sys

from ca.system.signals import ended_by_ctrl_c
from ca.system.streams import finish, open_missing_streams, print_any_letter


def main() -> None:
    """Entry point of the console script."""
    with ended_by_ctrl_c():
        open_missing_streams()
        print_any_letter()
        from ca.cli import main as run_command_line
    try:
        run_command_line()
    finally:
        finish(sys.stderr)  # on a full disk, for example


if __name__ == "__main__":
    main()
