// The picture of a board on a canvas: cells, outlines, writing and a cursor.

import { BACKGROUND, INK_COLOUR, UNDECIDED_COLOUR, css, inkOn } from "./palettes.js";
import { VIEWS, colourOf } from "./views.js";

const FONT = '-apple-system, "Segoe UI", Inter, Roboto, "Noto Sans", sans-serif'; // as in page.css
const FAINT = 0.55; // how dark ink is drawn where a cell is dead
const MIN_LETTER = 9; // pixels below which a character can't be read
const MIN_GRID = 8; // pixels a cell, below which lines between them hide more than they show
const GUIDE = 28; // cells along the square that a training digit fills

export class Picture {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.small = document.createElement("canvas"); // a pixel a cell
    this.outline = null;
    this.grid = null;
    this.hatching = null;
  }

  /** Fit the canvas to its place on the page: a whole number of pixels a cell, at least as many as are shown. */
  fit(side) {
    const wanted = (this.canvas.clientWidth || 560) * (globalThis.devicePixelRatio || 1);
    this.zoom = Math.max(1, Math.ceil(wanted / side));
    if (this.canvas.width !== side * this.zoom || this.small.width !== side) {
      this.canvas.width = this.canvas.height = side * this.zoom;
      this.small.width = this.small.height = side;
      this.hatching = hatching(this.context, this.zoom);
      this.grid = gridOf(side, this.zoom);
      this.outline = null;
    }
  }

  /** To be called when ink has changed. */
  inkChanged() {
    this.outline = null;
  }

  /**
   * @param {Board} board
   * @param {{view: string, palette: number[][], shown: Int8Array, cursor: number | null,
   *   labels: {cells: number[], majority: number, text: string}[]}} looks
   */
  draw(board, { view, palette, shown, labels, cursor }) {
    this.fit(board.side);
    const { context, zoom } = this, { side } = board;
    const small = this.small.getContext("2d");
    const image = small.createImageData(side, side);
    const pixels = new Uint32Array(image.data.buffer);
    pixels.fill(rgba(BACKGROUND));
    board.ink.forEach((level, cell) => {
      if (level) pixels[cell] = rgba(BACKGROUND.map((part) => part * (1 - (FAINT * level) / 255)));
    });
    const alive = board.aliveCells();
    for (const cell of alive) pixels[cell] = rgba(colourOf(board, cell, view, palette, shown[cell]));
    small.putImageData(image, 0, 0);
    context.imageSmoothingEnabled = false;
    context.drawImage(this.small, 0, 0, side * zoom, side * zoom);
    if (VIEWS[view].classes) this.hatch(alive, side, shown);
    this.drawGrid();
    this.drawGuide(side, alive.length);
    this.drawOutline(board, alive);
    if (view === "marks") this.drawMarks(alive, side, shown);
    this.drawLabels(labels, side, VIEWS[view].classes ? palette : []);
    if (cursor !== null) this.drawCursor(cursor, side);
  }

  /** Undecided cells are hatched, for no colour stands for them. */
  hatch(alive, side, shown) {
    this.context.fillStyle = this.hatching;
    for (const cell of alive) {
      if (shown[cell] < 0) {
        this.context.fillRect((cell % side) * this.zoom, Math.floor(cell / side) * this.zoom, this.zoom, this.zoom);
      }
    }
  }

  /** Faint lines between the cells, where there is room for them. */
  drawGrid() {
    if (this.zoom < MIN_GRID) return;
    this.context.strokeStyle = "rgb(30 30 60 / 9%)";
    this.context.lineWidth = 1;
    this.context.stroke(this.grid);
  }

  /** On an empty board: how large the digits are that the automaton knows. */
  drawGuide(side, numAlive) {
    if (numAlive) return;
    const { context, zoom } = this, from = ((side - GUIDE) / 2) * zoom;
    context.strokeStyle = css([205, 205, 214]);
    context.lineWidth = Math.max(1, zoom / 6);
    context.setLineDash([zoom, zoom]);
    context.strokeRect(from, from, GUIDE * zoom, GUIDE * zoom);
    context.setLineDash([]);
  }

  /** A line around what is alive, so that pale colours stand out from the board. */
  drawOutline(board, alive) {
    const { context, zoom } = this, { side } = board;
    if (!this.outline) {
      this.outline = new Path2D();
      const living = new Set(alive);
      const line = (x0, y0, x1, y1) => {
        this.outline.moveTo(x0 * zoom, y0 * zoom);
        this.outline.lineTo(x1 * zoom, y1 * zoom);
      };
      for (const cell of alive) {
        const x = cell % side, y = Math.floor(cell / side);
        if (y === 0 || !living.has(cell - side)) line(x, y, x + 1, y);
        if (y === side - 1 || !living.has(cell + side)) line(x, y + 1, x + 1, y + 1);
        if (x === 0 || !living.has(cell - 1)) line(x, y, x, y + 1);
        if (x === side - 1 || !living.has(cell + 1)) line(x + 1, y, x + 1, y + 1);
      }
    }
    context.strokeStyle = css([70, 70, 80]);
    context.lineWidth = Math.max(1, zoom / 8);
    context.stroke(this.outline);
  }

  /** The class of each cell in writing; where cells are too small, of every second or third. */
  drawMarks(alive, side, shown) {
    const { context, zoom } = this;
    const every = Math.ceil(MIN_LETTER / zoom);
    context.font = `600 ${Math.round(every * zoom * 0.95)}px ${FONT}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillStyle = "#000";
    for (const cell of alive) {
      const x = cell % side, y = Math.floor(cell / side);
      if (x % every || y % every) continue;
      context.fillText(shown[cell] < 0 ? "·" : String(shown[cell]), (x + 0.5) * zoom, (y + 0.55) * zoom);
    }
  }

  /** A tag over each digit, or under it where another tag is: what its cells say, in the colour of their class. */
  drawLabels(labels, side, palette) {
    const { context, zoom, canvas } = this;
    const size = Math.max(12, Math.min(30, Math.round(canvas.width / 42)));
    const height = size * 1.4, gap = size / 4;
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
      const isFree = (top) =>
        top >= 0 && top + height <= canvas.height
        && taken.every((tag) => left > tag.left + tag.width || left + width < tag.left || Math.abs(top - tag.top) > height);
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

  drawCursor(cell, side) {
    const { context, zoom } = this;
    const x = (cell % side) * zoom, y = Math.floor(cell / side) * zoom;
    context.lineWidth = 2;
    for (const [colour, grow] of [["#fff", 1], ["#3d00f3", 3]]) {
      context.strokeStyle = colour;
      context.strokeRect(x - grow, y - grow, zoom + 2 * grow, zoom + 2 * grow);
    }
  }
}

/** Lines between the cells of a board. */
function gridOf(side, zoom) {
  const grid = new Path2D();
  for (let line = 1; line < side; line++) {
    grid.moveTo(line * zoom + 0.5, 0);
    grid.lineTo(line * zoom + 0.5, side * zoom);
    grid.moveTo(0, line * zoom + 0.5);
    grid.lineTo(side * zoom, line * zoom + 0.5);
  }
  return grid;
}

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

/** A colour as a pixel of an ImageData, whose bytes are red, green, blue, opacity. */
function rgba([red, green, blue]) {
  return ((255 << 24) | (Math.round(blue) << 16) | (Math.round(green) << 8) | Math.round(red)) >>> 0;
}

/** Paint a sample's grey levels on a canvas of its size. */
export function drawSample(canvas, levels, side) {
  canvas.width = canvas.height = side;
  const context = canvas.getContext("2d");
  const image = context.createImageData(side, side);
  const pixels = new Uint32Array(image.data.buffer);
  levels.forEach((level, cell) => (pixels[cell] = rgba([255 - level, 255 - level, 255 - level])));
  context.putImageData(image, 0, 0);
}

/** Show a class on an element: its colour and digit; a dash for none. */
export function showClass(element, index, palette) {
  const colour = index < 0 ? UNDECIDED_COLOUR : palette[index];
  element.style.backgroundColor = css(index < 0 ? BACKGROUND : colour);
  element.style.color = index < 0 ? "inherit" : inkOn(colour);
  element.textContent = index < 0 ? "–" : index;
}
