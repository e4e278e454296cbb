// Keys that work anywhere on the page. The help lists them from here.

import { find } from "./find.js";

/** @import { Tool } from "../session/tools.js" */

/** @typedef {{keys: string[], does: string, run?: (event: KeyboardEvent) => void}} Binding */

/**
 * What the keys do besides pressing the page's buttons and moving its sliders.
 *
 * @typedef {object} Actions
 * @property {(tool: Tool) => void} setTool
 * @property {() => void} undo
 * @property {() => void} redo
 * @property {(label: number) => void} chooseSample
 */

/** Press a button. */
const press = (id) => () => find(id).click();

/** Choose the next option of a menu. */
const chooseNext = (id) => () => {
  const menu = find(id);
  menu.selectedIndex = (menu.selectedIndex + 1) % menu.length;
  menu.dispatchEvent(new Event("change"));
};

/** Move a slider by a step. */
const slide = (id, direction) => () => {
  const slider = find(id);
  if (direction > 0) slider.stepUp();
  else slider.stepDown();
  slider.dispatchEvent(new Event("input"));
};

/**
 * @param {Actions} actions
 * @param {number} classes
 * @returns {Binding[]}
 */
export function keyBindings({ setTool, undo, redo, chooseSample }, classes) {
  const labels = Array.from({ length: Math.min(classes, 10) }, (_, label) => String(label));
  return [
    { keys: ["space"], does: "play or pause", run: press("play") },
    { keys: ["."], does: "one tick", run: press("step") },
    { keys: [","], does: "ten ticks", run: press("step-10") },
    { keys: ["+"], does: "faster", run: slide("speed", 1) },
    { keys: ["-"], does: "slower", run: slide("speed", -1) },
    { keys: ["d"], does: "draw", run: () => setTool("draw") },
    { keys: ["e"], does: "erase", run: () => setTool("erase") },
    { keys: ["l"], does: "look into cells", run: () => setTool("look") },
    { keys: ["["], does: "smaller brush or eraser", run: slide("size", -1) },
    { keys: ["]"], does: "larger brush or eraser", run: slide("size", 1) },
    { keys: ["z", "Ctrl+Z"], does: "undo", run: undo },
    { keys: ["y", "Ctrl+Y", "Ctrl+Shift+Z"], does: "redo", run: redo },
    { keys: ["c"], does: "clear the board", run: press("clear") },
    { keys: ["f"], does: "restart all cells from zero", run: press("forget") },
    { keys: labels, does: "a sample of that class", run: (event) => chooseSample(Number(event.key)) },
    { keys: ["r"], does: "a random sample", run: press("random") },
    { keys: ["o"], does: "other samples", run: press("others") },
    { keys: ["v"], does: "next view", run: chooseNext("view") },
    { keys: ["p"], does: "next colours", run: chooseNext("palette") },
    { keys: ["b"], does: "the other board", run: chooseNext("side") },
    { keys: ["g"], does: "start or stop recording a GIF", run: press("gif") },
    { keys: ["?"], does: "this list", run: press("help-button") },
    { keys: ["arrow keys"], does: "on the board: from cell to cell, with Shift by five" },
    { keys: ["Enter", "Delete"], does: "on the board: draw or erase a dot; held, with arrow keys, a line" },
  ];
}

/**
 * List the keys in the help, and listen to them, except where the visitor types or chooses something.
 *
 * @param {Binding[]} bindings
 */
export function listenToKeys(bindings) {
  listKeys(bindings);
  document.addEventListener("keydown", (event) => {
    if (event.altKey || find("help").open) return;
    const target = /** @type {Element} */ (event.target);
    if (target.matches("select, input:not([type=range], [type=checkbox])")) return;
    const key = nameOf(event);
    if (key === "space" && target.matches("button, summary, input, label")) return;
    const found = bindings.find(({ keys, run }) => run && keys.includes(key));
    if (!found) return;
    event.preventDefault();
    found.run(event);
  });
}

/** A key's name in the bindings. */
function nameOf({ key, ctrlKey, metaKey, shiftKey }) {
  if (ctrlKey || metaKey) return `Ctrl+${shiftKey ? "Shift+" : ""}${key.toUpperCase()}`;
  return key === " " ? "space" : key.toLowerCase();
}

function listKeys(bindings) {
  const body = find("keys");
  for (const { keys, does } of bindings) {
    const row = body.insertRow();
    const shown = keys.length > 3 ? [`${keys[0]} … ${keys.at(-1)}`] : keys;
    for (const key of shown) {
      const element = document.createElement("kbd");
      element.textContent = key;
      if (row.firstChild) row.firstChild.append(" ", element);
      else row.insertCell().append(element);
    }
    row.insertCell().textContent = does;
  }
}
