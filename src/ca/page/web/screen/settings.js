// The controls, showing the settings of a session and the tools.

import { nounFor } from "../rule/sizes.js";
import { boardSides, SPEEDS } from "../session/settings.js";
import { find } from "./find.js";

/** @import { Sizes } from "../rule/sizes.js" */
/** @import { Session } from "../session/session.js" */
/** @import { Tools } from "../session/tools.js" */
/** @import { View } from "./views.js" */

/**
 * Fill the menus.
 *
 * @param {Sizes} sizes
 * @param {Record<string, View>} views
 * @param {string[]} palettes their names
 */
export function fillMenus(sizes, views, palettes) {
  const { oneDigit, whiteboard } = boardSides(sizes);
  find("side").append(
    new Option(`one ${nounFor(sizes.names)}`, String(oneDigit)),
    new Option("whiteboard", String(whiteboard)),
  );
  find("view").append(...Object.entries(views).map(([value, { name }]) => new Option(name, value)));
  find("palette").append(...palettes.map((name) => new Option(name[0].toUpperCase() + name.slice(1), name)));
  find("speed").max = SPEEDS.length - 1;
}

/**
 * @param {Session} session
 * @param {Record<string, View>} views
 */
export function showSettings({ hasOneDigit, network, settings }, views) {
  find("speed").value = SPEEDS.indexOf(settings.speed);
  find("speed-value").textContent = settings.speed;
  find("speed").setAttribute("aria-valuetext", `${settings.speed} ticks a second`);
  find("view").value = settings.view;
  find("palette").value = settings.palette;
  find("side").value = settings.side;
  find("calm").checked = settings.calm;
  find("fire-rate").value = settings.fireRate;
  find("fire-rate-value").textContent = settings.fireRate;
  find("noise").value = settings.noise;
  find("noise-value").textContent = settings.noise;
  find("seed").value = settings.seed;
  find("view-about").textContent = settings.view === "class" ? "" : views[settings.view].about;
  find("samples-help").textContent = hasOneDigit
    ? `A click changes the ${nounFor(network.sizes.names)} under the cells, which keep their memory; a long press, or Shift, starts from zero.`
    : "Choose one, then tap the board to stamp it; Random adds one where there is room.";
  find("fresh").parentElement.hidden = !hasOneDigit;
}

/** @param {boolean} playing */
export function showPlaying(playing) {
  find("play").querySelector("span").textContent = playing ? "Pause" : "Play";
  find("play")
    .querySelector("use")
    .setAttribute("href", playing ? "#icon-pause" : "#icon-play");
}

/**
 * Show which tool is chosen.
 *
 * @param {Tools} tools
 * @param {HTMLElement[]} sampleButtons one for each class
 */
export function showTool(tools, sampleButtons) {
  document.querySelector("main").classList.toggle("looking", tools.tool === "look");
  for (const button of toolButtons()) {
    button.setAttribute("aria-pressed", String(button.dataset.tool === tools.tool));
  }
  sampleButtons.forEach((button, label) => {
    button.setAttribute("aria-pressed", String(tools.tool === "stamp" && tools.sample.label === label));
  });
  showSize(tools);
}

/**
 * The buttons that choose a tool, whose name is in `dataset.tool`.
 *
 * @returns {NodeListOf<HTMLElement>}
 */
export function toolButtons() {
  return document.querySelectorAll("[data-tool]");
}

/**
 * Show the size of the brush, or of the eraser while that is chosen.
 *
 * @param {Tools} tools
 */
export function showSize(tools) {
  const erasing = tools.sized === "erase";
  find("size-name").textContent = erasing ? "Eraser" : "Brush";
  find("size").setAttribute("aria-label", `${erasing ? "Eraser" : "Brush"} diameter in cells`);
  find("size").max = erasing ? 10 : 5;
  find("size").value = tools.sizes[tools.sized];
  find("size-value").textContent = tools.sizes[tools.sized];
}
