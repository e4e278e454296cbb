// The neural network that every cell runs.

import { layerNames } from "./sizes.js";

/** @import { Sizes } from "./sizes.js" */

const AT_ONCE = 4; // outputs that `layer` computes for two cells in one loop

/** @typedef {{weights: Float64Array, biases: Float64Array, inputs: number, outputs: number}} Layer */

/**
 * Shapes of an automaton's tensors, by their names in a checkpoint: (outputs, inputs) and (outputs).
 *
 * @param {Sizes} sizes
 * @returns {Record<string, number[]>}
 */
export function tensorShapes(sizes) {
  const { channels, stateChannels, hidden, taps } = sizes;
  const widths = [taps * channels, ...hidden, stateChannels];
  const shapes = layerNames(sizes).map((name, layer) => [
    [`${name}.weight`, [widths[layer + 1], widths[layer]]],
    [`${name}.bias`, [widths[layer + 1]]],
  ]);
  return Object.fromEntries(shapes.flat());
}

/** Computes from the square around a cell what is added to its state. */
export class Network {
  /**
   * @param {Record<string, Float32Array>} tensors with the names and shapes of `tensorShapes`
   * @param {Sizes} sizes
   */
  constructor(tensors, sizes) {
    this.sizes = sizes;
    const shapes = tensorShapes(sizes);
    this.layers = layerNames(sizes).map((name) => {
      const [outputs, inputs] = shapes[`${name}.weight`];
      return packLayer(tensors[`${name}.weight`], tensors[`${name}.bias`], outputs, inputs);
    });
    this.inputs = new Float64Array(2 * this.layers[0].inputs); // of two cells: the channels that they perceive, tap by tap
    this.values = this.layers.map(({ outputs }) => new Float64Array(2 * outputs)); // of two cells, padded with zeros
    this.residuals = this.values[this.layers.length - 1];
  }

  /** Compute the residuals of two cells from their inputs. */
  run() {
    const last = this.layers.length - 1;
    this.layers.forEach((each, index) => {
      layer(each, index ? this.values[index - 1] : this.inputs, this.values[index], index < last);
    });
  }
}

/**
 * Store weights in the order in which `layer` reads them, (outputs / 4, inputs, 4). The outputs are padded with
 * zeros to a multiple of four, and so are the inputs, which are the outputs of the layer before.
 *
 * @param {Float32Array} weight
 * @param {Float32Array} bias
 * @param {number} outputs
 * @param {number} inputs
 * @returns {Layer}
 */
function packLayer(weight, bias, outputs, inputs) {
  const paddedOutputs = padded(outputs);
  const paddedInputs = padded(inputs);
  const weights = new Float64Array(paddedOutputs * paddedInputs);
  const biases = new Float64Array(paddedOutputs);
  biases.set(bias);
  for (let output = 0; output < outputs; output++) {
    const block = Math.floor(output / AT_ONCE) * AT_ONCE * paddedInputs + (output % AT_ONCE);
    for (let input = 0; input < inputs; input++) {
      weights[block + AT_ONCE * input] = weight[output * inputs + input];
    }
  }
  return { weights, biases, inputs: paddedInputs, outputs: paddedOutputs };
}

/**
 * The next multiple of four.
 *
 * @param {number} size
 */
function padded(size) {
  return Math.ceil(size / AT_ONCE) * AT_ONCE;
}

/**
 * Compute one layer for two cells, four outputs of both in a loop.
 *
 * @param {Layer} layer
 * @param {Float64Array} x (2, inputs)
 * @param {Float64Array} y (2, outputs), written
 * @param {boolean} relu whether negative outputs become zero
 */
// biome-ignore-start lint/style/useSingleVarDeclarator: see below
// biome-ignore format: the eight sums of a loop are easier to compare side by side
function layer({ weights, biases, inputs, outputs }, x, y, relu) {
  let w = 0;
  for (let output = 0; output < outputs; output += AT_ONCE) {
    let a0 = biases[output], a1 = biases[output + 1], a2 = biases[output + 2], a3 = biases[output + 3];
    let b0 = a0, b1 = a1, b2 = a2, b3 = a3;
    for (let input = 0; input < inputs; input++, w += AT_ONCE) {
      const a = x[input], b = x[inputs + input];
      const w0 = weights[w], w1 = weights[w + 1], w2 = weights[w + 2], w3 = weights[w + 3];
      a0 += w0 * a; a1 += w1 * a; a2 += w2 * a; a3 += w3 * a;
      b0 += w0 * b; b1 += w1 * b; b2 += w2 * b; b3 += w3 * b;
    }
    const other = outputs + output;
    if (relu) {
      y[output] = Math.max(a0, 0); y[output + 1] = Math.max(a1, 0);
      y[output + 2] = Math.max(a2, 0); y[output + 3] = Math.max(a3, 0);
      y[other] = Math.max(b0, 0); y[other + 1] = Math.max(b1, 0);
      y[other + 2] = Math.max(b2, 0); y[other + 3] = Math.max(b3, 0);
    } else {
      y[output] = a0; y[output + 1] = a1; y[output + 2] = a2; y[output + 3] = a3;
      y[other] = b0; y[other + 1] = b1; y[other + 2] = b2; y[other + 3] = b3;
    }
  }
}
// biome-ignore-end lint/style/useSingleVarDeclarator: see above
