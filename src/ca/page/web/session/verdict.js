// What the cells output together: votes, majority and agreement of a digit, and which cells form a digit.

/** @import { Board } from "../rule/automaton.js" */

/** @typedef {{majority: number, agreement: number}} Verdict -1 and 0 if no cell has a class */
/** @typedef {Verdict & {cells: number[], tooWide: boolean}} BlobVerdict tooWide: for one digit */
/** @typedef {Verdict & {votes: Int32Array, blobs: BlobVerdict[]}} Verdicts of the whole board, and of each blob */

/**
 * Count the votes of cells: one number for each class, then the number of cells with no positive output.
 *
 * @param {Board} board
 * @param {Iterable<number>} cells
 */
export function countVotes(board, cells) {
  const { classes } = board.sizes;
  const votes = new Int32Array(classes + 1);
  for (const cell of cells) {
    const index = board.classOf(cell);
    votes[index < 0 ? classes : index]++;
  }
  return votes;
}

/**
 * The most common class and the share of all cells that vote for it.
 *
 * @param {Int32Array} votes
 * @returns {Verdict}
 */
export function verdictOf(votes) {
  const cells = votes.reduce((a, b) => a + b);
  const classes = votes.length - 1;
  let majority = -1;
  for (let index = 0; index < classes; index++) {
    if (votes[index] > (majority < 0 ? 0 : votes[majority])) majority = index;
  }
  return { majority, agreement: majority < 0 ? 0 : votes[majority] / cells };
}

/**
 * The blobs of a board: connected components of its alive cells, where cells that touch at a corner are connected.
 *
 * @param {Board} board
 * @returns {number[][]} the cells of each blob, in reading order
 */
export function findBlobs(board) {
  const { side } = board;
  const waiting = new Uint8Array(side * side);
  const alive = board.aliveCells();
  for (const cell of alive) waiting[cell] = 1;
  const blobs = [];
  for (const start of alive) {
    if (!waiting[start]) continue;
    waiting[start] = 0;
    const blob = [start];
    for (const cell of blob) {
      for (const neighbour of around(cell, side, 1)) {
        if (waiting[neighbour]) {
          waiting[neighbour] = 0;
          blob.push(neighbour);
        }
      }
    }
    blobs.push(blob.sort((a, b) => a - b));
  }
  return blobs;
}

/**
 * The cells of the square around a cell, as far as they are on the board, in reading order.
 *
 * @param {number} cell
 * @param {number} side of the board
 * @param {number} distance from the cell to the rim of the square
 */
export function around(cell, side, distance) {
  const x = cell % side;
  const y = Math.floor(cell / side);
  const cells = [];
  for (let ny = Math.max(0, y - distance); ny <= Math.min(side - 1, y + distance); ny++) {
    for (let nx = Math.max(0, x - distance); nx <= Math.min(side - 1, x + distance); nx++) {
      cells.push(ny * side + nx);
    }
  }
  return cells;
}
