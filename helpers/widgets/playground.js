// Boxes to drag while costs, match and loss follow. All numbers are made here; with a kernel, helpers makes them too.

const VIEWS = [
  { name: "class", text: "class", says: "minus the probability of the target's class" },
  { name: "l1", text: "L1", says: "the four absolute differences, added" },
  { name: "giou", text: "GIoU", says: "minus the generalised IoU" },
  { name: "total", text: "sum", says: "the three costs, weighted" },
];
const TABS = [
  ...VIEWS,
  { name: "all", text: "all", says: "the three costs and their weighted sum" },
];
const TRAITS = { class: "class_cost", l1: "bbox_cost", giou: "giou_cost" };
const MATCHINGS = {
  optimal: "the least sum, one prediction for each target",
  greedy: "the cheapest pair first, then the cheapest of what is left",
  argmin: "each target takes its cheapest prediction, whoever else wants it",
};

// Everything that is shown, from everything that can be changed.
export function playgroundNumbers(state, matching) {
  const matrices = costMatrices(state);
  const pairs = assign(matrices.total, matching);
  return {
    matrices,
    pairs,
    cost: totalCost(matrices.total, pairs),
    losses: lossTerms(state, pairs),
  };
}

// The match as a sentence or two, for the line above the scene and for screen readers.
export function describeMatch(
  state,
  matching,
  decimals = 2,
  numbers = playgroundNumbers(state, matching),
) {
  const { matrices, pairs, cost, losses } = numbers;
  const list = (names) => names.join(", ").replace(/, ([^,]*)$/, " and $1");
  const quoted = (t) => targetNames(state.labels)[t];
  const had = pairs.map(([n, t]) => `${predictionName(n)} has ${quoted(t)}`);
  const best =
    matching === "optimal" ? cost : totalCost(matrices.total, assign(matrices.total, "optimal"));
  const without = state.labels.map((_, t) => t).filter((t) => !pairs.some((pair) => pair[1] === t));
  const twice = [...new Set(pairs.map(([n]) => n))].filter(
    (n) => pairs.filter((pair) => pair[0] === n).length > 1,
  );
  const sentences = [`${list(had) || "Nothing is matched"}.`];
  if (without.length)
    sentences.push(`${list(without.map(quoted))} ${without.length > 1 ? "go" : "goes"} without.`);
  if (twice.length)
    sentences.push(
      `${list(twice.map(predictionName))} ${twice.length > 1 ? "are" : "is"} taken more than once: this is no assignment.`,
    );
  else if (cost > best + 0.5 * 10 ** -decimals)
    sentences.push(`That costs ${tidy(cost - best, decimals)} more than the best match.`);
  return { text: sentences.join(" "), cost, loss: losses.total };
}

function render({ model, el }) {
  const shell = makeShell({ model, el }, "playground");
  const { get, root } = shell;
  const showsMatch = get("show_match");
  const offers = (name) => shell.offers(name) && (showsMatch || !["sort", "hold"].includes(name));
  const decimals = get("large") ? 1 : 2;
  const state = () => readState(get);
  const picture = () => get("pictures")[get("picture")] ?? { image: "", size: [1, 1] };
  let [shown, scene, built] = [null, null, {}]; // the numbers of the painted state; what was made for it

  // Changes are counted, so that an answer of helpers finds its question.
  const set = (changes) => shell.set({ ...changes, version: get("version") + 1 });
  const pairs = () => (get("hold") || !showsMatch ? null : shown.pairs); // null where the match is hidden
  const rowOrder = () => orderRows(get("boxes").length, get("sort") ? pairs() : null);
  const choice = makeChoice({ get, rowOrder, repaint: paintChoice });
  const hands = makeHands({
    get,
    set,
    offers,
    choice,
    tell: paintSummary,
    find: (...where) => scene.find(...where),
  });
  const summary = makeSummary({ showsMatch, decimals });
  const stage = make("div", { class: "stage" });
  const hint = make("p", { class: "hint" }, HINT);
  const tables = makeTables({ offersView: offers("view"), set, choice });
  const pair = make("div", { class: "pair", "aria-live": "polite" });
  const says = makeSays({ offers, ...hands });
  const bar = makeLossBar();
  const controls = makeControls({ get, set, offers, load, showsMatch });
  const side = make("div", { class: "side" }, pair, says.element);
  shell.mount(
    "Matching playground",
    make("div", { class: "head" }, summary.element, shell.badge.element),
    ...(showsMatch ? [bar.element] : []),
    make("div", { class: "board" }, stage, tables.element, side),
    controls.element,
  );

  function load(name) {
    const { name: preset, ...found } = get("presets").find((entry) => entry.name === name) ?? {};
    const next = preset === undefined ? get("initial") : { ...found, preset };
    choice.begin(next.logits);
    bar.rescale();
    set(next);
  }
  function paint() {
    const now = state();
    shown = playgroundNumbers(now, get("matching"));
    paintSummary();
    build(now);
    paintChoice();
    bar.paint(shown.losses, !pairs());
    controls.paint();
    root.dataset.version = get("version");
    if (root.dataset.answered !== root.dataset.version) shell.badge.wait();
  }
  function paintSummary() {
    summary.paint(state(), get("matching"), pairs() && shown, hands.drags());
  }
  // What another number of boxes, another picture or another view makes anew.
  function build(now) {
    const sizes = [now.boxes.length, now.labels.length, get("picture")];
    const keys = { scene: String(sizes), tables: JSON.stringify([sizes, now.labels, get("view")]) };
    if (built.scene !== keys.scene) {
      scene = makeScene(picture().image, picture().size, now, get("large"));
      handleScene(scene, hands);
      stage.replaceChildren(scene.svg, hint);
      choice.keepInside(now);
    }
    if (built.tables !== keys.tables) tables.build(get("view"), now, picture());
    built = keys;
  }
  // Scene, matrices and the side, for what is selected and inspected.
  function paintChoice() {
    const now = state();
    const { selected, inspected } = choice.now();
    const [row, column] = ["prediction", "target"].map((kind) =>
      selected.kind === kind ? selected.index : -1,
    );
    const look = { order: rowOrder(), rings: pairs() ?? [], inspected, row, column, decimals };
    tables.paint(shown.matrices, now, look);
    scene.paint(now, pairs(), selected, inspected);
    const cell = inspected ?? pairs()?.find(([n]) => n === row);
    pair.replaceChildren(...(cell ? arithmetic(cell, now, shown.matrices) : invitation()));
    says.paint(selected, now);
  }

  function compare(content, buffers) {
    if (content.version !== get("version")) return;
    shell.badge.say(differenceTo(content.pairs, floatsOf(buffers[0]), shown, state()));
    root.dataset.answered = content.version;
  }
  // One painting for all traits of a change: at once where the page counted it, else with the next frame.
  let pending = null;
  function later() {
    pending ??= requestAnimationFrame(atOnce);
  }
  function atOnce() {
    cancelAnimationFrame(pending);
    pending = null;
    paint();
  }
  shell.follow(Object.keys(get("initial")), later);
  shell.follow(["version"], atOnce);
  shell.atEnd(() => cancelAnimationFrame(pending));
  model.on("msg:custom", compare);
  shell.atEnd(() => model.off(null, compare));
  paint();
  askHelpers(model);
  return shell.close;
}

// What is looked at: the selected box, { kind, index }, and the inspected cell, [prediction, target] or null.
function makeChoice({ get, rowOrder, repaint }) {
  const first = (logits) => ({ kind: "prediction", index: surest(logits) });
  let [selected, inspected] = [first(get("logits")), null];
  function inspect(cell) {
    if (String(cell) === String(inspected)) return;
    inspected = cell;
    repaint();
  }
  return {
    now: () => ({ selected, inspected }),
    inspect,
    select(box) {
      selected = box;
      repaint();
    },
    // From the inspected cell to its neighbour.
    walk([right, down]) {
      const [rows, last] = [rowOrder(), get("labels").length - 1];
      if (last < 0) return;
      if (!inspected) return inspect([rows[0], 0]);
      const place = clamp(rows.indexOf(inspected[0]) + down, 0, rows.length - 1);
      inspect([rows[place], clamp(inspected[1] + right, 0, last)]);
    },
    begin(logits) {
      [selected, inspected] = [first(logits), null];
    },
    keepInside({ boxes, labels, logits }) {
      const count = (selected.kind === "prediction" ? boxes : labels).length;
      if (selected.index >= count) selected = first(logits);
    },
  };
}

// Predictions in their order, or in the order of the targets that they have.
function orderRows(count, pairs) {
  const rows = Array.from({ length: count }, (_, n) => n);
  if (!pairs) return rows;
  const owned = (n) => pairs.find((match) => match[0] === n)?.[1] ?? Infinity;
  return rows.sort((a, b) => (owned(a) === owned(b) ? a - b : owned(a) - owned(b)));
}

// What hands may do to the state: boxes move, targets are renamed, predictions say something else.
function makeHands({ get, set, offers, choice, tell, find }) {
  let dragging = false;
  const trait = (kind) => (kind === "prediction" ? "boxes" : "target_boxes");
  return {
    drags: () => dragging,
    select: choice.select,
    grab: (element, at) => find(element, at, readState(get), choice.now().selected),
    boxOf: (kind, index) => get(trait(kind))[index],
    move(kind, index, box, isDragging) {
      dragging = isDragging;
      set({ [trait(kind)]: get(trait(kind)).with(index, box) });
    },
    rest() {
      dragging = false;
      tell(); // now it may be read out
    },
    rename(t, label) {
      const fits = offers("labels") && label < get("logits")[0].length - 1;
      if (fits) set({ labels: get("labels").with(t, label) });
    },
    speak(n, k, p) {
      set({ logits: get("logits").with(n, withProbability(get("logits")[n], k, p)) });
    },
  };
}

// The line above it all. It is read out, but not while a box is dragged.
function makeSummary({ showsMatch, decimals }) {
  const element = make("p", { class: "summary", "aria-live": "polite" });
  const was = makeMemory();
  function words(state, matching, numbers) {
    if (!showsMatch) return ["What does each pair cost?"];
    if (!numbers) return ["The match is hidden. Which prediction should each target get?"];
    const { text, cost, loss } = describeMatch(state, matching, decimals, numbers);
    const [first, second] = [cost, loss].map((value) => tidy(value, decimals));
    const before = was(second);
    return [
      make("b", {}, `Cost of the match ${first}, loss ${second}`),
      before && ` (${before})`,
      `. ${text}`,
    ];
  }
  return {
    element,
    paint(state, matching, numbers, drags) {
      element.setAttribute("aria-live", drags ? "off" : "polite");
      element.replaceChildren(...words(state, matching, numbers));
    },
  };
}

const HINT =
  "Drag, or Tab and arrows; with Shift they resize. A letter or Page Down goes to another box.";
const invitation = () => [
  make("h4", {}, "One pair"),
  make("p", { class: "hint" }, "Point at a cell to see how its cost comes about."),
];

// The traits of the model as costs and losses want them.
const readState = (get) => ({
  boxes: get("boxes"),
  logits: get("logits"),
  targetBoxes: get("target_boxes"),
  labels: get("labels"),
  weights: TERMS.map((name) => get(TRAITS[name])),
  eosCoef: get("eos_coef"),
});

// A view whose bytes need not begin where a float may.
const floatsOf = ({ buffer, byteOffset, byteLength }) =>
  new Float64Array(buffer.slice(byteOffset, byteOffset + byteLength));

// How far the page's numbers are from those of helpers. Of equally good matches either will do.
function differenceTo(pairs, theirs, shown, state) {
  const { matrices, cost } = shown;
  const tie = String(pairs) !== String(shown.pairs);
  const losses = tie ? lossTerms(state, pairs) : shown.losses;
  const now = tie ? totalCost(matrices.total, pairs) : cost;
  const flat = [...TERMS, "total"].flatMap((name) => matrices[name].flat());
  const ours = [...flat, now, ...TERMS.map((name) => losses[name]), losses.total];
  return Math.max(largestDifference(ours, theirs), Math.abs(now - cost));
}

// The prediction that is surest of a class.
function surest(logits) {
  const best = logits.map((row) => Math.max(...softmax(row).slice(0, -1)));
  return best.indexOf(Math.max(...best));
}

export default { render };
