// What the cells say, in bars, words and speech.

import { drawCourse } from "./course.js";
import { UNDECIDED_COLOUR, css, inkOn } from "./palettes.js";
import { showClass } from "./picture.js";
import { CLASSES } from "../rule/network.js";
import { UNDECIDED } from "../session/verdict.js";

const SETTLED = 20; // ticks of full agreement
const SMALL = 8; // cells below which a blob is a speck
const MILLISECONDS_BETWEEN_WORDS = 1000;

const percent = (share) => `${Math.floor(100 * share)} %`;

/** A blob's verdict in as few words as can be: its class, and how many say so unless all do. */
export function blobText({ majority, agreement }) {
  if (majority < 0) return "?";
  return agreement === 1 ? String(majority) : `${majority} (${percent(agreement)})`;
}

/** Blobs that are more than specks. */
export function digitsAmong(blobs) {
  return blobs.filter(({ cells }) => cells.length >= SMALL);
}

export class Readout {
  /** @param {(id: string) => HTMLElement} find */
  constructor(find) {
    this.find = find;
    this.words = ""; // to be spoken next
    this.spoken = "";
    this.lastWords = 0; // when they were, in milliseconds
    this.bars = [];
    for (let index = 0; index <= CLASSES; index++) {
      const row = document.createElement("li");
      row.innerHTML = '<span class="swatch"></span><span class="track"><span class="fill"></span></span><span class="count"></span>';
      const [swatch, track, count] = row.children;
      this.bars.push({ row, swatch, fill: track.firstChild, count });
      find("votes").append(row);
    }
  }

  /** The swatches are the legend of the picture. */
  showPalette(palette) {
    this.bars.forEach(({ swatch, fill }, index) => {
      const colour = index === UNDECIDED ? UNDECIDED_COLOUR : palette[index];
      swatch.style.backgroundColor = fill.style.backgroundColor = css(colour);
      swatch.style.color = inkOn(colour);
      swatch.textContent = index === UNDECIDED ? "?" : index;
      for (const element of [swatch, fill]) element.classList.toggle("hatched", index === UNDECIDED);
    });
  }

  show(session, { votes, majority, agreement, blobs }, palette, now) {
    const { find } = this;
    const alive = votes.reduce((a, b) => a + b);
    this.bars.forEach(({ row, fill, count }, index) => {
      fill.style.setProperty("--share", alive ? votes[index] / alive : 0);
      count.textContent = votes[index];
      const name = index === UNDECIDED ? "undecided" : `class ${index}`;
      row.setAttribute("aria-label", `${name}: ${votes[index]} cells`);
    });
    const digits = digitsAmong(blobs);
    const agreeing = digits.filter((blob) => blob.agreement === 1).length;
    const settled = session.settledFor >= SETTLED;
    showClass(find("majority"), digits.length > 1 ? -1 : majority, palette);
    if (digits.length > 1) find("majority").textContent = digits.length;
    find("verdict").textContent = !alive
      ? "nothing drawn yet"
      : digits.length > 1
        ? `${digits.length} digits, ${agreeing} agreed`
        : majority < 0
          ? "no cell has a class yet"
          : `${percent(agreement)} say ${majority}`;
    const agreed = digits.length > 1 ? agreeing === digits.length : agreement === 1;
    const mood = settled ? "settled" : agreed ? "all agree" : "still talking";
    find("settled").textContent = alive ? `${mood}, ${session.sinceEdit} ticks since the last edit` : "";
    const verdict = majority < 0 ? "" : majority === session.label ? ": right ✓" : ": not right ✗";
    find("label").textContent = session.label === null ? "" : `its label is ${session.label}${verdict}`;
    this.showBlobs(digits.length > 1 ? digits : [], palette);
    drawCourse(find("course"), session.course, palette);
    this.words = inWords(alive, majority, agreement, settled, digits);
    this.speak(now);
  }

  showBlobs(digits, palette) {
    const list = this.find("blobs");
    while (list.children.length > digits.length) list.lastChild.remove();
    while (list.children.length < digits.length) list.append(document.createElement("li"));
    digits.forEach((blob, number) => {
      showClass(list.children[number], blob.majority, palette);
      list.children[number].textContent = blobText(blob);
    });
  }

  /** For screen readers: what is new, at most once a second. */
  speak(now) {
    if (this.words === this.spoken || now - this.lastWords < MILLISECONDS_BETWEEN_WORDS) return;
    this.spoken = this.words;
    this.lastWords = now;
    this.find("spoken").textContent = this.words;
  }
}

function inWords(alive, majority, agreement, settled, digits) {
  if (!alive) return "The board is empty.";
  if (digits.length > 1) return `${digits.length} digits: ${digits.map(blobText).join(", ")}.`;
  if (majority < 0) return `${alive} cells, none has a class.`;
  return `${percent(agreement)} of ${alive} cells say ${majority}${settled ? ", settled" : ""}.`;
}
