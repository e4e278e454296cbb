// Sizes of the automaton. They come from Python, in the data that the page is built with; none is repeated here.

/**
 * @typedef {object} Sizes
 * @property {number} channels a cell's channels: its liveness, then its state
 * @property {number} stateChannels communication channels, then one output for each class
 * @property {number} classes
 * @property {string[]} names of the classes
 * @property {number[]} hidden widths of the layers before the last one, of which the first perceives
 * @property {number} taps cells that a cell perceives: the square around it, row by row
 * @property {number} drawsPerCell random numbers reserved for each cell in a tick
 * @property {number} aliveThreshold a cell is alive above this grey value, in [0, 1]
 * @property {number} imageSide cells along one side of a training image
 */

/**
 * What one image is called.
 *
 * @param {string[]} names of the classes
 */
export function nounFor(names) {
  return names.every((name, index) => name === String(index)) ? "digit" : "image";
}

/**
 * The channel of the first class's output.
 *
 * @param {Sizes} sizes
 */
export function firstOutput({ channels, classes }) {
  return channels - classes;
}

/**
 * Names of the layers in a checkpoint, from the first to the last; `ca.architecture` has the same.
 *
 * @param {Sizes} sizes
 */
export function layerNames({ hidden }) {
  const between = hidden.slice(1).map((_, index) => (index ? `hidden_${index + 1}` : "hidden"));
  return ["perception", ...between, "residual"];
}

/**
 * Cells along one side of the square that a cell perceives.
 *
 * @param {Sizes} sizes
 */
export function perceivedSide({ taps }) {
  return Math.sqrt(taps);
}
