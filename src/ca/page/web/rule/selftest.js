// A check that this page computes the same rule as PyTorch: it repeats a rollout of PyTorch's that came with it.

import { Board } from "./automaton.js";
import { randomDraws } from "./draws.js";

/** @import { Network } from "./network.js" */

export const TOLERANCE = 1e-4;

/**
 * A rollout by PyTorch: states (alive, stateChannels) by the number of ticks.
 *
 * @typedef {object} Trace
 * @property {number} side
 * @property {Uint8Array} ink
 * @property {number} seed
 * @property {number} fireRate
 * @property {number} noise
 * @property {Record<string, Float32Array>} states
 */

/**
 * Compare this page's rollout with PyTorch's.
 *
 * @param {Network} network
 * @param {Trace} trace
 * @returns {number} the largest difference of a channel of an alive cell, relative to its value where that is above 1
 */
export function largestDifference(network, trace) {
  const { sizes } = network;
  const board = new Board(trace.side, sizes);
  trace.ink.forEach((level, cell) => {
    board.setInk(cell, level);
  });
  const alive = board.aliveCells();
  let largest = 0;
  const stored = Object.entries(trace.states).sort(([one], [other]) => Number(one) - Number(other));
  for (const [ticks, expected] of stored) {
    while (board.ticks < Number(ticks)) {
      board.tick(network, randomDraws(alive, { ...trace, tick: board.ticks }, sizes));
    }
    alive.forEach((cell, row) => {
      const channels = board.channels(cell);
      for (let channel = 0; channel < sizes.stateChannels; channel++) {
        const value = expected[row * sizes.stateChannels + channel];
        const difference = Math.abs(channels[1 + channel] - value) / Math.max(1, Math.abs(value));
        if (!(difference <= largest)) largest = difference; // also when it is not a number
      }
    });
  }
  return largest;
}
