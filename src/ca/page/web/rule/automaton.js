// The cells of a board and their update rule, computed for the cells that are alive and fire.

import { CHANNELS, CLASSES, FIRST_OUTPUT, STATE, TAPS } from "./network.js";

export const ALIVE = Math.fround(0.1); // a cell is alive above this grey value
const LEVELS = 255;
const ROW = 3 * CHANNELS; // three cells side by side

/** A square of cells. A cell's number is y * side + x. */
export class Board {
  constructor(side) {
    this.side = side;
    this.ink = new Uint8Array(side * side); // grey levels, 255 is full ink
    this.ticks = 0;
    this.lastUpdate = new Float32Array(side * side); // mean absolute residual, by cell
    // Liveness and state, cell by cell, with a rim of dead cells around the board. In float64: what float32
    // rounds off grows with the ticks, until it can't be told from another rule.
    this.stride = side + 2;
    this.cells = new Float64Array(this.stride * this.stride * CHANNELS);
    this.alive = new Int32Array(0);
    this.stale = false; // whether `alive` is older than the ink
    this.pending = null; // a tick that is being computed
    this.inputs = new Float64Array(2 * TAPS * CHANNELS);
    this.residuals = new Float64Array(2 * CHANNELS);
  }

  /** Where a cell's channels start. */
  offset(cell) {
    const y = Math.floor(cell / this.side);
    return ((y + 1) * this.stride + (cell - y * this.side) + 1) * CHANNELS;
  }

  isAlive(cell) {
    return this.cells[this.offset(cell)] > ALIVE;
  }

  /** The 20 channels of a cell. */
  channels(cell) {
    const at = this.offset(cell);
    return this.cells.subarray(at, at + CHANNELS);
  }

  /** The largest output's class; -1 if none is above zero or the cell is dead. */
  classOf(cell) {
    const first = this.offset(cell) + FIRST_OUTPUT;
    if (!(this.cells[first - FIRST_OUTPUT] > ALIVE)) return -1;
    let best = -1, most = 0;
    for (let index = 0; index < CLASSES; index++) {
      if (this.cells[first + index] > most) {
        most = this.cells[first + index];
        best = index;
      }
    }
    return best;
  }

  /** Put ink on a cell, or take it away; a cell that dies loses its memory at once. */
  setInk(cell, level) {
    if (this.ink[cell] === level) return;
    const at = this.offset(cell);
    this.ink[cell] = level;
    this.cells[at] = Math.fround(level / LEVELS);
    if (!(this.cells[at] > ALIVE)) {
      this.cells.fill(0, at + 1, at + CHANNELS);
      this.lastUpdate[cell] = 0;
    }
    this.stale = true;
  }

  /** Keep the ink; every cell starts again from zero. */
  forget() {
    for (let cell = 0; cell < this.ink.length; cell++) {
      const at = this.offset(cell);
      this.cells.fill(0, at + 1, at + CHANNELS);
    }
    this.lastUpdate.fill(0);
    this.ticks = 0;
    this.pending = null;
  }

  /** Numbers of the alive cells, in order. */
  aliveCells() {
    if (this.stale || this.alive.length === 0) {
      const found = [];
      for (let cell = 0; cell < this.ink.length; cell++) if (this.ink[cell] && this.isAlive(cell)) found.push(cell);
      this.alive = Int32Array.from(found);
      this.stale = false;
    }
    return this.alive;
  }

  /** All that a stroke can change, to come back to. */
  snapshot() {
    const alive = this.aliveCells();
    const state = new Float64Array(alive.length * STATE);
    alive.forEach((cell, row) => state.set(this.channels(cell).subarray(1), row * STATE));
    return { ink: this.ink.slice(), alive, state, ticks: this.ticks };
  }

  restore({ ink, alive, state, ticks }) {
    this.forget();
    ink.forEach((level, cell) => this.setInk(cell, level));
    alive.forEach((cell, row) => this.channels(cell).set(state.subarray(row * STATE, (row + 1) * STATE), 1));
    this.ticks = ticks;
  }

  /**
   * One tick, all at once.
   *
   * @param {Network} network
   * @param {{fired: Int32Array, noise: Float32Array}} chance alive cells that fire, and (fired, 19) noise
   */
  tick(network, chance) {
    this.begin(chance);
    this.work(network, Infinity);
  }

  /** Begin a tick; until it is done all cells show their old state, and no ink may change. */
  begin({ fired, noise }) {
    this.pending = { fired, noise, done: 0, updates: new Float64Array(fired.length * STATE) };
  }

  /** Compute so many of the cells that fire, at least two; true when the tick is done. */
  work(network, cells) {
    const { fired, noise, updates, done } = this.pending;
    const end = Math.min(fired.length, done + Math.max(2, cells));
    let row = done;
    for (; row < end; row += 2) {
      this.gather(fired[row], 0);
      this.gather(fired[Math.min(row + 1, fired.length - 1)], TAPS * CHANNELS);
      network.run(this.inputs, this.residuals);
      updates.set(this.residuals.subarray(0, STATE), row * STATE);
      if (row + 1 < fired.length) updates.set(this.residuals.subarray(CHANNELS, CHANNELS + STATE), (row + 1) * STATE);
    }
    this.pending.done = row;
    if (row < fired.length) return false;
    this.lastUpdate.fill(0);
    for (let number = 0; number < fired.length; number++) {
      const at = this.offset(fired[number]) + 1, from = number * STATE;
      let size = 0;
      for (let channel = 0; channel < STATE; channel++) {
        size += Math.abs(updates[from + channel]);
        this.cells[at + channel] += updates[from + channel] + noise[from + channel];
      }
      this.lastUpdate[fired[number]] = size / STATE;
    }
    this.pending = null;
    this.ticks++;
    return true;
  }

  /** Copy a cell's 3x3 surroundings into the inputs. */
  gather(cell, to) {
    const centre = this.offset(cell);
    for (let dy = -1; dy <= 1; dy++, to += ROW) {
      const from = centre + (dy * this.stride - 1) * CHANNELS;
      for (let k = 0; k < ROW; k++) this.inputs[to + k] = this.cells[from + k];
    }
  }
}
