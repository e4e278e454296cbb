// How far the cells of a board agree, and for how long.

import { countVotes, findBlobs, verdictOf } from "./verdict.js";

/** @import { Board } from "../rule/automaton.js" */
/** @import { Verdicts } from "./verdict.js" */

export const COURSE_TICKS = 160; // whose votes are kept

export class Consensus {
  /** @type {number[][] | null} */
  blobs = null; // until `digits` finds them
  /** @type {Int32Array[]} */
  course = []; // votes after each of the last ticks, oldest first
  sinceEdit = 0; // ticks
  settledFor = 0; // ticks of full agreement

  /**
   * @param {Board} board
   * @param {boolean} hasOneDigit whether all ink on the board belongs to one digit
   */
  constructor(board, hasOneDigit) {
    this.board = board;
    this.hasOneDigit = hasOneDigit;
  }

  inkChanged() {
    this.blobs = null;
    this.restart();
  }

  /** Count ticks from zero again. */
  restart() {
    this.sinceEdit = 0;
    this.settledFor = 0;
  }

  /** Take notice of a tick. */
  ticked() {
    this.sinceEdit++;
    const agreed = this.digits().every((cells) => verdictOf(countVotes(this.board, cells)).agreement === 1);
    this.settledFor = agreed ? this.settledFor + 1 : 0;
    this.course.push(countVotes(this.board, this.board.aliveCells()));
    if (this.course.length > COURSE_TICKS) this.course.shift();
  }

  /** The cells of each digit: all alive cells of a board for one digit, the blobs of a whiteboard. */
  digits() {
    this.blobs ??= this.hasOneDigit ? [[...this.board.aliveCells()]] : findBlobs(this.board);
    return this.blobs;
  }

  /**
   * Votes and verdict of the whole board and of each digit on it.
   *
   * @returns {Verdicts}
   */
  readout() {
    const votes = countVotes(this.board, this.board.aliveCells());
    const blobs = this.digits().map((cells) => ({ cells, ...verdictOf(countVotes(this.board, cells)) }));
    return { votes, ...verdictOf(votes), blobs };
  }
}
