// The data that a page is built with, and other automata that the visitor loads.

import { fromText } from "./link.js";
import { readSafetensors } from "./safetensors.js";

/** @import { Trace } from "../rule/selftest.js" */
/** @import { Sizes } from "../rule/sizes.js" */
/** @import { Sample } from "../session/stamps.js" */

const ELEMENT = /<script type="application\/json" id="data">([^<]*)<\/script>/;

/**
 * An automaton. A checkpoint's `model.safetensors` gives the first four properties only.
 *
 * @typedef {object} Automaton
 * @property {string} name
 * @property {string} hash SHA-256 of the weights
 * @property {string} metrics in words
 * @property {Record<string, Float32Array>} tensors
 * @property {number} [fireRate]
 * @property {number} [noise]
 * @property {Sample[]} [samples]
 * @property {Trace} [trace]
 */

/** @typedef {{sizes: Sizes, palettes: Record<string, number[][]>}} Constants defined in Python alone */
/** @typedef {Required<Automaton> & Constants} PageData */

/**
 * Decode a page's data, which `ca.page.content` writes.
 *
 * @param {string} json
 * @param {Sizes} [ownSizes] for data of an earlier version, which have no sizes
 * @returns {PageData}
 * @throws {Error} if it is not the data of a page
 */
export function readData(json, ownSizes) {
  const { weights, samples, trace, sizes: given = ownSizes, ...rest } = JSON.parse(json);
  const { hidden, classes } = given; // in data of an earlier version, `hidden` is the width of both layers
  const digits = Array.from({ length: classes }, (_, index) => String(index));
  const sizes = { names: digits, ...given, hidden: Array.isArray(hidden) ? hidden : [hidden, hidden] };
  const cells = samples.side ** 2;
  const images = fromText(samples.images);
  return {
    ...rest,
    sizes,
    tensors: readSafetensors(fromText(weights).buffer, sizes),
    samples: samples.labels.map((label, number) => ({
      label,
      side: samples.side,
      levels: images.subarray(number * cells, (number + 1) * cells),
    })),
    trace: {
      ...trace,
      ink: fromText(trace.ink),
      states: Object.fromEntries(
        Object.entries(trace.states).map(([ticks, text]) => [ticks, new Float32Array(fromText(text).buffer)]),
      ),
    },
  };
}

/**
 * Read another automaton: a page that `ca export` wrote, the JSON in such a page, or a checkpoint's
 * `model.safetensors`.
 *
 * @param {File} file
 * @param {Sizes} sizes
 * @returns {Promise<Automaton>}
 * @throws {Error} in one line, if it is none of these or has other sizes
 */
export async function readAutomaton(file, sizes) {
  const bytes = await file.arrayBuffer();
  if (new Uint8Array(bytes, 0, Math.min(8, bytes.byteLength)).includes(0)) {
    const tensors = readSafetensors(bytes, sizes);
    return { name: file.name, hash: await sha256(bytes), metrics: "", tensors };
  }
  const text = new TextDecoder().decode(bytes);
  const json = ELEMENT.exec(text)?.[1] ?? text;
  let data;
  try {
    data = readData(json, sizes);
  } catch {
    throw new Error("not an automaton of ca: neither a page of ca export nor a model.safetensors");
  }
  for (const [name, size] of Object.entries(sizes)) {
    const [own, other] = [size, data.sizes[name]].map((one) => [one].flat().join(" "));
    if (other !== own)
      throw new Error(`an automaton of other sizes: its ${name} is ${other}, this page's ${own}`);
  }
  return data;
}

/** In hexadecimal digits; empty if the browser refuses, as it does on a page from http. */
async function sha256(bytes) {
  const digest = await globalThis.crypto.subtle?.digest("SHA-256", bytes);
  return digest ? [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("") : "";
}
