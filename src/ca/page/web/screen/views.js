// Views of a board: what about its cells becomes colour.

import { CHANNELS, CLASSES, FIRST_OUTPUT } from "../rule/network.js";
import { BACKGROUND, UNDECIDED_COLOUR, blend } from "./palettes.js";

const DIVERGING = [[5, 48, 97], [67, 147, 195], [247, 247, 247], [214, 96, 77], [103, 0, 31]]; // ColorBrewer's RdBu
const SEQUENTIAL = [[247, 244, 249], [201, 148, 199], [103, 0, 31]]; // from ColorBrewer's PuRd
const LARGE_UPDATE = 0.2; // mean absolute residual that has the middle colour
const HOLD = 4; // ticks that a new class must last before the calm picture shows it

/** Name and explanation of each view; `classes` are those whose colours are the palette's. */
export const VIEWS = {
  class: { name: "Class", about: "each cell in the colour of its largest output", classes: true },
  marks: { name: "Digit marks", about: "each cell's class in writing, without colour", classes: false },
  confidence: {
    name: "Confidence",
    about: "the darker a cell, the less its largest output is above the second",
    classes: true,
  },
  update: { name: "Update size", about: "the redder a cell, the more its last tick changed it", classes: false },
};
for (let channel = 0; channel < CHANNELS; channel++) {
  const what =
    channel === 0 ? "Liveness" : channel < FIRST_OUTPUT ? `Communication ${channel}` : `Output ${channel - FIRST_OUTPUT}`;
  VIEWS[`channel-${channel}`] = {
    name: `${what} (channel ${channel})`,
    about: "blue below zero, white at zero, red above",
    classes: false,
  };
}

/** The classes to show: those of now, or calm ones that change only when they have lasted for some ticks. */
export class ShownClasses {
  constructor(size) {
    this.shown = new Int8Array(size).fill(-1);
    this.next = new Int8Array(size).fill(-1);
    this.since = new Int32Array(size);
  }

  update(board, calm) {
    for (const cell of board.aliveCells()) {
      const index = board.classOf(cell);
      if (index !== this.next[cell]) {
        this.next[cell] = index;
        this.since[cell] = board.ticks;
      }
      const lasted = board.ticks - this.since[cell];
      if (!calm || lasted < 0 || lasted >= HOLD || this.shown[cell] < 0) this.shown[cell] = index;
    }
  }
}

/**
 * The colour of an alive cell in a view.
 *
 * @param {string} view a name in `VIEWS`
 * @param {number} shown its class as shown, -1 for none
 */
export function colourOf(board, cell, view, palette, shown) {
  const channels = board.channels(cell);
  switch (view) {
    case "class":
      return shown < 0 ? UNDECIDED_COLOUR : palette[shown];
    case "marks":
      return BACKGROUND;
    case "confidence": {
      const share = confidence(channels);
      return shown < 0 ? UNDECIDED_COLOUR : palette[shown].map((part) => part * share);
    }
    case "update":
      return blend(SEQUENTIAL, squash(board.lastUpdate[cell] / LARGE_UPDATE));
    default:
      return blend(DIVERGING, (1 + squash(channels[Number(view.slice("channel-".length))])) / 2);
  }
}

/** How far the largest output is above the second largest, in [0, 1]. */
export function confidence(channels) {
  let largest = -Infinity, second = -Infinity;
  for (let index = 0; index < CLASSES; index++) {
    const value = channels[FIRST_OUTPUT + index];
    if (value > largest) [largest, second] = [value, largest];
    else if (value > second) second = value;
  }
  return Math.min(largest - second, 1);
}

function squash(value) {
  return (Math.atan(value) * 2) / Math.PI;
}
