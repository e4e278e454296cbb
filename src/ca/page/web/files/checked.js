// Checks of what a loaded file says, before any of it is used. Each throws an error in one line.

import { fromText } from "./link.js";

/** @import { Sizes } from "../rule/sizes.js" */

const MOST_TEXT = 300; // letters of a name or of figures in words
const MOST_SAMPLES = 10_000;
const MOST_TICKS = 1_000; // of a rollout by PyTorch
const MOST_NOISE = 1e6; // `ca train` accepts any, also above 1

/**
 * The error that refuses a file.
 *
 * @param {string} what is wrong with it
 */
export function notAnAutomaton(what) {
  return new Error(`not an automaton of ca: ${what}`);
}

/**
 * @param {unknown} value
 * @param {string} name
 * @returns {Record<string, any>}
 */
export function checkedObject(value, name) {
  if (typeof value === "object" && value && !Array.isArray(value)) return value;
  throw notAnAutomaton(value === undefined ? `${name} is missing` : `${name} should be an object`);
}

/** The sizes of an automaton, if they are those of the page. Data of an earlier version have none, or fewer. */
export function checkedSizes(value, sizes) {
  const given = value === undefined ? sizes : checkedObject(value, "sizes");
  for (const [name, size] of Object.entries(sizes)) {
    if (name === "names" && given.names === undefined) continue;
    const [own, other] = [size, given[name]].map((one) => [one].flat().join(" "));
    const both = `${other} ${other}`; // `hidden` was the width of both layers
    if (other !== own && !(name === "hidden" && both === own)) {
      const its = other.slice(0, MOST_TEXT);
      throw new Error(`an automaton of other sizes: its ${name} is ${its}, this page's ${own}`);
    }
  }
}

/** A text, shortened to what the page has room for. */
export function checkedText(value, name) {
  if (typeof value === "string") return value.slice(0, MOST_TEXT);
  throw notAnAutomaton(`${name} should be a text`);
}

/** The bytes that a text stands for, and how many there should be if that is known. */
export function checkedBytes(value, name, count = null) {
  let bytes;
  try {
    bytes = fromText(value);
  } catch {
    throw notAnAutomaton(`${name} should be bytes as base64`);
  }
  if (count !== null && bytes.length !== count)
    throw notAnAutomaton(`${name} has ${bytes.length} bytes, but ${count} are needed`);
  return bytes;
}

function checkedNumber(value, name, least, most) {
  if (typeof value === "number" && value >= least && value <= most) return value;
  const range = least === most ? least : `a number from ${least} to ${most}`;
  throw notAnAutomaton(`${name} is ${short(value)}, but must be ${range}`);
}

function checkedWhole(value, name, least, most) {
  if (Number.isInteger(checkedNumber(value, name, least, most))) return value;
  throw notAnAutomaton(`${name} is ${value}, but must be a whole number`);
}

/**
 * The firing rate and the noise that an automaton was trained with.
 *
 * @param {Record<string, any>} data
 * @param {string} prefix of their names
 */
export function checkedChance(data, prefix) {
  return {
    fireRate: checkedNumber(data.fireRate, `${prefix}fireRate`, 0, 1),
    noise: checkedNumber(data.noise, `${prefix}noise`, 0, MOST_NOISE),
  };
}

/**
 * The test images that come with an automaton.
 *
 * @param {unknown} value
 * @param {Sizes} sizes
 */
export function checkedSamples(value, { classes, imageSide }) {
  const { side, labels, images } = checkedObject(value, "samples");
  checkedWhole(side, "samples.side", imageSide, imageSide);
  if (!Array.isArray(labels) || !labels.length || labels.length > MOST_SAMPLES)
    throw notAnAutomaton(`samples.labels should be a list of 1 to ${MOST_SAMPLES} labels`);
  for (const label of labels) checkedWhole(label, "a label in samples.labels", 0, classes - 1);
  const cells = side ** 2;
  const levels = checkedBytes(images, "samples.images", labels.length * cells);
  return labels.map((label, number) => ({
    label,
    side,
    levels: levels.subarray(number * cells, (number + 1) * cells),
  }));
}

/**
 * The rollout by PyTorch that comes with an automaton.
 *
 * @param {unknown} value
 * @param {Sizes} sizes
 */
export function checkedTrace(value, { aliveThreshold, imageSide, stateChannels }) {
  const trace = checkedObject(value, "trace");
  const { side, ink: text, seed, states } = trace;
  checkedWhole(side, "trace.side", imageSide, imageSide);
  checkedWhole(seed, "trace.seed", 0, 2 ** 32 - 1);
  const ink = checkedBytes(text, "trace.ink", side ** 2);
  const alive = ink.filter((level) => Math.fround(level / 255) > Math.fround(aliveThreshold)).length;
  const found = Object.entries(checkedObject(states, "trace.states"));
  if (!found.length) throw notAnAutomaton("trace.states is empty");
  const checked = found.map(([ticks, state]) => {
    checkedWhole(Number(ticks), "a number of ticks in trace.states", 1, MOST_TICKS);
    const bytes = checkedBytes(state, `trace.states.${ticks}`, 4 * alive * stateChannels);
    return [ticks, new Float32Array(bytes.buffer)];
  });
  return { side, ink, seed, states: Object.fromEntries(checked), ...checkedChance(trace, "trace.") };
}

function short(value) {
  return String(JSON.stringify(value)).slice(0, MOST_TEXT);
}
