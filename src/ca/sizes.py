"""The sizes of digits and of boards of digits, defined here and nowhere else."""

NUM_CLASSES = 10  # of digits
DIGIT_NAMES = tuple(map(str, range(NUM_CLASSES)))
IMAGE_SIDE = 28  # pixels along a digit of MNIST and of the other data sets
MAX_IMAGE_SIDE = 512  # pixels along an image of the user's own
BOARD_SIDE = 64  # cells along the boards of digits of many sizes
