// How many ticks a second are really computed.

const MILLISECONDS = 1000; // between two measurements
const SLOW = 0.8; // share of the wanted speed

export class TickRate {
  /** @type {{ticks: number, now: number} | null} */
  last = null;
  /** @type {number | null} */
  slow = null; // ticks a second, if they are clearly fewer than wanted

  /**
   * Take notice of a frame.
   *
   * @param {number} ticks the board's
   * @param {number} now milliseconds
   * @param {number} speed wanted ticks a second
   */
  measure(ticks, now, speed) {
    this.last ??= { ticks, now };
    if (now - this.last.now < MILLISECONDS) return;
    const rate = (1000 * (ticks - this.last.ticks)) / (now - this.last.now);
    this.slow = rate >= 0 && rate < SLOW * speed ? rate : null; // below zero: the board was reset
    this.last = { ticks, now };
  }
}
