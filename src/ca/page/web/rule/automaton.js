// A board of cells: their ink, their channels, and which of them are alive.

import { firstOutput, perceivedSide } from "./sizes.js";
import { Tick } from "./tick.js";

/** @import { Draws } from "./draws.js" */
/** @import { Network } from "./network.js" */
/** @import { Sizes } from "./sizes.js" */

const LEVELS = 255; // the grey level of full ink

/** @typedef {{ink: Uint8Array, alive: Int32Array, state: Float64Array, ticks: number}} Snapshot */

/** A square of cells. A cell's number is y * side + x. */
export class Board {
  /**
   * @param {number} side
   * @param {Sizes} sizes
   */
  constructor(side, sizes) {
    this.side = side;
    this.sizes = sizes;
    this.firstOutput = firstOutput(sizes);
    this.threshold = Math.fround(sizes.aliveThreshold); // liveness is rounded to float32, as in Python
    this.ink = new Uint8Array(side * side); // grey levels
    this.ticks = 0;
    this.lastUpdate = new Float32Array(side * side); // mean absolute residual of each cell in the last tick
    // Liveness and state, cell by cell, with a margin of dead cells around the board. In float64: the rounding
    // errors of float32 grow with the ticks, until they can't be told from those of another rule.
    this.perceivedSide = perceivedSide(sizes);
    this.margin = (this.perceivedSide - 1) / 2;
    this.stride = side + 2 * this.margin;
    this.cells = new Float64Array(this.stride * this.stride * sizes.channels);
    this.alive = new Int32Array(0);
    this.stale = false; // whether ink has changed since `alive` was computed
    /** @type {Tick | null} */
    this.pending = null; // the tick that is being computed
  }

  /**
   * Where the channels of a cell start.
   *
   * @param {number} cell
   */
  offset(cell) {
    const y = Math.floor(cell / this.side);
    const x = cell - y * this.side;
    return ((y + this.margin) * this.stride + x + this.margin) * this.sizes.channels;
  }

  /** @param {number} cell */
  isAlive(cell) {
    return this.cells[this.offset(cell)] > this.threshold;
  }

  /**
   * The channels of a cell.
   *
   * @param {number} cell
   */
  channels(cell) {
    const at = this.offset(cell);
    return this.cells.subarray(at, at + this.sizes.channels);
  }

  /**
   * The class with the largest output; -1 if no output is positive or the cell is dead.
   *
   * @param {number} cell
   */
  classOf(cell) {
    const at = this.offset(cell);
    if (!(this.cells[at] > this.threshold)) return -1;
    const first = at + this.firstOutput;
    const { classes } = this.sizes;
    let best = -1;
    let largest = 0;
    for (let index = 0; index < classes; index++) {
      if (this.cells[first + index] > largest) {
        largest = this.cells[first + index];
        best = index;
      }
    }
    return best;
  }

  /**
   * Set the grey level of a cell. A cell that dies loses its state at once.
   *
   * @param {number} cell
   * @param {number} level
   */
  setInk(cell, level) {
    if (this.ink[cell] === level) return;
    const at = this.offset(cell);
    this.ink[cell] = level;
    this.cells[at] = Math.fround(level / LEVELS);
    if (!(this.cells[at] > this.threshold)) {
      this.cells.fill(0, at + 1, at + this.sizes.channels);
      this.lastUpdate[cell] = 0;
    }
    this.stale = true;
  }

  /** Set the state of all cells to zero, and keep the ink. */
  forget() {
    for (let cell = 0; cell < this.ink.length; cell++) {
      const at = this.offset(cell);
      this.cells.fill(0, at + 1, at + this.sizes.channels);
    }
    this.lastUpdate.fill(0);
    this.ticks = 0;
    this.pending = null;
  }

  /** Numbers of the alive cells, in order. */
  aliveCells() {
    if (this.stale || this.alive.length === 0) {
      const found = [];
      for (let cell = 0; cell < this.ink.length; cell++) {
        if (this.ink[cell] && this.isAlive(cell)) found.push(cell);
      }
      this.alive = Int32Array.from(found);
      this.stale = false;
    }
    return this.alive;
  }

  /**
   * A copy of ink, states and tick number, for `restore`.
   *
   * @returns {Snapshot}
   */
  snapshot() {
    const { stateChannels } = this.sizes;
    const alive = this.aliveCells();
    const state = new Float64Array(alive.length * stateChannels);
    alive.forEach((cell, row) => {
      state.set(this.channels(cell).subarray(1), row * stateChannels);
    });
    return { ink: this.ink.slice(), alive, state, ticks: this.ticks };
  }

  /** @param {Snapshot} snapshot */
  restore({ ink, alive, state, ticks }) {
    const { stateChannels } = this.sizes;
    this.forget();
    ink.forEach((level, cell) => {
      this.setInk(cell, level);
    });
    alive.forEach((cell, row) => {
      this.channels(cell).set(state.subarray(row * stateChannels, (row + 1) * stateChannels), 1);
    });
    this.ticks = ticks;
  }

  /**
   * Compute a whole tick.
   *
   * @param {Network} network
   * @param {Draws} draws
   */
  tick(network, draws) {
    this.begin(draws);
    this.work(network, Infinity);
  }

  /**
   * Begin a tick. Until it is done all cells keep their old state, and ink must not change.
   *
   * @param {Draws} draws
   */
  begin(draws) {
    this.pending = new Tick(this, draws);
  }

  /**
   * Compute some of the cells that fire in the tick that has begun.
   *
   * @param {Network} network
   * @param {number} cells how many, at least two
   * @returns {boolean} whether the tick is done
   */
  work(network, cells) {
    if (this.pending && !this.pending.work(network, cells)) return false;
    this.pending?.commit();
    this.pending = null;
    return true;
  }
}
