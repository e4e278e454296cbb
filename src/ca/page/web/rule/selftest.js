// Proof that this page computes the same rule as PyTorch: replay a rollout whose states were stored.

import { Board } from "./automaton.js";
import { randomDraws } from "./draws.js";
import { STATE } from "./network.js";

export const TOLERANCE = 1e-4;

/**
 * @param {Network} network
 * @param {{side: number, ink: Uint8Array, seed: number, fireRate: number, noise: number,
 *   states: Object<number, Float32Array>}} trace state (alive, 19) after some numbers of ticks
 * @returns {number} the largest difference of any channel of any alive cell, relative to the value where that is above 1
 */
export function largestDifference(network, trace) {
  const board = new Board(trace.side);
  trace.ink.forEach((level, cell) => board.setInk(cell, level));
  const alive = board.aliveCells();
  let largest = 0;
  for (const ticks of Object.keys(trace.states).map(Number).sort((a, b) => a - b)) {
    while (board.ticks < ticks) {
      board.tick(network, randomDraws(alive, trace.seed, board.ticks, trace.fireRate, trace.noise));
    }
    const expected = trace.states[ticks];
    alive.forEach((cell, row) => {
      const channels = board.channels(cell);
      for (let channel = 0; channel < STATE; channel++) {
        const value = expected[row * STATE + channel];
        const difference = Math.abs(channels[1 + channel] - value) / Math.max(1, Math.abs(value));
        if (!(difference <= largest)) largest = difference;
      }
    });
  }
  return largest;
}
