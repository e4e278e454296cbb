// The votes of the last ticks as a chart of stacked bands, with the newest tick at the right.

import { COURSE_TICKS } from "../session/consensus.js";
import { css, UNDECIDED_COLOUR } from "./palettes.js";

const HEIGHT = 44; // pixels

/** @param {Int32Array[]} course votes (classes + 1) of at most `COURSE_TICKS` ticks, oldest first */
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
      const from = (HEIGHT * below) / cells;
      const to = (HEIGHT * (below + count)) / cells;
      context.fillRect(COURSE_TICKS - course.length + number, from, 1, to - from);
      below += count;
    });
  });
}
