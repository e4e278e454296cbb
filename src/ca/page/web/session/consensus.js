// How far the cells of a board agree, and for how long.

import { inReadingOrder, isTooWide } from "./lines.js";
import { countVotes, findBlobs, verdictOf } from "./verdict.js";

/** @import { Board } from "../rule/automaton.js" */
/** @import { Verdicts } from "./verdict.js" */

// Ticks of the first agreement of digits of MNIST's height, as in `ca classify`. Larger ones take longer in proportion.
// Of 750 drawings 30 to 46 cells high, 99.2 % were right of those that are sure by this rule, 98 % of those that are
// fairly sure, 70 % of the others.
const SURE = 40;
const FAIRLY_SURE = 60;
const MNIST_HEIGHT = 20; // cells
export const COURSE_TICKS = 160; // whose votes are kept

export class Consensus {
  /** @type {number[][] | null} */
  blobs = null; // until `digits` finds them
  /** @type {number[][] | null} */
  joined = null; // until `parts` finds them
  /** @type {Int32Array[]} */
  course = []; // votes after each of the last ticks, oldest first
  sinceEdit = 0; // ticks
  settledFor = 0; // ticks of full agreement
  /** @type {number | null} */
  agreedAt = null; // ticks from the last edit to the first full agreement
  agreedOn = -1; // the class of that agreement

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
    this.joined = null;
    this.restart();
  }

  /** Count ticks from zero again. */
  restart() {
    this.sinceEdit = 0;
    this.settledFor = 0;
    this.agreedAt = null;
    this.agreedOn = -1;
  }

  /** Take notice of a tick. */
  ticked() {
    this.sinceEdit++;
    const agreed = this.digits().every((cells) => verdictOf(countVotes(this.board, cells)).agreement === 1);
    this.settledFor = agreed ? this.settledFor + 1 : 0;
    const votes = countVotes(this.board, this.board.aliveCells());
    const { majority, agreement } = verdictOf(votes);
    if (agreement === 1 && this.agreedAt === null) {
      this.agreedAt = this.sinceEdit;
      this.agreedOn = majority;
    }
    this.course.push(votes);
    if (this.course.length > COURSE_TICKS) this.course.shift();
  }

  /** The cells of each digit: all alive cells of a board for one digit, the blobs of a whiteboard line by line. */
  digits() {
    this.blobs ??= this.hasOneDigit
      ? [[...this.board.aliveCells()]]
      : inReadingOrder(findBlobs(this.board), this.board.side);
    return this.blobs;
  }

  /**
   * The verdict of some cells.
   *
   * @param {number[]} cells
   */
  verdictOn(cells) {
    return { cells, tooWide: isTooWide(cells, this.board.side), ...verdictOf(countVotes(this.board, cells)) };
  }

  /** The cells of each part of the ink: parts that no cells join can't hear each other. */
  parts() {
    if (!this.hasOneDigit) return this.digits();
    this.joined ??= findBlobs(this.board);
    return this.joined;
  }

  /**
   * How sure the verdict on a single digit is.
   *
   * @param {number} majority the class that most cells output now
   * @returns {"sure" | "fairly sure" | "unsure" | null} null: it is too early to say
   */
  sureness(majority) {
    const times = Math.max(1, this.height() / MNIST_HEIGHT);
    if (this.agreedAt === null) return this.sinceEdit > FAIRLY_SURE * times ? "unsure" : null;
    if (this.agreedOn !== majority || this.agreedAt > FAIRLY_SURE * times) return "unsure";
    return this.agreedAt <= SURE * times ? "sure" : "fairly sure";
  }

  /** From the first to the last row with alive cells. */
  height() {
    const cells = this.board.aliveCells(); // in reading order
    /** @param {number} index */
    const row = (index) => Math.floor(cells[index] / this.board.side);
    return cells.length ? row(cells.length - 1) - row(0) + 1 : 0;
  }

  /**
   * Votes and verdict of the whole board and of each digit on it.
   *
   * @returns {Verdicts}
   */
  readout() {
    const votes = countVotes(this.board, this.board.aliveCells());
    const blobs = this.digits().map((cells) => this.verdictOn(cells));
    return { votes, ...verdictOf(votes), blobs };
  }
}
