// The votes of the last ticks as bands of colour, the newest at the right.

import { UNDECIDED_COLOUR, css } from "./palettes.js";

const HEIGHT = 44; // pixels

export const COURSE_TICKS = 160;

/** @param {Int32Array[]} course votes (11,) of at most `COURSE_TICKS` ticks, oldest first */
export function drawCourse(canvas, course, palette) {
  canvas.width = COURSE_TICKS;
  canvas.height = HEIGHT;
  const context = canvas.getContext("2d");
  course.forEach((votes, number) => {
    const cells = votes.reduce((a, b) => a + b);
    let below = 0;
    votes.forEach((count, index) => {
      if (!count) return;
      context.fillStyle = css(palette[index] ?? UNDECIDED_COLOUR);
      const from = (HEIGHT * below) / cells, to = (HEIGHT * (below + count)) / cells;
      context.fillRect(COURSE_TICKS - course.length + number, from, 1, to - from);
      below += count;
    });
  });
}
