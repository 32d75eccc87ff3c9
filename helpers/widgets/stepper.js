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
    for (const row of treeRows) offers[row] += rise;
    for (const c of treeColumns) prices[c] += rise;
    treeColumns.push(column);
    if (owner[column] >= 0) treeRows.push(owner[column]);
    yieldStep("grow", { cell: [parent[column], column], rise });
    return column;
  }

  // Pair along the path that ends in this free column; the path is listed from the entering row on.
  function augment(column) {
    const path = [];
    for (let row = null; row !== entering; ) {
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
    const slack = (c, other) =>
      Math.max(rows[owner[c]][other] + prices[other] - offers[owner[c]], 0);
    taken.forEach(() => {
      const before = [...room];
      for (const c of taken)
        for (const other of columns)
          if (other !== c) room[c] = Math.min(room[c], slack(c, other) + before[other]);
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
  const prices = step.flipped
    ? [minus(step.offers), minus(step.prices)]
    : [step.prices, step.offers];
  const head = [steps.length, KINDS.indexOf(step.kind), step.entering ?? -1, step.total, step.rise];
  return [...head, ...prices.flat(), ...step.pairs.flat(), ...step.path.flat()];
}

// One sentence about a step, in words a lecturer would say. `names` = { predictions: [...], targets: [...] }.
export function describeStep(step, names, decimals = 2) {
  const [seekers, goods] = step.flipped
    ? [names.predictions, names.targets]
    : [names.targets, names.predictions];
  const split = ([n, t]) => (step.flipped ? [seekers[n], goods[t]] : [seekers[t], goods[n]]);
  const number = (value) => tidy(value, decimals);
  const sum = (values) => values.reduce((a, b) => a + b, 0);
  const proof = () =>
    `Offers ${number(sum(step.offers))} − prices ${number(sum(step.prices))} = ${number(step.total)}`;
  if (step.kind === "enter")
    return `${seekers[step.entering]} enters and offers ${number(step.offers[step.entering])}, its cheapest cost plus price.`;
  if (step.kind === "grow") {
    const [seeker, good] = split(step.cell);
    const column = step.cell[step.flipped ? 1 : 0];
    const taken = step.pairs.find((pair) => pair[step.flipped ? 1 : 0] === column);
    const rise =
      step.rise > 0 ? `All offers and prices in the tree rise by ${number(step.rise)}. ` : "";
    const tight = `${seeker} can now pay for ${good}: the cell is tight. `;
    return (
      rise +
      tight +
      (taken
        ? `${good} belongs to ${split(taken)[0]}, who joins the tree.`
        : `${good} is free: a path is found.`)
    );
  }
  if (step.kind === "augment") {
    const moves = step.path.filter((_, place) => place % 2 === 0).map(split);
    const [first, ...others] = moves.map(([seeker, good], place) =>
      place ? `${seeker} moves to ${good}` : `${seeker} takes ${good}`,
    );
    return `Along the path, ${[first, ...others].join(", ")}. Pairs so far: ${step.pairs.length}.`;
  }
  if (step.kind === "done")
    return `All are served. ${proof()}, the total: no assignment can cost less.`;
  return `Raised as far as they go, prices say how much the total would rise without that one. ${proof()} still.`;
}

const TOKENS = "ABCDEFGHIJKL";
const REST = 1.4; // seconds that Play stays at a step
const LIMIT = 1000; // entries are kept between -LIMIT and LIMIT
const [CELL_W, CELL_H, HEAD_W, HEAD_H, GAP] = [4.4, 2.5, 3, 3, 0.7]; // em

function render({ model, el }) {
  const shell = makeShell({ model, el }, "stepper");
  const { get, set, offer } = shell;
  let steps = hungarianSteps(get("cost"));
  const cost = () => get("cost");
  const names = () => ({
    predictions: cost().map((_, n) => get("row_names")[n] ?? TOKENS[n]),
    targets: cost()[0].map((_, t) => get("column_names")[t] ?? `t${t + 1}`),
  });
  const at = () => Math.min(get("step"), steps.length - 1);
  const go = (step) => set({ step: clamp(step, 0, steps.length - 1) });
  let owed = 0; // seconds until the next step
  const player = makePlayer({
    what: "step",
    step: (by) => go(at() + by),
    begins() {
      owed = REST;
      if (at() === steps.length - 1) go(0);
    },
    tick(seconds) {
      owed -= seconds;
      if (owed > 0) return true;
      owed += REST;
      if (at() === steps.length - 1) return false;
      go(at() + 1);
      return true;
    },
  });
  const matrix = makeMatrix({ cost, names, edit, isFixed: () => !shell.offers("edit") });
  const story = makeStory(shell.badge);
  const time = makeTime({ go, at });
  const sizes = makeSizes(shuffle);
  const view = make(
    "select",
    { "aria-label": "Numbers in the cells", onchange: () => set({ view: view.value }) },
    make("option", { value: "cost" }, "cost"),
    make("option", { value: "slack" }, "slack: cost + price − offer"),
  );
  shell.mount(
    "Assignment stepper",
    make("div", { class: "board" }, make("div", { class: "frame" }, matrix.element), story.element),
    ...offer("scrub", time.element),
    make(
      "div",
      { class: "knobs" },
      ...offer("play", player.element),
      ...offer("view", make("label", {}, "cells ", view)),
      ...offer("random", ...sizes.elements),
      button("Reset", "Back to the first matrix", () => show(get("initial"))),
    ),
  );

  function shuffle(n, t) {
    const rows = Array.from({ length: n }, () =>
      Array.from({ length: t }, () => 1 + Math.floor(Math.random() * 20)),
    );
    show({ cost: rows, row_names: [], column_names: [], thumbnails: [], step: 0 });
  }
  function show(state) {
    player.stop();
    set(state);
  }
  function edit(n, t, text) {
    const value = Number(text.replace("−", "-").replace(",", "."));
    if (!text.trim() || !Number.isFinite(value) || value === cost()[n][t]) return paint();
    const rows = cost().map((row) => [...row]);
    rows[n][t] = clamp(value, -LIMIT, LIMIT);
    set({ cost: rows, step: Math.min(at(), hungarianSteps(rows).length - 1) });
  }
  function build() {
    steps = hungarianSteps(cost());
    const { predictions, targets } = names();
    sizes.put(cost().length, cost()[0].length);
    matrix.build(get("thumbnails"), steps[0].flipped, get("large"));
    time.build(steps, steps[0].flipped ? predictions : targets);
    paint();
  }
  function paint() {
    const step = steps[at()];
    const decimals = cost().flat().every(Number.isInteger) ? 0 : get("decimals");
    view.value = get("view");
    story.paint(step, `Step ${at() + 1} of ${steps.length}`, names(), decimals);
    time.paint(at(), steps.length);
    matrix.paint(step, get("view") === "slack", decimals);
  }
  shell.root.addEventListener("keydown", (event) => {
    const by = arrowOf(event);
    if (!by?.[0] || event.defaultPrevented || event.target.matches("input, select")) return;
    go(at() + by[0]);
  });
  shell.follow(["cost", "row_names", "column_names", "thumbnails"], build);
  shell.follow(["step", "view", "decimals"], paint);
  shell.atEnd(player.stop);
  build();
  shell.check(["cost", "step"], () => stepNumbers(cost(), at()));
  return shell.close;
}

// The step in words, and offers minus prices beside the total.
function makeStory(badge) {
  const heading = make("h3", {});
  const narration = make("p", { class: "narration", "aria-live": "polite" });
  const bars = make("div", { class: "proof" });
  const head = make("div", { class: "head" }, heading, badge.element);
  return {
    element: make("div", { class: "story" }, head, narration, bars),
    paint(step, title, names, decimals) {
      heading.textContent = title;
      narration.textContent = describeStep(step, names, decimals);
      bars.replaceChildren(...proofBars(step, decimals));
    },
  };
}

// How many predictions and targets a random matrix shall have.
function makeSizes(shuffle) {
  const inputs = [12, 8].map((max, side) => {
    const name = `Number of ${side ? "targets" : "predictions"}`;
    return make("input", { type: "number", min: 1, max, "aria-label": name });
  });
  const sizeOf = (input) => clamp(Math.round(+input.value) || 1, +input.min, +input.max);
  return {
    elements: [
      make("label", {}, "N ", inputs[0]),
      make("label", {}, "T ", inputs[1]),
      button("Random", "Random costs of this size", () => shuffle(...inputs.map(sizeOf))),
    ],
    put(n, t) {
      [inputs[0].value, inputs[1].value] = [n, t];
    },
  };
}

// The slider over the steps, and above it a chip for each side that entered.
function makeTime({ go }) {
  const phases = make("div", { class: "phases" });
  function makeChip() {
    const chip = button("", "", () => go(chip.start), "phase");
    return chip;
  }
  const scrub = make("input", {
    type: "range",
    min: 0,
    "aria-label": "Step",
    oninput: () => go(+scrub.value),
  });
  return {
    element: make("div", { class: "time" }, phases, scrub),
    build(steps, seekers) {
      scrub.max = steps.length - 1;
      const groups = [];
      steps.forEach(({ entering }, place) => {
        const last = groups[groups.length - 1];
        if (last && last.entering === entering) last.end++;
        else groups.push({ entering, start: place, end: place + 1 });
      });
      // As many chips as before stay, and the one that Tab leads to from an edited cell is there to get the focus.
      if (phases.children.length !== groups.length) {
        phases.replaceChildren(...groups.map(makeChip));
        shareTabStop(phases);
      }
      groups.forEach(({ entering, start, end }, place) => {
        const chip = phases.children[place];
        const name = entering === null ? "proof" : seekers[entering];
        Object.assign(chip, { start, end, textContent: name, title: `Go to ${name}` });
        chip.setAttribute("aria-label", chip.title);
        chip.style.flexGrow = end - start;
      });
    },
    paint(at, count) {
      scrub.value = at;
      scrub.setAttribute("aria-valuetext", `step ${at + 1} of ${count}`);
      for (const chip of phases.children)
        chip.classList.toggle("now", chip.start <= at && at < chip.end);
    },
  };
}

// The cost matrix: cells to edit, names, and beside and below it what each side offers or costs.
function makeMatrix({ cost, names, edit, isFixed }) {
  const element = make("div", {
    class: "matrix",
    role: "group",
    "aria-label": "Cost matrix, editable",
  });
  const overlay = make("div", { class: "overlay" });
  let built = "",
    cells = [],
    tiles = [],
    focus = [0, 0];

  function makeCell(n, t) {
    const cell = make("input", {
      class: "cell",
      inputmode: "decimal",
      spellcheck: "false",
      autocomplete: "off",
      tabindex: n === 0 && t === 0 ? 0 : -1,
      style: place(t, n),
      onfocus: () => {
        focus = [n, t];
        cell.select();
      },
      onchange: () => edit(n, t, cell.value),
      onkeydown: (event) => moveFocus(event, cell),
    });
    return cell;
  }
  function moveFocus(event, cell) {
    if (event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") cell.value = cell.shown;
    const by = event.key === "Enter" ? [0, 1] : arrowOf(event);
    const inside = cell.selectionStart !== cell.selectionEnd || cell.value === "";
    if (!by || (by[0] && !inside)) return;
    event.preventDefault();
    cell.blur(); // the new cost is taken over
    const next = cells[focus[0] + by[1]]?.[focus[1] + by[0]] ?? cell;
    for (const other of cells.flat()) other.tabIndex = other === next ? 0 : -1;
    next.focus();
  }
  function build(thumbnails, flipped, large) {
    const shape = JSON.stringify([names(), thumbnails, flipped]);
    if (built === shape) return; // the cells stay, and the one with the focus keeps it
    built = shape;
    const [n, t] = [cost().length, cost()[0].length];
    cells = cost().map((row, i) => row.map((_, j) => makeCell(i, j)));
    tiles = cells.map((row, i) =>
      row.map((_, j) => make("i", { class: "tile", style: place(j, i) })),
    );
    element.replaceChildren(
      ...tiles.flat(),
      overlay,
      ...cells.flat(),
      ...makeHeads(names(), thumbnails, flipped),
    );
    const width = left(t) + GAP + CELL_W + 1;
    const scale = large ? clamp(Math.min(32 / width, 24 / top(n)), 0.7, 1) : 1; // a projector's page is small
    element.style.cssText = `width:${width}em;height:${top(n) + GAP + CELL_H}em;font-size:${scale}em`;
  }
  function paint(step, slack, decimals) {
    const numbers = cost().map((row, n) =>
      row.map((value, t) => {
        const [offer, price] = step.flipped
          ? [step.offers[n], step.prices[t]]
          : [step.offers[t], step.prices[n]];
        return slack ? value + price - offer : value;
      }),
    );
    const known = numbers.flat().filter(Number.isFinite);
    const share = scaleToShare(Math.min(...known), Math.max(...known));
    const { predictions, targets } = names();
    for (const [n, row] of numbers.entries())
      for (const [t, value] of row.entries()) {
        const cell = cells[n][t];
        cell.value = cell.shown = tidy(value, decimals);
        cell.readOnly = slack || isFixed();
        const name = `${slack ? "slack" : "cost"} of ${predictions[n]} and ${targets[t]}`;
        cell.setAttribute("aria-label", name);
        const colour = Number.isFinite(value) ? cividis(share(value)) : null;
        tiles[n][t].style.background = colour ?? "var(--tree)";
        cell.style.setProperty("--tile", colour ?? "transparent");
        cell.style.color = inkOn(share(value));
      }
    paintSides(element, step, names(), decimals);
    overlay.replaceChildren(drawTree(step, cost().length, cost()[0].length));
  }
  return { element, build, paint };
}
const scaleToShare = (low, high) => (value) => (high > low ? (value - low) / (high - low) : 0.5);

// Names and pictures of both sides, and the places of their numbers.
function makeHeads({ predictions, targets }, thumbnails, flipped) {
  const [n, t] = [predictions.length, targets.length];
  const [beside, below] = [left(t) + GAP, top(n) + GAP];
  const pictured = (name, j) =>
    thumbnails[j] ? make("img", { src: thumbnails[j], alt: name }) : name;
  return [
    ...predictions.map((name, i) =>
      make("b", { class: "row name", style: box(0, top(i), HEAD_W - 0.5, CELL_H) }, name),
    ),
    ...targets.map((name, j) =>
      make(
        "b",
        { class: "column name", style: box(left(j), 0, CELL_W, HEAD_H - 0.4) },
        pictured(name, j),
      ),
    ),
    ...predictions.map((_, i) =>
      make("output", { class: "row value", style: box(beside, top(i), CELL_W + 1, CELL_H) }),
    ),
    ...targets.map((_, j) =>
      make("output", { class: "column value", style: box(left(j), below, CELL_W, CELL_H) }),
    ),
    make(
      "span",
      { class: "axis", style: box(beside, 0, CELL_W + 1, HEAD_H - 0.4) },
      flipped ? "offer" : "price",
    ),
    make(
      "span",
      { class: "axis", style: box(0, below, HEAD_W - 0.5, CELL_H) },
      flipped ? "price" : "offer",
    ),
  ];
}

// Who is in the tree, who enters, and what each offers or costs now.
function paintSides(matrix, step, names, decimals) {
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
      const rose =
        step.kind === "grow" &&
        step.rise > 0 &&
        tree.includes(i) &&
        i !== lastReached(step, isSeeker);
      output.classList.toggle("in-tree", tree.includes(i));
      const rise = rose ? [make("small", {}, ` ▲${tidy(step.rise, decimals)}`)] : [];
      output.replaceChildren(tidy(values[i], decimals), ...rise);
      const owner = names[side === "row" ? "predictions" : "targets"][i];
      output.setAttribute("aria-label", `${isSeeker ? "offer" : "price"} of ${owner}`);
    });
  }
}

const left = (t) => HEAD_W + t * CELL_W;
const top = (n) => HEAD_H + n * CELL_H;
const box = (x, y, w, h) => `left:${x}em;top:${y}em;width:${w}em;height:${h}em`;
const place = (t, n) => box(left(t) + 0.06, top(n) + 0.06, CELL_W - 0.12, CELL_H - 0.12);

// Who has just joined did not rise: the reached column, and the row that it belongs to.
function lastReached(step, isSeeker) {
  if (!isSeeker) return step.treeColumns[step.treeColumns.length - 1];
  return step.treeRows.length === step.treeColumns.length + 1
    ? step.treeRows[step.treeRows.length - 1]
    : -1;
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
      const owned = step.treeColumns.find((c) =>
        step.pairs.some((pair) => String(pair) === String(turn(from, c))),
      );
      const begin = owned === undefined ? start(from) : middle(turn(from, owned));
      line([begin, middle(turn(from, column))], "tree");
      const pair = step.pairs.find(([row, col]) => (step.flipped ? col : row) === column);
      if (pair) line([middle(turn(from, column)), middle(pair)], "tree");
    });
  if (made.length) line([start(step.entering), ...step.path.map(middle)], "path");
  function ring([row, column], name) {
    const [x, y] = [left(column) + 0.16, top(row) + 0.16];
    const sides = { width: CELL_W - 0.32, height: CELL_H - 0.32 };
    for (const under of ["under ", ""])
      svg.append(vector("rect", { x, y, ...sides, rx: 0.55, class: `${under}ring ${name}` }));
  }
  for (const pair of step.pairs) ring(pair, "");
  if (step.kind === "augment")
    for (const pair of step.path.filter((_, i) => i % 2)) ring(pair, "parted");
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
