// All numbers of one cell.

import { find } from "./find.js";

/** @import { Board } from "../rule/automaton.js" */

const DECIMALS = 3;

/**
 * Names and values of a cell, as they are shown.
 *
 * @param {Board} board
 * @param {number} cell
 */
function cellValues(board, cell) {
  const { firstOutput, sizes } = board;
  const { names } = sizes;
  const channels = [...board.channels(cell)].map((value) => value.toFixed(DECIMALS));
  const index = board.classOf(cell);
  return [
    ["grey", `${board.ink[cell]} / 255`],
    ["alive", board.isAlive(cell) ? "yes" : "no"],
    ["class", index < 0 ? "none" : names[index]],
    ["last update", board.lastUpdate[cell].toFixed(DECIMALS)],
    ...channels.slice(firstOutput).map((value, number) => [`output ${names[number]}`, value]),
    ...channels.slice(1, firstOutput).map((value, number) => [`channel ${number + 1}`, value]),
  ];
}

/**
 * Show a cell in the page, or none for null.
 *
 * @param {Board} board
 * @param {number | null} cell
 */
export function showCell(board, cell) {
  find("inspector").hidden = cell === null;
  find("cell-help").hidden = cell !== null;
  find("cell-name").textContent = "A cell";
  if (cell === null) return;
  const x = cell % board.side;
  const y = Math.floor(cell / board.side);
  find("cell-name").textContent = `Cell in column ${x + 1}, row ${y + 1}`;
  const body = find("cell-values");
  const values = cellValues(board, cell);
  const rows = Math.ceil(values.length / 2);
  while (body.rows.length < rows) {
    const row = body.insertRow();
    for (let column = 0; column < 4; column++) row.insertCell();
  }
  values.forEach(([name, value], number) => {
    const { cells } = body.rows[number % rows];
    const first = number < rows ? 0 : 2;
    cells[first].textContent = name;
    cells[first + 1].textContent = value;
  });
}
