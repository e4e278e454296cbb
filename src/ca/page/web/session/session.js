// A visitor's session: the board, its settings, the passing of time, and undo. It does not touch the page.

import { Board } from "../rule/automaton.js";
import { randomDraws } from "../rule/draws.js";
import { Consensus } from "./consensus.js";
import { History } from "./history.js";
import { boardSides } from "./settings.js";
import { ShownClasses } from "./shown.js";
import { addInk, freePlace, replaceInk } from "./stamps.js";

/** @import { Network } from "../rule/network.js" */
/** @import { Settings } from "./settings.js" */
/** @import { Sample } from "./stamps.js" */

const MAX_LAG = 0.25; // seconds of ticks to catch up with after a delay; more are left out
const CELLS_AT_ONCE = 64; // computed between two looks at the clock

export class Session {
  /** @type {Board} */
  board;
  /** @type {ShownClasses} */
  shown;
  /** @type {Consensus} */
  consensus;
  /** @type {(() => void)[]} */
  waiting = []; // changes to be made when the tick that is being computed is done
  /** @type {History} */
  history;
  isGreeting = false; // whether the board still shows the sample that was there at first
  /** @type {number | null} */
  label = null; // the class of the sample on the board, if it is one
  due = 0; // ticks to be computed, with fractions
  playing = true;
  inkVersion = 0; // changes with the ink
  onTick = () => {}; // called after every tick

  /**
   * @param {Network} network
   * @param {Settings} settings
   */
  constructor(network, settings) {
    this.network = network;
    this.settings = settings;
    this.setSide(settings.side);
  }

  /**
   * Start with an empty board of another size.
   *
   * @param {number} side
   */
  setSide(side) {
    this.settings.side = side;
    this.board = new Board(side, this.network.sizes);
    this.shown = new ShownClasses(side * side);
    this.consensus = new Consensus(this.board, this.hasOneDigit);
    this.waiting = [];
    this.history = new History();
    this.label = null;
    this.due = 0;
    this.inkVersion++;
  }

  /** Whether the board is the one for a single digit. */
  get hasOneDigit() {
    return this.settings.side === boardSides(this.network.sizes).oneDigit;
  }

  /**
   * Go on with another network; the cells keep their states.
   *
   * @param {Network} network
   */
  setNetwork(network) {
    this.change(() => {
      this.network = network;
    });
  }

  /**
   * Change the board as soon as no tick is being computed.
   *
   * @param {() => void} action
   */
  change(action) {
    if (this.board.pending) this.waiting.push(action);
    else action();
  }

  /** Store the board for undo. */
  remember() {
    this.change(() => this.history.remember(this.now()));
  }

  now() {
    return { board: this.board.snapshot(), label: this.label };
  }

  /**
   * Change the ink.
   *
   * @param {(board: Board) => void} action
   * @param {number | null} [label] the class of the sample that is then on the board, if it is one
   */
  edit(action, label = null) {
    this.change(() => {
      action(this.board);
      this.label = label;
      this.isGreeting = false;
      this.edited();
    });
  }

  edited() {
    this.consensus.inkChanged();
    this.inkVersion++;
  }

  undo() {
    this.change(() => this.goTo(this.history.undo(this.now())));
  }

  redo() {
    this.change(() => this.goTo(this.history.redo(this.now())));
  }

  /** @param {import("./history.js").Entry | null} entry */
  goTo(entry) {
    if (!entry) return;
    this.board.restore(entry.board);
    this.label = entry.label;
    this.isGreeting = false;
    this.edited();
  }

  /**
   * Begin to draw or erase. The first stroke on a board for one digit removes the sample that was there at first.
   *
   * @param {boolean} erasing
   */
  beginStroke(erasing) {
    this.remember();
    this.change(() => {
      if (this.isGreeting && this.hasOneDigit && !erasing) this.setInk(new Uint8Array(this.board.ink.length));
    });
  }

  /**
   * Set the grey levels of all cells.
   *
   * @param {Uint8Array} ink
   */
  setInk(ink) {
    this.edit((board) => {
      ink.forEach((level, cell) => {
        board.setInk(cell, level);
      });
    });
  }

  /** Remove all ink. */
  clear() {
    this.remember();
    this.setInk(new Uint8Array(this.board.ink.length));
  }

  /** Set the state of all cells to zero, and keep the ink. */
  forget() {
    this.remember();
    this.change(() => {
      this.board.forget();
      this.consensus.restart();
    });
  }

  /**
   * Replace all ink by a sample. Cells that are alive before and after keep their state, unless fresh.
   *
   * @param {Sample} sample
   * @param {boolean} fresh whether all cells start from zero
   */
  mutate(sample, fresh) {
    this.remember();
    this.edit((board) => {
      replaceInk(board, sample);
      if (fresh) board.forget();
    }, sample.label);
  }

  /**
   * Add a sample to the ink, its middle at (x, y).
   *
   * @param {Sample} sample
   * @param {number} x
   * @param {number} y
   */
  stamp(sample, x, y) {
    this.remember();
    this.edit((board) => addInk(board, sample, x, y));
  }

  /**
   * Add a sample at a random place that has room for it, if there is one.
   *
   * @param {Sample} sample
   */
  stampAnywhere(sample) {
    const place = freePlace(this.board, sample);
    if (place) this.stamp(sample, place.x, place.y);
  }

  /**
   * Let time pass: compute the ticks that are due, until a deadline.
   *
   * @param {number} seconds
   * @param {number} deadline
   * @param {() => number} clock the time now, in the deadline's unit
   */
  run(seconds, deadline, clock) {
    this.due = Math.min(this.due + seconds * this.settings.speed, 1 + MAX_LAG * this.settings.speed);
    while (this.board.pending || this.due >= 1) {
      if (!this.board.pending) {
        this.begin();
        this.due--;
      }
      while (!this.board.work(this.network, CELLS_AT_ONCE)) if (clock() > deadline) return;
      this.committed();
      if (clock() > deadline) return;
    }
  }

  /**
   * Compute some ticks at once.
   *
   * @param {number} ticks
   */
  step(ticks) {
    if (this.board.pending) this.finish();
    for (let done = 0; done < ticks; done++) {
      this.begin();
      this.finish();
    }
    this.due = 0;
  }

  /** Begin a tick. */
  begin() {
    const { board, network, settings } = this;
    board.begin(randomDraws(board.aliveCells(), { ...settings, tick: board.ticks }, network.sizes));
  }

  /** Compute the rest of the tick that has begun. */
  finish() {
    this.board.work(this.network, Infinity);
    this.committed();
  }

  /** Do all that follows a tick. */
  committed() {
    this.consensus.ticked();
    this.shown.update(this.board, this.settings.calm);
    this.onTick();
    for (const action of this.waiting.splice(0)) action();
  }
}
