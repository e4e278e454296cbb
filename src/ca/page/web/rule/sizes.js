// Sizes of the automaton. They come from Python, in the data that the page is built with; none is repeated here.

/**
 * @typedef {object} Sizes
 * @property {number} channels a cell's channels: its liveness, then its state
 * @property {number} stateChannels communication channels, then one output for each class
 * @property {number} classes
 * @property {number} hidden units of each hidden layer
 * @property {number} taps cells that a cell perceives: the square around it, row by row
 * @property {number} drawsPerCell random numbers reserved for each cell in a tick
 * @property {number} aliveThreshold a cell is alive above this grey value, in [0, 1]
 * @property {number} imageSide cells along one side of a training image
 */

/**
 * The channel of the first class's output.
 *
 * @param {Sizes} sizes
 */
export function firstOutput({ channels, classes }) {
  return channels - classes;
}

/**
 * Cells along one side of the square that a cell perceives.
 *
 * @param {Sizes} sizes
 */
export function perceivedSide({ taps }) {
  return Math.sqrt(taps);
}
