// What a visitor is doing: the board, its settings, the course of time and what can be undone. No page here.

import { Board } from "../rule/automaton.js";
import { randomDraws } from "../rule/draws.js";
import { COURSE_TICKS } from "../screen/course.js";
import { countVotes, findBlobs, verdictOf } from "./verdict.js";
import { ShownClasses } from "../screen/views.js";

export const SIDES = [56, 140];
export const SPEEDS = [1, 2, 5, 10, 20, 30, 60, 120]; // ticks a second
const MAX_UNDO = 30;
const MAX_LAG = 0.25; // seconds of ticks that are caught up with; more are left out
const CELLS_AT_ONCE = 64; // computed between two looks at the clock
const SPACING = 2; // cells around a sample that looks for a free place

/** Settings that a link holds, and what they are at first. */
export const DEFAULTS = {
  side: 56,
  view: "class",
  palette: "distinct",
  speed: 20,
  fireRate: 0.5,
  noise: 0.02,
  seed: 0,
  calm: false,
};

export class Session {
  /** @param {Network} network */
  constructor(network, settings) {
    this.network = network;
    this.settings = { ...DEFAULTS, ...settings };
    this.playing = true;
    this.onTick = () => {}; // called after every tick
    this.setSide(this.settings.side);
  }

  /** An empty board of another size. */
  setSide(side) {
    this.settings.side = side;
    this.board = new Board(side);
    this.shown = new ShownClasses(side * side);
    this.waiting = []; // changes of ink that wait for a tick to be done
    this.history = [];
    this.due = 0; // ticks
    this.course = []; // votes after each of the last ticks
    this.label = null; // of the sample on the board
    this.edited();
  }

  /** The network changes under the cells, which keep their state. */
  setNetwork(network) {
    this.change(() => (this.network = network));
  }

  /** Change the board as soon as no tick is under way. */
  change(action) {
    if (this.board.pending) this.waiting.push(action);
    else action();
  }

  /** Remember the board as it is, to come back to. */
  remember() {
    this.change(() => {
      this.history.push({ board: this.board.snapshot(), label: this.label });
      if (this.history.length > MAX_UNDO) this.history.shift();
    });
  }

  /** Change ink; `label` is the class of the sample that is there now, if it is one. */
  edit(action, label = null) {
    this.change(() => {
      action(this.board);
      this.label = label;
      this.edited();
    });
  }

  edited() {
    this.blobs = null;
    this.sinceEdit = 0;
    this.settledFor = 0;
    this.inkVersion = (this.inkVersion ?? 0) + 1;
  }

  undo() {
    this.change(() => {
      const last = this.history.pop();
      if (!last) return;
      this.board.restore(last.board);
      this.label = last.label;
      this.edited();
    });
  }

  clear() {
    this.remember();
    this.edit((board) => board.ink.forEach((_, cell) => board.setInk(cell, 0)));
  }

  forget() {
    this.remember();
    this.change(() => {
      this.board.forget();
      this.sinceEdit = this.settledFor = 0;
    });
  }

  /** Put a sample in the middle instead of all ink; memory stays where cells are alive in both, unless fresh. */
  mutate(sample, fresh) {
    this.remember();
    this.edit((board) => {
      const from = Math.floor((board.side - sample.side) / 2);
      const ink = new Uint8Array(board.ink.length);
      sample.levels.forEach((level, at) => {
        ink[(from + Math.floor(at / sample.side)) * board.side + from + (at % sample.side)] = level;
      });
      ink.forEach((level, cell) => board.setInk(cell, level));
      if (fresh) board.forget();
    }, sample.label);
  }

  /** Add a sample to what is on the board, its middle at (x, y); what lies beyond the rim is cut off. */
  stamp(sample, x, y) {
    this.remember();
    this.edit((board) => {
      const left = Math.round(x - sample.side / 2), top = Math.round(y - sample.side / 2);
      sample.levels.forEach((level, at) => {
        const cx = left + (at % sample.side), cy = top + Math.floor(at / sample.side);
        if (!level || cx < 0 || cy < 0 || cx >= board.side || cy >= board.side) return;
        const cell = cy * board.side + cx;
        board.setInk(cell, Math.max(board.ink[cell], level));
      });
    });
  }

  /** The middle of a random place where a sample has room, or null. */
  freePlace(sample, random = Math.random) {
    const { side, ink } = this.board;
    const places = [];
    for (let top = 0; top + sample.side <= side; top += SPACING) {
      for (let left = 0; left + sample.side <= side; left += SPACING) places.push([left, top]);
    }
    const isFree = ([left, top]) =>
      sample.levels.every((level, at) => {
        if (!level) return true;
        const x = left + (at % sample.side), y = top + Math.floor(at / sample.side);
        for (let ny = Math.max(0, y - SPACING); ny <= Math.min(side - 1, y + SPACING); ny++) {
          for (let nx = Math.max(0, x - SPACING); nx <= Math.min(side - 1, x + SPACING); nx++) {
            if (ink[ny * side + nx]) return false;
          }
        }
        return true;
      });
    while (places.length) {
      const [place] = places.splice(Math.floor(random() * places.length), 1);
      if (isFree(place)) return { x: place[0] + sample.side / 2, y: place[1] + sample.side / 2 };
    }
    return null;
  }

  /** Let time pass: compute the ticks that are due, until the deadline. */
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

  /** So many ticks now. */
  step(ticks) {
    if (this.board.pending) this.finish();
    for (; ticks > 0; ticks--) {
      this.begin();
      this.finish();
    }
    this.due = 0;
  }

  begin() {
    const { seed, fireRate, noise } = this.settings;
    this.board.begin(randomDraws(this.board.aliveCells(), seed, this.board.ticks, fireRate, noise));
  }

  finish() {
    while (!this.board.work(this.network, Infinity));
    this.committed();
  }

  committed() {
    this.sinceEdit++;
    const agreed = this.digits().every((cells) => verdictOf(countVotes(this.board, cells)).agreement === 1);
    this.settledFor = agreed ? this.settledFor + 1 : 0;
    this.shown.update(this.board, this.settings.calm);
    this.course.push(countVotes(this.board, this.board.aliveCells()));
    if (this.course.length > COURSE_TICKS) this.course.shift();
    this.onTick();
    for (const action of this.waiting.splice(0)) action();
  }

  /** Cells of each digit on the board: all that hang together on the whiteboard, all there are on the other. */
  digits() {
    this.blobs ??= this.settings.side === DEFAULTS.side ? [[...this.board.aliveCells()]] : findBlobs(this.board);
    return this.blobs;
  }

  /** Votes and verdict of the whole board, and of each digit on it. */
  readout() {
    const votes = countVotes(this.board, this.board.aliveCells());
    const blobs = this.digits().map((cells) => ({ cells, ...verdictOf(countVotes(this.board, cells)) }));
    return { votes, ...verdictOf(votes), blobs };
  }
}
