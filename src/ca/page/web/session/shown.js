// The classes of the cells as the picture shows them.

/** @import { Board } from "../rule/automaton.js" */

const HOLD = 4; // ticks that a new class must last before calm colours show it

/** The present class of each cell, or, for calm colours, the last one that lasted for some ticks. */
export class ShownClasses {
  /** @param {number} size number of cells */
  constructor(size) {
    this.shown = new Int8Array(size).fill(-1); // -1: no class
    this.next = new Int8Array(size).fill(-1);
    this.since = new Int32Array(size); // the tick at which `next` came up
  }

  /**
   * @param {Board} board
   * @param {boolean} calm
   */
  update(board, calm) {
    for (const cell of board.aliveCells()) {
      const index = board.classOf(cell);
      if (index !== this.next[cell]) {
        this.next[cell] = index;
        this.since[cell] = board.ticks;
      }
      const lasted = board.ticks - this.since[cell]; // negative after the board was reset
      if (!calm || lasted < 0 || lasted >= HOLD || this.shown[cell] < 0) this.shown[cell] = index;
    }
  }
}
