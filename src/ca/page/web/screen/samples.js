// The test images that come with the page, as a row of buttons.

import { Board } from "../rule/automaton.js";
import { nounFor } from "../rule/sizes.js";
import { findBlobs } from "../session/verdict.js";
import { find } from "./find.js";
import { rgba } from "./palettes.js";

/** @import { Sizes } from "../rule/sizes.js" */
/** @import { Sample } from "../session/stamps.js" */

const FIRST_CLASS = 4;
const LONG_PRESS = 500; // milliseconds

/** A row of samples, one for each class. */
export class Samples {
  /**
   * @param {Sample[]} samples several of each class
   * @param {Sizes} sizes
   * @param {(sample: Sample, fresh: boolean) => void} choose called when a sample is chosen; fresh: to start from zero
   */
  constructor(samples, sizes, choose) {
    this.samples = samples;
    this.sizes = sizes;
    this.choose = choose;
    this.set = 0; // which of the samples of each class is in the row
    this.buttons = [];
    for (let index = 0; index < sizes.classes; index++) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(document.createElement("canvas"));
      button.setAttribute("aria-label", `Test ${nounFor(sizes.names)} ${sizes.names[index]}`);
      this.listen(button, index);
      find("samples").append(button);
      this.buttons.push(button);
    }
    this.show();
  }

  /** A click chooses a sample; a click with Shift, or a long press, chooses it to start from zero. */
  listen(button, index) {
    let timer = null;
    let isLong = false;
    button.addEventListener("pointerdown", () => {
      isLong = false;
      timer = setTimeout(() => {
        isLong = true;
        this.choose(this.sample(index), true);
      }, LONG_PRESS);
    });
    for (const kind of ["pointerup", "pointerleave", "pointercancel"]) {
      button.addEventListener(kind, () => clearTimeout(timer));
    }
    button.addEventListener("contextmenu", (event) => event.preventDefault());
    button.addEventListener("click", (event) => {
      if (!isLong) this.choose(this.sample(index), event.shiftKey);
      isLong = false;
    });
  }

  /** The sample of a class that is in the row. */
  sample(index) {
    const ofClass = this.samples.filter(({ label }) => label === index);
    return ofClass[this.set % ofClass.length]; // undefined if there are no test images of this class
  }

  /** The sample that is on the board at first. */
  get first() {
    return this.sample(FIRST_CLASS % this.sizes.classes) ?? this.samples[0];
  }

  /** The first sample of a class that is one blob, or the first of all. */
  connected(index) {
    const ofClass = this.samples.filter(({ label }) => label === index);
    return ofClass.find((sample) => isConnected(sample, this.sizes)) ?? ofClass[0] ?? this.samples[0];
  }

  random() {
    return this.samples[Math.floor(Math.random() * this.samples.length)];
  }

  /** Go on with the samples of another page. */
  replace(samples) {
    this.samples = samples;
    this.show();
  }

  /** Show the next set of samples. */
  others() {
    this.set++;
    this.show();
  }

  show() {
    this.buttons.forEach((button, index) => {
      const sample = this.sample(index);
      button.hidden = !sample;
      if (sample) drawSample(button.firstChild, sample);
    });
  }
}

function isConnected({ levels, side }, sizes) {
  const board = new Board(side, sizes);
  levels.forEach((level, cell) => {
    board.setInk(cell, level);
  });
  return findBlobs(board).length === 1;
}

/** Draw a sample with one pixel for each cell. */
function drawSample(canvas, { levels, side }) {
  canvas.width = canvas.height = side;
  const context = canvas.getContext("2d");
  const image = context.createImageData(side, side);
  const pixels = new Uint32Array(image.data.buffer);
  levels.forEach((level, cell) => {
    pixels[cell] = rgba([255 - level, 255 - level, 255 - level]);
  });
  context.putImageData(image, 0, 0);
}
