// Random numbers as a function of a seed, a tick and a cell, so that the order of computation does not matter.
// `ca.page.draws` draws the same numbers in Python.

/** @import { Sizes } from "./sizes.js" */

const WEYL = 0x9e3779b9;

/** @typedef {{fired: Int32Array, noise: Float32Array}} Draws cells that fire, and their noise (fired, stateChannels) */

/**
 * Mix the bits of a 32-bit integer (C. Wellons' "lowbias32").
 *
 * @param {number} bits
 */
function mix(bits) {
  let x = Math.imul(bits ^ (bits >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return (x ^ (x >>> 15)) >>> 0;
}

/**
 * A random 32-bit integer.
 *
 * @param {number} key of a seed and a tick
 * @param {number} place of the number among those of the tick
 */
function draw(key, place) {
  return mix((key + Math.imul(place, WEYL)) | 0);
}

/**
 * Draw which alive cells fire in a tick, and their noise (Box-Muller).
 *
 * @param {Int32Array} alive numbers of the alive cells of a board
 * @param {{seed: number, tick: number, fireRate: number, noise: number}} settings
 * @param {Sizes} sizes
 * @returns {Draws}
 */
export function randomDraws(
  alive,
  { seed, tick, fireRate, noise: deviation },
  { stateChannels, drawsPerCell },
) {
  const key = mix((mix(seed) + tick) | 0);
  const fired = alive.filter((cell) => draw(key, cell * drawsPerCell) < fireRate * 2 ** 32);
  const noise = new Float32Array(fired.length * stateChannels);
  if (deviation > 0) {
    let at = 0;
    for (const cell of fired) {
      for (let channel = 0; channel < stateChannels; channel += 2) {
        const place = cell * drawsPerCell + 1 + channel;
        const radius = deviation * Math.sqrt(-2 * Math.log((draw(key, place) + 1) / 2 ** 32));
        const angle = (2 * Math.PI * draw(key, place + 1)) / 2 ** 32;
        noise[at++] = radius * Math.cos(angle);
        if (channel + 1 < stateChannels) noise[at++] = radius * Math.sin(angle);
      }
    }
  }
  return { fired, noise };
}
