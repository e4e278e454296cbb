// The test digits that come with the page: ten of each class.

import { Board } from "../rule/automaton.js";
import { CLASSES } from "../rule/network.js";
import { drawSample } from "./picture.js";
import { findBlobs } from "../session/verdict.js";

const LONG_PRESS = 500; // milliseconds

/** A row of ten digits, one a class. */
export class Samples {
  /**
   * @param {{levels: Uint8Array, side: number, label: number}[]} samples
   * @param {(sample: object, fresh: boolean) => void} choose
   */
  constructor(find, samples, choose) {
    this.samples = samples;
    this.choose = choose;
    this.set = 0;
    this.buttons = [];
    for (let index = 0; index < CLASSES; index++) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(document.createElement("canvas"));
      button.setAttribute("aria-label", `Test digit ${index}`);
      this.listen(button, index);
      find("samples").append(button);
      this.buttons.push(button);
    }
    this.show();
  }

  /** A click mutates; a click with Shift, or a long press, starts fresh. */
  listen(button, index) {
    let timer = null, long = false;
    button.addEventListener("pointerdown", () => {
      long = false;
      timer = setTimeout(() => {
        long = true;
        this.choose(this.sample(index), true);
      }, LONG_PRESS);
    });
    for (const kind of ["pointerup", "pointerleave", "pointercancel"]) {
      button.addEventListener(kind, () => clearTimeout(timer));
    }
    button.addEventListener("contextmenu", (event) => event.preventDefault());
    button.addEventListener("click", (event) => {
      if (!long) this.choose(this.sample(index), event.shiftKey);
      long = false;
    });
  }

  /** The sample of a class in the row that is shown. */
  sample(index) {
    const ofClass = this.samples.filter(({ label }) => label === index);
    return ofClass[this.set % ofClass.length];
  }

  /** The first sample of a class whose cells all hang together, or the first of all. */
  whole(index) {
    const ofClass = this.samples.filter(({ label }) => label === index);
    return ofClass.find(hangsTogether) ?? ofClass[0];
  }

  random() {
    return this.samples[Math.floor(Math.random() * this.samples.length)];
  }

  /** Other samples, from another page. */
  replace(samples) {
    this.samples = samples;
    this.show();
  }

  others() {
    this.set++;
    this.show();
  }

  show() {
    this.buttons.forEach((button, index) => {
      const { levels, side } = this.sample(index);
      drawSample(button.firstChild, levels, side);
    });
  }
}

function hangsTogether({ levels, side }) {
  const board = new Board(side);
  levels.forEach((level, cell) => board.setInk(cell, level));
  return findBlobs(board).length === 1;
}
