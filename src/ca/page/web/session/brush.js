// Strokes of a round brush, worked out at the centres of cells.

/**
 * Visit the cells that a stroke covers.
 *
 * @param {number} side cells along the board
 * @param {{x: number, y: number}} from where it starts, in cells; (0.5, 0.5) is the middle of the first
 * @param {{x: number, y: number}} to where it ends
 * @param {number} diameter of the brush, in cells
 * @param {(cell: number, coverage: number) => void} visit coverage is above 0 and at most 1
 */
export function stroke(side, from, to, diameter, visit) {
  const reach = diameter / 2 + 0.5; // half a cell beyond the rim the coverage is zero
  const first = (a, b) => Math.max(0, Math.floor(Math.min(a, b) - reach));
  const last = (a, b) => Math.min(side - 1, Math.ceil(Math.max(a, b) + reach));
  const dx = to.x - from.x, dy = to.y - from.y;
  const squared = dx * dx + dy * dy;
  for (let y = first(from.y, to.y); y <= last(from.y, to.y); y++) {
    for (let x = first(from.x, to.x); x <= last(from.x, to.x); x++) {
      const px = x + 0.5 - from.x, py = y + 0.5 - from.y;
      const along = squared ? Math.min(1, Math.max(0, (px * dx + py * dy) / squared)) : 0;
      const coverage = Math.min(1, reach - Math.hypot(px - along * dx, py - along * dy));
      if (coverage > 0) visit(y * side + x, coverage);
    }
  }
}

/** Draw a stroke on a board: ink only ever grows under it. */
export function paint(board, from, to, diameter) {
  stroke(board.side, from, to, diameter, (cell, coverage) => {
    board.setInk(cell, Math.max(board.ink[cell], Math.round(255 * coverage)));
  });
}

/** Take ink away along a stroke. */
export function erase(board, from, to, diameter) {
  stroke(board.side, from, to, diameter, (cell, coverage) => {
    board.setInk(cell, Math.min(board.ink[cell], Math.round(255 * (1 - coverage))));
  });
}
