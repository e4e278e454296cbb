// The application: puts a session on the page, and keeps both in step.

import { download } from "./files/download.js";
import { readAutomaton } from "./files/exported.js";
import { toHash } from "./files/link.js";
import { Network } from "./rule/network.js";
import { nounFor } from "./rule/sizes.js";
import { checkRule, showAutomaton, showCheck } from "./screen/about.js";
import { Display } from "./screen/display.js";
import { find } from "./screen/find.js";
import { Recorder } from "./screen/recorder.js";
import { Samples } from "./screen/samples.js";
import { fillMenus, showPlaying, showSettings, showSize, showTool } from "./screen/settings.js";
import { History } from "./session/history.js";
import { Session } from "./session/session.js";
import { boardSides, DEFAULTS } from "./session/settings.js";
import { TickRate } from "./session/tickrate.js";
import { Tools } from "./session/tools.js";
import { welcome } from "./welcome.js";

/** @import { PageData } from "./files/exported.js" */
/** @import { View } from "./screen/views.js" */
/** @import { Settings } from "./session/settings.js" */
/** @import { Sample } from "./session/stamps.js" */
/** @import { Tool } from "./session/tools.js" */

const BUDGET = 10; // milliseconds of a frame that ticks may take

export class App {
  /**
   * @param {PageData} data
   * @param {Record<string, View>} views
   * @param {{settings: Partial<Settings>, ink: Uint8Array | null}} asked by a link
   */
  constructor(data, views, asked) {
    const { sizes, palettes } = data;
    const lessMotion = matchMedia("(prefers-reduced-motion: reduce)").matches;
    /** @type {import("./files/exported.js").Automaton} */
    this.automaton = data;
    this.palettes = palettes;
    this.views = views;
    this.canvas = find("board");
    this.recorder = new Recorder();
    this.display = new Display(this.canvas, sizes.names, palettes, views);
    this.tickRate = new TickRate();
    this.visible = true; // whether the board is in sight
    this.lastFrame = null; // milliseconds
    this.session = new Session(new Network(data.tensors, sizes), {
      ...DEFAULTS,
      side: boardSides(sizes).oneDigit,
      palette: Object.keys(palettes)[0],
      fireRate: data.fireRate,
      noise: data.noise,
      calm: lessMotion,
      ...asked.settings,
    });
    this.session.onTick = () => this.recordFrame();
    this.samples = new Samples(data.samples, sizes, (sample, fresh) =>
      this.choose(sample, fresh || find("fresh").checked),
    );
    this.tools = new Tools(this.samples.first);
    fillMenus(sizes, views, Object.keys(palettes));
    this.hasHint = !asked.ink;
    if (asked.ink) this.session.setInk(asked.ink);
    else welcome(this.session, this.samples);
    const hint = `Draw ${nounFor(sizes.names) === "digit" ? "a digit" : "an image"}, or choose one`;
    find("hint").textContent = lessMotion ? `Press play. ${hint}` : hint;
    this.session.history = new History();
    this.setPlaying(!lessMotion);
    this.showSettings();
    showAutomaton(this.automaton);
  }

  get palette() {
    return this.palettes[this.session.settings.palette];
  }

  /**
   * Put a sample in the middle of the board for one digit; on the whiteboard, choose it for stamping.
   *
   * @param {Sample} sample
   * @param {boolean} fresh whether all cells start from zero
   */
  choose(sample, fresh) {
    this.tools.sample = sample;
    if (this.session.hasOneDigit) this.session.mutate(sample, fresh);
    else this.setTool("stamp");
  }

  /** Put a random sample in the middle of the board, or where there is room on the whiteboard. */
  addRandom() {
    const sample = this.samples.random();
    if (this.session.hasOneDigit) this.choose(sample, find("fresh").checked);
    else this.session.stampAnywhere(sample);
  }

  /** @param {Tool} tool */
  setTool(tool) {
    this.tools.tool = tool;
    showTool(this.tools, this.samples.buttons);
  }

  /**
   * Set the size of the brush, or of the eraser while that is chosen.
   *
   * @param {number} size
   */
  setSize(size) {
    this.tools.sizes[this.tools.sized] = size;
    showSize(this.tools);
  }

  /** @param {number} side */
  setSide(side) {
    this.session.setSide(side);
    this.tools.cursor = null;
    this.setTool("draw");
    welcome(this.session, this.samples);
    this.session.history = new History();
    this.showSettings();
  }

  /** @param {boolean} playing */
  setPlaying(playing) {
    this.session.playing = playing;
    showPlaying(playing);
  }

  /**
   * Pause, and compute some ticks.
   *
   * @param {number} ticks
   */
  step(ticks) {
    this.setPlaying(false);
    this.session.step(ticks);
  }

  /** Start to record a GIF, or stop and save it. */
  record() {
    const { recorder, session } = this;
    if (recorder.recording) {
      download(recorder.stop(this.palette), "digits.gif");
    } else {
      recorder.start(session.board.side);
      this.recordFrame();
    }
    find("gif").setAttribute("aria-pressed", String(recorder.recording));
    find("gif").textContent = recorder.recording ? "Stop and save" : "Record a GIF";
  }

  recordFrame() {
    const { board, shown, settings } = this.session;
    if (this.recorder.recording) this.recorder.add(board, shown.shown, settings.speed);
  }

  /** Show a link to this board, and copy it to the clipboard if the browser allows it. */
  showLink() {
    const { calm, ...settings } = this.session.settings;
    const text = find("link-text");
    text.value = location.href.split("#")[0] + toHash(this.session.board.ink, settings);
    text.hidden = false;
    text.select();
    navigator.clipboard?.writeText(text.value).catch(() => {});
  }

  /** Compare this page's rule with PyTorch's. */
  check() {
    return checkRule(this.session.network, this.automaton.trace);
  }

  /**
   * Go on with the automaton in a file.
   *
   * @param {File} file
   */
  async load(file) {
    const { sizes } = this.session.network;
    try {
      const automaton = await readAutomaton(file, sizes);
      const { fireRate, noise, samples, tensors } = automaton;
      this.automaton = automaton;
      this.session.setNetwork(new Network(tensors, sizes));
      if (fireRate !== undefined) Object.assign(this.session.settings, { fireRate, noise });
      if (samples) this.samples.replace(samples);
      this.showSettings();
      showCheck("");
      showAutomaton(automaton);
    } catch (error) {
      showCheck(`${file.name}: ${error.message}`);
    }
    find("check").closest("details").open = true;
  }

  showSettings() {
    showSettings(this.session, this.views);
    showTool(this.tools, this.samples.buttons);
    this.display.readout.showPalette(this.palette);
  }

  /**
   * Let time pass until this frame of the screen, draw it, and ask for the next.
   *
   * @param {number} now milliseconds
   */
  frame(now) {
    const { session } = this;
    const seconds = Math.min((now - (this.lastFrame ?? now)) / 1000, 1);
    this.lastFrame = now;
    if (session.playing && this.visible && !document.hidden) {
      session.run(seconds, performance.now() + BUDGET, () => performance.now());
      this.tickRate.measure(session.board.ticks, now, session.settings.speed);
      const { slow } = this.tickRate;
      find("rate").textContent = slow === null ? "" : `${slow.toFixed(0)} ticks/s here`;
    } else if (session.board.pending) {
      session.finish();
    }
    this.display.draw(session, this.tools, this.hasHint, now);
    if (this.recorder.full) this.record();
    requestAnimationFrame((next) => this.frame(next));
  }
}
