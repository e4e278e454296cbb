"""The sizes of the automaton and of its digits, defined here and nowhere else.

There are no imports, so that `ca --help` and the limits on memory do not load PyTorch. The kernel is compiled
with these sizes, and the page reads them from the data that it is built with.
"""

NUM_CLASSES = 10
STATE_CHANNELS = 19  # nine communication channels, then one output channel for each class
CHANNELS = 1 + STATE_CHANNELS  # the liveness, then the state
ALIVE_THRESHOLD = 0.1  # grey value above which a cell is alive (article, "Alive cells and cell states")
HIDDEN = 80  # width of both hidden layers
TAPS = 9  # cells that a cell perceives: itself and its eight neighbours
IMAGE_SIDE = 28  # pixels along a digit of MNIST and of the other data sets
BOARD_SIDE = 64  # cells along the boards of digits of many sizes
