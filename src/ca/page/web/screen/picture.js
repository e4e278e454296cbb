// The picture of a board on a canvas: cells, grid, outlines, labels and a cursor.

import { drawLabels, FONT } from "./labels.js";
import { BACKGROUND, css, rgba } from "./palettes.js";

/** @import { Board } from "../rule/automaton.js" */
/** @import { Label } from "./labels.js" */
/** @import { View } from "./views.js" */

const FAINT = 0.55; // how dark full ink would be on a dead cell
const MIN_LETTER = 9; // pixels; smaller letters are not legible
const MIN_GRID = 8; // pixels along a cell; between smaller cells, lines hide more than they show

export class Picture {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.small = document.createElement("canvas"); // one pixel for each cell
    this.zoom = 1; // pixels along a cell
    this.outline = null;
    this.grid = null;
    this.hatching = null;
  }

  /** Fit the canvas to its place on the page: a whole number of pixels for each cell, and none too few. */
  fit(side) {
    const wanted = (this.canvas.clientWidth || 560) * (globalThis.devicePixelRatio || 1);
    this.zoom = Math.max(1, Math.ceil(wanted / side));
    if (this.canvas.width !== side * this.zoom || this.small.width !== side) {
      this.canvas.width = this.canvas.height = side * this.zoom;
      this.small.width = this.small.height = side;
      this.hatching = hatching(this.context, this.zoom);
      this.grid = gridLines(side, this.zoom);
      this.outline = null;
    }
  }

  /** To be called when ink has changed. */
  inkChanged() {
    this.outline = null;
  }

  /**
   * @param {Board} board
   * @param {object} options
   * @param {View} options.view
   * @param {number[][]} options.palette
   * @param {Int8Array} options.shown the class to show of each cell, -1 for none
   * @param {Label[]} options.labels
   * @param {number | null} options.cursor a cell
   */
  draw(board, { view, palette, shown, labels, cursor }) {
    const { side } = board;
    this.fit(side);
    const alive = board.aliveCells();
    this.drawCells(board, (cell) => view.colour(board, cell, palette, shown[cell]));
    if (view.classes) this.hatch(alive, side, shown);
    this.drawGrid();
    if (alive.length === 0) this.drawGuide(side, board.sizes.imageSide);
    this.drawOutline(alive, side);
    if (view.marks) this.drawMarks(alive, side, shown, board.sizes.names);
    drawLabels(this.context, labels, side, this.zoom, view.classes ? palette : []);
    if (cursor !== null) this.drawCursor(cursor, side);
  }

  drawCells(board, colourOf) {
    const { side } = board;
    const small = this.small.getContext("2d");
    const image = small.createImageData(side, side);
    const pixels = new Uint32Array(image.data.buffer);
    pixels.fill(rgba(BACKGROUND));
    board.ink.forEach((level, cell) => {
      if (level) pixels[cell] = rgba(BACKGROUND.map((part) => part * (1 - (FAINT * level) / 255)));
    });
    for (const cell of board.aliveCells()) pixels[cell] = rgba(colourOf(cell));
    small.putImageData(image, 0, 0);
    this.context.imageSmoothingEnabled = false;
    this.context.drawImage(this.small, 0, 0, side * this.zoom, side * this.zoom);
  }

  /** Draw hatching over cells without a class. */
  hatch(alive, side, shown) {
    const { context, zoom } = this;
    context.fillStyle = this.hatching;
    for (const cell of alive) {
      if (shown[cell] < 0) context.fillRect((cell % side) * zoom, Math.floor(cell / side) * zoom, zoom, zoom);
    }
  }

  /** Draw faint lines between the cells, if there is room for them. */
  drawGrid() {
    if (this.zoom < MIN_GRID) return;
    this.context.strokeStyle = "rgb(30 30 60 / 9%)";
    this.context.lineWidth = 1;
    this.context.stroke(this.grid);
  }

  /** Draw a square of the size of the training images, for an empty board. */
  drawGuide(side, imageSide) {
    const { context, zoom } = this;
    const from = ((side - imageSide) / 2) * zoom;
    context.strokeStyle = css([205, 205, 214]);
    context.lineWidth = Math.max(1, zoom / 6);
    context.setLineDash([zoom, zoom]);
    context.strokeRect(from, from, imageSide * zoom, imageSide * zoom);
    context.setLineDash([]);
  }

  /** Draw a line around the alive cells, so that pale colours stand out from the board. */
  drawOutline(alive, side) {
    this.outline ??= outlineOf(alive, side, this.zoom);
    this.context.strokeStyle = css([70, 70, 80]);
    this.context.lineWidth = Math.max(1, this.zoom / 8);
    this.context.stroke(this.outline);
  }

  /** Write its class on each cell, or on every second or third cell where cells are too small. */
  drawMarks(alive, side, shown, names) {
    const { context, zoom } = this;
    const every = Math.ceil(MIN_LETTER / zoom);
    context.font = `600 ${Math.round(every * zoom * 0.95)}px ${FONT}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillStyle = "#000";
    for (const cell of alive) {
      const x = cell % side;
      const y = Math.floor(cell / side);
      if (x % every || y % every) continue;
      context.fillText(shown[cell] < 0 ? "·" : names[shown[cell]], (x + 0.5) * zoom, (y + 0.55) * zoom);
    }
  }

  drawCursor(cell, side) {
    const { context, zoom } = this;
    const left = (cell % side) * zoom;
    const top = Math.floor(cell / side) * zoom;
    const frame = (colour, distance) => {
      context.strokeStyle = colour;
      context.strokeRect(left - distance, top - distance, zoom + 2 * distance, zoom + 2 * distance);
    };
    context.lineWidth = 2;
    frame("#fff", 1);
    frame("#3d00f3", 3);
  }
}

/** Lines around the alive cells. */
function outlineOf(alive, side, zoom) {
  const outline = new Path2D();
  const living = new Set(alive);
  const line = (x0, y0, x1, y1) => {
    outline.moveTo(x0 * zoom, y0 * zoom);
    outline.lineTo(x1 * zoom, y1 * zoom);
  };
  for (const cell of alive) {
    const x = cell % side;
    const y = Math.floor(cell / side);
    if (y === 0 || !living.has(cell - side)) line(x, y, x + 1, y);
    if (y === side - 1 || !living.has(cell + side)) line(x, y + 1, x + 1, y + 1);
    if (x === 0 || !living.has(cell - 1)) line(x, y, x, y + 1);
    if (x === side - 1 || !living.has(cell + 1)) line(x + 1, y, x + 1, y + 1);
  }
  return outline;
}

/** Lines between all cells. */
function gridLines(side, zoom) {
  const grid = new Path2D();
  for (let line = 1; line < side; line++) {
    grid.moveTo(line * zoom + 0.5, 0);
    grid.lineTo(line * zoom + 0.5, side * zoom);
    grid.moveTo(0, line * zoom + 0.5);
    grid.lineTo(side * zoom, line * zoom + 0.5);
  }
  return grid;
}

/** Diagonal lines as a pattern to fill with. */
function hatching(context, zoom) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = Math.max(4, Math.round(zoom / 1.5));
  const lines = tile.getContext("2d");
  lines.strokeStyle = "rgb(0 0 0 / 40%)";
  lines.lineWidth = Math.max(1, tile.width / 6);
  for (const shift of [-tile.width, 0, tile.width]) {
    lines.moveTo(shift, tile.width);
    lines.lineTo(shift + tile.width, 0);
  }
  lines.stroke();
  return context.createPattern(tile, "repeat");
}
