// Plays a recorded training: everything it shows travels in the widget's `data`, packed by replay.py.

const TOKENS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const CHIP = 6.5; // height of a token's name in the picture of 128
const TRAIL = 12; // recorded steps that the trail of a followed token reaches back
const PER_SECOND = 7; // recorded steps that a playing second shows

// A scene's packed arrays as numbers: boxes [R][N][4] in 0..1, scores [R][N] in 0..1, guesses and owners [R][N].
export function unpackScene(scene, _numSteps, numTokens) {
  const shares = (raw) =>
    Array.from({ length: raw.length / 2 }, (_, i) => (raw[2 * i] + 256 * raw[2 * i + 1]) / 65535);
  const rows = (values, width) =>
    Array.from({ length: values.length / width }, (_, i) =>
      values.slice(i * width, (i + 1) * width),
    );
  return {
    boxes: rows(rows(shares(bytesOfText(scene.boxes)), 4), numTokens),
    scores: rows(shares(bytesOfText(scene.scores)), numTokens),
    guesses: rows([...bytesOfText(scene.guesses)], numTokens),
    owners: rows(
      [...bytesOfText(scene.owners)].map((value) => (value > 127 ? -1 : value)),
      numTokens,
    ),
  };
}

// One recorded step in numbers, in the order of TrainingReplay.recompute.
export const frameNumbers = (unpacked, index) =>
  ["boxes", "scores", "guesses", "owners"].flatMap((name) => unpacked[name][index].flat());

// Where a training step stands on the axis of recorded steps, on which every recorded step has the same width.
export function placeOf(step, steps) {
  const after = steps.findIndex((recorded) => recorded >= step);
  if (after < 0) return steps.length - 1;
  if (after === 0) return 0;
  return after - (steps[after] - step) / (steps[after] - steps[after - 1]);
}

// For one target, who owned it when: [{ token, start, end }] over recorded steps, end exclusive.
export function ownershipRuns(owners, target) {
  const runs = [];
  owners.forEach((row, index) => {
    const token = row.indexOf(target);
    const last = runs[runs.length - 1];
    if (last && last.token === token) last.end = index + 1;
    else runs.push({ token, start: index, end: index + 1 });
  });
  return runs;
}

// The state at a recorded step as one sentence, for screen readers and for the line above the charts.
export function describeReplay(data, scene, unpacked, index) {
  const labels = data.scenes[scene].labels;
  const owned = labels.map((label, target) => {
    const token = unpacked.owners[index].indexOf(target);
    return token < 0 ? `nobody has "${label}"` : `${TOKENS[token]} has "${label}"`;
  });
  const changed = index
    ? labels.filter(
        (_, t) => unpacked.owners[index].indexOf(t) !== unpacked.owners[index - 1].indexOf(t),
      ).length
    : 0;
  const flips = index
    ? ` ${changed} of ${labels.length} changed hands since the last recorded step.`
    : "";
  return `Step ${grouped(data.steps[index])}: ${owned.join(", ") || "nothing to find"}.${flips}`;
}

const grouped = (number) => number.toLocaleString("en-US");

function render({ model, el }) {
  const shell = makeShell({ model, el }, "replay");
  const { get, offer } = shell;
  const data = get("data");
  const last = data.steps.length - 1;
  const scenes = data.scenes.map((scene) => unpackScene(scene, data.steps.length, data.tokens));
  const at = () => clamp(get("index"), 0, last);
  const sceneAt = () => clamp(get("scene"), 0, scenes.length - 1);
  let position = 0; // while it plays, between two recorded steps
  const player = makePlayer({
    what: "recorded step",
    step: (by) => go(at() + by),
    begins: () => (position = at() === last ? 0 : at()),
    tick(seconds) {
      position = Math.min(last, position + seconds * PER_SECOND);
      if (Math.floor(position) !== at()) shell.set({ index: Math.floor(position) });
      else paint();
      return position < last;
    },
    ends: paint,
  });
  const tokens = makeTokens(data, paint);
  const heading = make("h3", {});
  const summary = make("p", { class: "summary", "aria-live": "polite" });
  const picture = make("div", { class: "picture" });
  const idle = make("input", { type: "checkbox", checked: "", onchange: paint });
  const choose = make(
    "select",
    { "aria-label": "Scene", onchange: () => shell.set({ scene: +choose.value }) },
    ...data.scenes.map((scene, i) => make("option", { value: i }, scene.name)),
  );
  const timeline = makeTimeline({
    data,
    at,
    go,
    canSeek: shell.offers("scrub"),
    label: "Recorded step",
  });
  shell.mount(
    "Recorded training",
    make(
      "div",
      { class: "knobs" },
      heading,
      ...offer("play", player.element),
      button("Reset", "Back to the first view", reset),
      make("span", { class: "gap" }),
      ...offer("idle", make("label", {}, idle, " idle tokens")),
      ...offer("scene", make("label", {}, "scene ", choose)),
    ),
    make("div", { class: "say" }, summary, shell.badge.element),
    make(
      "div",
      { class: "board" },
      make("div", { class: "stage" }, picture, ...offer("tokens", tokens.element)),
      make("div", { class: "timeline" }, timeline.charts, ...offer("scrub", timeline.scrub)),
    ),
  );
  const width = shell.measure(timeline.charts, 600, drawCharts);

  function go(index) {
    player.stop();
    shell.set({ index: clamp(Math.round(index), 0, last) });
  }
  function reset() {
    player.stop();
    tokens.follow(null);
    idle.checked = true;
    shell.reset();
    paint();
  }
  function paint() {
    const index = at();
    const unpacked = scenes[sceneAt()];
    heading.textContent = `Step ${grouped(data.steps[index])} of ${grouped(data.steps[last])}`;
    summary.setAttribute("aria-live", player.plays() ? "off" : "polite"); // seven a second are too many to read out
    summary.textContent = describeReplay(data, sceneAt(), unpacked, index);
    choose.value = sceneAt();
    const place = player.plays() ? position : index;
    const now = {
      index,
      position: place,
      followed: tokens.followed(),
      idle: idle.checked,
    };
    const scene = drawScene(data, data.scenes[sceneAt()], unpacked, now);
    scene.setAttribute("aria-label", summary.textContent);
    picture.replaceChildren(scene);
    timeline.paint(place);
  }
  function drawCharts() {
    timeline.draw(sceneAt(), scenes[sceneAt()].owners, width(), letterSize(shell.root));
    paint();
  }
  shell.follow(["index"], paint);
  shell.follow(["scene"], drawCharts);
  shell.atEnd(player.stop);
  drawCharts();
  shell.check(["scene", "index"], () => frameNumbers(scenes[sceneAt()], at()));
  return shell.close;
}

// A button for each token; the one that is pressed is followed.
function makeTokens(data, paint) {
  let followed = null;
  const chips = Array.from({ length: data.tokens }, (_, token) => {
    const press = () => {
      follow(token === followed ? null : token);
      paint();
    };
    const chip = button(TOKENS[token], `Follow token ${TOKENS[token]}`, press, "token");
    chip.style.setProperty("--token", data.colours[token]);
    return chip;
  });
  function follow(token) {
    followed = token;
    chips.forEach((chip, i) => void chip.setAttribute("aria-pressed", i === followed));
  }
  const element = make(
    "div",
    { class: "tokens", role: "group", "aria-label": "Follow one token" },
    ...chips,
  );
  shareTabStop(element);
  return { element, follow, followed: () => followed };
}

// The charts over the recorded steps, which a pointer may seek on, and a slider below them.
function makeTimeline({ data, at, go, canSeek, label }) {
  const charts = make("div", { class: "charts" });
  const range = { type: "range", min: 0, max: data.steps.length - 1, class: "scrub" };
  const scrub = make("input", { ...range, "aria-label": label, oninput: () => go(+scrub.value) });
  let chart = null;
  if (canSeek) seekByPointer(charts, ([x]) => go(chart.indexAt(x)));
  else charts.classList.add("still");
  return {
    charts,
    scrub,
    draw(scene, owners, width, em) {
      chart = drawTimeline(data, scene, owners, width, em);
      charts.replaceChildren(chart.svg);
      scrub.style.marginLeft = `${chart.left - 0.5 * em}px`;
      scrub.style.width = `${chart.right - chart.left + em}px`;
    },
    paint(position) {
      scrub.value = at();
      scrub.setAttribute("aria-valuetext", `step ${data.steps[at()]}`);
      chart?.move(position);
    },
  };
}

// The picture at one step, or between two: targets, boxes of the tokens, the match, and the trail of who is followed.
function drawScene(data, scene, unpacked, { index, position, followed, idle }) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const part = calm ? 0 : position - index;
  const after = unpacked.boxes[Math.min(data.steps.length - 1, index + 1)];
  const boxes = unpacked.boxes[index].map((box, n) =>
    box.map((value, i) => 128 * (value + part * (after[n][i] - value))),
  );
  const targets = scene.targets.map((box) => box.map((value) => 128 * value));
  const owners = unpacked.owners[index];
  const svg = vector("svg", { viewBox: "0 0 128 128", role: "img" });
  svg.append(vector("image", { href: scene.image, width: 128, height: 128 }));
  svg.append(...targets.map((box) => rectangle(box, "target")));
  if (followed !== null)
    svg.append(drawTrail(unpacked.boxes, index, followed, data.colours[followed]));
  const order = boxes
    .map((_, n) => n)
    .filter((n) => owners[n] >= 0 || idle || n === followed)
    .sort((a, b) => owners[a] - owners[b]);
  const names = order.map((n) => {
    const says = owners[n] >= 0 && unpacked.scores[index][n] >= 0.5;
    return TOKENS[n] + (says ? ` "${unpacked.guesses[index][n]}"` : "");
  });
  const wide = names.map((name) => 5.2 + 3.4 * (name.length - 1));
  const first = order.map((n, i) => ({ box: boxes[n], width: wide[i] })).reverse(); // owners choose first
  const places = placeNames(first, CHIP, [128, 128]).reverse();
  for (const [i, n] of order.entries()) {
    const owner = owners[n];
    const faded = followed === null || followed === n ? "" : " faded";
    const look = {
      class: `${owner < 0 ? "idle" : "owner"}${faded}`,
      style: `--token:${data.colours[n]}`,
    };
    const says = chip(names[i], places[i], wide[i]);
    const match = owner < 0 ? [] : drawMatch(boxes[n], targets[owner]);
    svg.append(vector("g", look, ...match, rectangle(boxes[n], "box"), says));
  }
  return svg;
}
function drawTrail(boxes, index, token, colour) {
  const past = boxes.slice(Math.max(0, index - TRAIL), index + 1);
  const centers = past.map((row) => row[token].slice(0, 2).map((value) => 128 * value));
  return vector("polyline", {
    class: "trail",
    style: `--token:${colour}`,
    points: centers.join(" "),
  });
}
function drawMatch([x1, y1], [x2, y2]) {
  return ["under", "match"].map((kind) => vector("line", { class: kind, x1, y1, x2, y2 }));
}

const rectangle = ([x, y, w, h], name) =>
  vector("rect", {
    x: x - w / 2,
    y: y - h / 2,
    width: Math.max(w, 0),
    height: Math.max(h, 0),
    rx: 0.8,
    class: name,
  });

function chip(name, [x, y], width) {
  const plate = vector("rect", { x, y, width, height: CHIP, rx: 1.2 });
  const text = vector("text", { x: x + width / 2, y: y + 5 }, name);
  return vector("g", { class: "chip" }, plate, text);
}

// Loss, precision, flips and ownership over one common axis; `move` shifts the cursor.
function drawTimeline(data, scene, owners, width, em) {
  const name = "Loss, average precision, changing matches and owners over the recorded steps";
  const chart = makeChart(width, 0, name);
  const [left, right] = [3.4 * em, width - 0.8 * em];
  const last = data.steps.length - 1;
  const cell = (right - left) / (last + 1);
  const axis = { left, right, cell, x: (place) => left + (place + 0.5) * cell, width, em };
  let top = 0;
  for (const panel of data.panels) top = drawPanel(chart, axis, panel, data.steps, top);
  top = drawOwners(chart, axis, data, data.scenes[scene], owners, top);
  drawTicks(chart, axis, data, top);
  const cursor = vector("line", { y1: 1.6 * em, y2: top + 2, class: "cursor" });
  chart.svg.append(cursor);
  chart.svg.setAttribute("height", top + 3 * em);
  return {
    svg: chart.svg,
    left,
    right,
    indexAt: (px) => clamp(Math.floor((px - left) / cell), 0, last),
    move(place) {
      cursor.setAttribute("x1", axis.x(place));
      cursor.setAttribute("x2", axis.x(place));
    },
  };
}

// Curves with a title and, where there are several, their names; returns where the next panel begins.
function drawPanel({ line, write, trace }, { left, right, x, width, em }, panel, steps, top) {
  const titleEnd = left + (panel.title.length * 0.62 + 1.2) * em;
  const keyWidth = (curve) => (curve.name.length * 0.58 + 3.1) * em;
  const named = panel.curves.length > 1;
  const keys = named ? panel.curves.reduce((sum, curve) => sum + keyWidth(curve), 0) : 0;
  const below = keys > 0 && titleEnd + keys > width + em; // too narrow for title and keys in one line
  const keyTop = top + (below ? 1.5 * em : 0);
  const [start, height] = [keyTop + 1.9 * em, panel.height * em];
  const y = (value) => start + height * (1 - Math.min(1, value / panel.high));
  let along = below ? left : titleEnd;
  write(panel.title, [left, top + 1.2 * em], { class: "title" });
  for (const curve of panel.curves) {
    const look = { class: `curve ${curve.style}`, stroke: curve.colour };
    trace(
      curve.values.map((value, i) => [x(placeOf(curve.steps[i], steps)), y(value)]),
      look,
    );
    if (!named) continue;
    line([along, keyTop + 0.85 * em], [along + 1.3 * em, keyTop + 0.85 * em], look);
    write(curve.name, [along + 1.6 * em, keyTop + 1.2 * em], { class: "key" });
    along += keyWidth(curve);
  }
  for (const value of [0, panel.high]) {
    line([left, y(value)], [right, y(value)], { class: "grid" });
    const place = [left - 0.5 * em, y(value) + 0.35 * em];
    write(panel.unit ? `${100 * value}%` : value, place, { class: "tick", "text-anchor": "end" });
  }
  return start + height + 0.5 * em;
}

// A row for each target, coloured by the token that owned it; returns where what follows begins.
function drawOwners({ svg, add, write }, { left, cell, em }, data, scene, owners, top) {
  write("owner of each target", [left, top + 1.2 * em], { class: "title" });
  const row = 1.5 * em;
  scene.targets.forEach((box, target) => {
    const y = top + 1.9 * em + row * target + 1;
    svg.append(drawThumb(scene.image, box, left - 0.5 * em - row, y, row - 3));
    for (const run of ownershipRuns(owners, target)) {
      const [x, long] = [left + run.start * cell, (run.end - run.start) * cell];
      const fill = run.token < 0 ? "var(--line)" : data.colours[run.token];
      add("rect", { x, y, width: Math.max(long - 0.7, 0.5), height: row - 3, rx: 2, fill });
      if (long > 1.1 * em && run.token >= 0)
        write(TOKENS[run.token], [x + long / 2, y - 1 + row / 2 + 0.22 * em], { class: "letter" });
    }
  });
  return top + 1.9 * em + row * scene.targets.length;
}
function drawThumb(image, box, x, y, length) {
  const side = Math.max(box[2], box[3]) * 128 * 1.1;
  const viewBox = `${128 * box[0] - side / 2} ${128 * box[1] - side / 2} ${side} ${side}`;
  const picture = vector("image", { href: image, width: 128, height: 128 });
  return vector("svg", { x, y, width: length, height: length, viewBox }, picture);
}

function drawTicks({ write }, { right, x, em }, data, top) {
  let free = -Infinity;
  for (const step of data.ticks) {
    const px = x(placeOf(step, data.steps));
    if (px - free < 2.8 * em) continue;
    free = px;
    const name = step >= 1000 ? `${step / 1000}k` : step;
    write(name, [px, top + 1.3 * em], { class: "tick", "text-anchor": "middle" });
  }
  const place = [right, top + 2.6 * em];
  const words = "training step, every recorded one equally wide";
  write(words, place, { class: "tick", "text-anchor": "end" });
}

export default { render };
