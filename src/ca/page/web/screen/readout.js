// The votes and verdicts of the cells, as bars, in words, and for screen readers.

import { nounFor } from "../rule/sizes.js";
import { drawCourse } from "./course.js";
import { find } from "./find.js";
import { BACKGROUND, css, inkOn, UNDECIDED_COLOUR } from "./palettes.js";

/** @import { Session } from "../session/session.js" */
/** @import { BlobVerdict, Verdict, Verdicts } from "../session/verdict.js" */

const SETTLED = 20; // ticks of full agreement
const MOST_LETTERS = 12; // of a class's name beside its bar
const MIN_DIGIT = 8; // cells; smaller blobs are specks
const MILLISECONDS_BETWEEN_WORDS = 1000;
const TOO_WIDE_TEXT = "too wide for one digit";

const percent = (share) => `${Math.floor(100 * share)} %`;

/**
 * A digit's verdict in few words: its class, with its share of the votes unless that is all.
 *
 * @param {Verdict} verdict
 * @param {string[]} names of the classes
 */
export function verdictText({ majority, agreement }, names) {
  if (majority < 0) return "?";
  return agreement === 1 ? names[majority] : `${names[majority]} (${percent(agreement)})`;
}

/**
 * The same, with what is wrong with it.
 *
 * @param {BlobVerdict} blob
 * @param {string[]} names of the classes
 */
function digitText(blob, names) {
  const isWrong = blob.tooWide && nounFor(names) === "digit";
  return verdictText(blob, names) + (isWrong ? `: ${TOO_WIDE_TEXT}` : "");
}

/**
 * The blobs that are large enough to be digits.
 *
 * @param {BlobVerdict[]} blobs
 */
export function digitsAmong(blobs) {
  return blobs.filter(({ cells }) => cells.length >= MIN_DIGIT);
}

/** Show a class on an element: its colour and name; a dash for none. */
function showClass(element, index, palette, names) {
  element.style.backgroundColor = css(index < 0 ? BACKGROUND : palette[index]);
  element.style.color = index < 0 ? "inherit" : inkOn(palette[index]);
  element.textContent = index < 0 ? "–" : names[index];
  element.style.setProperty("--letters", String(element.textContent.length));
}

export class Readout {
  /** @param {string[]} names of the classes */
  constructor(names) {
    this.names = names;
    this.undecided = names.length; // the number of the bar for cells without a class
    const longest = Math.max(...names.map((name) => name.length));
    find("votes").style.setProperty("--letters", String(Math.min(longest, MOST_LETTERS)));
    this.words = ""; // to be spoken next
    this.spoken = "";
    this.lastWords = 0; // when they were spoken, in milliseconds
    /** @type {Record<"row" | "swatch" | "fill" | "count", HTMLElement>[]} */
    this.bars = [];
    for (let index = 0; index <= names.length; index++) {
      const row = document.createElement("li");
      row.innerHTML =
        '<span class="swatch"></span><span class="track"><span class="fill"></span></span><span class="count"></span>';
      /** @type {NodeListOf<HTMLElement>} */
      const [swatch, fill, count] = row.querySelectorAll("span:not(.track)");
      this.bars.push({ row, swatch, fill, count });
      find("votes").append(row);
    }
  }

  /** Colour the bars, which are also the legend of the picture. */
  showPalette(palette) {
    this.bars.forEach(({ swatch, fill }, index) => {
      const isUndecided = index === this.undecided;
      const colour = isUndecided ? UNDECIDED_COLOUR : palette[index];
      swatch.style.backgroundColor = fill.style.backgroundColor = css(colour);
      swatch.style.color = inkOn(colour);
      swatch.textContent = isUndecided ? "?" : this.names[index];
      for (const element of [swatch, fill]) element.classList.toggle("hatched", isUndecided);
    });
  }

  /**
   * @param {Session} session
   * @param {Verdicts} verdicts
   * @param {number[][]} palette
   * @param {number} now milliseconds
   */
  show({ consensus, label }, { votes, majority, agreement, blobs }, palette, now) {
    const alive = votes.reduce((a, b) => a + b);
    this.showVotes(votes, alive);
    const digits = digitsAmong(blobs);
    const hasSeveral = digits.length > 1;
    const agreeing = digits.filter((blob) => blob.agreement === 1).length;
    const settled = consensus.settledFor >= SETTLED;
    const agreed = hasSeveral ? agreeing === digits.length : agreement === 1;
    showClass(find("majority"), hasSeveral ? -1 : majority, palette, this.names);
    if (hasSeveral) find("majority").textContent = digits.length;
    const cells = hasSeveral ? `${digits.length} ${nounFor(this.names)}s, ${agreeing} agreed` : null;
    find("verdict").textContent = cells ?? headline(alive, agreement, this.names[majority]);
    const stage = settled ? "settled" : agreed ? "all agree" : "not all agree";
    find("settled").textContent = alive ? `${stage}, ${consensus.sinceEdit} ticks since the last edit` : "";
    const isOne = alive > 0 && !hasSeveral;
    const sureness = isOne ? consensus.sureness(majority) : null;
    find("sureness").textContent = sureness === null ? "" : surenessInWords(sureness, consensus.agreedAt);
    const parts = isOne ? digitsAmong(consensus.parts().map((cells) => consensus.verdictOn(cells))) : [];
    find("parts").textContent = partsInWords(parts, this.names);
    const verdict = majority < 0 ? "" : majority === label ? ": right ✓" : ": not right ✗";
    find("label").textContent = label === null ? "" : `its label is ${this.names[label]}${verdict}`;
    showDigits(hasSeveral ? digits : [], palette, this.names);
    drawCourse(find("course"), consensus.course, palette);
    this.words = inWords([alive, agreement], [settled && "settled", sureness], digits, majority, this.names);
    this.speak(now);
  }

  showVotes(votes, alive) {
    this.bars.forEach(({ row, fill, count }, index) => {
      fill.style.setProperty("--share", String(alive ? votes[index] / alive : 0));
      count.textContent = String(votes[index]);
      const name = index === this.undecided ? "undecided" : `class ${this.names[index]}`;
      row.setAttribute("aria-label", `${name}: ${votes[index]} cells`);
    });
  }

  /** Give screen readers the latest words, at most once a second. */
  speak(now) {
    if (this.words === this.spoken || now - this.lastWords < MILLISECONDS_BETWEEN_WORDS) return;
    this.spoken = this.words;
    this.lastWords = now;
    find("spoken").textContent = this.words;
  }
}

function showDigits(digits, palette, names) {
  const list = find("blobs");
  while (list.children.length > digits.length) list.lastChild.remove();
  while (list.children.length < digits.length) list.append(document.createElement("li"));
  digits.forEach((digit, number) => {
    showClass(list.children[number], digit.majority, palette, names);
    list.children[number].textContent = digitText(digit, names);
  });
}

function headline(alive, agreement, majority) {
  if (!alive) return "nothing drawn yet";
  return majority === undefined ? "no cell has a class yet" : `${percent(agreement)} say ${majority}`;
}

function surenessInWords(sureness, agreedAt) {
  return agreedAt === null
    ? `${sureness}: the cells have not agreed`
    : `${sureness}: agreed after ${agreedAt} ticks`;
}

function partsInWords(parts, names) {
  if (!parts.length) return "";
  if (parts.length === 1) return parts[0].tooWide && nounFor(names) === "digit" ? TOO_WIDE_TEXT : "";
  return `${parts.length} parts that do not touch: ${verdictTexts(parts, names)}`;
}

function verdictTexts(blobs, names) {
  return blobs.map((blob) => digitText(blob, names)).join(", ");
}

function inWords([alive, agreement], stages, digits, majority, names) {
  if (!alive) return "The board is empty.";
  if (digits.length > 1) return `${digits.length} ${nounFor(names)}s: ${verdictTexts(digits, names)}.`;
  if (majority < 0) return `${alive} cells, none has a class.`;
  const how = stages.filter(Boolean).map((word) => `, ${word}`);
  return `${percent(agreement)} of ${alive} cells say ${names[majority]}${how.join("")}.`;
}
