// Drawing and looking on the board: mouse, pen, several fingers, and the keyboard.

import { erase, paint } from "../session/brush.js";

const RIGHT_BUTTON = 2;
const PEN_ERASER = 32; // bit of `buttons`
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** Turns what happens on the canvas into changes of a session; `app` holds both and what is chosen. */
export class Pointer {
  constructor(app) {
    this.app = app;
    this.strokes = new Map(); // where each finger was last
    const { canvas } = app;
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const kind of ["pointerup", "pointercancel"]) canvas.addEventListener(kind, (event) => this.up(event));
    canvas.addEventListener("pointerleave", (event) => this.leave(event));
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("blur", () => app.inspect(null));
  }

  /** Where on the board an event is, in cells. */
  place({ clientX, clientY }) {
    const { canvas, session } = this.app;
    const box = canvas.getBoundingClientRect();
    const scale = session.board.side / canvas.clientWidth;
    return { x: (clientX - box.left - canvas.clientLeft) * scale, y: (clientY - box.top - canvas.clientTop) * scale };
  }

  cellAt({ x, y }) {
    const { side } = this.app.session.board;
    const inside = (value) => Math.min(side - 1, Math.max(0, Math.floor(value)));
    return inside(y) * side + inside(x);
  }

  down(event) {
    const { app } = this, at = this.place(event);
    app.byKeyboard = false;
    if (event.pointerType === "mouse" && event.button !== 0 && event.button !== RIGHT_BUTTON) return;
    event.preventDefault();
    app.canvas.focus({ preventScroll: true, focusVisible: false });
    const erasing = app.tool === "erase" || event.button === RIGHT_BUTTON || event.shiftKey || (event.buttons & PEN_ERASER) !== 0;
    if (app.tool === "look" && !erasing) return app.inspect(this.cellAt(at));
    if (app.tool === "stamp" && !erasing) return app.session.stamp(app.sample, at.x, at.y);
    app.canvas.setPointerCapture(event.pointerId);
    if (this.strokes.size === 0) app.session.remember();
    this.strokes.set(event.pointerId, { at, erasing });
    this.draw(at, at, erasing);
    this.showRing(event);
  }

  move(event) {
    const stroke = this.strokes.get(event.pointerId);
    this.app.byKeyboard = false;
    this.showRing(event);
    if (!stroke) {
      if (event.pointerType === "mouse" || this.app.tool === "look") this.app.inspect(this.cellAt(this.place(event)));
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

  /** A finger that is lifted leaves too; what it looks into stays. */
  leave(event) {
    if (event.pointerType === "touch") return;
    this.app.find("ring").hidden = true;
    if (document.activeElement !== this.app.canvas || !this.app.byKeyboard) this.app.inspect(null);
  }

  draw(from, to, erasing) {
    const { session, sizes } = this.app;
    session.edit((board) => (erasing ? erase(board, from, to, sizes.erase) : paint(board, from, to, sizes.draw)));
  }

  /** A ring around what the mouse or the pen would draw on, or erase. */
  showRing(event) {
    const { canvas, find, session, sizes, tool } = this.app, ring = find("ring");
    const erasing = this.strokes.get(event.pointerId)?.erasing ?? (tool === "erase" || event.shiftKey);
    ring.hidden = event.pointerType === "touch" || !(erasing || tool === "draw");
    const { x, y } = this.place(event), cell = canvas.clientWidth / session.board.side;
    const size = (erasing ? sizes.erase : sizes.draw) * cell;
    const corner = (at) => `${at * cell - size / 2 + canvas.clientLeft}px`;
    ring.style.width = ring.style.height = `${size}px`;
    ring.style.transform = `translate(${corner(x)}, ${corner(y)})`;
  }

  /** Arrow keys move a cursor from cell to cell; Enter and Delete draw and erase there. */
  key(event) {
    const { app } = this, { side } = app.session.board;
    const middle = Math.floor(side / 2) * side + Math.floor(side / 2);
    const cell = app.cursor ?? middle;
    const x = cell % side, y = Math.floor(cell / side), at = { x: x + 0.5, y: y + 0.5 };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (ARROWS[event.key]) {
      const [dx, dy] = ARROWS[event.key];
      const far = event.shiftKey ? 5 : 1;
      const next = this.cellAt({ x: at.x + far * dx, y: at.y + far * dy });
      app.byKeyboard = true;
      app.inspect(app.cursor === null ? cell : next);
    } else if (event.key === "Enter" && app.tool === "stamp") {
      app.session.stamp(app.sample, at.x, at.y);
    } else if (event.key === "Enter" || event.key === "Delete" || event.key === "Backspace") {
      app.session.remember();
      this.draw(at, at, event.key !== "Enter" || app.tool === "erase");
      app.inspect(cell);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }
}
