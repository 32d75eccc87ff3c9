// BoxLab: two boxes to drag, what L1, IoU and GIoU say of them, and where the gradient of each loss leads.

const LOSSES = {
  l1: { measure: "L1", name: "L1", what: "sum of four differences" },
  iou: { measure: "IoU", name: "1 − IoU", what: "intersection / union" },
  giou: { measure: "GIoU", name: "1 − GIoU", what: "IoU − empty part of the hull" },
  sum: { measure: "Sum", name: "5 · L1 + 2 · (1 − GIoU)", what: "5 · L1 + 2 · (1 − GIoU)" },
};
const RATE = 0.002; // as in helpers.widgets.boxlab.follow_gradient
const STEPS = 450;
const PER_SECOND = 120;

// L1, IoU and GIoU of two boxes, then the gradients of the three losses: in the order of BoxLab.recompute.
export function labNumbers(box, target) {
  const { iou, giou } = overlap(box, target);
  return [
    l1Distance(box, target),
    iou,
    giou,
    ...["l1", "iou", "giou"].flatMap((name) => boxGradient(name, box, target)),
  ];
}

// The value and the gradient of a loss, "sum" included.
export function labLoss(name, box, target) {
  if (name !== "sum")
    return { value: boxLoss(name, box, target), gradient: boxGradient(name, box, target) };
  const [a, b] = [labLoss("l1", box, target), labLoss("giou", box, target)];
  return {
    value: (5 * a.value + 2 * b.value) / 7,
    gradient: a.gradient.map((part, i) => (5 * part + 2 * b.gradient[i]) / 7),
  };
}

// One step of gradient descent; sides and center stay within their limits.
export function stepDown(name, box, target) {
  const { gradient } = labLoss(name, box, target);
  return box.map((value, i) => clamp(value - RATE * gradient[i], i < 2 ? 0 : 0.01, 1));
}

// Where the descent leads: STEPS + 1 boxes, the first is the start.
export function wayDown(name, box, target, steps = STEPS) {
  const way = [box];
  for (let i = 0; i < steps; i++) way.push(stepDown(name, way[i], target));
  return way;
}

// A box moved and cut so that it lies inside the image.
export function insideImage([x, y, w, h], least = LEAST_SIDE) {
  const side = (value) => clamp(value, least, 1);
  const place = (value, length) => clamp(value, length / 2, 1 - length / 2);
  return [place(x, side(w)), place(y, side(h)), side(w), side(h)];
}

// One corner dragged to a point; the opposite one stays.
export const withCorner = (box, corner, x, y, least = LEAST_SIDE) =>
  insideImage(dragCorner(box, corner, [x, y], least), least);

function render({ model, el }) {
  const shell = makeShell({ model, el }, "boxlab");
  const { get, root } = shell;
  const boxes = () => ({ prediction: get("prediction"), target: get("target") });
  let frame = null;
  const redraw = () => (frame ??= requestAnimationFrame(paint));
  // Changes of a drag reach the page at once, Python with the next redraw.
  function put(values) {
    for (const [name, value] of Object.entries(values)) model.set(name, value);
    redraw();
  }
  const walk = makeWalk({ get, boxes, put, redraw });
  const paper = makePaper({ get, boxes, redraw, move: (name, box) => restart({ [name]: box }) });
  const cards = makeCards({ offers: shell.offers, choose });
  const areas = make("div", { class: "areas" });
  const story = makeStory({ get, walk });
  const scene = makeSceneChooser({ presets: get("presets"), boxes, walk, load });
  const spoken = makeSpoken();

  // A state that a hand made: what was walked from the one before is forgotten.
  function restart(values) {
    walk.forget();
    put(values);
  }
  function load(place) {
    const [prediction, target] = get("presets")[place].boxes;
    restart({ prediction: [...prediction], target: [...target] });
  }
  function reset() {
    paper.release();
    restart(get("initial"));
  }
  function choose(loss) {
    if (!shell.offers("loss")) return;
    walk.stop();
    put({ loss });
  }

  shell.mount(
    "Box lab",
    make(
      "div",
      { class: "knobs" },
      ...shell.offer("scene", scene.element),
      button("Reset", "Back to the first view", reset),
      shell.badge.element,
    ),
    scene.say,
    make(
      "div",
      { class: "board" },
      make("div", { class: "stage" }, paper.svg, areas),
      make(
        "div",
        { class: "side" },
        cards.element,
        ...shell.offer("follow", walk.knobs, story.element, story.chart),
      ),
    ),
    spoken.element,
  );
  const [paperWidth, chartWidth] = [paper.svg, story.chart].map((element) =>
    shell.measure(element, 340, redraw),
  );
  root.timings = []; // milliseconds of each redraw, for the tests

  function paint() {
    frame = null;
    const begun = performance.now();
    walk.advance();
    const unit = letterSize(root);
    const [size, width] = [paperWidth(), chartWidth()];
    const { prediction, target } = boxes();
    scene.paint();
    paper.paint(size, unit, walk.way());
    cards.paint(prediction, target, get("loss"));
    paintAreas(areas, overlap(prediction, target));
    story.paint(width, unit);
    root.numbers = { prediction, target, values: labNumbers(prediction, target) };
    spoken.say(`${cards.summary()}. ${story.element.textContent}`);
    root.timings.push(performance.now() - begun);
    if (root.timings.length > 3000) root.timings.shift();
    model.save_changes();
  }
  shell.follow(["prediction", "target", "loss", "large", "initial"], redraw);
  shell.check(["prediction", "target"], () => labNumbers(get("prediction"), get("target")));
  shell.atEnd(() => cancelAnimationFrame(frame));
  shell.atEnd(spoken.stop);
  paint();
  return shell.close;
}

// What is read out: the newest sentence, once it has stood for a moment.
function makeSpoken() {
  const element = make("p", { class: "spoken", "aria-live": "polite" });
  let speaking = null;
  return {
    element,
    say(words) {
      clearTimeout(speaking);
      speaking = setTimeout(() => (element.textContent = words), 600);
    },
    stop: () => clearTimeout(speaking),
  };
}

// The menu of scenes, and the sentence about the one that is shown.
function makeSceneChooser({ presets, boxes, walk, load }) {
  const menu = make(
    "select",
    { "aria-label": "Scene", onchange: () => load(+menu.value) },
    ...presets.map(({ name }, i) => make("option", { value: i }, name)),
    make("option", { value: -1, hidden: "" }, "your own"),
  );
  const say = make("p", { class: "say" });
  return {
    element: make("label", {}, "scene ", menu),
    say,
    paint() {
      const { prediction, target } = walk.start() ?? boxes();
      const now = JSON.stringify([prediction, target]);
      const place = presets.findIndex((preset) => JSON.stringify(preset.boxes) === now);
      menu.value = place;
      const words =
        presets[place]?.say ?? "Drag a box or a corner. Each measure pulls in its own way.";
      if (say.textContent !== words) say.textContent = words;
    },
  };
}

// Following the gradient: ways down from one start, a way for each loss, so that losses can be compared.
function makeWalk({ get, boxes, put, redraw }) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let run = null, // what is being followed: { loss, way, begun, shown }
    ways = {}, // loss -> the boxes passed so far
    start = null; // where all ways began: { prediction, target }
  const play = button(
    "Follow the gradient",
    "Follow the gradient of the chosen loss",
    follow,
    "primary",
  );
  const one = button("One step", "One step of gradient descent", single);

  function stop() {
    run = null;
    redraw();
  }
  function begin() {
    start ??= { ...boxes() };
    const loss = get("loss");
    return {
      loss,
      way: wayDown(loss, start.prediction, start.target),
      begun: performance.now(),
      shown: 0,
    };
  }
  function follow() {
    if (run) return stop();
    const unfinished = start && ways[get("loss")]?.length <= STEPS && ways[get("loss")];
    run = begin();
    if (unfinished) run.begun -= (1000 * (unfinished.length - 1)) / PER_SECOND;
    if (calm) run.begun -= (1000 * STEPS) / PER_SECOND;
    redraw();
  }
  function single() {
    stop();
    const next = begin();
    show(next, Math.min(ways[next.loss]?.length ?? 1, STEPS));
  }
  function show(one, step) {
    one.shown = step;
    ways[one.loss] = one.way.slice(0, step + 1);
    put({ prediction: one.way[step] });
  }
  const still = (way) => way[0].every((value, i) => Math.abs(value - way[STEPS][i]) < NO_PULL);
  return {
    knobs: make("div", { class: "knobs" }, play, one),
    stop,
    start: () => start,
    ways: () => ways,
    way: () => ways[get("loss")] ?? [], // of the chosen loss
    forget() {
      stop();
      [ways, start] = [{}, null];
    },
    // On to where the time since the beginning leads.
    advance() {
      play.textContent = run ? "Pause" : "Follow the gradient";
      if (!run) return;
      show(run, Math.min(STEPS, Math.floor((PER_SECOND * (performance.now() - run.begun)) / 1000)));
      if (run.shown === STEPS || (run.shown > 60 && still(run.way))) stop();
    },
  };
}

// The picture: two boxes to move, what they share, and where the chosen loss pulls.
function makePaper({ get, boxes, redraw, move }) {
  let active = null; // "prediction", "target" or null: whose corners are shown
  const svg = vector("svg", { class: "paper", role: "group", "aria-label": "Two boxes to move" });
  const shared = makeShared();
  const trail = vector("g", { class: "trail" });
  const arrows = vector("g", { class: "arrows" });
  const activate = (name) => {
    active = name;
    redraw();
  };
  const items = Object.fromEntries(
    ["target", "prediction"].map((name) => [name, makeBox(name, activate)]),
  );
  const handles = [0, 1, 2, 3].map((corner) => {
    const handle = vector("rect", { class: "handle", tabindex: 0, role: "button", rx: 2 });
    handle.onkeydown = (event) => {
      const by = active && arrowOf(event);
      if (!by) return;
      event.preventDefault();
      const [x, y] = cornerPoint(get(active), corner);
      move(active, withCorner(get(active), corner, x + HAND_STEP * by[0], y + HAND_STEP * by[1]));
    };
    return handle;
  });
  for (const [name, { group }] of Object.entries(items))
    group.onkeydown = (event) => {
      const by = event.target === group && arrowOf(event)?.map((value) => HAND_STEP * value);
      if (!by) return;
      event.preventDefault();
      const [x, y, w, h] = get(name);
      move(
        name,
        insideImage(event.shiftKey ? [x, y, w + by[0], h + by[1]] : [x + by[0], y + by[1], w, h]),
      );
    };
  svg.append(shared.element, trail, items.target.group, items.prediction.group, arrows);
  dragBoxes({ svg, get, items, isActive: (name) => active === name, activate, move });

  function paintHandles(size, unit) {
    if (!active) return handles.forEach((handle) => void handle.remove());
    if (handles[0].parentNode !== items[active].group) items[active].group.append(...handles);
    handles.forEach((handle, corner) => {
      const [x, y] = cornerPoint(get(active), corner).map((value) => value * size);
      placeRect(handle, x - 0.36 * unit, y - 0.36 * unit, x + 0.36 * unit, y + 0.36 * unit);
      const where = ["top left", "top right", "bottom right", "bottom left"][corner];
      handle.setAttribute("aria-label", `${active}: ${where} corner, arrow keys resize`);
    });
  }
  function paintTrail(size, way) {
    const ghosts = way.filter((_, i) => i % 40 === 0 && i < way.length - 1);
    trail.replaceChildren(
      ...ghosts.map((box) => {
        const ghost = vector("rect", {});
        placeRect(ghost, ...centerToCorners(box).map((value) => value * size));
        return ghost;
      }),
    );
  }
  return {
    svg,
    release: () => (active = null),
    paint(size, unit, way) {
      const { prediction, target } = boxes();
      const [p, q] = [prediction, target].map((box) =>
        centerToCorners(box).map((value) => value * size),
      );
      svg.setAttribute("viewBox", `0 0 ${size} ${size}`);
      shared.paint(p, q);
      items.target.paint(target, q, size, unit, active === "target");
      items.prediction.paint(prediction, p, size, unit, active === "prediction");
      paintHandles(size, unit);
      paintTrail(size, way);
      const { gradient } = labLoss(get("loss"), prediction, target);
      arrows.setAttribute("class", `arrows ${get("loss")}`);
      arrows.replaceChildren(...drawPull(p, gradient, 0.1 * size, 0.28 * size, unit));
    },
  };
}

function placeRect(rect, l, t, r, b) {
  const sides = { x: l, y: t, width: Math.max(r - l, 0), height: Math.max(b - t, 0) };
  for (const [name, value] of Object.entries(sides)) rect.setAttribute(name, value.toFixed(2));
}

// Hull, both areas and the intersection, below the boxes.
function makeShared() {
  const id = `dots-${Math.random().toString(36).slice(2)}`;
  const dots = vector("pattern", { id, width: 8, height: 8, patternUnits: "userSpaceOnUse" });
  dots.append(vector("circle", { cx: 4, cy: 4, r: 1.1 }));
  const [hull, first, second, shared] = ["hull", "first", "second", "shared"].map((name) =>
    vector("rect", { class: `piece ${name}` }),
  );
  hull.style.fill = `url(#${id})`;
  return {
    element: vector("g", {}, vector("defs", {}, dots), hull, first, second, shared),
    paint(p, q) {
      const [low, high] = [(i) => Math.min(p[i], q[i]), (i) => Math.max(p[i], q[i])];
      placeRect(hull, low(0), low(1), high(2), high(3));
      placeRect(first, ...p);
      placeRect(second, ...q);
      placeRect(shared, high(0), high(1), low(2), low(3));
    },
  };
}

// One of the two boxes, with its name on a tab at its edge.
function makeBox(name, activate) {
  const [frame, tab] = [
    vector("rect", { class: "frame" }),
    vector("rect", { class: "tab", rx: 3 }),
  ];
  const text = vector("text", {}, name);
  const attributes = { tabindex: 0, role: "button", "aria-roledescription": "movable box" };
  const group = vector("g", { class: `box ${name}`, ...attributes }, frame, tab, text);
  group.onfocus = () => activate(name);
  return {
    group,
    hasName: (element) => element === tab || element === text,
    paint(box, [l, t, r, b], size, unit, isActive) {
      placeRect(frame, l, t, r, b);
      const isTarget = name === "target";
      const [width, height] = [(isTarget ? 4.2 : 6) * unit, 1.5 * unit];
      const x = clamp(isTarget ? l - 1.5 : r - width + 1.5, 0, size - width);
      const y = clamp(isTarget ? t - height : b, 0, size - height);
      placeRect(tab, x, y, x + width, y + height);
      text.setAttribute("x", x + width / 2);
      text.setAttribute("y", y + height / 2);
      group.classList.toggle("active", isActive);
      const [cx, cy, w, h] = box.map((value) => value.toFixed(2));
      const keys = "Arrow keys move, with Shift they resize.";
      group.setAttribute("aria-label", `${name}, center ${cx} ${cy}, size ${w} by ${h}. ${keys}`);
    },
  };
}

// Mouse and finger take a box by a corner, its edge or its inside.
function dragBoxes({ svg, get, items, isActive, activate, move }) {
  let drag = null;
  // What lies under a point: a corner (of the active box first), an edge, or else the smaller box around it.
  function hit(event) {
    const [x, y] = placeIn(svg, event);
    const reach = (event.pointerType === "touch" ? 20 : 10) / svg.getBoundingClientRect().width;
    const order = isActive("target") ? ["target", "prediction"] : ["prediction", "target"];
    for (const name of order)
      for (const corner of [0, 1, 2, 3]) {
        const [cx, cy] = cornerPoint(get(name), corner);
        if (Math.abs(cx - x) < reach && Math.abs(cy - y) < reach) return { name, corner, x, y };
      }
    const ranked = order.map((name) => {
      const [l, t, r, b] = centerToCorners(get(name));
      const within = x > l - reach && x < r + reach && y > t - reach && y < b + reach;
      const edge = Math.min(Math.abs(x - l), Math.abs(x - r), Math.abs(y - t), Math.abs(y - b));
      if (items[name].hasName(event.target)) return { name, rank: -2 };
      return { name, rank: !within ? Infinity : edge < reach * 0.6 ? -1 : (r - l) * (b - t) };
    });
    const best = ranked[1].rank < ranked[0].rank ? ranked[1] : ranked[0];
    return best.rank === Infinity ? {} : { name: best.name, x, y };
  }
  dragByTouch(svg, ({ target, touches: [{ clientX, clientY }] }) => {
    return hit({ target, clientX, clientY, pointerType: "touch" }).name;
  });
  svg.onpointerdown = (event) => {
    if (event.button > 0) return;
    const found = hit(event);
    activate(found.name ?? null);
    if (!found.name) return;
    event.preventDefault();
    svg.setPointerCapture(event.pointerId);
    items[found.name].group.focus({ preventScroll: true, focusVisible: false });
    const box = get(found.name);
    drag = { ...found, offset: [box[0] - found.x, box[1] - found.y] };
  };
  svg.onpointermove = (event) => {
    if (!drag) {
      const { name, corner } = hit(event);
      const resize = ["nwse-resize", "nesw-resize"][corner % 2];
      svg.style.cursor = corner !== undefined ? resize : name ? "grab" : "default";
      return;
    }
    const [x, y] = placeIn(svg, event);
    const [, , w, h] = get(drag.name);
    if (drag.corner !== undefined) move(drag.name, withCorner(get(drag.name), drag.corner, x, y));
    else move(drag.name, insideImage([x + drag.offset[0], y + drag.offset[1], w, h]));
  };
  svg.onpointerup = svg.onpointercancel = () => (drag = null);
}

// A card for each loss: its value, where it pulls, and a choice.
function makeCards({ offers, choose }) {
  const cards = Object.entries(LOSSES).map(([key, { measure, name, what }]) => {
    const value = make("output", {});
    const glyph = vector("svg", {
      class: "glyph",
      viewBox: "-42 -38 84 76",
      "aria-hidden": "true",
    });
    const pull = make("small", {});
    const element = make(
      "button",
      { type: "button", class: `card ${key}`, role: "radio", onclick: () => choose(key) },
      make("span", { class: "what" }, make("b", {}, measure), make("small", {}, what), pull),
      value,
      glyph,
    );
    return { key, measure, name, element, value, glyph, pull };
  });
  const element = make("div", {
    class: "cards",
    role: "radiogroup",
    "aria-label": "Loss to follow",
  });
  element.append(...cards.map((card) => card.element));
  element.onkeydown = (event) => {
    const [by, place] = [arrowOf(event), cards.findIndex((card) => card.element === event.target)];
    if (!by || place < 0) return;
    event.preventDefault();
    const next = cards[(place + by[0] + by[1] + cards.length) % cards.length];
    choose(next.key);
    next.element.focus();
  };
  function paintCard(
    { measure, name, element, value, glyph, pull },
    { gradient },
    number,
    isChosen,
  ) {
    const words = describePull(gradient);
    value.textContent = tidy(number, 2);
    pull.textContent = words ? `→ ${words}` : "→ no gradient";
    pull.className = words ? "pull" : "pull none";
    element.setAttribute("aria-checked", isChosen);
    element.tabIndex = isChosen ? 0 : -1;
    element.classList.toggle("fixed", !offers("loss"));
    const says = `Follow ${name}. ${measure} is ${tidy(number, 2)}; the box ${words || "stays"}.`;
    element.setAttribute("aria-label", says);
    const strongest = Math.max(...gradient.map(Math.abs));
    glyph.replaceChildren(
      vector("rect", { x: -18, y: -18, width: 36, height: 36 }),
      ...drawPull([-18, -18, 18, 18], gradient, 30 / Math.max(strongest, 0.6), 19, 17),
    );
  }
  return {
    element,
    summary: () =>
      cards
        .slice(0, 3)
        .map(({ measure, value }) => `${measure} ${value.textContent}`)
        .join(", "),
    paint(prediction, target, chosen) {
      const { iou, giou } = overlap(prediction, target);
      const losses = Object.fromEntries(
        cards.map(({ key }) => [key, labLoss(key, prediction, target)]),
      );
      const values = { l1: l1Distance(prediction, target), iou, giou, sum: losses.sum.value * 7 };
      for (const card of cards)
        paintCard(card, losses[card.key], values[card.key], card.key === chosen);
    },
  };
}

function paintAreas(areas, { intersection, union, hull }) {
  areas.replaceChildren(
    ...Object.entries({ intersection, union, hull }).map(([name, value]) =>
      make("span", {}, make("i", { class: name }), `${name} `, make("b", {}, tidy(value, 3))),
    ),
  );
}

// What following the gradient led to, in a sentence and as a chart of IoU over the steps.
function makeStory({ get, walk }) {
  const element = make("p", { class: "story" });
  const chart = make("div", { class: "chart" });
  let charted = "";
  function tell() {
    const [loss, way] = [LOSSES[get("loss")].name, walk.way()];
    if (way.length < 2) return `Chosen: ${loss}. The arrows show where one step leads.`;
    const step = `Step ${way.length - 1}: ${loss}`;
    const { target } = walk.start();
    const same = (box) => box.every((value, i) => Math.abs(value - way[0][i]) < NO_PULL);
    if (way.every(same)) return `${step} has no gradient here: the box stands still.`;
    const [first, last] = [way[0], way[way.length - 1]].map((box) => overlap(box, target).iou);
    const widest = Math.max(...way.map((box) => box[2]));
    const isWide = widest > 1.2 * Math.max(way[0][2], target[2]);
    const grew = isWide ? `; the box was up to ${tidy(widest, 2)} wide on the way.` : ".";
    return `${step} took IoU from ${tidy(first, 2)} to ${tidy(last, 2)}${grew}`;
  }
  return {
    element,
    chart,
    paint(width, unit) {
      element.textContent = tell();
      const lengths = Object.values(walk.ways()).map((way) => way.length);
      const key = JSON.stringify([width, unit, get("loss"), element.textContent, lengths]);
      if (key === charted) return;
      charted = key;
      chart.replaceChildren(...drawWays(walk, get("loss"), width, unit, element.textContent));
    },
  };
}

// IoU over the steps for each loss that was followed, and the width of the box for the chosen one.
function drawWays(walk, chosen, width, unit, words) {
  const height = 8.6 * unit;
  const [left, right, top, bottom] = [
    2.4 * unit,
    width - 0.8 * unit,
    0.7 * unit,
    height - 1.7 * unit,
  ];
  const [x, y] = [scaleOf([0, STEPS], [left, right]), scaleOf([0, 1], [bottom, top])];
  const { svg, line, write, trace } = makeChart(width, height, `IoU along the way. ${words}`);
  for (const value of [0, 1]) {
    line([left, y(value)], [right, y(value)], { class: "grid" });
    const place = [left - 0.5 * unit, y(value) + 0.35 * unit];
    write(value, place, { class: "tick", "text-anchor": "end" });
  }
  const below = height - 0.35 * unit;
  write("0", [left, below], { class: "tick", "text-anchor": "start" });
  write("step", [(left + right) / 2, below], { class: "tick", "text-anchor": "middle" });
  write(STEPS, [right, below], { class: "tick", "text-anchor": "end" });
  const ways = walk.ways();
  const points = (way, value) => way.map((box, i) => [x(i), y(value(box))]);
  for (const [loss, way] of Object.entries(ways).sort(([a]) => (a === chosen ? 1 : -1))) {
    const iou = points(way, (box) => overlap(box, walk.start().target).iou);
    trace(iou, { class: `${loss} ${loss === chosen ? "now" : "before"}` });
    if (loss === chosen)
      trace(
        points(way, (box) => box[2]),
        { class: "width" },
      );
  }
  const key = (name, text) => make("span", { class: name }, make("i", {}), text);
  const keys = Object.keys(ways).map((loss) => key(loss, `IoU, by ${LOSSES[loss].measure}`));
  if (ways[chosen]) keys.push(key("width", "width of the box"));
  if (!keys.length) keys.push(make("span", {}, "IoU along the way"));
  return [make("div", { class: "keys" }, ...keys), svg];
}

// What one step of descent does to a box drawn at [left, top, right, bottom]: an arrow from its center for the move,
// arrows on its edges for the size, each as long as the gradient is strong; a ring at the center if nothing moves it.
function drawPull([l, t, r, b], gradient, scale, longest, unit) {
  const [x, y] = [(l + r) / 2, (t + b) / 2];
  const down = gradient.map((value) => (Math.abs(value) < NO_PULL ? 0 : -value * scale));
  const length = Math.hypot(down[0], down[1]);
  const shrink = length > longest ? longest / length : 1;
  // Arrows that point inwards end before they meet.
  const cut = (value, side) =>
    Math.sign(value) * Math.min(Math.abs(value) / 2, longest, value < 0 ? 0.4 * side : longest);
  const [w, h] = [cut(down[2], r - l), cut(down[3], b - t)];
  const move = length
    ? drawArrow(x, y, x + down[0] * shrink, y + down[1] * shrink, unit)
    : [vector("circle", { class: "still", cx: x, cy: y, r: 0.3 * unit })];
  const size = [
    w && [l, y, l - w, y],
    w && [r, y, r + w, y],
    h && [x, t, x, t - h],
    h && [x, b, x, b + h],
  ];
  return [...move, ...size.filter(Boolean).flatMap((ends) => drawArrow(...ends, unit))];
}
function drawArrow(x1, y1, x2, y2, unit) {
  const length = Math.hypot(x2 - x1, y2 - y1) || 1;
  const [ux, uy] = [(x2 - x1) / length, (y2 - y1) / length];
  const head = Math.min(0.72 * unit, Math.max(length * 0.7, 0.42 * unit));
  const [bx, by] = [x2 - ux * head, y2 - uy * head];
  const points = [
    x2,
    y2,
    bx - uy * head * 0.55,
    by + ux * head * 0.55,
    bx + uy * head * 0.55,
    by - ux * head * 0.55,
  ];
  const line = { x1, y1, x2: bx, y2: by };
  const shape = points.map((value) => value.toFixed(1)).join(" ");
  return [
    vector("line", { ...line, class: "casing" }),
    vector("polygon", { points: shape, class: "casing" }),
    vector("line", { ...line, class: "shaft" }),
    vector("polygon", { points: shape, class: "head" }),
  ];
}

export default { render };
