// Strokes of a round brush.

/** @import { Board } from "../rule/automaton.js" */

/** @typedef {{x: number, y: number}} Point in cells; (0.5, 0.5) is the middle of the first cell */

/**
 * Visit the cells that a straight stroke covers.
 *
 * @param {number} side cells along the board
 * @param {Point} from
 * @param {Point} to
 * @param {number} diameter of the brush, in cells
 * @param {(cell: number, coverage: number) => void} visit called with coverages above 0 and at most 1
 */
export function stroke(side, from, to, diameter, visit) {
  const reach = diameter / 2 + 0.5; // the coverage falls to zero half a cell beyond the rim of the brush
  /** @type {(a: number, b: number) => number} */
  const first = (a, b) => Math.max(0, Math.floor(Math.min(a, b) - reach));
  /** @type {(a: number, b: number) => number} */
  const last = (a, b) => Math.min(side - 1, Math.ceil(Math.max(a, b) + reach));
  const dx = to.x - from.x;
  const dy = to.y - from.y;
  const squaredLength = dx * dx + dy * dy;
  for (let y = first(from.y, to.y); y <= last(from.y, to.y); y++) {
    for (let x = first(from.x, to.x); x <= last(from.x, to.x); x++) {
      const px = x + 0.5 - from.x;
      const py = y + 0.5 - from.y;
      const along = squaredLength ? Math.min(1, Math.max(0, (px * dx + py * dy) / squaredLength)) : 0;
      const coverage = Math.min(1, reach - Math.hypot(px - along * dx, py - along * dy));
      if (coverage > 0) visit(y * side + x, coverage);
    }
  }
}

/**
 * Draw a stroke. Ink that is there already never becomes paler.
 *
 * @param {Board} board
 * @param {Point} from
 * @param {Point} to
 * @param {number} diameter
 */
export function paint(board, from, to, diameter) {
  stroke(board.side, from, to, diameter, (cell, coverage) => {
    board.setInk(cell, Math.max(board.ink[cell], Math.round(255 * coverage)));
  });
}

/**
 * Erase ink along a stroke.
 *
 * @param {Board} board
 * @param {Point} from
 * @param {Point} to
 * @param {number} diameter
 */
export function erase(board, from, to, diameter) {
  stroke(board.side, from, to, diameter, (cell, coverage) => {
    board.setInk(cell, Math.min(board.ink[cell], Math.round(255 * (1 - coverage))));
  });
}
