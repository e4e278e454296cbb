// The page: puts a session on it, lets its time pass, and listens to the visitor.

import { Board } from "./rule/automaton.js";
import { randomDraws } from "./rule/draws.js";
import { readAutomaton, readData } from "./files/exported.js";
import { showCell } from "./screen/inspector.js";
import { keysOf, listenToKeys } from "./screen/keys.js";
import { fromHash, fromText, toHash, unpackInk } from "./files/link.js";
import { Network, readSafetensors } from "./rule/network.js";
import { PALETTES } from "./screen/palettes.js";
import { Picture } from "./screen/picture.js";
import { Pointer } from "./screen/pointer.js";
import { Readout, blobText, digitsAmong } from "./screen/readout.js";
import { Samples } from "./screen/samples.js";
import { TOLERANCE, largestDifference } from "./rule/selftest.js";
import { DEFAULTS, SIDES, SPEEDS, Session } from "./session/session.js";
import { Recorder, download } from "./screen/share.js";
import { VIEWS } from "./screen/views.js";

const BUDGET = 10; // milliseconds of a frame that ticks may take
const FIRST_CLASS = 4; // of the sample that runs at first
const ROWS = [[0, 1, 2], [3, 4, 5, 6], [7, 8, 9]]; // classes of the samples that a whiteboard has at first

const find = (id) => document.getElementById(id);

class App {
  constructor(data) {
    this.find = find;
    this.data = data;
    this.canvas = find("board");
    this.picture = new Picture(this.canvas);
    this.recorder = new Recorder();
    this.readout = new Readout(find);
    this.tool = "draw";
    this.sizes = { draw: 2.5, erase: 4 }; // diameters, in cells
    this.cursor = null; // the cell that is looked into
    this.byKeyboard = false;
    this.visible = true;
    const asked = settingsFrom(fromHash(location.hash));
    this.session = new Session(new Network(data.tensors), {
      fireRate: data.fireRate,
      noise: data.noise,
      calm: matchMedia("(prefers-reduced-motion: reduce)").matches,
      ...asked.settings,
    });
    this.session.playing = !matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.samples = new Samples(find, data.samples, (sample, fresh) => this.choose(sample, fresh || find("fresh").checked));
    this.sample = this.samples.sample(FIRST_CLASS);
    this.welcomed = !asked.ink;
    if (asked.ink) this.session.edit((board) => asked.ink.forEach((level, cell) => board.setInk(cell, level)));
    else this.welcome();
    if (!this.session.playing) find("hint").textContent = "Press play, and draw on it";
    this.session.history = [];
    this.session.onTick = () => this.recordFrame();
    new Pointer(this);
    this.listen();
    this.showSettings();
    this.showAutomaton();
  }

  get palette() {
    return PALETTES[this.session.settings.palette].colours;
  }

  /** What is on a board before a visitor does anything. */
  welcome() {
    const { board } = this.session;
    if (board.side === DEFAULTS.side) return this.session.mutate(this.sample, true);
    const middle = (number, of) => ((number + 0.5) * board.side) / of;
    ROWS.forEach((row, y) => row.forEach((index, x) => {
      this.session.stamp(this.samples.whole(index), middle(x, row.length), middle(y, ROWS.length));
    }));
  }

  addRandomly(sample) {
    const place = this.session.freePlace(sample);
    if (place) this.session.stamp(sample, place.x, place.y);
  }

  /** A sample was chosen: on a small board it takes the middle; on a large one it is what is stamped. */
  choose(sample, fresh) {
    this.sample = sample;
    if (this.session.board.side === DEFAULTS.side) this.session.mutate(sample, fresh);
    else this.setTool("stamp");
  }

  setTool(tool) {
    this.tool = tool;
    document.querySelector("main").classList.toggle("looking", tool === "look");
    this.showSize();
    for (const button of document.querySelectorAll("[data-tool]")) {
      button.setAttribute("aria-pressed", String(button.dataset.tool === tool));
    }
    this.samples.buttons.forEach((button, index) => {
      button.setAttribute("aria-pressed", String(tool === "stamp" && this.sample.label === index));
    });
  }

  inspect(cell) {
    this.cursor = cell;
  }

  setPlaying(playing) {
    this.session.playing = playing;
    find("play").querySelector("span").textContent = playing ? "Pause" : "Play";
    find("play").querySelector("use").setAttribute("href", playing ? "#icon-pause" : "#icon-play");
  }

  step(ticks) {
    this.setPlaying(false);
    this.session.step(ticks);
  }

  // --- what the visitor does ---

  listen() {
    const { session } = this, { settings } = session;
    const click = (id, action) => find(id).addEventListener("click", action);
    const input = (id, action) => find(id).addEventListener("input", (event) => action(event.target));
    const change = (id, action) => find(id).addEventListener("change", (event) => action(event.target));
    for (const button of document.querySelectorAll("[data-tool]")) {
      button.addEventListener("click", () => this.setTool(button.dataset.tool));
    }
    click("undo", () => session.undo());
    click("clear", () => session.clear());
    click("forget", () => session.forget());
    click("play", () => this.setPlaying(!session.playing));
    click("step", () => this.step(1));
    click("step-10", () => this.step(10));
    click("help-button", () => find("help").showModal());
    click("others", () => this.samples.others());
    click("random", () => {
      const sample = this.samples.random();
      if (session.board.side === DEFAULTS.side) this.choose(sample, find("fresh").checked);
      else this.addRandomly(sample);
    });
    input("size", ({ value }) => this.set(() => (this.sizes[this.tool === "erase" ? "erase" : "draw"] = Number(value))));
    input("speed", ({ value }) => this.set(() => (settings.speed = SPEEDS[value])));
    input("fire-rate", ({ value }) => this.set(() => (settings.fireRate = Number(value))));
    input("noise", ({ value }) => this.set(() => (settings.noise = Number(value))));
    change("seed", ({ value }) => this.set(() => (settings.seed = Number(value) >>> 0)));
    change("calm", ({ checked }) => this.set(() => (settings.calm = checked)));
    change("view", ({ value }) => this.set(() => (settings.view = value)));
    change("palette", ({ value }) => this.set(() => (settings.palette = value)));
    change("side", ({ value }) => {
      session.setSide(Number(value));
      this.cursor = null;
      this.setTool("draw");
      this.welcome();
      session.history = [];
      this.showSettings();
    });
    click("png", () => this.canvas.toBlob((blob) => download(blob, "digits.png")));
    click("gif", () => this.record());
    click("link", () => this.showLink());
    click("check", () => this.check());
    change("file", ({ files }) => files.length && this.load(files[0]));
    document.addEventListener("dragover", (event) => event.preventDefault());
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      if (event.dataTransfer.files.length) this.load(event.dataTransfer.files[0]);
    });
    listenToKeys(this);
    new IntersectionObserver(([entry]) => (this.visible = entry.isIntersecting)).observe(this.canvas);
    addEventListener("hashchange", () => location.reload());
  }

  /** Change a setting, and show it. */
  set(action) {
    action();
    this.showSettings();
  }

  record() {
    if (this.recorder.recording) download(this.recorder.stop(this.palette), "digits.gif");
    else {
      this.recorder.start(this.session.board.side);
      this.recordFrame();
    }
    find("gif").setAttribute("aria-pressed", String(this.recorder.recording));
    find("gif").textContent = this.recorder.recording ? "Stop and save" : "Record a GIF";
  }

  recordFrame() {
    const { board, shown, settings } = this.session;
    if (this.recorder.recording) this.recorder.add(board, shown.shown, settings.speed);
  }

  /** The address of this board; also in the clipboard, where the browser allows it. */
  showLink() {
    const { side, view, palette, speed, fireRate, noise, seed } = this.session.settings;
    const hash = toHash(this.session.board.ink, { side, view, palette, speed, fireRate, noise, seed });
    const text = find("link-text");
    text.value = location.href.split("#")[0] + hash;
    text.hidden = false;
    text.select();
    navigator.clipboard?.writeText(text.value).catch(() => {});
  }

  check() {
    const { trace } = this.data;
    if (!trace) {
      find("check-result").textContent =
        "A model.safetensors holds no rollout to compare with: bring the page that ca export writes.";
      return NaN;
    }
    const ticks = Math.max(...Object.keys(trace.states).map(Number));
    const difference = largestDifference(this.session.network, trace);
    find("check-result").textContent =
      `${difference <= TOLERANCE ? "The same rule" : "NOT the same rule"}: after ${ticks} ticks no channel of any cell differs by more than ${difference.toExponential(1)}.`;
    return difference;
  }

  async load(file) {
    try {
      this.data = await readAutomaton(file);
      this.session.setNetwork(new Network(this.data.tensors));
      if (this.data.samples) this.samples.replace(this.data.samples);
      find("check-result").textContent = "";
      this.showAutomaton();
    } catch (error) {
      find("check-result").textContent = `${file.name}: ${error.message}`;
    }
    find("check").closest("details").open = true;
  }

  // --- what the page shows ---

  showSettings() {
    const { settings } = this.session;
    const { view, palette } = settings;
    this.showSize();
    find("speed").value = SPEEDS.indexOf(settings.speed);
    find("speed-value").textContent = settings.speed;
    find("speed").setAttribute("aria-valuetext", `${settings.speed} ticks a second`);
    find("view").value = view;
    find("palette").value = palette;
    find("side").value = settings.side;
    find("calm").checked = settings.calm;
    find("fire-rate").value = settings.fireRate;
    find("fire-rate-value").textContent = settings.fireRate;
    find("noise").value = settings.noise;
    find("noise-value").textContent = settings.noise;
    find("seed").value = settings.seed;
    find("view-about").textContent = view === "class" ? "" : VIEWS[view].about;
    find("samples-help").textContent =
      settings.side === DEFAULTS.side
        ? "A click changes the digit under the cells, which keep their memory; a long press, or Shift, starts from zero."
        : "Choose one, then tap the board to stamp it; Random adds one where there is room.";
    find("fresh").parentElement.hidden = settings.side !== DEFAULTS.side;
    this.readout.showPalette(PALETTES[palette].colours);
    this.setPlaying(this.session.playing);
  }

  /** The size of the brush, or of the eraser while that is chosen. */
  showSize() {
    const erasing = this.tool === "erase";
    const size = erasing ? this.sizes.erase : this.sizes.draw;
    find("size-name").textContent = erasing ? "Eraser" : "Brush";
    find("size").setAttribute("aria-label", `${erasing ? "Eraser" : "Brush"} diameter in cells`);
    find("size").max = erasing ? 10 : 5;
    find("size").value = size;
    find("size-value").textContent = size;
  }

  showAutomaton() {
    const { name, hash, metrics, fireRate, noise } = this.data;
    find("automaton-name").textContent = name;
    find("automaton-hash").textContent = hash && `SHA-256 ${hash}`;
    find("automaton-metrics").textContent = metrics;
    find("trained-with").textContent =
      fireRate === undefined ? "" : `Trained with a firing rate of ${fireRate} and noise of ${noise}: the marks.`;
    find("trained-fire-rate").replaceChildren(new Option("", fireRate ?? ""));
    find("trained-noise").replaceChildren(new Option("", noise ?? ""));
  }

  /** A frame of the screen. */
  frame(now) {
    const { session } = this;
    const seconds = Math.min((now - (this.last ?? now)) / 1000, 1);
    this.last = now;
    if (session.playing && this.visible && !document.hidden) {
      session.run(seconds, performance.now() + BUDGET, () => performance.now());
      this.measure(now);
    } else if (session.board.pending) {
      session.finish();
    }
    this.draw(now);
    requestAnimationFrame((next) => this.frame(next));
  }

  /** Draw the board and say what is new, unless nothing has changed since the last frame. */
  draw(now) {
    const { session } = this, { board, shown, settings } = session;
    this.readout.speak(now);
    const seen = JSON.stringify([
      board.ticks, session.sinceEdit, session.inkVersion, settings, this.cursor, this.tool, this.data.hash,
      this.canvas.clientWidth, devicePixelRatio, this.recorder.recording,
    ]);
    if (seen === this.seen) return;
    this.seen = seen;
    if (this.inkVersion !== session.inkVersion) {
      this.inkVersion = session.inkVersion;
      this.picture.inkChanged();
    }
    shown.update(board, settings.calm);
    const readout = session.readout();
    const digits = digitsAmong(readout.blobs);
    const labels = board.side === DEFAULTS.side ? [] : digits; // the one digit's verdict is beside it
    this.picture.draw(board, {
      view: settings.view,
      palette: this.palette,
      shown: shown.shown,
      labels: labels.map((blob) => ({ ...blob, text: blobText(blob) })),
      cursor: this.byKeyboard || this.tool === "look" ? this.cursor : null,
    });
    if (this.recorder.full) this.record();
    find("guide").hidden = board.aliveCells().length > 0;
    find("guide").classList.toggle("small", board.side !== DEFAULTS.side);
    find("hint").hidden = !this.welcomed || session.history.length > 0 || board.side !== DEFAULTS.side;
    find("ticks").textContent = `tick ${board.ticks}`;
    find("undo").disabled = session.history.length === 0;
    this.readout.show(session, readout, this.palette, now);
    showCell(find, board, this.cursor);
  }

  /** How many ticks a second there really are. */
  measure(now) {
    this.measured ??= { ticks: this.session.board.ticks, since: now };
    if (now - this.measured.since < 1000) return;
    const rate = (1000 * (this.session.board.ticks - this.measured.ticks)) / (now - this.measured.since);
    const slow = rate >= 0 && rate < 0.8 * this.session.settings.speed; // below zero: the board was reset
    find("rate").textContent = slow ? `${rate.toFixed(0)} ticks/s here` : "";
    this.measured = { ticks: this.session.board.ticks, since: now };
  }
}

/** Settings and ink of a link; what makes no sense is left out. */
function settingsFrom(asked) {
  const settings = {};
  const number = (name, isGood) => {
    const value = Number(asked[name]);
    if (asked[name] !== undefined && isGood(value)) settings[name] = value;
  };
  number("side", (value) => SIDES.includes(value));
  number("speed", (value) => SPEEDS.includes(value));
  number("fireRate", (value) => value >= 0 && value <= 1);
  number("noise", (value) => value >= 0 && value <= 0.1);
  number("seed", (value) => Number.isInteger(value) && value >= 0 && value < 2 ** 32);
  if (Object.hasOwn(VIEWS, asked.view)) settings.view = asked.view;
  if (Object.hasOwn(PALETTES, asked.palette)) settings.palette = asked.palette;
  let ink = null;
  try {
    ink = asked.ink ? unpackInk(fromText(asked.ink), (settings.side ?? DEFAULTS.side) ** 2) : null;
  } catch {
    // a link that was cut short
  }
  return { settings, ink };
}

for (const [name, { name: shown }] of Object.entries(VIEWS)) find("view").add(new Option(shown, name));
for (const [name, { name: shown }] of Object.entries(PALETTES)) find("palette").add(new Option(shown, name));
const app = new App(readData(find("data").textContent));
requestAnimationFrame((now) => app.frame(now));

/** For tests, and for the curious at the console. */
globalThis.ca = { app, Board, Network, randomDraws, keysOf, largestDifference, readSafetensors };
