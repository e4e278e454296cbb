// What `ca export` puts into a page, and other automata that a visitor brings.

import { fromText } from "./link.js";
import { readSafetensors } from "../rule/network.js";

const DATA = /<script type="application\/json" id="data">([^<]*)<\/script>/;

/** Data of a page as JSON (see `page_build.py`), with its numbers as typed arrays. */
export function readData(json) {
  const { weights, samples, trace, ...rest } = JSON.parse(json);
  const size = samples.side ** 2;
  const images = fromText(samples.images);
  return {
    ...rest,
    tensors: readSafetensors(fromText(weights).buffer),
    samples: samples.labels.map((label, number) => ({
      label,
      side: samples.side,
      levels: images.subarray(number * size, (number + 1) * size),
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
 * Read another automaton: a page that `ca export` wrote, the JSON in one, or a checkpoint's `model.safetensors`,
 * which holds weights alone.
 *
 * @param {File} file
 * @throws {Error} in one line, if it is none of these
 */
export async function readAutomaton(file) {
  const bytes = await file.arrayBuffer();
  if (new Uint8Array(bytes, 0, Math.min(8, bytes.byteLength)).includes(0)) {
    const tensors = readSafetensors(bytes);
    return { name: file.name, hash: await sha256(bytes), metrics: "", tensors };
  }
  const text = new TextDecoder().decode(bytes);
  try {
    return readData(DATA.exec(text)?.[1] ?? text);
  } catch {
    throw new Error("not an automaton of ca: neither a page of ca export nor a model.safetensors");
  }
}

/** In hexadecimal digits; empty where the browser computes none, as on a page from http. */
async function sha256(bytes) {
  const digest = await globalThis.crypto.subtle?.digest("SHA-256", bytes);
  return digest ? [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("") : "";
}
