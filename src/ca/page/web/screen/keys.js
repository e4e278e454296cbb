// Keys that work anywhere on the page; the help lists them from here.

/** @returns {{keys: string[], does: string, run?: (event: KeyboardEvent) => void}[]} */
export function keysOf(app) {
  const press = (id) => () => app.find(id).click();
  const choose = (id, step) => () => {
    const select = app.find(id);
    select.selectedIndex = (select.selectedIndex + step + select.length) % select.length;
    select.dispatchEvent(new Event("change"));
  };
  const slide = (id, direction) => () => {
    const slider = app.find(id);
    if (direction > 0) slider.stepUp();
    else slider.stepDown();
    slider.dispatchEvent(new Event("input"));
  };
  return [
    { keys: ["space"], does: "play or pause", run: press("play") },
    { keys: ["."], does: "one tick", run: press("step") },
    { keys: [","], does: "ten ticks", run: press("step-10") },
    { keys: ["+"], does: "faster", run: slide("speed", 1) },
    { keys: ["-"], does: "slower", run: slide("speed", -1) },
    { keys: ["d"], does: "draw", run: () => app.setTool("draw") },
    { keys: ["e"], does: "erase", run: () => app.setTool("erase") },
    { keys: ["l"], does: "look into cells", run: () => app.setTool("look") },
    { keys: ["["], does: "thinner brush or eraser", run: slide("size", -1) },
    { keys: ["]"], does: "thicker brush or eraser", run: slide("size", 1) },
    { keys: ["z"], does: "undo", run: () => app.session.undo() },
    { keys: ["c"], does: "take all ink away", run: press("clear") },
    { keys: ["f"], does: "keep the ink, forget all state", run: press("forget") },
    {
      keys: [..."0123456789"],
      does: "a test digit of that class",
      run: (event) => app.choose(app.samples.sample(Number(event.key)), false),
    },
    { keys: ["r"], does: "a random test digit", run: press("random") },
    { keys: ["o"], does: "ten other test digits", run: press("others") },
    { keys: ["v"], does: "next view", run: choose("view", 1) },
    { keys: ["p"], does: "next colours", run: choose("palette", 1) },
    { keys: ["b"], does: "the other board", run: choose("side", 1) },
    { keys: ["g"], does: "record a GIF, and stop", run: press("gif") },
    { keys: ["?"], does: "this list", run: press("help-button") },
    { keys: ["arrow keys"], does: "on the board: from cell to cell, with Shift by five" },
    { keys: ["Enter", "Delete"], does: "on the board: draw or erase at the cell" },
  ];
}

/** Listen on the page, except where something is typed or chosen. */
export function listenToKeys(app) {
  const bindings = keysOf(app);
  const body = app.find("keys");
  for (const { keys, does } of bindings) {
    const row = body.insertRow();
    const shown = keys.length > 2 ? [`${keys[0]} … ${keys.at(-1)}`] : keys;
    for (const key of shown) {
      const element = document.createElement("kbd");
      element.textContent = key;
      if (row.firstChild) row.firstChild.append(" ", element);
      else row.insertCell().append(element);
    }
    row.insertCell().textContent = does;
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || app.find("help").open) return;
    if (event.target.matches("select, input:not([type=range], [type=checkbox])")) return;
    const key = event.key === " " ? "space" : event.key.toLowerCase();
    if (key === "space" && event.target.matches("button, summary, input, label")) return;
    const found = bindings.find(({ keys, run }) => run && keys.includes(key));
    if (!found) return;
    event.preventDefault();
    found.run(event);
  });
}
