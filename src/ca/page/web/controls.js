// Listens to the visitor: buttons, sliders, menus, keys, files, and the board.

import { download } from "./files/download.js";
import { find } from "./screen/find.js";
import { keyBindings, listenToKeys } from "./screen/keys.js";
import { listenToPointers } from "./screen/pointer.js";
import { toolButtons } from "./screen/settings.js";
import { SPEEDS } from "./session/settings.js";

/** @import { App } from "./app.js" */
/** @import { Tool } from "./session/tools.js" */

const click = (id, action) => find(id).addEventListener("click", action);
const input = (id, action) => find(id).addEventListener("input", (event) => action(event.target));
const change = (id, action) => find(id).addEventListener("change", (event) => action(event.target));

/** @param {App} app */
export function listen(app) {
  listenToPointers(app.canvas, app.session, app.tools);
  listenToButtons(app);
  listenToSettings(app);
  listenToFiles(app);
  listenToKeys(keysOf(app));
  new IntersectionObserver(([entry]) => {
    app.visible = entry.isIntersecting;
  }).observe(app.canvas);
  addEventListener("hashchange", () => location.reload());
}

/** @param {App} app */
export function keysOf(app) {
  const actions = {
    setTool: (tool) => app.setTool(tool),
    undo: () => app.session.undo(),
    redo: () => app.session.redo(),
    chooseSample: (label) => app.choose(app.samples.sample(label) ?? app.samples.first, false),
  };
  return keyBindings(actions, app.session.network.sizes.classes);
}

/** @param {App} app */
function listenToButtons(app) {
  const { samples, session } = app;
  for (const button of toolButtons()) {
    button.addEventListener("click", () => app.setTool(/** @type {Tool} */ (button.dataset.tool)));
  }
  click("undo", () => session.undo());
  click("redo", () => session.redo());
  click("clear", () => session.clear());
  click("forget", () => session.forget());
  click("play", () => app.setPlaying(!session.playing));
  click("step", () => app.step(1));
  click("step-10", () => app.step(10));
  click("help-button", () => find("help").showModal());
  click("others", () => samples.others());
  click("random", () => app.addRandom());
  click("png", () => app.canvas.toBlob((blob) => download(blob, "digits.png")));
  click("gif", () => app.record());
  click("link", () => app.showLink());
  click("check", () => app.check());
}

/** @param {App} app */
function listenToSettings(app) {
  const { settings } = app.session;
  const set = (changes) => {
    Object.assign(settings, changes);
    app.showSettings();
  };
  input("size", ({ value }) => app.setSize(Number(value)));
  input("speed", ({ value }) => set({ speed: SPEEDS[value] }));
  input("fire-rate", ({ value }) => set({ fireRate: Number(value) }));
  input("noise", ({ value }) => set({ noise: Number(value) }));
  change("seed", ({ value }) => set({ seed: Number(value) >>> 0 }));
  change("calm", ({ checked }) => set({ calm: checked }));
  change("view", ({ value }) => set({ view: value }));
  change("palette", ({ value }) => set({ palette: value }));
  change("side", ({ value }) => app.setSide(Number(value)));
}

/** @param {App} app */
function listenToFiles(app) {
  change("file", ({ files }) => files.length && app.load(files[0]));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length) app.load(event.dataTransfer.files[0]);
  });
}
