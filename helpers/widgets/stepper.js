// The shortest-augmenting-path method, step by step: the page computes what helpers.assignment.hungarian_steps yields.

// All steps for a cost matrix (N, T). Cells are [prediction, target]. The smaller side enters row by row: targets,
// unless there are fewer predictions. `offers` belong to the entering side, `prices` to the other.
export function hungarianSteps(cost) {
  const flipped = cost.length < cost[0].length;
  const rows = flipped ? cost : cost[0].map((_, t) => cost.map((row) => row[t]));
  const columns = rows[0].map((_, column) => column);
  const offers = rows.map(() => NaN),
    prices = columns.map(() => 0),
    owner = columns.map(() => -1);
  const turn = ([row, column]) => (flipped ? [row, column] : [column, row]);
  const steps = [];
  let entering = null,
    treeRows = [],
    treeColumns = [],
    parent = [];

  function yieldStep(kind, { cell = null, rise = 0, path = [] } = {}) {
    const pairs = columns
      .filter((c) => owner[c] >= 0)
      .map((c) => [owner[c], c])
      .sort((a, b) => a[0] - b[0]);
    steps.push({
      kind,
      entering,
      flipped,
      rise,
      offers: [...offers],
      prices: [...prices],
      cell: cell && turn(cell),
      path: path.map(turn),
      pairs: pairs.map(turn),
      treeRows: [...treeRows],
      treeColumns: [...treeColumns],
      parent: [...parent],
      total: pairs.reduce((sum, [row, column]) => sum + rows[row][column], 0),
    });
  }

  // Raise the tree's offers and prices until one more cell is tight; returns its column.
  function grow() {
    let column = -1,
      least = Infinity;
    for (const c of columns) {
      if (treeColumns.includes(c)) continue;
      const slacks = treeRows.map((row) => rows[row][c] + prices[c] - offers[row]);
      const smallest = Math.min(...slacks);
      if (smallest < least) {
        least = smallest;
        column = c;
        parent[c] = treeRows[slacks.indexOf(smallest)];
      }
    }
    const rise = Math.max(least, 0);
    treeRows.forEach((row) => (offers[row] += rise));
    treeColumns.forEach((c) => (prices[c] += rise));
    treeColumns.push(column);
    if (owner[column] >= 0) treeRows.push(owner[column]);
    yieldStep("grow", { cell: [parent[column], column], rise });
    return column;
  }

  // Pair along the path that ends in this free column; the path is listed from the entering row on.
  function augment(column) {
    const path = [];
    for (let row = null; row !== entering;) {
      row = parent[column];
      path.unshift([row, column]);
      const left = owner.indexOf(row);
      owner[column] = row;
      if (row !== entering) path.unshift([row, (column = left)]);
    }
    yieldStep("augment", { path });
  }

  // The largest prices that still prove the answer: each rises by its cheapest path to a free column.
  function raisePrices() {
    const room = owner.map((row) => (row < 0 ? 0 : Infinity));
    const taken = columns.filter((c) => owner[c] >= 0);
    const slack = (c, other) => Math.max(rows[owner[c]][other] + prices[other] - offers[owner[c]], 0);
    taken.forEach(() => {
      const before = [...room];
      for (const c of taken)
        for (const other of columns) if (other !== c) room[c] = Math.min(room[c], slack(c, other) + before[other]);
    });
    taken.forEach((c) => {
      prices[c] += room[c];
      offers[owner[c]] += room[c];
    });
  }

  for (let row = 0; row < rows.length; row++) {
    [entering, treeRows, treeColumns, parent] = [row, [row], [], []];
    offers[row] = Math.min(...columns.map((c) => rows[row][c] + prices[c]));
    yieldStep("enter");
    let column = grow();
    while (owner[column] >= 0) column = grow();
    augment(column);
  }
  [entering, treeRows, treeColumns, parent] = [null, [], [], []];
  yieldStep("done");
  if (rows.length < columns.length) {
    raisePrices();
    yieldStep("removal");
  }
  return steps;
}

// One step in numbers, in the order of AssignmentStepper.recompute.
const KINDS = ["enter", "grow", "augment", "done", "removal"];
export function stepNumbers(cost, place) {
  const steps = hungarianSteps(cost);
  const step = steps[place];
  const minus = (values) => values.map((value) => 0 - value);
  const prices = step.flipped ? [minus(step.offers), minus(step.prices)] : [step.prices, step.offers];
  const head = [steps.length, KINDS.indexOf(step.kind), step.entering ?? -1, step.total, step.rise];
  return [...head, ...prices.flat(), ...step.pairs.flat(), ...step.path.flat()];
}

// One sentence about a step, in words a lecturer would say. `names` = { predictions: [...], targets: [...] }.
export function describeStep(step, names, decimals = 2) {
  const [seekers, goods] = step.flipped ? [names.predictions, names.targets] : [names.targets, names.predictions];
  const split = ([n, t]) => (step.flipped ? [seekers[n], goods[t]] : [seekers[t], goods[n]]);
  const number = (value) => tidy(value, decimals);
  const sum = (values) => values.reduce((a, b) => a + b, 0);
  const proof = () => `Offers ${number(sum(step.offers))} − prices ${number(sum(step.prices))} = ${number(step.total)}`;
  if (step.kind === "enter")
    return `${seekers[step.entering]} enters and offers ${number(step.offers[step.entering])}, its cheapest cost plus price.`;
  if (step.kind === "grow") {
    const [seeker, good] = split(step.cell);
    const column = step.cell[step.flipped ? 1 : 0];
    const taken = step.pairs.find((pair) => pair[step.flipped ? 1 : 0] === column);
    const rise = step.rise > 0 ? `All offers and prices in the tree rise by ${number(step.rise)}. ` : "";
    const tight = `${seeker} can now pay for ${good}: the cell is tight. `;
    return (
      rise +
      tight +
      (taken ? `${good} belongs to ${split(taken)[0]}, who joins the tree.` : `${good} is free: a path is found.`)
    );
  }
  if (step.kind === "augment") {
    const moves = step.path.filter((_, place) => place % 2 === 0).map(split);
    const [first, ...others] = moves.map(([seeker, good], place) =>
      place ? `${seeker} moves to ${good}` : `${seeker} takes ${good}`,
    );
    return `Along the path, ${[first, ...others].join(", ")}. Pairs so far: ${step.pairs.length}.`;
  }
  if (step.kind === "done") return `All are served. ${proof()}, the total: no assignment can cost less.`;
  return `Raised as far as they go, prices say how much the total would rise without that one. ${proof()} still.`;
}

const TOKENS = "ABCDEFGHIJKL";
const LIMIT = 1000; // entries are kept between -LIMIT and LIMIT
const [CELL_W, CELL_H, HEAD_W, HEAD_H, GAP] = [4.4, 2.5, 3, 3, 0.7]; // em

function render({ model, el }) {
  let built = "",
    steps,
    tiles,
    cells,
    timer = null,
    focus = [0, 0];
  const get = (name) => model.get(name);
  const offer = offering(model);
  const badge = makeBadge();
  const cost = () => get("cost");
  const names = () => ({
    predictions: cost().map((_, n) => get("row_names")[n] ?? TOKENS[n]),
    targets: cost()[0].map((_, t) => get("column_names")[t] ?? `t${t + 1}`),
  });
  const at = () => Math.min(get("step"), steps.length - 1);
  function set(changes) {
    for (const [name, value] of Object.entries(changes)) model.set(name, value);
    model.save_changes();
  }

  const heading = make("h3", {});
  const narration = make("p", { class: "narration", "aria-live": "polite" });
  const bars = make("div", { class: "proof" });
  const matrix = make("div", { class: "matrix", role: "group", "aria-label": "Cost matrix, editable" });
  const phases = make("div", { class: "phases" });
  const scrub = make("input", { type: "range", min: 0, "aria-label": "Step" });
  const play = button("Play", "Play or pause", () => toggle(), "primary");
  const view = make(
    "select",
    { "aria-label": "Numbers in the cells" },
    make("option", { value: "cost" }, "cost"),
    make("option", { value: "slack" }, "slack: cost + price − offer"),
  );
  const sizes = ["N", "T"].map((name, side) =>
    make("input", {
      type: "number",
      min: 1,
      max: side ? 8 : 12,
      "aria-label": side ? "Number of targets" : "Number of predictions",
    }),
  );
  const root = makeRoot(
    { model, el },
    "stepper",
    "Assignment stepper",
    make(
      "div",
      { class: "board" },
      make("div", { class: "frame" }, matrix),
      make("div", { class: "story" }, make("div", { class: "head" }, heading, badge.element), narration, bars),
    ),
    ...offer("scrub", make("div", { class: "time" }, phases, scrub)),
    make(
      "div",
      { class: "knobs" },
      ...offer(
        "play",
        make(
          "span",
          { class: "together" },
          button("‹", "One step back", () => go(at() - 1)),
          play,
          button("›", "One step on", () => go(at() + 1)),
        ),
      ),
      ...offer("view", make("label", {}, "cells ", view)),
      ...offer(
        "random",
        make("label", {}, "N ", sizes[0]),
        make("label", {}, "T ", sizes[1]),
        button("Random", "Random costs of this size", shuffle),
      ),
      button("Reset", "Back to the first matrix", reset),
    ),
  );

  function go(step) {
    set({ step: Math.max(0, Math.min(steps.length - 1, step)) });
  }
  function toggle(on = timer === null) {
    clearInterval(timer);
    timer = null;
    if (on) {
      if (at() === steps.length - 1) go(0);
      timer = setInterval(() => (at() < steps.length - 1 ? go(at() + 1) : toggle(false)), 1400);
    }
    play.textContent = on ? "Pause" : "Play";
  }
  function shuffle() {
    const [n, t] = sizes.map((input) => Math.max(+input.min, Math.min(+input.max, Math.round(+input.value) || 1)));
    const rows = Array.from({ length: n }, () => Array.from({ length: t }, () => 1 + Math.floor(Math.random() * 20)));
    show({ cost: rows, row_names: [], column_names: [], thumbnails: [], step: 0 });
  }
  function reset() {
    show(get("initial"));
  }
  function show(state) {
    toggle(false);
    set(state);
  }
  function edit(n, t, text) {
    const value = Number(text.replace("−", "-").replace(",", "."));
    if (text.trim() && Number.isFinite(value) && value !== cost()[n][t]) {
      const rows = cost().map((row) => [...row]);
      rows[n][t] = Math.max(-LIMIT, Math.min(LIMIT, value));
      set({ cost: rows, step: Math.min(at(), hungarianSteps(rows).length - 1) });
    } else paint();
  }

  function build() {
    steps = hungarianSteps(cost());
    const [n, t] = [cost().length, cost()[0].length];
    [sizes[0].value, sizes[1].value] = [n, t];
    const shape = JSON.stringify([n, t, names(), get("thumbnails")]);
    if (built !== shape) buildMatrix(n, t); // otherwise the cells stay, and the one with the focus keeps it
    built = shape;
    buildPhases();
    paint();
  }
  function buildMatrix(n, t) {
    const { predictions, targets } = names();
    cells = cost().map((row, i) =>
      row.map((_, j) =>
        make("input", {
          class: "cell",
          inputmode: "decimal",
          spellcheck: "false",
          autocomplete: "off",
          tabindex: i === 0 && j === 0 ? 0 : -1,
          style: place(j, i),
          onfocus: (event) => {
            focus = [i, j];
            event.target.select();
          },
          onchange: (event) => edit(i, j, event.target.value),
          onkeydown: moveFocus,
        }),
      ),
    );
    tiles = cells.map((row, i) => row.map((_, j) => make("i", { class: "tile", style: place(j, i) })));
    matrix.replaceChildren(
      ...tiles.flat(),
      make("div", { class: "overlay" }),
      ...cells.flat(),
      ...predictions.map((name, i) =>
        make("b", { class: "row name", style: box(0, top(i), HEAD_W - 0.5, CELL_H) }, name),
      ),
      ...targets.map((name, j) =>
        make(
          "b",
          { class: "column name", style: box(left(j), 0, CELL_W, HEAD_H - 0.4) },
          get("thumbnails")[j] ? make("img", { src: get("thumbnails")[j], alt: name }) : name,
        ),
      ),
      ...predictions.map((_, i) =>
        make("output", { class: "row value", style: box(left(t) + GAP, top(i), CELL_W + 1, CELL_H) }),
      ),
      ...targets.map((_, j) =>
        make("output", { class: "column value", style: box(left(j), top(n) + GAP, CELL_W, CELL_H) }),
      ),
      make(
        "span",
        { class: "axis", style: box(left(t) + GAP, 0, CELL_W + 1, HEAD_H - 0.4) },
        steps[0].flipped ? "offer" : "price",
      ),
      make(
        "span",
        { class: "axis", style: box(0, top(n) + GAP, HEAD_W - 0.5, CELL_H) },
        steps[0].flipped ? "price" : "offer",
      ),
    );
    const width = left(t) + GAP + CELL_W + 1;
    const scale = get("large") ? Math.max(0.7, Math.min(1, 32 / width, 24 / top(n))) : 1; // a projector's page is small
    matrix.style.cssText = `width:${width}em;height:${top(n) + GAP + CELL_H}em;font-size:${scale}em`;
  }
  function moveFocus(event) {
    const by = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Enter: [1, 0] }[
      event.key
    ];
    const inside = event.target.selectionStart !== event.target.selectionEnd || event.target.value === "";
    if (event.key === "Escape") paint();
    if (event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!by || (by[1] && !inside)) return;
    event.preventDefault();
    event.target.blur();
    const next = cells[focus[0] + by[0]]?.[focus[1] + by[1]];
    if (!next) return event.target.focus();
    cells.flat().forEach((cell) => (cell.tabIndex = cell === next ? 0 : -1));
    next.focus();
  }
  function buildPhases() {
    scrub.max = steps.length - 1;
    const seekers = steps[0].flipped ? names().predictions : names().targets;
    const groups = [];
    steps.forEach((step, place) => {
      const last = groups[groups.length - 1];
      if (last && last.entering === step.entering) last.length++;
      else groups.push({ entering: step.entering, start: place, length: 1 });
    });
    phases.replaceChildren(
      ...groups.map((group) => {
        const name = group.entering === null ? "proof" : seekers[group.entering];
        const chip = button(name, `Go to ${name}`, () => go(group.start), "phase");
        chip.style.flexGrow = group.length;
        [chip.start, chip.end] = [group.start, group.start + group.length];
        return chip;
      }),
    );
    shareTabStop(phases);
  }

  function paint() {
    const step = steps[at()];
    const decimals = cost().flat().every(Number.isInteger) ? 0 : get("decimals");
    heading.textContent = `Step ${at() + 1} of ${steps.length}`;
    narration.textContent = describeStep(step, names(), decimals);
    scrub.value = at();
    scrub.setAttribute("aria-valuetext", `step ${at() + 1} of ${steps.length}`);
    view.value = get("view");
    for (const chip of phases.children) chip.classList.toggle("now", chip.start <= at() && at() < chip.end);
    paintCells(step, decimals);
    paintSides(step, decimals);
    bars.replaceChildren(...proofBars(step, decimals));
    matrix.querySelector(".overlay").replaceChildren(drawTree(step, cost().length, cost()[0].length));
  }
  function paintCells(step, decimals) {
    const slack = get("view") === "slack";
    const numbers = cost().map((row, n) =>
      row.map((value, t) => {
        const [offer, price] = step.flipped ? [step.offers[n], step.prices[t]] : [step.offers[t], step.prices[n]];
        return slack ? value + price - offer : value;
      }),
    );
    const known = numbers.flat().filter(Number.isFinite);
    const [low, high] = [Math.min(...known), Math.max(...known)];
    numbers.forEach((row, n) =>
      row.forEach((value, t) => {
        const cell = cells[n][t];
        cell.value = tidy(value, decimals);
        cell.readOnly = slack || !get("controls").includes("edit");
        cell.setAttribute(
          "aria-label",
          `${slack ? "slack" : "cost"} of ${names().predictions[n]} and ${names().targets[t]}`,
        );
        const share = high > low ? (value - low) / (high - low) : 0.5;
        tiles[n][t].style.background = Number.isFinite(value) ? cividis(share) : "var(--tree)";
        cell.style.setProperty("--tile", Number.isFinite(value) ? cividis(share) : "transparent");
        cell.style.color = share < 0.55 ? "#fff" : "#111";
      }),
    );
  }
  function paintSides(step, decimals) {
    const seekers = step.flipped ? "row" : "column";
    for (const side of ["row", "column"]) {
      const isSeeker = side === seekers;
      const tree = isSeeker ? step.treeRows : step.treeColumns;
      const values = isSeeker ? step.offers : step.prices;
      matrix.querySelectorAll(`.${side}.name`).forEach((name, i) => {
        name.classList.toggle("in-tree", tree.includes(i));
        name.classList.toggle("entering", isSeeker && step.entering === i);
      });
      matrix.querySelectorAll(`.${side}.value`).forEach((output, i) => {
        const rose = step.kind === "grow" && step.rise > 0 && tree.includes(i) && i !== lastReached(step, isSeeker);
        output.classList.toggle("in-tree", tree.includes(i));
        output.replaceChildren(
          tidy(values[i], decimals),
          ...(rose ? [make("small", {}, ` ▲${tidy(step.rise, decimals)}`)] : []),
        );
        output.setAttribute(
          "aria-label",
          `${isSeeker ? "offer" : "price"} of ${names()[side === "row" ? "predictions" : "targets"][i]}`,
        );
      });
    }
  }

  scrub.oninput = () => go(+scrub.value);
  view.onchange = () => set({ view: view.value });
  root.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.target.matches("input, select")) return;
    if (event.key === "ArrowRight") go(at() + 1);
    if (event.key === "ArrowLeft") go(at() - 1);
  });
  model.on("change:cost change:row_names change:column_names change:thumbnails", build);
  model.on("change:step change:view change:decimals", paint);
  build();
  const check = followHelpers(model, badge, ["cost", "step"], () => stepNumbers(cost(), at()));
  root.latencies = check.latencies;
  return () => {
    toggle(false);
    check.stop();
    model.off(null, build);
    model.off(null, paint);
  };
}

const left = (t) => HEAD_W + t * CELL_W;
const top = (n) => HEAD_H + n * CELL_H;
const box = (x, y, w, h) => `left:${x}em;top:${y}em;width:${w}em;height:${h}em`;
const place = (t, n) => box(left(t) + 0.06, top(n) + 0.06, CELL_W - 0.12, CELL_H - 0.12);

// Who has just joined did not rise: the reached column, and the row that it belongs to.
function lastReached(step, isSeeker) {
  if (!isSeeker) return step.treeColumns[step.treeColumns.length - 1];
  return step.treeRows.length === step.treeColumns.length + 1 ? step.treeRows[step.treeRows.length - 1] : -1;
}

// Rings around the pairs, thin lines along the tree, a strong line along the augmenting path.
function drawTree(step, n, t) {
  const svg = vector("svg", {
    viewBox: `0 0 ${left(t) + GAP + CELL_W + 1} ${top(n) + GAP + CELL_H}`,
    "aria-hidden": "true",
  });
  const middle = ([row, column]) => [left(column) + CELL_W / 2, top(row) + CELL_H / 2];
  const turn = (row, column) => (step.flipped ? [row, column] : [column, row]);
  const start = (row) =>
    step.flipped ? [HEAD_W - 0.3, top(row) + CELL_H / 2] : [left(row) + CELL_W / 2, HEAD_H - 0.3];
  const line = (points, name) =>
    svg.append(
      vector("polyline", { points: points.join(" "), class: `under ${name}` }),
      vector("polyline", { points: points.join(" "), class: name }),
    );
  const made = step.kind === "augment" ? step.path.filter((_, i) => i % 2 === 0) : [];
  if (step.kind === "grow")
    step.treeColumns.forEach((column) => {
      const from = step.parent[column];
      const owned = step.treeColumns.find((c) => step.pairs.some((pair) => String(pair) === String(turn(from, c))));
      const begin = owned === undefined ? start(from) : middle(turn(from, owned));
      line([begin, middle(turn(from, column))], "tree");
      const pair = step.pairs.find(([row, col]) => (step.flipped ? col : row) === column);
      if (pair) line([middle(turn(from, column)), middle(pair)], "tree");
    });
  if (made.length) line([start(step.entering), ...step.path.map(middle)], "path");
  const ring = ([row, column], name) =>
    ["under ", ""].forEach((under) =>
      svg.append(
        vector("rect", {
          x: left(column) + 0.16,
          y: top(row) + 0.16,
          width: CELL_W - 0.32,
          height: CELL_H - 0.32,
          rx: 0.55,
          class: `${under}ring ${name}`,
        }),
      ),
    );
  step.pairs.forEach((pair) => ring(pair, ""));
  if (step.kind === "augment") step.path.filter((_, i) => i % 2).forEach((pair) => ring(pair, "parted"));
  if (step.kind === "grow") ring(step.cell, "tight");
  return svg;
}

// Offers minus prices beside the total of the pairs, as bars from one zero line.
function proofBars(step, decimals) {
  const sum = (values) => values.filter(Number.isFinite).reduce((a, b) => a + b, 0);
  const [offers, prices] = [sum(step.offers), sum(step.prices)];
  const rows = [
    ["offers", 0, offers, offers],
    ["− prices", offers, offers - prices, prices],
    ["total of pairs", 0, step.total, step.total],
  ];
  const ends = rows.flatMap(([, from, to]) => [from, to]);
  const [low, high] = [Math.min(0, ...ends), Math.max(0, ...ends)];
  const percent = (value) => (high > low ? (100 * (value - low)) / (high - low) : 0);
  return rows.map(([name, from, to, value], i) =>
    make(
      "div",
      { class: "bar" },
      make("span", {}, name),
      make(
        "i",
        { class: "track" },
        make("i", {
          class: ["offers", "prices", "total"][i],
          style: `left:${percent(Math.min(from, to))}%;width:${Math.abs(percent(to) - percent(from))}%`,
        }),
      ),
      make("output", {}, tidy(value, decimals)),
    ),
  );
}

export default { render };
