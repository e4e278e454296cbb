// The weights of an automaton in a checkpoint's `model.safetensors`.

import { tensorShapes } from "../rule/network.js";
import { checkedObject, notAnAutomaton } from "./checked.js";

/** @import { Sizes } from "../rule/sizes.js" */

/**
 * Read the file: eight bytes with the length of a header in JSON, the header, the numbers.
 *
 * @param {ArrayBuffer} file
 * @param {Sizes} sizes
 * @returns {Record<string, Float32Array>}
 * @throws {Error} in one line, if it does not hold an automaton of these sizes
 */
export function readSafetensors(file, sizes) {
  if (file.byteLength < 8) throw notAnAutomaton(`the file has only ${file.byteLength} bytes`);
  const [length, above] = [0, 4].map((at) => new DataView(file).getUint32(at, true));
  if (above || 8 + length > file.byteLength)
    throw notAnAutomaton("the file is cut short, or not a safetensors file");
  let header;
  try {
    header = JSON.parse(new TextDecoder().decode(new Uint8Array(file, 8, length)));
  } catch {
    throw notAnAutomaton("it is not a safetensors file");
  }
  checkedObject(header, "its header");
  const tensors = {};
  for (const [name, shape] of Object.entries(tensorShapes(sizes))) {
    const entry = header[name];
    if (!entry) throw notAnAutomaton(`${name} is missing`);
    const [start, end] = Array.isArray(entry.data_offsets) ? entry.data_offsets : [];
    const isComplete =
      entry.dtype === "F32" &&
      Number.isInteger(start) &&
      String(entry.shape) === String(shape) &&
      end - start === 4 * shape.reduce((a, b) => a * b) &&
      start >= 0 &&
      8 + length + end <= file.byteLength;
    if (!isComplete) throw notAnAutomaton(`${name} should be (${shape.join(", ")}) of float32`);
    tensors[name] = new Float32Array(file.slice(8 + length + start, 8 + length + end));
    if (!tensors[name].every(Number.isFinite)) throw notAnAutomaton(`${name} has values that are not finite`);
  }
  return tensors;
}
