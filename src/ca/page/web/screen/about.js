// What is known of the automaton: its name, its figures, and whether this page computes its rule.

import { largestDifference, TOLERANCE } from "../rule/selftest.js";
import { find } from "./find.js";

/** @import { Automaton } from "../files/exported.js" */
/** @import { Network } from "../rule/network.js" */
/** @import { Trace } from "../rule/selftest.js" */

/** @param {Automaton} automaton */
export function showAutomaton({ name, hash, metrics, fireRate, noise }) {
  find("automaton-name").textContent = name;
  find("automaton-hash").textContent = hash && `SHA-256 ${hash}`;
  find("automaton-metrics").textContent = metrics;
  find("trained-with").textContent =
    fireRate === undefined
      ? ""
      : `Trained with a firing rate of ${fireRate} and noise of ${noise}, marked on the sliders.`;
  find("trained-fire-rate").replaceChildren(new Option("", String(fireRate ?? "")));
  find("trained-noise").replaceChildren(new Option("", String(noise ?? "")));
}

/**
 * Repeat the rollout by PyTorch that came with the automaton, and show how far the states differ.
 *
 * @param {Network} network
 * @param {Trace} [trace]
 * @returns {number} the largest difference; not a number without a rollout
 */
export function checkRule(network, trace) {
  if (!trace) {
    showCheck(
      "There is no rollout to compare with in a model.safetensors; load a page that ca export wrote.",
    );
    return NaN;
  }
  const ticks = Math.max(...Object.keys(trace.states).map(Number));
  const difference = largestDifference(network, trace);
  const verdict = difference <= TOLERANCE ? "The same rule" : "NOT the same rule";
  const size = difference.toExponential(1);
  showCheck(`${verdict}: after ${ticks} ticks no channel of any cell differs by more than ${size}.`);
  return difference;
}

/** @param {string} text */
export function showCheck(text) {
  find("check-result").textContent = text;
}
