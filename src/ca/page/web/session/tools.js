// What the visitor has chosen to do on the board, and which cell they look at.

/** @import { Sample } from "./stamps.js" */

/** @typedef {"draw" | "erase" | "look" | "stamp"} Tool */

export class Tools {
  /** @param {Sample} sample */
  constructor(sample) {
    /** @type {Tool} */
    this.tool = "draw";
    this.sizes = { draw: 2.5, erase: 4 }; // diameters of brush and eraser, in cells
    this.sample = sample; // the one to stamp
    /** @type {number | null} */
    this.cursor = null; // the cell whose numbers are shown
    this.byKeyboard = false; // whether the cursor was moved by keyboard
  }

  /** The tool that the slider of sizes belongs to. */
  get sized() {
    return this.tool === "erase" ? "erase" : "draw";
  }
}
