// Randomness as a function of a seed, a tick and a cell: the same in whatever order cells are computed.
// `ca.page_trace` draws the same numbers in Python.

import { STATE } from "./network.js";

const WEYL = 0x9e3779b9;
const PLACES = 32; // numbers that a cell may draw in a tick: one to fire, twenty for its noise

/** Mix the bits of a 32-bit integer (C. Wellons' "lowbias32"). */
function mix(x) {
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return (x ^ (x >>> 15)) >>> 0;
}

function draw(key, place) {
  return mix((key + Math.imul(place, WEYL)) | 0);
}

/**
 * Which alive cells fire in a tick, and their noise.
 *
 * @param {Int32Array} alive numbers of the alive cells of a board
 * @returns {{fired: Int32Array, noise: Float32Array}} noise is (fired, 19)
 */
export function randomDraws(alive, seed, tick, fireRate, deviation) {
  const key = mix((mix(seed) + tick) | 0);
  const fired = alive.filter((cell) => draw(key, cell * PLACES) < fireRate * 2 ** 32);
  const noise = new Float32Array(fired.length * STATE);
  if (deviation > 0) {
    let at = 0;
    for (const cell of fired) {
      for (let channel = 0; channel < STATE; channel += 2) {
        const place = cell * PLACES + 1 + channel;
        const radius = deviation * Math.sqrt(-2 * Math.log((draw(key, place) + 1) / 2 ** 32));
        const angle = (2 * Math.PI * draw(key, place + 1)) / 2 ** 32;
        noise[at++] = radius * Math.cos(angle);
        if (channel + 1 < STATE) noise[at++] = radius * Math.sin(angle);
      }
    }
  }
  return { fired, noise };
}
