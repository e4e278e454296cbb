// All that shows the board: its picture, its readout, and the cell that is looked at.

import { find } from "./find.js";
import { showCell } from "./inspector.js";
import { Picture } from "./picture.js";
import { digitsAmong, Readout, verdictText } from "./readout.js";

/** @import { Session } from "../session/session.js" */
/** @import { Tools } from "../session/tools.js" */
/** @import { View } from "./views.js" */

export class Display {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {string[]} names of the classes
   * @param {Record<string, number[][]>} palettes
   * @param {Record<string, View>} views
   */
  constructor(canvas, names, palettes, views) {
    this.canvas = canvas;
    this.palettes = palettes;
    this.views = views;
    this.picture = new Picture(canvas);
    this.readout = new Readout(names);
    this.drawn = ""; // all that the picture depends on, as text
    this.drawnInk = -1; // version of its ink
  }

  /**
   * Draw the board and all beside it, unless nothing has changed since the last frame.
   *
   * @param {Session} session
   * @param {Tools} tools
   * @param {boolean} hasHint whether the visitor gets a hint before the first edit
   * @param {number} now milliseconds
   */
  draw(session, tools, hasHint, now) {
    const { board, consensus, hasOneDigit, inkVersion, settings, shown } = session;
    this.readout.speak(now);
    const drawn = JSON.stringify([
      [board.ticks, consensus.sinceEdit, inkVersion, settings],
      [tools.cursor, tools.tool, this.canvas.clientWidth, devicePixelRatio],
    ]);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    if (this.drawnInk !== inkVersion) this.picture.inkChanged();
    this.drawnInk = inkVersion;
    shown.update(board, settings.calm);
    const verdicts = consensus.readout();
    const palette = this.palettes[settings.palette];
    const labels = hasOneDigit ? [] : digitsAmong(verdicts.blobs); // one digit's verdict is beside the board
    this.picture.draw(board, {
      view: this.views[settings.view],
      palette,
      shown: shown.shown,
      labels: labels.map((blob) => ({ ...blob, text: verdictText(blob, this.readout.names) })),
      cursor: tools.byKeyboard || tools.tool === "look" ? tools.cursor : null,
    });
    find("guide").hidden = board.aliveCells().length > 0;
    find("guide").classList.toggle("small", !hasOneDigit);
    const { before, after } = session.history;
    find("hint").hidden = !hasHint || before.length > 0 || !hasOneDigit;
    find("ticks").textContent = `tick ${board.ticks}`;
    find("undo").disabled = before.length === 0;
    find("redo").disabled = after.length === 0;
    this.readout.show(session, verdicts, palette, now);
    showCell(board, tools.cursor);
  }
}
