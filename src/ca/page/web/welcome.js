// What is on a board at first.

/** @import { Samples } from "./screen/samples.js" */
/** @import { Session } from "./session/session.js" */

const ROWS = 3; // of samples on a whiteboard

/**
 * Put one sample on a board for one digit, and one of each class on a whiteboard.
 *
 * @param {Session} session
 * @param {Samples} samples
 */
export function welcome(session, samples) {
  if (session.hasOneDigit) {
    session.mutate(samples.first, true);
    session.isGreeting = true;
    return;
  }
  const { side, sizes } = session.board;
  const firstOf = (row) => Math.round((row * sizes.classes) / ROWS); // the first class in a row
  const middle = (number, of) => ((number + 0.5) * side) / of;
  for (let row = 0; row < ROWS; row++) {
    const inRow = firstOf(row + 1) - firstOf(row);
    for (let number = 0; number < inRow; number++) {
      session.stamp(samples.connected(firstOf(row) + number), middle(number, inRow), middle(row, ROWS));
    }
  }
}
