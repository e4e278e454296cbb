// The boards that undo and redo go to.

/** @import { Snapshot } from "../rule/automaton.js" */

/** @typedef {{board: Snapshot, label: number | null}} Entry label: the class of the sample on the board, if it is one */

const MAX_ENTRIES = 30;

export class History {
  /** @type {Entry[]} */
  before = [];
  /** @type {Entry[]} */
  after = [];

  /**
   * Store the board before it is changed.
   *
   * @param {Entry} now
   */
  remember(now) {
    this.before.push(now);
    if (this.before.length > MAX_ENTRIES) this.before.shift();
    this.after = [];
  }

  /**
   * The board before the last change; null if there is none.
   *
   * @param {Entry} now
   */
  undo(now) {
    return exchange(this.before, this.after, now);
  }

  /**
   * The board before the last undo; null if there is none, or if the board was changed since.
   *
   * @param {Entry} now
   */
  redo(now) {
    return exchange(this.after, this.before, now);
  }
}

/**
 * @param {Entry[]} from
 * @param {Entry[]} to
 * @param {Entry} now
 */
function exchange(from, to, now) {
  const entry = from.pop() ?? null;
  if (entry) to.push(now);
  return entry;
}
