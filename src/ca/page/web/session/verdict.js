// What the cells say together: votes, majority, agreement, and which cells hang together.

import { CLASSES } from "../rule/network.js";

export const UNDECIDED = CLASSES;

/** Votes of some cells: ten classes, then those with no output above zero. */
export function countVotes(board, cells) {
  const votes = new Int32Array(CLASSES + 1);
  for (const cell of cells) {
    const index = board.classOf(cell);
    votes[index < 0 ? UNDECIDED : index]++;
  }
  return votes;
}

/**
 * The most common class and the share of all cells that vote for it.
 *
 * @returns {{majority: number, agreement: number}} -1 and 0 if no cell has a class
 */
export function verdictOf(votes) {
  const cells = votes.reduce((a, b) => a + b);
  let majority = -1;
  for (let index = 0; index < CLASSES; index++) {
    if (votes[index] > (majority < 0 ? 0 : votes[majority])) majority = index;
  }
  return { majority, agreement: majority < 0 ? 0 : votes[majority] / cells };
}

/** Alive cells that hang together, also by their corners: one list of cells a blob, in reading order. */
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
    for (let next = 0; next < blob.length; next++) {
      const y = Math.floor(blob[next] / side), x = blob[next] % side;
      for (let ny = Math.max(0, y - 1); ny <= Math.min(side - 1, y + 1); ny++) {
        for (let nx = Math.max(0, x - 1); nx <= Math.min(side - 1, x + 1); nx++) {
          const cell = ny * side + nx;
          if (waiting[cell]) {
            waiting[cell] = 0;
            blob.push(cell);
          }
        }
      }
    }
    blobs.push(blob.sort((a, b) => a - b));
  }
  return blobs;
}
