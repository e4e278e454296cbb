// One cell in numbers.

import { CHANNELS, FIRST_OUTPUT } from "../rule/network.js";

const DIGITS = 3; // after the point

/** Names and values of a cell, as they are printed. */
export function cellValues(board, cell) {
  const channels = board.channels(cell);
  const rows = [
    ["grey", `${board.ink[cell]} / 255`],
    ["alive", board.isAlive(cell) ? "yes" : "no"],
    ["class", board.classOf(cell) < 0 ? "none" : String(board.classOf(cell))],
    ["last update", board.lastUpdate[cell].toFixed(DIGITS)],
  ];
  for (let channel = FIRST_OUTPUT; channel < CHANNELS; channel++) {
    rows.push([`output ${channel - FIRST_OUTPUT}`, channels[channel].toFixed(DIGITS)]);
  }
  for (let channel = 1; channel < FIRST_OUTPUT; channel++) {
    rows.push([`comm. ${channel}`, channels[channel].toFixed(DIGITS)]);
  }
  return rows;
}

/** Show a cell in the page, or nothing for null. */
export function showCell(find, board, cell) {
  find("inspector").hidden = cell === null;
  find("cell-help").hidden = cell !== null;
  find("cell-name").textContent = "A cell";
  if (cell === null) return;
  const x = cell % board.side, y = Math.floor(cell / board.side);
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
