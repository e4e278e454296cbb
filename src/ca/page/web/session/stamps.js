// Samples are small pictures of digits; here they are put on a board.

import { around } from "./verdict.js";

/** @import { Board } from "../rule/automaton.js" */

/** @typedef {{levels: Uint8Array, side: number, label: number}} Sample a square picture in grey levels */

const SPACING = 2; // empty cells around a place that is free
const STEP = 2; // cells between the places that are tried

/**
 * Replace all ink by a sample in the middle of the board.
 *
 * @param {Board} board
 * @param {Sample} sample
 */
export function replaceInk(board, sample) {
  const from = Math.floor((board.side - sample.side) / 2);
  const ink = new Uint8Array(board.ink.length);
  sample.levels.forEach((level, at) => {
    ink[(from + Math.floor(at / sample.side)) * board.side + from + (at % sample.side)] = level;
  });
  ink.forEach((level, cell) => {
    board.setInk(cell, level);
  });
}

/**
 * Add a sample to the ink on the board. What lies beyond the rim is cut off.
 *
 * @param {Board} board
 * @param {Sample} sample
 * @param {number} x where its middle is, in cells
 * @param {number} y
 */
export function addInk(board, sample, x, y) {
  const left = Math.round(x - sample.side / 2);
  const top = Math.round(y - sample.side / 2);
  sample.levels.forEach((level, at) => {
    const cellX = left + (at % sample.side);
    const cellY = top + Math.floor(at / sample.side);
    if (!level || cellX < 0 || cellY < 0 || cellX >= board.side || cellY >= board.side) return;
    const cell = cellY * board.side + cellX;
    board.setInk(cell, Math.max(board.ink[cell], level));
  });
}

/**
 * The middle of a random place that has room for a sample, or null if there is none.
 *
 * @param {Board} board
 * @param {Sample} sample
 */
export function freePlace({ side, ink }, sample) {
  /** @param {number[]} corner */
  const isFree = ([left, top]) =>
    sample.levels.every((level, at) => {
      const cell = (top + Math.floor(at / sample.side)) * side + left + (at % sample.side);
      return !level || around(cell, side, SPACING).every((near) => !ink[near]);
    });
  const corners = [];
  for (let top = 0; top + sample.side <= side; top += STEP) {
    for (let left = 0; left + sample.side <= side; left += STEP) corners.push([left, top]);
  }
  while (corners.length) {
    const [corner] = corners.splice(Math.floor(Math.random() * corners.length), 1);
    if (isFree(corner)) return { x: corner[0] + sample.side / 2, y: corner[1] + sample.side / 2 };
  }
  return null;
}
