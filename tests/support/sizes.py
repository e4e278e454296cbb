"""The sizes of the article's automaton, written out, for tests of its results."""

from ca.architecture import Architecture

NUM_CLASSES = 10
STATE_CHANNELS = 19
CHANNELS = 20
HIDDEN = 80
TAPS = 9
ALIVE_THRESHOLD = 0.1
UNDECIDED, DEAD = 10, 11  # indices of cells that output no class
ARTICLE = Architecture()
