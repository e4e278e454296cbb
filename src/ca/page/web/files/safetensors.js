// The weights of an automaton in a checkpoint's `model.safetensors`.

import { tensorShapes } from "../rule/network.js";

/** @import { Sizes } from "../rule/sizes.js" */

const MAX_BYTES = 10_000_000;

/**
 * Read the file: eight bytes with the length of a header in JSON, the header, the numbers.
 *
 * @param {ArrayBuffer} file
 * @param {Sizes} sizes
 * @returns {Record<string, Float32Array>}
 * @throws {Error} in one line, if it does not hold an automaton of these sizes
 */
export function readSafetensors(file, sizes) {
  const wrong = (what) => new Error(`not an automaton of ca: ${what}`);
  if (file.byteLength < 8) throw wrong(`the file has only ${file.byteLength} bytes`);
  if (file.byteLength > MAX_BYTES) throw wrong(`the file has more than ${MAX_BYTES / 1e6} MB`);
  const length = new DataView(file).getUint32(0, true);
  if (8 + length > file.byteLength) throw wrong("the file is cut short, or not a safetensors file");
  let header;
  try {
    header = JSON.parse(new TextDecoder().decode(new Uint8Array(file, 8, length)));
  } catch {
    throw wrong("it is not a safetensors file");
  }
  const tensors = {};
  for (const [name, shape] of Object.entries(tensorShapes(sizes))) {
    const entry = header[name];
    if (!entry) throw wrong(`${name} is missing`);
    const [start, end] = entry.data_offsets ?? [];
    const isComplete =
      entry.dtype === "F32" &&
      String(entry.shape) === String(shape) &&
      end - start === 4 * shape.reduce((a, b) => a * b) &&
      start >= 0 &&
      8 + length + end <= file.byteLength;
    if (!isComplete) throw wrong(`${name} should be (${shape.join(", ")}) of float32`);
    tensors[name] = new Float32Array(file.slice(8 + length + start, 8 + length + end));
    if (!tensors[name].every(Number.isFinite)) throw wrong(`${name} has values that are not finite`);
  }
  return tensors;
}
