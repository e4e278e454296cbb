// The small neural network that every cell runs, and how its weights are read from a checkpoint.

export const CHANNELS = 20; // liveness, then the state
export const STATE = 19; // nine communication channels, then the outputs
export const CLASSES = 10;
export const FIRST_OUTPUT = CHANNELS - CLASSES;
export const TAPS = 9; // a cell and its eight neighbours, row by row
const HIDDEN = 80;
const INPUTS = TAPS * CHANNELS;
const AT_ONCE = 4; // outputs that a loop computes for two cells

const SHAPES = {
  "perception.weight": [HIDDEN, INPUTS],
  "perception.bias": [HIDDEN],
  "hidden.weight": [HIDDEN, HIDDEN],
  "hidden.bias": [HIDDEN],
  "residual.weight": [STATE, HIDDEN],
  "residual.bias": [STATE],
};

/** The network of a cell: its 3x3 surroundings in, what is added to its state out. */
export class Network {
  /** @param {Object<string, Float32Array>} tensors by their names in a checkpoint, as `SHAPES` says */
  constructor(tensors) {
    this.layers = ["perception", "hidden", "residual"].map((name) => {
      const [outputs, inputs] = SHAPES[`${name}.weight`];
      return packed(tensors[`${name}.weight`], tensors[`${name}.bias`], outputs, inputs);
    });
    this.perception = new Float64Array(2 * HIDDEN);
    this.hidden = new Float64Array(2 * HIDDEN);
  }

  /**
   * Residuals of two cells.
   *
   * @param {Float64Array} inputs (2, 180) their surroundings, tap by tap
   * @param {Float64Array} residuals (2, 20) written; the last of each is not used
   */
  run(inputs, residuals) {
    const [perceive, think, answer] = this.layers;
    layer(perceive, inputs, this.perception, true);
    layer(think, this.perception, this.hidden, true);
    layer(answer, this.hidden, residuals, false);
  }
}

/** Weights in the order in which `layer` reads them: (outputs / 4, inputs, 4), padded with zeros. */
function packed(weight, bias, outputs, inputs) {
  const padded = Math.ceil(outputs / AT_ONCE) * AT_ONCE;
  const weights = new Float64Array(padded * inputs);
  const biases = new Float64Array(padded);
  biases.set(bias);
  for (let output = 0; output < outputs; output++) {
    const block = Math.floor(output / AT_ONCE) * AT_ONCE * inputs + (output % AT_ONCE);
    for (let input = 0; input < inputs; input++) {
      weights[block + AT_ONCE * input] = weight[output * inputs + input];
    }
  }
  return { weights, biases, inputs, outputs: padded };
}

/** One layer for two cells: x (2, inputs) -> y (2, outputs), four outputs of both in a loop. */
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

/**
 * Read `model.safetensors`: eight bytes of length, a JSON header, the numbers.
 *
 * @param {ArrayBuffer} file
 * @returns {Object<string, Float32Array>}
 * @throws {Error} in one line, if it is not an automaton of `ca`
 */
export function readSafetensors(file) {
  const wrong = (what) => new Error(`not an automaton of ca: ${what}`);
  if (file.byteLength < 8 || file.byteLength > 10_000_000) throw wrong("a file of another size");
  const length = new DataView(file).getUint32(0, true);
  if (8 + length > file.byteLength) throw wrong("its header is cut short");
  let header;
  try {
    header = JSON.parse(new TextDecoder().decode(new Uint8Array(file, 8, length)));
  } catch {
    throw wrong("no safetensors file");
  }
  const tensors = {};
  for (const [name, shape] of Object.entries(SHAPES)) {
    const entry = header[name];
    if (!entry) throw wrong(`${name} is missing`);
    const [start, end] = entry.data_offsets ?? [];
    const count = shape.reduce((a, b) => a * b);
    if (entry.dtype !== "F32" || String(entry.shape) !== String(shape) || end - start !== 4 * count
        || !(start >= 0) || 8 + length + end > file.byteLength) {
      throw wrong(`${name} should be (${shape.join(", ")}) of float32`);
    }
    tensors[name] = new Float32Array(file.slice(8 + length + start, 8 + length + end));
    if (!tensors[name].every(Number.isFinite)) throw wrong(`${name} has values that are no numbers`);
  }
  return tensors;
}
