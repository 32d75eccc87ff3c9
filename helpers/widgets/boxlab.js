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
const LEAST = 0.02; // the shortest side that a hand can make
const NO_PULL = 1e-9;

// L1, IoU and GIoU of two boxes, then the gradients of the three losses: in the order of BoxLab.recompute.
export function labNumbers(box, target) {
  const { iou, giou } = overlap(box, target);
  return [l1Distance(box, target), iou, giou, ...["l1", "iou", "giou"].flatMap((name) => boxGradient(name, box, target))];
}

// The value and the gradient of a loss, "sum" included.
export function labLoss(name, box, target) {
  if (name !== "sum") return { value: boxLoss(name, box, target), gradient: boxGradient(name, box, target) };
  const [a, b] = [labLoss("l1", box, target), labLoss("giou", box, target)];
  return {
    value: (5 * a.value + 2 * b.value) / 7,
    gradient: a.gradient.map((part, i) => (5 * part + 2 * b.gradient[i]) / 7),
  };
}

// One step of gradient descent; sides and center stay within their limits.
export function stepDown(name, box, target) {
  const { gradient } = labLoss(name, box, target);
  return box.map((value, i) => Math.min(1, Math.max(i < 2 ? 0 : 0.01, value - RATE * gradient[i])));
}

// Where the descent leads: STEPS + 1 boxes, the first is the start.
export function wayDown(name, box, target, steps = STEPS) {
  const way = [box];
  for (let i = 0; i < steps; i++) way.push(stepDown(name, way[i], target));
  return way;
}

// A box moved and cut so that it lies inside the image.
export function insideImage([x, y, w, h], least = LEAST) {
  const side = (value) => Math.min(Math.max(value, least), 1);
  const place = (value, length) => Math.min(Math.max(value, length / 2), 1 - length / 2);
  return [place(x, side(w)), place(y, side(h)), side(w), side(h)];
}

// One corner (0 to 3, clockwise from top left) dragged to a point; the opposite one stays.
export function withCorner(box, corner, x, y, least = LEAST) {
  const edges = centerToCorners(box);
  const [i, j] = [corner === 0 || corner === 3 ? 0 : 2, corner < 2 ? 1 : 3];
  const inside = (value) => Math.min(Math.max(value, 0), 1);
  edges[i] = i === 0 ? Math.min(inside(x), edges[2] - least) : Math.max(inside(x), edges[0] + least);
  edges[j] = j === 1 ? Math.min(inside(y), edges[3] - least) : Math.max(inside(y), edges[1] + least);
  return insideImage(cornersToCenter(edges), least);
}

// What a loss does to the box, in words: "moves right, grows wider"; "" where it does nothing.
export function describePull(gradient) {
  const down = gradient.map((value) => (Math.abs(value) < NO_PULL ? 0 : -value));
  const move = [
    ["left", "", "right"][Math.sign(down[0]) + 1],
    ["up", "", "down"][Math.sign(down[1]) + 1],
  ].filter(Boolean);
  const size = [
    ["narrower", "", "wider"][Math.sign(down[2]) + 1],
    ["flatter", "", "taller"][Math.sign(down[3]) + 1],
  ].filter(Boolean);
  return [move.length && `moves ${move.join(" and ")}`, size.length && `gets ${size.join(" and ")}`]
    .filter(Boolean)
    .join(", ");
}

function render({ model, el }) {
  const get = (name) => model.get(name);
  const boxes = () => ({ prediction: get("prediction"), target: get("target") });
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let frame = null,
    active = null, // "prediction", "target" or null
    drag = null,
    run = null, // what is being followed: { loss, way, begun, shown }
    runs = {}, // loss -> way, all from the same start
    start = null; // where these began: { prediction, target }
  const offer = offering(model);
  const offers = (name) => get("controls").includes(name);

  // ---- elements -------------------------------------------------------------------------------------------------
  const svg = vector("svg", { class: "paper", role: "group", "aria-label": "Two boxes to move" });
  const say = make("p", { class: "say" });
  const areas = make("div", { class: "areas" });
  const badge = makeBadge();
  const story = make("p", { class: "story" });
  const spoken = make("p", { class: "spoken", "aria-live": "polite" });
  const chart = make("div", { class: "chart" });
  const play = button("Follow the gradient", "Follow the gradient of the chosen loss", () => follow(), "primary");
  const preset = make(
    "select",
    { "aria-label": "Scene", onchange: () => load(+preset.value) },
    ...get("presets").map(({ name }, i) => make("option", { value: i }, name)),
    make("option", { value: -1, hidden: "" }, "your own"),
  );
  const cards = Object.entries(LOSSES).map(([key, { measure, name, what }]) => {
    const value = make("output", {});
    const glyph = vector("svg", { class: "glyph", viewBox: "-42 -38 84 76", role: "img" });
    const pull = make("small", {});
    const element = make(
      "button",
      { type: "button", class: `card ${key}`, role: "radio", onclick: () => choose(key) },
      make("span", { class: "what" }, make("b", {}, measure), make("small", {}, what), pull),
      value,
      glyph,
    );
    element.onkeydown = (event) => onCardKey(event, key);
    return { key, name, element, value, glyph, pull };
  });
  const root = makeRoot(
    { model, el },
    "boxlab",
    "Box lab",
    make(
      "div",
      { class: "knobs" },
      ...offer("scene", make("label", {}, "scene ", preset)),
      button("Reset", "Back to the first view", reset),
      badge.element,
    ),
    say,
    make(
      "div",
      { class: "board" },
      make("div", { class: "stage" }, svg, areas),
      make(
        "div",
        { class: "side" },
        make("div", { class: "cards", role: "radiogroup", "aria-label": "Loss to follow" }, ...cards.map((c) => c.element)),
        ...offer(
          "follow",
          make("div", { class: "knobs" }, play, button("One step", "One step of gradient descent", () => single())),
          story,
          chart,
        ),
      ),
    ),
    spoken,
  );
  root.timings = []; // milliseconds of each redraw, for the tests

  // ---- changes --------------------------------------------------------------------------------------------------
  function put(values) {
    for (const [name, value] of Object.entries(values)) model.set(name, value);
    schedule();
  }
  function load(place) {
    const [prediction, target] = get("presets")[place].boxes;
    forget();
    put({ prediction: [...prediction], target: [...target] });
  }
  function reset() {
    forget();
    active = null;
    put(get("initial"));
  }
  function choose(loss) {
    if (!offers("loss")) return;
    stop();
    put({ loss });
  }
  function setBox(name, box) {
    forget();
    put({ [name]: box });
  }
  function onCardKey(event, key) {
    const by = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const keys = Object.keys(LOSSES);
    const next = (keys.indexOf(key) + by + keys.length) % keys.length;
    choose(keys[next]);
    cards[next].element.focus();
  }

  // ---- following the gradient -----------------------------------------------------------------------------------
  function forget() {
    stop();
    [runs, start] = [{}, null];
  }
  function stop() {
    run = null;
    schedule();
  }
  // From the same start again, unless a box was dragged since: so that losses can be compared.
  function begin() {
    start ??= { ...boxes() };
    const loss = get("loss");
    return { loss, way: wayDown(loss, start.prediction, start.target), begun: performance.now(), shown: 0 };
  }
  function follow() {
    if (run) return stop();
    const unfinished = start && runs[get("loss")] && runs[get("loss")].length <= STEPS && runs[get("loss")];
    run = begin();
    if (unfinished) run.begun -= (1000 * (unfinished.length - 1)) / PER_SECOND;
    if (calm) run.begun -= (1000 * STEPS) / PER_SECOND;
    schedule();
  }
  function single() {
    stop();
    const next = begin();
    const done = runs[next.loss]?.length ?? 1;
    show(next, Math.min(done, STEPS));
    schedule();
  }
  function advance() {
    if (!run) return;
    show(run, Math.min(STEPS, Math.floor((PER_SECOND * (performance.now() - run.begun)) / 1000)));
    if (run.shown === STEPS || (run.shown > 60 && still(run.way))) stop();
    else schedule();
  }
  function show(one, step) {
    one.shown = step;
    runs[one.loss] = one.way.slice(0, step + 1);
    model.set("prediction", one.way[step]);
  }
  const still = (way) => way[0].every((value, i) => Math.abs(value - way[STEPS][i]) < NO_PULL);

  // ---- the boxes ------------------------------------------------------------------------------------------------
  const pieces = Object.fromEntries(
    ["hull", "first", "second", "shared"].map((name) => [name, vector("rect", { class: `piece ${name}` })]),
  );
  const dots = vector("pattern", { id: `dots-${Math.random().toString(36).slice(2)}`, width: 8, height: 8, patternUnits: "userSpaceOnUse" });
  dots.append(vector("circle", { cx: 4, cy: 4, r: 1.1 }));
  const trail = vector("g", { class: "trail" });
  const arrows = vector("g", { class: "arrows" });
  const items = Object.fromEntries(["target", "prediction"].map((name) => [name, makeBox(name)]));
  const handles = [0, 1, 2, 3].map((corner) => {
    const handle = vector("rect", { class: "handle", tabindex: 0, role: "button", rx: 2 });
    handle.onkeydown = (event) => onHandleKey(event, corner);
    return handle;
  });
  pieces.hull.style.fill = `url(#${dots.id})`;
  const shapes = [pieces.hull, pieces.first, pieces.second, pieces.shared, trail];
  svg.append(vector("defs", {}, dots), ...shapes, items.target.group, items.prediction.group, arrows);

  function makeBox(name) {
    const [frame, tab, text] = [vector("rect", { class: "frame" }), vector("rect", { class: "tab", rx: 3 }), vector("text", {}, name)];
    const group = vector(
      "g",
      { class: `box ${name}`, tabindex: 0, role: "button", "aria-roledescription": "movable box" },
      frame,
      tab,
      text,
    );
    group.onfocus = () => {
      active = name;
      schedule();
    };
    group.onkeydown = (event) => event.target === group && onBoxKey(event, name);
    return { group, frame, tab, text };
  }
  const ARROWS = { ArrowLeft: [-0.01, 0], ArrowRight: [0.01, 0], ArrowUp: [0, -0.01], ArrowDown: [0, 0.01] };
  function onBoxKey(event, name) {
    const by = ARROWS[event.key];
    if (!by) return;
    event.preventDefault();
    const [x, y, w, h] = get(name);
    setBox(name, insideImage(event.shiftKey ? [x, y, w + by[0], h + by[1]] : [x + by[0], y + by[1], w, h]));
  }
  function onHandleKey(event, corner) {
    const by = ARROWS[event.key];
    if (!by || !active) return;
    event.preventDefault();
    const [x, y] = cornerPoint(get(active), corner);
    setBox(active, withCorner(get(active), corner, x + by[0], y + by[1]));
  }
  function cornerPoint(box, corner) {
    const edges = centerToCorners(box);
    return [edges[corner === 0 || corner === 3 ? 0 : 2], edges[corner < 2 ? 1 : 3]];
  }
  function pointOf(event) {
    const area = svg.getBoundingClientRect();
    return [(event.clientX - area.left) / area.width, (event.clientY - area.top) / area.height, area.width];
  }
  // What lies under a point: a corner (of the active box first), an edge, or else the smaller box around it.
  function hit(event) {
    const [x, y, width] = pointOf(event);
    const reach = (event.pointerType === "touch" ? 20 : 10) / width;
    const order = active === "target" ? ["target", "prediction"] : ["prediction", "target"];
    for (const name of order)
      for (const corner of [0, 1, 2, 3]) {
        const [cx, cy] = cornerPoint(get(name), corner);
        if (Math.abs(cx - x) < reach && Math.abs(cy - y) < reach) return { name, corner, x, y };
      }
    const ranked = order.map((name) => {
      const [l, t, r, b] = centerToCorners(get(name));
      const within = x > l - reach && x < r + reach && y > t - reach && y < b + reach;
      const edge = Math.min(Math.abs(x - l), Math.abs(x - r), Math.abs(y - t), Math.abs(y - b));
      const onName = event.target === items[name].tab || event.target === items[name].text;
      return { name, rank: onName ? -2 : !within ? Infinity : edge < reach * 0.6 ? -1 : (r - l) * (b - t) };
    });
    const best = ranked[1].rank < ranked[0].rank ? ranked[1] : ranked[0];
    return best.rank === Infinity ? {} : { name: best.name, x, y };
  }
  dragByTouch(svg, ({ target, touches: [{ clientX, clientY }] }) => hit({ target, clientX, clientY, pointerType: "touch" }).name);
  svg.onpointerdown = (event) => {
    if (event.button > 0) return;
    const found = hit(event);
    active = found.name ?? null;
    schedule();
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
      svg.style.cursor = corner !== undefined ? ["nwse-resize", "nesw-resize"][corner % 2] : name ? "grab" : "default";
      return;
    }
    const [x, y] = pointOf(event);
    const box = get(drag.name);
    if (drag.corner !== undefined) setBox(drag.name, withCorner(box, drag.corner, x, y));
    else setBox(drag.name, insideImage([x + drag.offset[0], y + drag.offset[1], box[2], box[3]]));
  };
  svg.onpointerup = svg.onpointercancel = () => (drag = null);

  // ---- drawing --------------------------------------------------------------------------------------------------
  function place(rect, l, t, r, b) {
    const [width, height] = [Math.max(r - l, 0), Math.max(b - t, 0)];
    for (const [name, value] of Object.entries({ x: l, y: t, width, height })) rect.setAttribute(name, value.toFixed(2));
  }
  function paintBoxes(size, unit) {
    const { prediction, target } = boxes();
    const [p, q] = [prediction, target].map((box) => centerToCorners(box).map((value) => value * size));
    svg.setAttribute("viewBox", `0 0 ${size} ${size}`);
    const [low, high] = [(i) => Math.min(p[i], q[i]), (i) => Math.max(p[i], q[i])];
    place(pieces.hull, low(0), low(1), high(2), high(3));
    place(pieces.first, ...p);
    place(pieces.second, ...q);
    place(pieces.shared, high(0), high(1), low(2), low(3));
    for (const [name, [l, t, r, b]] of [
      ["target", q],
      ["prediction", p],
    ]) {
      const { group, frame, tab, text } = items[name];
      place(frame, l, t, r, b);
      const [width, height] = [(name === "target" ? 4.2 : 6) * unit, 1.5 * unit];
      const clamp = (value, length) => Math.max(0, Math.min(size - length, value));
      const [x, y] = name === "target" ? [clamp(l - 1.5, width), clamp(t - height, height)] : [clamp(r - width + 1.5, width), clamp(b, height)];
      place(tab, x, y, x + width, y + height);
      text.setAttribute("x", x + width / 2);
      text.setAttribute("y", y + height / 2);
      group.classList.toggle("active", active === name);
      const values = get(name).map((value) => value.toFixed(2));
      group.setAttribute(
        "aria-label",
        `${name}, center ${values[0]} ${values[1]}, size ${values[2]} by ${values[3]}. Arrow keys move, with Shift they resize.`,
      );
      if (active === name) {
        if (handles[0].parentNode !== group) group.append(...handles);
        handles.forEach((handle, corner) => {
          const [cx, cy] = cornerPoint(get(name), corner).map((value) => value * size);
          place(handle, cx - 0.36 * unit, cy - 0.36 * unit, cx + 0.36 * unit, cy + 0.36 * unit);
          const where = ["top left", "top right", "bottom right", "bottom left"][corner];
          handle.setAttribute("aria-label", `${name}: ${where} corner, arrow keys resize`);
        });
      }
    }
    if (!active) handles.forEach((handle) => handle.remove());
    const way = runs[get("loss")] ?? [];
    trail.replaceChildren(
      ...way
        .filter((_, i) => i % 40 === 0 && i < way.length - 1)
        .map((box) => {
          const ghost = vector("rect", {});
          place(ghost, ...centerToCorners(box).map((value) => value * size));
          return ghost;
        }),
    );
    const { gradient } = labLoss(get("loss"), prediction, target);
    arrows.setAttribute("class", `arrows ${get("loss")}`);
    arrows.replaceChildren(...drawPull(p, gradient, 0.1 * size, 0.28 * size, unit));
  }

  function paintCards() {
    const { prediction, target } = boxes();
    const { iou, giou } = overlap(prediction, target);
    const values = { l1: l1Distance(prediction, target), iou, giou, sum: labLoss("sum", prediction, target).value * 7 };
    for (const { key, element, value, glyph, pull, name } of cards) {
      const { gradient } = labLoss(key, prediction, target);
      const words = describePull(gradient);
      value.textContent = tidy(values[key], 2);
      pull.textContent = words ? `→ ${words}` : "→ no gradient";
      pull.className = words ? "pull" : "pull none";
      const chosen = get("loss") === key;
      element.setAttribute("aria-checked", chosen);
      element.tabIndex = chosen ? 0 : -1;
      element.classList.toggle("fixed", !offers("loss"));
      element.setAttribute("aria-label", `Follow ${name}. ${LOSSES[key].measure} is ${tidy(values[key], 2)}; the box ${words || "stays"}.`);
      const strongest = Math.max(...gradient.map(Math.abs));
      glyph.replaceChildren(
        vector("rect", { x: -18, y: -18, width: 36, height: 36 }),
        ...drawPull([-18, -18, 18, 18], gradient, 30 / Math.max(strongest, 0.6), 19, 17),
      );
    }
  }
  function paintAreas() {
    const { intersection, union, hull } = overlap(get("prediction"), get("target"));
    const parts = { intersection, union, hull };
    areas.replaceChildren(
      ...Object.entries(parts).map(([name, value]) =>
        make("span", {}, make("i", { class: name }), `${name} `, make("b", {}, tidy(value, 3))),
      ),
    );
  }
  function paintStory() {
    const loss = get("loss");
    const way = runs[loss];
    play.textContent = run ? "Pause" : "Follow the gradient";
    if (!way || way.length < 2) {
      story.textContent = `Chosen: ${LOSSES[loss].name}. The arrows show where one step leads.`;
      return;
    }
    const [first, last] = [way[0], way[way.length - 1]].map((box) => overlap(box, start.target).iou);
    const widest = Math.max(...way.map((box) => box[2]));
    story.textContent =
      `Step ${way.length - 1}: ${LOSSES[loss].name} ` +
      (way.every((box) => box.every((value, i) => Math.abs(value - way[0][i]) < NO_PULL))
        ? "has no gradient here: the box stands still."
        : `took IoU from ${tidy(first, 2)} to ${tidy(last, 2)}` +
          (widest > 1.2 * Math.max(way[0][2], start.target[2])
            ? `; the box was up to ${tidy(widest, 2)} wide on the way.`
            : "."));
  }
  let charted = "";
  function paintChart(width, unit) {
    const key = JSON.stringify([width, unit, get("loss"), story.textContent, Object.values(runs).map((way) => way.length)]);
    if (key === charted) return;
    charted = key;
    const height = 8.6 * unit;
    const [left, right, top, bottom] = [2.4 * unit, width - 0.8 * unit, 0.7 * unit, height - 1.7 * unit];
    const [x, y] = [(step) => left + (step / STEPS) * (right - left), (value) => bottom - value * (bottom - top)];
    const picture = vector("svg", { width, height, role: "img", "aria-label": `IoU along the way. ${story.textContent}` });
    const write = (text, px, py, anchor) => picture.append(vector("text", { x: px, y: py, "text-anchor": anchor }, text));
    for (const value of [0, 1]) {
      picture.append(vector("line", { class: "grid", x1: left, x2: right, y1: y(value), y2: y(value) }));
      write(value, left - 0.5 * unit, y(value) + 0.35 * unit, "end");
    }
    write("0", left, height - 0.35 * unit, "start");
    write("step", (left + right) / 2, height - 0.35 * unit, "middle");
    write(STEPS, right, height - 0.35 * unit, "end");
    const path = (way, value) =>
      way.map((box, i) => `${i ? "L" : "M"}${x(i).toFixed(1)} ${y(value(box)).toFixed(1)}`).join("");
    const chosen = get("loss");
    for (const [loss, way] of Object.entries(runs).sort(([a]) => (a === chosen ? 1 : -1))) {
      const line = path(way, (box) => overlap(box, start.target).iou);
      picture.append(vector("path", { class: `${loss} ${loss === chosen ? "now" : "before"}`, d: line }));
      if (loss === chosen) picture.append(vector("path", { class: "width", d: path(way, (box) => box[2]) }));
    }
    const keys = Object.keys(runs).map((loss) => make("span", { class: loss }, make("i", {}), `IoU, by ${LOSSES[loss].measure}`));
    if (runs[chosen]) keys.push(make("span", { class: "width" }, make("i", {}), "width of the box"));
    chart.replaceChildren(make("div", { class: "keys" }, ...(keys.length ? keys : [make("span", {}, "IoU along the way")])), picture);
  }

  let speaking = null;
  function paint() {
    frame = null;
    const begun = performance.now();
    advance();
    root.classList.toggle("large", get("large"));
    // All sizes are read before anything is written: one layout a redraw.
    const unit = letterSize(root);
    const [size, width] = [svg.clientWidth || 340, chart.clientWidth || 340];
    const place = get("presets").findIndex(({ boxes: [a, b] }) => {
      const from = start ?? boxes();
      return JSON.stringify([a, b]) === JSON.stringify([from.prediction, from.target]);
    });
    preset.value = place;
    const words = get("presets")[place]?.say ?? "Drag a box or a corner. Each measure pulls in its own way.";
    if (say.textContent !== words) say.textContent = words;
    paintBoxes(size, unit);
    paintCards();
    paintAreas();
    paintStory();
    paintChart(width, unit);
    root.numbers = { ...boxes(), values: labNumbers(get("prediction"), get("target")) };
    clearTimeout(speaking);
    const summary = `${cards.slice(0, 3).map(({ key, value }) => `${LOSSES[key].measure} ${value.textContent}`).join(", ")}. ${story.textContent}`;
    speaking = setTimeout(() => (spoken.textContent = summary), 600);
    root.timings.push(performance.now() - begun);
    if (root.timings.length > 3000) root.timings.shift();
    model.save_changes();
  }
  function schedule() {
    frame ??= requestAnimationFrame(paint);
  }
  const changes = "change:prediction change:target change:loss change:large change:initial";
  model.on(changes, schedule);
  const check = followHelpers(model, badge, ["prediction", "target"], () => labNumbers(get("prediction"), get("target")));
  root.latencies = check.latencies; // milliseconds until helpers had answered
  const watch = new ResizeObserver(schedule);
  [root, svg, chart].forEach((part) => watch.observe(part));
  paint();
  return () => {
    cancelAnimationFrame(frame);
    clearTimeout(speaking);
    watch.disconnect();
    check.stop();
    model.off(changes, schedule);
  };
}

// What one step of descent does to a box drawn at [left, top, right, bottom]: an arrow from its center for the move,
// arrows on its edges for the size, each as long as the gradient is strong; a ring at the center if nothing moves it.
function drawPull([l, t, r, b], gradient, scale, longest, unit) {
  const [x, y] = [(l + r) / 2, (t + b) / 2];
  const down = gradient.map((value) => (Math.abs(value) < NO_PULL ? 0 : -value * scale));
  const length = Math.hypot(down[0], down[1]);
  const shrink = length > longest ? longest / length : 1;
  // Arrows that point inwards end before they meet.
  const cut = (value, side) => Math.sign(value) * Math.min(Math.abs(value) / 2, longest, value < 0 ? 0.4 * side : longest);
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
  const points = [x2, y2, bx - uy * head * 0.55, by + ux * head * 0.55, bx + uy * head * 0.55, by - ux * head * 0.55];
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
