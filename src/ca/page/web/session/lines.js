// The blobs of a whiteboard in the order in which one reads them.

const TOO_WIDE = 1.7; // widths of one digit's height; of 10,000 digits of MNIST eight are wider

/** @typedef {{left: number, top: number, right: number, bottom: number}} Box the last column and row included */

/**
 * The box around cells.
 *
 * @param {number[]} cells
 * @param {number} side of the board
 * @returns {Box}
 */
export function boxAround(cells, side) {
  const box = { left: side, top: side, right: 0, bottom: 0 };
  for (const cell of cells) {
    const x = cell % side;
    const y = Math.floor(cell / side);
    box.left = Math.min(box.left, x);
    box.right = Math.max(box.right, x);
    box.top = Math.min(box.top, y);
    box.bottom = Math.max(box.bottom, y);
  }
  return box;
}

/**
 * Blobs line by line from top to bottom, each line from left to right. A blob continues the line whose last blob has
 * most rows in common with it: at least half of the lower one's.
 *
 * @param {number[][]} blobs the cells of each
 * @param {number} side of the board
 */
export function inReadingOrder(blobs, side) {
  const boxed = blobs.map((cells) => ({ cells, box: boxAround(cells, side) }));
  boxed.sort((a, b) => a.box.left - b.box.left);
  /** @type {(typeof boxed)[]} */
  const lines = [];
  for (const blob of boxed) {
    const shares = lines.map((line) => sharedRows(line[line.length - 1].box, blob.box));
    const most = Math.max(0, ...shares);
    if (most < 0.5) lines.push([blob]);
    else lines[shares.indexOf(most)].push(blob);
  }
  lines.sort((a, b) => middle(a) - middle(b));
  return lines.flat().map(({ cells }) => cells);
}

/**
 * Whether a blob is too wide to be one digit.
 *
 * @param {number[]} cells
 * @param {number} side of the board
 */
export function isTooWide(cells, side) {
  const { left, top, right, bottom } = boxAround(cells, side);
  return right - left + 1 > TOO_WIDE * (bottom - top + 1);
}

/**
 * The rows that two boxes have in common, as a share of the lower box.
 *
 * @param {Box} one
 * @param {Box} other
 */
function sharedRows(one, other) {
  const rows = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top) + 1;
  return rows / (Math.min(one.bottom - one.top, other.bottom - other.top) + 1);
}

/** @param {{box: Box}[]} line */
function middle(line) {
  return line.reduce((sum, { box }) => sum + box.top + box.bottom, 0) / line.length;
}
