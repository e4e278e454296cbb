// The page's start.

import { App } from "./app.js";
import { readAsked } from "./asked.js";
import { keysOf, listen } from "./controls.js";
import { readData } from "./files/exported.js";
import { readSafetensors } from "./files/safetensors.js";
import { Board } from "./rule/automaton.js";
import { randomDraws } from "./rule/draws.js";
import { Network } from "./rule/network.js";
import { find } from "./screen/find.js";
import { viewsOf } from "./screen/views.js";
import { boardSides } from "./session/settings.js";

const data = readData(find("data").textContent);
const views = viewsOf(data.sizes);
const asked = readAsked(location.hash, {
  sides: boardSides(data.sizes),
  views: Object.keys(views),
  palettes: Object.keys(data.palettes),
});
const app = new App(data, views, asked);
listen(app);
requestAnimationFrame((now) => app.frame(now));

// For tests, and for the browser's console.
Object.assign(globalThis, { ca: { app, Board, Network, keysOf, randomDraws, readSafetensors } });
