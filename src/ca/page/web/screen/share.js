// What can be taken away: a picture, a moving picture, a link.

import { encodeGif } from "../files/gif.js";
import { BACKGROUND, UNDECIDED_COLOUR } from "./palettes.js";

const GIF_SIDE = 280; // pixels, at most
const MAX_FRAMES = 150;
const MIN_HUNDREDTHS = 4; // that a frame lasts
const UNDECIDED_NUMBER = 10, BACKGROUND_NUMBER = 11, FIRST_FAINT = 12, FAINTS = 4;

/** Classes of the cells as a moving picture, a frame a tick. */
export class Recorder {
  constructor() {
    this.frames = null;
  }

  get recording() {
    return this.frames !== null;
  }

  get full() {
    return this.recording && this.frames.length >= MAX_FRAMES;
  }

  start(side) {
    this.side = side;
    this.zoom = Math.max(1, Math.floor(GIF_SIDE / side));
    this.frames = [];
    this.lastTick = null;
  }

  /** Add the board as it is, unless it is the tick of the last frame. */
  add(board, shown, speed) {
    if (board.side !== this.side || board.ticks === this.lastTick || this.full) return;
    this.lastTick = board.ticks;
    const { side, zoom } = this;
    const numbers = new Uint8Array(side * side).fill(BACKGROUND_NUMBER);
    board.ink.forEach((level, cell) => {
      if (level) numbers[cell] = FIRST_FAINT + Math.min(FAINTS - 1, Math.floor((level * FAINTS) / 26));
    });
    for (const cell of board.aliveCells()) numbers[cell] = shown[cell] < 0 ? UNDECIDED_NUMBER : shown[cell];
    const pixels = new Uint8Array(side * side * zoom * zoom);
    for (let y = 0; y < side * zoom; y++) {
      for (let x = 0; x < side * zoom; x++) {
        pixels[y * side * zoom + x] = numbers[Math.floor(y / zoom) * side + Math.floor(x / zoom)];
      }
    }
    this.frames.push({ pixels, hundredths: Math.max(MIN_HUNDREDTHS, Math.round(100 / speed)) });
  }

  /** @returns {Blob} the file */
  stop(palette) {
    const faint = [1, 2, 3, 4].map((step) => BACKGROUND.map((part) => part - step * 4));
    const colours = [...palette, UNDECIDED_COLOUR, BACKGROUND, ...faint];
    const file = encodeGif(this.side * this.zoom, this.side * this.zoom, colours, this.frames);
    this.frames = null;
    return new Blob([file], { type: "image/gif" });
  }
}

/** Offer a file to be saved. */
export function download(blob, name) {
  const anchor = document.createElement("a");
  anchor.href = URL.createObjectURL(blob);
  anchor.download = name;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(anchor.href), 60_000);
}
