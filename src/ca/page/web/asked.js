// The settings that the address of the page asks for.

import { fromHash, fromText, unpackInk } from "./files/link.js";
import { find } from "./screen/find.js";
import { SPEEDS } from "./session/settings.js";

/** @import { Settings } from "./session/settings.js" */

/**
 * Read the hash of a link. What makes no sense in it is left out.
 *
 * @param {string} hash
 * @param {{sides: {oneDigit: number, whiteboard: number}, views: string[], palettes: string[]}} choices
 * @returns {{settings: Partial<Settings>, ink: Uint8Array | null}} ink: grey levels of all cells, if it has them
 */
export function readAsked(hash, { sides, views, palettes }) {
  const asked = fromHash(hash);
  /** @type {Partial<Settings>} */
  const settings = {};
  const readNumber = (name, isGood) => {
    const value = Number(asked[name]);
    if (asked[name]?.trim() && isGood(value)) settings[name] = value;
  };
  readNumber("side", (value) => Object.values(sides).includes(value));
  readNumber("speed", (value) => SPEEDS.includes(value));
  readNumber("fireRate", (value) => fits("fire-rate", value));
  readNumber("noise", (value) => fits("noise", value));
  readNumber("seed", (value) => fits("seed", value) && Number.isInteger(value));
  if (views.includes(asked.view)) settings.view = asked.view;
  if (palettes.includes(asked.palette)) settings.palette = asked.palette;
  return { settings, ink: readInk(asked.ink, (settings.side ?? sides.oneDigit) ** 2) };
}

/** Whether a number is in the range of an input. */
function fits(id, value) {
  const { min, max } = find(id);
  return value >= Number(min) && value <= Number(max);
}

function readInk(text, cells) {
  if (!text) return null;
  try {
    return unpackInk(fromText(text), cells);
  } catch {
    return null; // the link was cut short
  }
}
