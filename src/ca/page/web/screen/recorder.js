// Recording of the board as a GIF, with one frame for each tick.

import { encodeGif } from "../files/gif.js";
import { BACKGROUND, UNDECIDED_COLOUR } from "./palettes.js";

/** @import { Board } from "../rule/automaton.js" */

const MAX_SIDE = 280; // pixels
const MAX_FRAMES = 150;
const MIN_HUNDREDTHS = 4; // of a second that a frame lasts
const FAINT_COLOURS = 4; // of dead cells with ink

export class Recorder {
  constructor() {
    this.frames = null;
    this.side = 0; // cells along the board
    this.zoom = 1; // pixels along a cell
    this.lastTick = null;
  }

  get recording() {
    return this.frames !== null;
  }

  get full() {
    return this.recording && this.frames.length >= MAX_FRAMES;
  }

  start(side) {
    this.side = side;
    this.zoom = Math.max(1, Math.floor(MAX_SIDE / side));
    this.frames = [];
    this.lastTick = null;
  }

  /**
   * Add the board, unless its tick is that of the last frame. A class's colour has its number; then follow the colours
   * of undecided cells, of the background and of faint ink.
   *
   * @param {Board} board
   * @param {Int8Array} shown classes
   * @param {number} speed ticks a second
   */
  add(board, shown, speed) {
    if (board.side !== this.side || board.ticks === this.lastTick || this.full) return;
    this.lastTick = board.ticks;
    const { aliveThreshold, classes } = board.sizes;
    const levels = Math.ceil(255 * aliveThreshold); // grey levels of dead cells
    const { side, zoom } = this;
    const numbers = new Uint8Array(side * side).fill(classes + 1);
    board.ink.forEach((level, cell) => {
      const faint = Math.min(FAINT_COLOURS - 1, Math.floor((level * FAINT_COLOURS) / levels));
      if (level) numbers[cell] = classes + 2 + faint;
    });
    for (const cell of board.aliveCells()) numbers[cell] = shown[cell] < 0 ? classes : shown[cell];
    const pixels = new Uint8Array(side * side * zoom * zoom);
    for (let y = 0; y < side * zoom; y++) {
      for (let x = 0; x < side * zoom; x++) {
        pixels[y * side * zoom + x] = numbers[Math.floor(y / zoom) * side + Math.floor(x / zoom)];
      }
    }
    this.frames.push({ pixels, hundredths: Math.max(MIN_HUNDREDTHS, Math.round(100 / speed)) });
  }

  /**
   * @param {number[][]} palette one colour for each class
   * @returns {Blob} the file
   */
  stop(palette) {
    const faint = Array.from({ length: FAINT_COLOURS }, (_, step) =>
      BACKGROUND.map((part) => part - (step + 1) * 4),
    );
    const colours = [...palette, UNDECIDED_COLOUR, BACKGROUND, ...faint];
    const file = encodeGif(this.side * this.zoom, this.side * this.zoom, colours, this.frames);
    this.frames = null;
    return new Blob([file], { type: "image/gif" });
  }
}
