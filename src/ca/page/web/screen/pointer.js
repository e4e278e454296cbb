// Drawing and looking on the board: by mouse, pen, several fingers, or keyboard.

import { erase, paint } from "../session/brush.js";
import { find } from "./find.js";

/** @import { Session } from "../session/session.js" */
/** @import { Tools } from "../session/tools.js" */

const RIGHT_BUTTON = 2;
const PEN_ERASER = 32; // bit of `buttons`
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Session} session
 * @param {Tools} tools
 */
export function listenToPointers(canvas, session, tools) {
  const pointer = new Pointer(canvas, session, tools);
  canvas.addEventListener("pointerdown", (event) => pointer.down(event));
  canvas.addEventListener("pointermove", (event) => pointer.move(event));
  canvas.addEventListener("pointerup", (event) => pointer.up(event));
  canvas.addEventListener("pointercancel", (event) => pointer.up(event));
  canvas.addEventListener("pointerleave", (event) => pointer.leave(event));
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  canvas.addEventListener("keydown", (event) => pointer.key(event));
  canvas.addEventListener("keyup", (event) => pointer.keyUp(event));
  canvas.addEventListener("blur", () => {
    tools.cursor = null;
    pointer.held = null;
  });
}

/** Turns events of the canvas into changes of a session and of the tools' cursor. */
class Pointer {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {Session} session
   * @param {Tools} tools
   */
  constructor(canvas, session, tools) {
    this.canvas = canvas;
    this.session = session;
    this.tools = tools;
    this.strokes = new Map(); // the last place of each finger that draws, and whether it erases
    /** @type {{key: string, erasing: boolean} | null} */
    this.held = null; // the key that draws or erases while it is held
    /** @type {{erasing: boolean, entry: object} | null} */
    this.dotted = null; // the last stroke by keyboard, and its entry of undo
  }

  /** The place of an event on the board, in cells. */
  place({ clientX, clientY }) {
    const { canvas, session } = this;
    const box = canvas.getBoundingClientRect();
    const scale = session.board.side / canvas.clientWidth;
    return {
      x: (clientX - box.left - canvas.clientLeft) * scale,
      y: (clientY - box.top - canvas.clientTop) * scale,
    };
  }

  /** The cell at a place, or the one nearest to it. */
  cellAt({ x, y }) {
    const { side } = this.session.board;
    const inside = (value) => Math.min(side - 1, Math.max(0, Math.floor(value)));
    return inside(y) * side + inside(x);
  }

  down(event) {
    const { canvas, session, tools } = this;
    const at = this.place(event);
    tools.byKeyboard = false;
    if (event.pointerType === "mouse" && event.button !== 0 && event.button !== RIGHT_BUTTON) return;
    event.preventDefault();
    canvas.focus(/** @type {FocusOptions} */ ({ preventScroll: true, focusVisible: false }));
    const erasing =
      tools.tool === "erase" ||
      event.button === RIGHT_BUTTON ||
      event.shiftKey ||
      (event.buttons & PEN_ERASER) !== 0;
    if (tools.tool === "look" && !erasing) {
      tools.cursor = this.cellAt(at);
    } else if (tools.tool === "stamp" && !erasing) {
      session.stamp(tools.sample, at.x, at.y);
    } else {
      canvas.setPointerCapture(event.pointerId);
      if (this.strokes.size === 0) session.beginStroke(erasing);
      this.strokes.set(event.pointerId, { at, erasing });
      this.draw(at, at, erasing);
      this.showRing(event);
    }
  }

  move(event) {
    const { tools } = this;
    const stroke = this.strokes.get(event.pointerId);
    tools.byKeyboard = false;
    this.showRing(event);
    if (!stroke) {
      if (event.pointerType === "mouse" || tools.tool === "look")
        tools.cursor = this.cellAt(this.place(event));
      return;
    }
    const events = event.getCoalescedEvents?.() ?? [];
    for (const one of events.length ? events : [event]) {
      const to = this.place(one);
      this.draw(stroke.at, to, stroke.erasing);
      stroke.at = to;
    }
  }

  up(event) {
    this.strokes.delete(event.pointerId);
  }

  /** A finger also leaves when it is lifted; the cell that it looked into is shown on. */
  leave(event) {
    if (event.pointerType === "touch") return;
    find("ring").hidden = true;
    if (document.activeElement !== this.canvas || !this.tools.byKeyboard) this.tools.cursor = null;
  }

  draw(from, to, erasing) {
    const { sizes } = this.tools;
    this.session.edit((board) => {
      if (erasing) erase(board, from, to, sizes.erase);
      else paint(board, from, to, sizes.draw);
    });
  }

  /** Show a ring around the area that the mouse or the pen would draw on or erase. */
  showRing(event) {
    const { canvas, session, tools } = this;
    const ring = find("ring");
    const erasing = this.strokes.get(event.pointerId)?.erasing ?? (tools.tool === "erase" || event.shiftKey);
    ring.hidden = event.pointerType === "touch" || !(erasing || tools.tool === "draw");
    const { x, y } = this.place(event);
    const cell = canvas.clientWidth / session.board.side; // its side in pixels
    const size = (erasing ? tools.sizes.erase : tools.sizes.draw) * cell;
    const corner = (at) => `${at * cell - size / 2 + canvas.clientLeft}px`;
    ring.style.width = ring.style.height = `${size}px`;
    ring.style.transform = `translate(${corner(x)}, ${corner(y)})`;
  }

  /**
   * Enter draws at the cursor and Delete erases; while one is held, arrow keys draw a line or erase one. Until the key is
   * released all belongs to one stroke, and so do dots that follow each other without another change between.
   */
  keyStroke(event, at) {
    if (this.held) return; // the key repeats
    const { session, tools } = this;
    const erasing = event.key !== "Enter" || tools.tool === "erase";
    const goesOn = this.dotted?.erasing === erasing && this.dotted.entry === session.history.before.at(-1);
    if (!goesOn) session.beginStroke(erasing);
    this.held = { key: event.key, erasing };
    this.draw(at, at, erasing);
  }

  /** @param {KeyboardEvent} event */
  keyUp(event) {
    if (this.held?.key !== event.key) return;
    this.dotted = { erasing: this.held.erasing, entry: this.session.history.before.at(-1) };
    this.held = null;
  }

  middleOf(cell) {
    const { side } = this.session.board;
    return { x: (cell % side) + 0.5, y: Math.floor(cell / side) + 0.5 };
  }

  /** Arrow keys move the cursor from cell to cell; Enter draws at the cursor, Delete erases. */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { session, tools } = this;
    const { side } = session.board;
    const middle = Math.floor(side / 2) * side + Math.floor(side / 2);
    const cell = tools.cursor ?? middle;
    const at = this.middleOf(cell);
    if (ARROWS[event.key]) {
      const [dx, dy] = ARROWS[event.key];
      const cells = event.shiftKey ? 5 : 1;
      const next = this.cellAt({ x: at.x + cells * dx, y: at.y + cells * dy });
      tools.byKeyboard = true;
      tools.cursor = tools.cursor === null ? cell : next;
      if (this.held) this.draw(at, this.middleOf(tools.cursor), this.held.erasing);
    } else if (event.key === "Enter" && tools.tool === "stamp") {
      session.stamp(tools.sample, at.x, at.y);
    } else if (event.key === "Enter" || event.key === "Delete" || event.key === "Backspace") {
      this.keyStroke(event, at);
      tools.cursor = cell;
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }
}
