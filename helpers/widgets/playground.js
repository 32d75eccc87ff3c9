// Boxes to drag while costs, match and loss follow. All numbers are made here; with a kernel, helpers makes them too.

const VIEWS = [
  { name: "class", text: "class", says: "minus the probability of the target's class" },
  { name: "l1", text: "L1", says: "the four absolute differences, added" },
  { name: "giou", text: "GIoU", says: "minus the generalised IoU" },
  { name: "total", text: "sum", says: "the three costs, weighted" },
];
const TRAITS = { class: "class_cost", l1: "bbox_cost", giou: "giou_cost" };
const TERMS = ["class", "l1", "giou"];
const MATCHINGS = {
  optimal: "the least sum, one prediction for each target",
  greedy: "the cheapest pair first, then the cheapest of what is left",
  argmin: "each target takes its cheapest prediction, whoever else wants it",
};

export const predictionName = (n) => (n < 26 ? "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[n] : `P${n + 1}`);

// Labels in quotes, told apart by dashes where they repeat.
export const targetNames = (labels) =>
  labels.map((label, t) => {
    const before = labels.slice(0, t).filter((other) => other === label);
    return `“${label}”${"′".repeat(before.length)}`;
  });

// Everything that is shown, from everything that can be changed.
export function playgroundNumbers(state, matching) {
  const matrices = costMatrices(state);
  const pairs = assign(matrices.total, matching);
  return { matrices, pairs, cost: totalCost(matrices.total, pairs), losses: lossTerms(state, pairs) };
}

// The match as a sentence or two, for the line above the scene and for screen readers.
export function describeMatch(state, matching, decimals = 2, numbers = playgroundNumbers(state, matching)) {
  const { matrices, pairs, cost, losses } = numbers;
  const list = (names) => names.join(", ").replace(/, ([^,]*)$/, " and $1");
  const quoted = (t) => targetNames(state.labels)[t];
  const had = pairs.map(([n, t]) => `${predictionName(n)} has ${quoted(t)}`);
  const best = matching === "optimal" ? cost : totalCost(matrices.total, assign(matrices.total, "optimal"));
  const without = state.labels.map((_, t) => t).filter((t) => !pairs.some((pair) => pair[1] === t));
  const twice = [...new Set(pairs.map(([n]) => n))].filter((n) => pairs.filter((pair) => pair[0] === n).length > 1);
  const sentences = [`${list(had) || "Nothing is matched"}.`];
  if (without.length) sentences.push(`${list(without.map(quoted))} ${without.length > 1 ? "go" : "goes"} without.`);
  if (twice.length)
    sentences.push(
      `${list(twice.map(predictionName))} ${twice.length > 1 ? "are" : "is"} taken more than once: this is no assignment.`,
    );
  else if (cost > best + 0.5 * 10 ** -decimals)
    sentences.push(`That costs ${tidy(cost - best, decimals)} more than the best match.`);
  return { text: sentences.join(" "), cost, loss: losses.total };
}

function render({ model, el }) {
  const get = (name) => model.get(name);
  const offers = (name) => get("controls").includes(name) && (get("show_match") || !["sort", "hold"].includes(name));
  const decimals = get("large") ? 1 : 2;
  const state = () => ({
    boxes: get("boxes"),
    logits: get("logits"),
    targetBoxes: get("target_boxes"),
    labels: get("labels"),
    weights: TERMS.map((name) => get(TRAITS[name])),
    eosCoef: get("eos_coef"),
  });
  const isHidden = () => get("hold") || !get("show_match");
  let shown = null, // numbers of the painted state
    selected = { kind: "prediction", index: surest(get("logits")) },
    inspected = null,
    dragging = false,
    scene = null;

  function set(changes) {
    for (const [name, value] of Object.entries(changes)) model.set(name, value);
    model.set("version", get("version") + 1);
    model.save_changes();
  }

  const summary = make("p", { class: "summary", "aria-live": "polite" });
  const badge = makeBadge();
  const stage = make("div", { class: "stage" });
  const picture = () => get("pictures")[get("picture")] ?? { image: "", size: [1, 1] };
  const tables = make("div", { class: "tables" });
  const tableHead = make("div", { class: "table-head" });
  const frame = make("div", { class: "frame" });
  const pair = make("div", { class: "pair", "aria-live": "polite" });
  const says = makeSays({ offers, speak: (...what) => speak(...what), rename: (...what) => rename(...what) });
  const bar = makeLossBar();
  const controls = makeControls();
  const hint = make("p", { class: "hint" }, "Drag, or Tab and arrows; with Shift they resize. A letter or Page Down goes to another box.");
  const meaning = make("p", { class: "hint" });
  tables.append(tableHead, frame, meaning);
  const side = make("div", { class: "side" }, pair, says.element);
  const root = makeRoot(
    { model, el },
    "playground",
    "Matching playground",
    make("div", { class: "head" }, summary, badge.element),
    make("div", { class: "board" }, stage, tables, side),
    ...(get("show_match") ? [bar.element] : []),
    controls.element,
  );

  // --- the matrices ---
  const tabs = [...VIEWS, { name: "all", text: "all", says: "the three costs and their weighted sum" }];
  const tabButtons = tabs.map(({ name, text, says: title }) =>
    make("button", { type: "button", title, onclick: () => set({ view: name }) }, text),
  );
  const viewTitle = make("h4", {});
  if (offers("view")) {
    const row = make("div", { class: "tabs", role: "group", "aria-label": "Matrix" }, ...tabButtons);
    shareTabStop(row);
    tableHead.append(row);
  } else tableHead.append(viewTitle);
  let grids = [],
    built = {};
  function buildScene() {
    const { image, size } = picture();
    scene = makeScene(image, size, state(), get("large"));
    handleScene(scene, hands);
    stage.replaceChildren(scene.svg, hint);
    const { kind, index } = selected;
    if (index >= (kind === "prediction" ? get("boxes") : get("labels")).length)
      selected = { kind: "prediction", index: surest(get("logits")) };
  }
  function buildTables() {
    const view = get("view");
    tabs.forEach(({ name }, i) => tabButtons[i].setAttribute("aria-pressed", name === view));
    viewTitle.textContent = tabs.find(({ name }) => name === view).text;
    const names = view === "all" ? VIEWS.map(({ name }) => name) : [view];
    const { image, size } = picture();
    grids = names.map((name) => makeGrid(name, state(), view === "all", image, size));
    frame.classList.toggle("all", view === "all");
    frame.replaceChildren(...grids.map((grid) => grid.element));
    for (const grid of grids) {
      grid.element.onpointerover = ({ target }) => target.dataset.n && inspect([+target.dataset.n, +target.dataset.t]);
      grid.element.onpointerleave = () => inspect(null);
      grid.element.onclick = ({ target }) =>
        target.dataset.n && select({ kind: "prediction", index: +target.dataset.n });
      grid.element.onblur = () => inspect(null);
      grid.element.onkeydown = walk;
    }
  }
  function walk(event) {
    const by = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!by || !get("labels").length) return;
    event.preventDefault();
    const rows = rowOrder();
    const [n, t] = inspected ?? [rows[0], 0];
    const place = inspected ? rows.indexOf(n) + by[0] : 0;
    inspect([
      rows[Math.max(0, Math.min(rows.length - 1, place))],
      Math.max(0, Math.min(get("labels").length - 1, t + (inspected ? by[1] : 0))),
    ]);
  }
  function inspect(cell) {
    if (String(cell) === String(inspected)) return;
    inspected = cell;
    paintSide();
    paintScene();
    paintGrids();
  }
  function select(box) {
    selected = box;
    paintSide();
    paintScene();
    paintGrids();
  }
  function rowOrder() {
    const rows = get("boxes").map((_, n) => n);
    if (!get("sort") || isHidden()) return rows;
    const owned = (n) => shown.pairs.find((match) => match[0] === n)?.[1] ?? Infinity;
    return rows.sort((a, b) => (owned(a) === owned(b) ? a - b : owned(a) - owned(b)));
  }

  // --- painting ---
  function paint() {
    const now = state();
    shown = playgroundNumbers(now, get("matching"));
    paintSummary(now);
    const sizes = [now.boxes.length, now.labels.length, get("picture")];
    const keys = { scene: String(sizes), tables: JSON.stringify([sizes, now.labels, get("view")]) };
    if (built.scene !== keys.scene) buildScene();
    if (built.tables !== keys.tables) buildTables();
    built = keys;
    paintGrids();
    paintScene();
    paintSide();
    bar.paint(shown.losses, isHidden());
    controls.paint();
    root.dataset.version = get("version");
    if (root.dataset.answered !== root.dataset.version) badge.wait();
  }
  function paintSummary(now) {
    const said = isHidden() ? null : describeMatch(now, get("matching"), decimals, shown);
    const question = get("show_match")
      ? "The match is hidden. Which prediction should each target get?"
      : "What does each pair cost?";
    summary.setAttribute("aria-live", dragging ? "off" : "polite");
    const words = said
      ? [
          make("b", {}, `Cost of the match ${tidy(said.cost, decimals)}, loss ${tidy(said.loss, decimals)}. `),
          said.text,
        ]
      : [question];
    summary.replaceChildren(...words);
  }
  function paintGrids() {
    const order = rowOrder();
    const rings = isHidden() ? [] : shown.pairs;
    const row = selected.kind === "prediction" ? selected.index : -1;
    const column = selected.kind === "target" ? selected.index : -1;
    for (const grid of grids)
      grid.paint(shown.matrices[grid.name], state(), { order, rings, inspected, row, column, decimals });
    meaning.textContent = tabs.find(({ name }) => name === get("view")).says;
  }
  function paintScene() {
    scene.paint(state(), isHidden() ? null : shown.pairs, selected, inspected);
  }
  function paintSide() {
    const now = state();
    const owned = !isHidden() && selected.kind === "prediction" && shown.pairs.find(([n]) => n === selected.index);
    const cell = inspected ?? (owned || null);
    pair.replaceChildren(...(cell ? arithmetic(cell, now, shown.matrices) : invitation()));
    says.paint(selected, now);
  }
  const invitation = () => [
    make("h4", {}, "One pair"),
    make("p", { class: "hint" }, "Point at a cell to see how its cost comes about."),
  ];
  // --- hands ---
  const trait = (kind) => (kind === "prediction" ? "boxes" : "target_boxes");
  const rename = (t, label) => {
    const fits = offers("labels") && label < get("logits")[0].length - 1;
    if (fits) set({ labels: get("labels").map((old, i) => (i === t ? label : old)) });
  };
  const speak = (n, k, p) =>
    set({ logits: get("logits").map((row, i) => (i === n ? withProbability(row, k, p) : row)) });
  const hands = {
    grab: (element, at) => scene.find(element, at, state(), selected),
    boxOf: (kind, index) => get(trait(kind))[index],
    move(kind, index, box, isDragging) {
      dragging = isDragging;
      set({ [trait(kind)]: get(trait(kind)).map((old, i) => (i === index ? box : old)) });
    },
    rest() {
      dragging = false;
      paintSummary(state());
    },
    select,
    rename,
  };
  function load(name) {
    const { name: preset, ...found } = get("presets").find((entry) => entry.name === name) ?? {};
    const state = preset === undefined ? get("initial") : { ...found, preset };
    [selected, inspected] = [{ kind: "prediction", index: surest(state.logits) }, null];
    bar.rescale();
    set(state);
  }

  // --- controls ---
  function makeControls() {
    const sliders = VIEWS.slice(0, 3).map(({ name, text }) => {
      const input = make("input", {
        type: "range",
        min: 0,
        max: Math.max(10, get(TRAITS[name])),
        step: 0.5,
        "aria-label": `Weight of the ${text} cost`,
        oninput: () => {
          const others = TERMS.filter((term) => term !== name).some((term) => get(TRAITS[term]) > 0);
          set({ [TRAITS[name]]: others ? +input.value : Math.max(0.5, +input.value) });
        },
      });
      return { name, text, input, output: make("output", {}) };
    });
    const ways = Object.entries(MATCHINGS).map(([name, title]) =>
      make("button", { type: "button", title, onclick: () => set({ matching: name }) }, name),
    );
    const matchings = make("div", { class: "ways tabs", role: "group", "aria-label": "Matching" }, ...ways);
    shareTabStop(matchings);
    const hold = button("", "Hide or reveal the match", () => set({ hold: !get("hold") }), "hold");
    const sort = button("Sort rows by match", "Sort the rows of the matrix by match", () =>
      set({ sort: !get("sort") }),
    );
    const back = button("Reset", "Back to the first state", () => load(null));
    const chooser = make(
      "select",
      { onchange: () => load(chooser.value) },
      ...(get("initial").preset ? [] : [make("option", { value: "" }, "as given")]),
      ...get("presets").map(({ name }) => make("option", { value: name }, name)),
    );
    const element = make(
      "div",
      { class: "knobs" },
      ...(offers("preset") ? [make("label", {}, "preset ", chooser)] : []),
      ...(offers("weights")
        ? [
            make(
              "div",
              { class: "weights", role: "group", "aria-label": "Weights of the costs" },
              ...sliders.map(({ name, text, input, output }) =>
                make("label", {}, make("span", { class: `key ${name}` }, text), input, output),
              ),
            ),
          ]
        : []),
      ...(offers("matching") && get("show_match")
        ? [matchings]
        : []),
      ...(offers("hold") ? [hold] : []),
      ...(offers("sort") ? [sort] : []),
      back,
    );
    return {
      element,
      paint() {
        chooser.value = get("preset");
        for (const { name, input, output } of sliders) {
          input.value = get(TRAITS[name]);
          output.textContent = `× ${+get(TRAITS[name]).toFixed(2)}`;
        }
        for (const way of ways) way.setAttribute("aria-pressed", way.textContent === get("matching"));
        hold.textContent = get("hold") ? "Reveal the match" : "Hide the match";
        hold.classList.toggle("primary", get("hold"));
        sort.setAttribute("aria-pressed", get("sort"));
        sort.disabled = get("hold");
      },
    };
  }

  // --- what helpers says ---
  function compare(content, buffers) {
    if (content.version !== get("version")) return;
    const view = buffers[0]; // a DataView, whose bytes need not begin where a float may
    const theirs = new Float64Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
    const now = state();
    const tie = String(content.pairs) !== String(shown.pairs);
    const losses = tie ? lossTerms(now, content.pairs) : shown.losses;
    const cost = tie ? totalCost(shown.matrices.total, content.pairs) : shown.cost;
    const ours = [
      ...[...TERMS, "total"].flatMap((name) => shown.matrices[name].flat()),
      cost,
      ...TERMS.map((name) => losses[name]),
      losses.total,
    ];
    const tied = tie ? Math.abs(cost - shown.cost) : 0; // of equally good matches either will do
    badge.say(Math.max(largestDifference(ours, theirs), tied));
    root.dataset.answered = content.version;
  }

  const follow = Object.keys(get("initial"))
    .map((name) => `change:${name}`)
    .join(" ");
  let pending = false;
  const later = () => {
    if (pending) return;
    pending = true;
    requestAnimationFrame(() => {
      pending = false;
      if (+root.dataset.version !== get("version") || root.dataset.stale) paint();
      delete root.dataset.stale;
    });
  };
  const mark = () => {
    root.dataset.stale = "yes";
    later();
  };
  const atOnce = () => {
    delete root.dataset.stale;
    paint();
  };
  model.on(follow, mark);
  model.on("change:version", atOnce);
  model.on("msg:custom", compare);
  paint();
  askHelpers(model);
  return () => {
    model.off(null, mark);
    model.off(null, atOnce);
    model.off(null, compare);
  };
}

// The prediction that is surest of a class.
function surest(logits) {
  const best = logits.map((row) => Math.max(...softmax(row).slice(0, -1)));
  return best.indexOf(Math.max(...best));
}

export default { render };
