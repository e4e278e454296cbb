// Settings of a session.

/** @import { Sizes } from "../rule/sizes.js" */

export const SPEEDS = [1, 2, 5, 10, 20, 30, 60, 120]; // ticks a second

/**
 * @typedef {object} Settings
 * @property {number} side cells along the board
 * @property {string} view
 * @property {string} palette
 * @property {number} speed ticks a second
 * @property {number} fireRate
 * @property {number} noise
 * @property {number} seed
 * @property {boolean} calm whether the picture ignores classes that last for a few ticks only
 */

/** Settings that depend neither on the automaton nor on the browser. */
export const DEFAULTS = { view: "class", speed: 20, seed: 0 };

/**
 * Cells along the board for one digit, and along the whiteboard.
 *
 * @param {Sizes} sizes
 */
export function boardSides({ imageSide }) {
  return { oneDigit: 2 * imageSide, whiteboard: 5 * imageSide };
}
