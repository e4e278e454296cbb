// The data that a page is built with, and other automata that the visitor loads.

import {
  checkedBytes,
  checkedChance,
  checkedObject,
  checkedSamples,
  checkedSizes,
  checkedText,
  checkedTrace,
  notAnAutomaton,
} from "./checked.js";
import { readSafetensors } from "./safetensors.js";

/** @import { Trace } from "../rule/selftest.js" */
/** @import { Sizes } from "../rule/sizes.js" */
/** @import { Sample } from "../session/stamps.js" */

const MAX_BYTES = 20_000_000;
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
 * Decode the data that the page is built with, which `ca.page.content` writes.
 *
 * @param {string} json
 * @returns {PageData}
 */
export function readData(json) {
  const data = JSON.parse(json);
  const { sizes, palettes } = data;
  return { sizes, palettes, hash: data.hash, ...readParts(data, checkedWeights(data), sizes) };
}

/**
 * Read another automaton: a page that `ca export` wrote, the JSON in such a page, or a checkpoint's
 * `model.safetensors`.
 *
 * @param {File} file
 * @param {Sizes} sizes
 * @returns {Promise<Automaton>}
 * @throws {Error} in one line, if it is none of these, is damaged, or has other sizes
 */
export async function readAutomaton(file, sizes) {
  if (file.size > MAX_BYTES) throw notAnAutomaton(`the file has more than ${MAX_BYTES / 1e6} MB`);
  const bytes = await file.arrayBuffer();
  if (new Uint8Array(bytes, 0, Math.min(8, bytes.byteLength)).includes(0)) {
    const tensors = readSafetensors(bytes, sizes);
    return { name: file.name, hash: await sha256(bytes), metrics: "", tensors };
  }
  const text = new TextDecoder().decode(bytes);
  const json = ELEMENT.exec(text)?.[1] ?? text;
  let data;
  try {
    data = JSON.parse(json);
  } catch {
    throw notAnAutomaton("neither a page of ca export nor a model.safetensors");
  }
  checkedSizes(checkedObject(data, "the file").sizes, sizes);
  const weights = checkedWeights(data);
  const hash = await sha256(weights);
  if (hash && hash !== data.hash)
    throw notAnAutomaton("its weights are not those whose SHA-256 it names: it is damaged, or was changed");
  return { hash, ...readParts(data, weights, sizes) };
}

function checkedWeights({ weights }) {
  return checkedBytes(weights, "weights").buffer;
}

/**
 * All but the sizes and the hash.
 *
 * @param {Record<string, any>} data
 * @param {ArrayBuffer} weights
 * @param {Sizes} sizes
 */
function readParts(data, weights, sizes) {
  return {
    name: checkedText(data.name, "name"),
    metrics: checkedText(data.metrics, "metrics"),
    ...checkedChance(data, ""),
    tensors: readSafetensors(weights, sizes),
    samples: checkedSamples(data.samples, sizes),
    trace: checkedTrace(data.trace, sizes),
  };
}

/** In hexadecimal digits; empty if the browser refuses, as it does on a page from http. */
async function sha256(bytes) {
  const digest = await globalThis.crypto.subtle?.digest("SHA-256", bytes);
  return digest ? [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("") : "";
}
