// Views of a board: what of a cell is shown as its colour.

import { firstOutput } from "../rule/sizes.js";
import { BACKGROUND, blend, UNDECIDED_COLOUR } from "./palettes.js";

/** @import { Board } from "../rule/automaton.js" */
/** @import { Sizes } from "../rule/sizes.js" */

// Both from ColorBrewer: RdBu, and part of PuRd.
const DIVERGING = [
  [5, 48, 97],
  [67, 147, 195],
  [247, 247, 247],
  [214, 96, 77],
  [103, 0, 31],
];
const SEQUENTIAL = [
  [247, 244, 249],
  [201, 148, 199],
  [103, 0, 31],
];
const LARGE_UPDATE = 0.2; // mean absolute residual that gets the middle colour

/**
 * @typedef {object} View
 * @property {string} name
 * @property {string} about one line that explains it
 * @property {boolean} [classes] whether it has the colours of the classes
 * @property {boolean} [marks] whether each cell's class is written on it
 * @property {(board: Board, cell: number, palette: number[][], shown: number) => number[]} colour
 *   of an alive cell; `shown` is the class to show, -1 for none
 */

/**
 * All views, by the name that a link has for them.
 *
 * @param {Sizes} sizes
 * @returns {Record<string, View>}
 */
export function viewsOf(sizes) {
  /** @type {Record<string, View>} */
  const views = {
    class: {
      name: "Class",
      about: "each cell in the colour of its largest output",
      classes: true,
      colour: (_board, _cell, palette, shown) => (shown < 0 ? UNDECIDED_COLOUR : palette[shown]),
    },
    marks: {
      name: "Digit marks",
      about: "each cell's class in writing, without colour",
      marks: true,
      colour: () => BACKGROUND,
    },
    confidence: {
      name: "Confidence",
      about: "the darker a cell, the less its largest output is above the second",
      classes: true,
      colour: (board, cell, palette, shown) => {
        const share = confidence(board.channels(cell).subarray(board.firstOutput));
        return shown < 0 ? UNDECIDED_COLOUR : palette[shown].map((part) => part * share);
      },
    },
    update: {
      name: "Update size",
      about: "the redder a cell, the more its last tick changed it",
      colour: (board, cell) => blend(SEQUENTIAL, squash(board.lastUpdate[cell] / LARGE_UPDATE)),
    },
  };
  for (let channel = 0; channel < sizes.channels; channel++) {
    views[`channel-${channel}`] = {
      name: channelName(channel, sizes),
      about: `${channelUse(channel, sizes)}: blue below zero, white at zero, red above`,
      colour: (board, cell) => blend(DIVERGING, (1 + squash(board.channels(cell)[channel])) / 2),
    };
  }
  return views;
}

function channelName(channel, sizes) {
  if (channel === 0) return "Liveness";
  const output = channel - firstOutput(sizes);
  return output < 0 ? `Channel ${channel}` : `Output ${sizes.names[output]}`;
}

function channelUse(channel, sizes) {
  if (channel === 0) return "the ink";
  return channel < firstOutput(sizes) ? "a number that only the neighbours see" : "how much for this class";
}

/** How far the largest output is above the second largest, in [0, 1]. */
function confidence(outputs) {
  let largest = -Infinity;
  let second = -Infinity;
  for (const value of outputs) {
    if (value > largest) [largest, second] = [value, largest];
    else if (value > second) second = value;
  }
  return Math.min(largest - second, 1);
}

function squash(value) {
  return (Math.atan(value) * 2) / Math.PI;
}
