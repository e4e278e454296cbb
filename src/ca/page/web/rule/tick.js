// One tick of the update rule, computed for the cells that are alive and fire, in pieces if need be.

/** @import { Board } from "./automaton.js" */
/** @import { Draws } from "./draws.js" */
/** @import { Network } from "./network.js" */

export class Tick {
  /**
   * @param {Board} board
   * @param {Draws} draws
   */
  constructor(board, { fired, noise }) {
    this.board = board;
    this.fired = fired;
    this.noise = noise;
    this.done = 0; // cells
    this.updates = new Float64Array(fired.length * board.sizes.stateChannels);
  }

  /**
   * Compute the updates of some of the cells that fire.
   *
   * @param {Network} network
   * @param {number} cells how many, at least two
   * @returns {boolean} whether all are computed
   */
  work(network, cells) {
    const { fired, updates } = this;
    const { stateChannels } = this.board.sizes;
    const { inputs, residuals } = network;
    const stride = residuals.length / 2; // the network computes two cells at once
    const end = Math.min(fired.length, this.done + Math.max(2, cells));
    let row = this.done;
    for (; row < end; row += 2) {
      this.perceive(fired[row], inputs, 0);
      this.perceive(fired[Math.min(row + 1, fired.length - 1)], inputs, inputs.length / 2);
      network.run();
      updates.set(residuals.subarray(0, stateChannels), row * stateChannels);
      if (row + 1 < fired.length) {
        updates.set(residuals.subarray(stride, stride + stateChannels), (row + 1) * stateChannels);
      }
    }
    this.done = row;
    return row >= fired.length;
  }

  /**
   * Copy the channels of a cell and its neighbours into the inputs of the network, row by row.
   *
   * @param {number} cell
   * @param {Float64Array} inputs
   * @param {number} to where in the inputs
   */
  perceive(cell, inputs, to) {
    const { cells, margin, perceivedSide, sizes, stride } = this.board;
    const centre = this.board.offset(cell);
    const row = perceivedSide * sizes.channels;
    for (let number = 0; number < perceivedSide; number++) {
      const start = to + number * row;
      const from = centre + ((number - margin) * stride - margin) * sizes.channels;
      for (let k = 0; k < row; k++) inputs[start + k] = cells[from + k];
    }
  }

  /** Add the updates and the noise to the states. */
  commit() {
    const { board, fired, noise, updates } = this;
    const { stateChannels } = board.sizes;
    board.lastUpdate.fill(0);
    for (let number = 0; number < fired.length; number++) {
      const at = board.offset(fired[number]) + 1;
      const from = number * stateChannels;
      let sum = 0;
      for (let channel = 0; channel < stateChannels; channel++) {
        sum += Math.abs(updates[from + channel]);
        board.cells[at + channel] += updates[from + channel] + noise[from + channel];
      }
      board.lastUpdate[fired[number]] = sum / stateChannels;
    }
    board.ticks++;
  }
}
