// Labels on the whiteboard: beside each digit, what its cells output.

import { BACKGROUND, css, INK_COLOUR, inkOn } from "./palettes.js";

export const FONT = '-apple-system, "Segoe UI", Inter, Roboto, "Noto Sans", sans-serif'; // as in page.css

/** @typedef {{cells: number[], majority: number, text: string}} Label */

/**
 * Draw a label over each digit, or under it if there is another label, in the colour of its class.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {Label[]} labels
 * @param {number} side cells along the board
 * @param {number} zoom pixels along a cell
 * @param {number[][]} palette none: all are white
 */
export function drawLabels(context, labels, side, zoom, palette) {
  const { canvas } = context;
  const size = Math.max(12, Math.min(30, Math.round(canvas.width / 42)));
  const height = size * 1.4;
  const gap = size / 4;
  context.font = `700 ${size}px ${FONT}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  const taken = [];
  for (const { cells, majority, text } of labels) {
    const columns = cells.map((cell) => cell % side);
    const middle = ((Math.min(...columns) + Math.max(...columns) + 1) / 2) * zoom;
    const width = Math.max(height, context.measureText(text).width + size * 0.8);
    const left = Math.min(Math.max(middle - width / 2, 1), canvas.width - width - 1);
    const above = Math.floor(cells[0] / side) * zoom - height - gap;
    const below = (Math.floor(cells.at(-1) / side) + 1) * zoom + gap;
    const isApart = (top, other) =>
      left > other.left + other.width || left + width < other.left || Math.abs(top - other.top) > height;
    const isFree = (top) =>
      top >= 0 && top + height <= canvas.height && taken.every((other) => isApart(top, other));
    const top = isFree(above) || !isFree(below) ? Math.max(above, 1) : below;
    taken.push({ left, width, top });
    const colour = palette[majority] ?? BACKGROUND;
    context.beginPath();
    context.roundRect(left, top, width, height, height / 2);
    context.fillStyle = css(colour);
    context.fill();
    context.lineWidth = Math.max(1, size / 12);
    context.strokeStyle = css(INK_COLOUR);
    context.stroke();
    context.fillStyle = inkOn(colour);
    context.fillText(text, left + width / 2, top + height * 0.54);
  }
}
