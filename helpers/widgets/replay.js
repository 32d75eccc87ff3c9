// Plays a recorded training: everything it shows travels in the widget's `data`, packed by replay.py.

const TOKENS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const TRAIL = 12; // recorded steps that the trail of a followed token reaches back
const PER_SECOND = 7; // recorded steps that a playing second shows

// A scene's packed arrays as numbers: boxes [R][N][4] in 0..1, scores [R][N] in 0..1, guesses and owners [R][N].
export function unpackScene(scene, numSteps, numTokens) {
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const shares = (raw) => Array.from({ length: raw.length / 2 }, (_, i) => (raw[2 * i] + 256 * raw[2 * i + 1]) / 65535);
  const rows = (values, width) =>
    Array.from({ length: values.length / width }, (_, i) => values.slice(i * width, (i + 1) * width));
  return {
    boxes: rows(rows(shares(bytes(scene.boxes)), 4), numTokens),
    scores: rows(shares(bytes(scene.scores)), numTokens),
    guesses: rows([...bytes(scene.guesses)], numTokens),
    owners: rows(
      [...bytes(scene.owners)].map((value) => (value > 127 ? -1 : value)),
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
    ? labels.filter((_, t) => unpacked.owners[index].indexOf(t) !== unpacked.owners[index - 1].indexOf(t)).length
    : 0;
  const flips = index ? ` ${changed} of ${labels.length} changed hands since the last recorded step.` : "";
  return `Step ${grouped(data.steps[index])}: ${owned.join(", ") || "nothing to find"}.${flips}`;
}

const grouped = (number) => number.toLocaleString("en-US");

function render({ model, el }) {
  const data = model.get("data");
  const last = data.steps.length - 1;
  const scenes = data.scenes.map((scene) => unpackScene(scene, data.steps.length, data.tokens));
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const offer = offering(model);
  const badge = makeBadge();
  let frame = null,
    position = model.get("index"),
    chart = null,
    followed = null;

  const heading = make("h3", {});
  const summary = make("p", { class: "summary", "aria-live": "polite" });
  const picture = make("div", { class: "picture" });
  const charts = make("div", { class: "charts" });
  const scrub = make("input", { type: "range", min: 0, max: last, class: "scrub", "aria-label": "Recorded step" });
  const play = button("Play", "Play or pause", () => toggle(), "primary");
  const choose = make(
    "select",
    { "aria-label": "Scene" },
    ...data.scenes.map((scene, i) => make("option", { value: i }, scene.name)),
  );
  const idle = make("input", { type: "checkbox", checked: "" });
  const chips = Array.from({ length: data.tokens }, (_, token) => {
    const chip = button(TOKENS[token], `Follow token ${TOKENS[token]}`, () => follow(token), "token");
    chip.style.setProperty("--token", data.colours[token]);
    return chip;
  });
  const tokens = make("div", { class: "tokens", role: "group", "aria-label": "Follow one token" }, ...chips);
  shareTabStop(tokens);
  const root = makeRoot(
    { model, el },
    "replay",
    "Recorded training",
    make(
      "div",
      { class: "knobs" },
      heading,
      ...offer(
        "play",
        make(
          "span",
          { class: "together" },
          button("‹", "One recorded step back", () => go(at() - 1)),
          play,
          button("›", "One recorded step on", () => go(at() + 1)),
        ),
      ),
      button("Reset", "Back to the first view", reset),
      make("span", { class: "gap" }),
      ...offer("idle", make("label", {}, idle, " idle tokens")),
      ...offer("scene", make("label", {}, "scene ", choose)),
    ),
    make("div", { class: "say" }, summary, badge.element),
    make(
      "div",
      { class: "board" },
      make(
        "div",
        { class: "stage" },
        picture,
        ...offer("tokens", tokens),
      ),
      make("div", { class: "timeline" }, charts, ...offer("scrub", scrub)),
    ),
  );

  const at = () => Math.max(0, Math.min(last, model.get("index")));
  const sceneAt = () => Math.max(0, Math.min(scenes.length - 1, model.get("scene")));
  function set(name, value) {
    model.set(name, value);
    model.save_changes();
  }
  function go(index) {
    toggle(false);
    set("index", Math.max(0, Math.min(last, Math.round(index))));
  }
  function reset() {
    toggle(false);
    follow(null);
    idle.checked = true;
    const first = model.get("initial");
    model.set("scene", first.scene);
    set("index", first.index);
    paint();
  }
  function follow(token) {
    followed = token === followed ? null : token;
    chips.forEach((chip, i) => chip.setAttribute("aria-pressed", i === followed));
    paint();
  }
  function toggle(on = frame === null) {
    cancelAnimationFrame(frame);
    frame = null;
    play.textContent = on ? "Pause" : "Play";
    summary.setAttribute("aria-live", on ? "off" : "polite"); // seven sentences a second are too many to read out
    if (!on) return;
    if (at() === last) set("index", 0);
    let before = null;
    position = at();
    const tick = (now) => {
      position = Math.min(last, position + (before === null ? 0 : ((now - before) / 1000) * PER_SECOND));
      before = now;
      if (Math.floor(position) !== at()) set("index", Math.floor(position));
      else paint();
      if (position >= last) toggle(false);
      else frame = requestAnimationFrame(tick);
    };
    frame = requestAnimationFrame(tick);
  }

  function paint() {
    const index = at();
    if (frame === null) position = index;
    heading.textContent = `Step ${grouped(data.steps[index])} of ${grouped(data.steps[last])}`;
    summary.textContent = describeReplay(data, sceneAt(), scenes[sceneAt()], index);
    scrub.value = index;
    scrub.setAttribute("aria-valuetext", `step ${data.steps[index]}`);
    choose.value = sceneAt();
    picture.replaceChildren(drawScene(index));
    chart?.move(frame === null ? index : position);
  }

  function drawScene(index) {
    const [scene, now] = [data.scenes[sceneAt()], scenes[sceneAt()]];
    const part = calm || frame === null ? 0 : position - index;
    const next = Math.min(last, index + 1);
    const boxes = now.boxes[index].map((box, n) =>
      box.map((value, i) => 128 * (value + part * (now.boxes[next][n][i] - value))),
    );
    const svg = vector(
      "svg",
      { viewBox: "0 0 128 128", role: "img", "aria-label": summary.textContent },
      vector("image", { href: scene.image, width: 128, height: 128 }),
    );
    const targets = scene.targets.map((box) => box.map((value) => 128 * value));
    targets.forEach((box) => svg.append(rectangle(box, "target")));
    const order = boxes.map((_, n) => n).sort((a, b) => now.owners[index][a] - now.owners[index][b]);
    if (followed !== null)
      svg.append(
        vector("polyline", {
          class: "trail",
          style: `--token:${data.colours[followed]}`,
          points: now.boxes
            .slice(Math.max(0, index - TRAIL), index + 1)
            .map((row) => row[followed].slice(0, 2).map((v) => 128 * v))
            .join(" "),
        }),
      );
    for (const n of order) {
      const owner = now.owners[index][n];
      if (owner < 0 && !idle.checked && n !== followed) continue;
      const name = owner < 0 ? "idle" : "owner";
      const group = vector("g", {
        class: `${name}${followed === null || followed === n ? "" : " faded"}`,
        style: `--token:${data.colours[n]}`,
      });
      if (owner >= 0)
        group.append(
          ...["under", "match"].map((kind) =>
            vector("line", {
              class: kind,
              x1: boxes[n][0],
              y1: boxes[n][1],
              x2: targets[owner][0],
              y2: targets[owner][1],
            }),
          ),
        );
      group.append(
        rectangle(boxes[n], "box"),
        chip(boxes[n], TOKENS[n], now.scores[index][n], now.guesses[index][n], owner >= 0),
      );
      svg.append(group);
    }
    return svg;
  }

  function drawCharts() {
    chart = makeChart(
      data,
      sceneAt(),
      scenes[sceneAt()].owners,
      charts.clientWidth || 600,
      letterSize(root),
    );
    charts.replaceChildren(chart.svg);
    scrub.style.marginLeft = `${chart.left - chart.em * 0.5}px`;
    scrub.style.width = `${chart.right - chart.left + chart.em}px`;
    paint();
  }
  charts.classList.toggle("still", offer("scrub", charts).length === 0);
  charts.onpointerdown = (event) => {
    if (charts.classList.contains("still")) return;
    charts.setPointerCapture(event.pointerId);
    go(chart.indexAt(event.clientX - charts.getBoundingClientRect().left));
  };
  charts.onpointermove = (event) => {
    if (event.buttons && !charts.classList.contains("still")) go(chart.indexAt(event.clientX - charts.getBoundingClientRect().left));
  };
  scrub.oninput = () => go(+scrub.value);
  choose.onchange = () => set("scene", +choose.value);
  idle.onchange = paint;
  model.on("change:index", paint);
  model.on("change:scene", drawCharts);
  const watch = new ResizeObserver(drawCharts);
  watch.observe(charts);
  drawCharts();
  const check = followHelpers(model, badge, ["scene", "index"], () => frameNumbers(scenes[sceneAt()], at()));
  root.latencies = check.latencies;
  return () => {
    watch.disconnect();
    check.stop();
    cancelAnimationFrame(frame);
    model.off(null, paint);
    model.off(null, drawCharts);
  };
}

const rectangle = ([x, y, w, h], name) =>
  vector("rect", { x: x - w / 2, y: y - h / 2, width: Math.max(w, 0), height: Math.max(h, 0), rx: 0.8, class: name });

// The token's letter on the lower right corner of its box, kept inside the picture; with what it says, if it owns a target.
function chip([x, y, w, h], letter, score, guess, owner) {
  const text = owner && score >= 0.5 ? `${letter} "${guess}"` : letter;
  const width = 5.2 + 3.4 * (text.length - 1);
  const left = Math.max(0, Math.min(128 - width, x + w / 2 - width)),
    top = Math.max(0, Math.min(121.5, y + h / 2 - 6.5));
  return vector(
    "g",
    { class: "chip" },
    vector("rect", { x: left, y: top, width, height: 6.5, rx: 1.2 }),
    vector("text", { x: left + width / 2, y: top + 5 }, text),
  );
}

// Loss, precision, flips and ownership over one common axis; `move` shifts the cursor.
function makeChart(data, scene, owners, width, em) {
  const [left, right] = [3.4 * em, width - 0.8 * em];
  const last = data.steps.length - 1;
  const cell = (right - left) / (last + 1);
  const x = (place) => left + (place + 0.5) * cell;
  const svg = vector("svg", {
    width,
    role: "img",
    "aria-label": "Loss, average precision, changing matches and owners over the recorded steps",
  });
  const write = (text, px, py, name, more = {}) =>
    svg.append(vector("text", { x: px, y: py, class: name, ...more }, text));
  let top = 0;

  for (const panel of data.panels) {
    const titleEnd = left + (panel.title.length * 0.62 + 1.2) * em;
    const keyWidth = (curve) => (curve.name.length * 0.58 + 3.1) * em;
    const keys = panel.curves.length > 1 ? panel.curves.reduce((sum, curve) => sum + keyWidth(curve), 0) : 0;
    const below = keys > 0 && titleEnd + keys > width + em; // too narrow for title and keys in one line
    const keyTop = top + (below ? 1.5 * em : 0);
    const [start, height] = [keyTop + 1.9 * em, panel.height * em];
    const y = (value) => start + height * (1 - Math.min(1, value / panel.high));
    let along = below ? left : titleEnd;
    write(panel.title, left, top + 1.2 * em, "title");
    for (const curve of panel.curves) {
      const points = curve.values.map((value, i) =>
        [x(placeOf(curve.steps[i], data.steps)), y(value)].map((v) => v.toFixed(1)),
      );
      svg.append(vector("polyline", { points: points.join(" "), class: `curve ${curve.style}`, stroke: curve.colour }));
      if (panel.curves.length > 1) {
        svg.append(
          vector("line", {
            x1: along,
            x2: along + 1.3 * em,
            y1: keyTop + 0.85 * em,
            y2: keyTop + 0.85 * em,
            class: `curve ${curve.style}`,
            stroke: curve.colour,
          }),
        );
        write(curve.name, along + 1.6 * em, keyTop + 1.2 * em, "key");
        along += keyWidth(curve);
      }
    }
    for (const value of [0, panel.high]) {
      svg.append(vector("line", { x1: left, x2: right, y1: y(value), y2: y(value), class: "grid" }));
      write(panel.unit ? `${100 * value}%` : value, left - 0.5 * em, y(value) + 0.35 * em, "tick", {
        "text-anchor": "end",
      });
    }
    top = start + height + 0.5 * em;
  }

  write("owner of each target", left, top + 1.2 * em, "title");
  top += 1.9 * em;
  const row = 1.5 * em;
  data.scenes[scene].targets.forEach((box, target) => {
    const side = Math.max(box[2], box[3]) * 128 * 1.1;
    svg.append(
      vector(
        "svg",
        {
          x: left - 0.5 * em - row,
          y: top + 1,
          width: row - 3,
          height: row - 3,
          viewBox: `${128 * box[0] - side / 2} ${128 * box[1] - side / 2} ${side} ${side}`,
        },
        vector("image", { href: data.scenes[scene].image, width: 128, height: 128 }),
      ),
    );
    for (const run of ownershipRuns(owners, target)) {
      const [from, long] = [left + run.start * cell, (run.end - run.start) * cell];
      svg.append(
        vector("rect", {
          x: from,
          y: top + 1,
          width: Math.max(long - 0.7, 0.5),
          height: row - 3,
          rx: 2,
          fill: run.token < 0 ? "var(--line)" : data.colours[run.token],
        }),
      );
      if (long > 1.1 * em && run.token >= 0)
        write(TOKENS[run.token], from + long / 2, top + row / 2 + 0.22 * em, "letter");
    }
    top += row;
  });
  let free = -Infinity;
  for (const step of data.ticks) {
    const px = x(placeOf(step, data.steps));
    if (px - free < 2.8 * em) continue;
    free = px;
    write(step >= 1000 ? `${step / 1000}k` : step, px, top + 1.3 * em, "tick", { "text-anchor": "middle" });
  }
  write("training step, every recorded one equally wide", right, top + 2.6 * em, "tick", { "text-anchor": "end" });
  const cursor = vector("line", { y1: 1.6 * em, y2: top + 2, class: "cursor" });
  svg.append(cursor);
  svg.setAttribute("height", top + 3 * em);
  return {
    svg,
    em,
    left,
    right,
    indexAt: (px) => Math.max(0, Math.min(last, Math.floor((px - left) / cell))),
    move: (place) => {
      cursor.setAttribute("x1", x(place));
      cursor.setAttribute("x2", x(place));
    },
  };
}

export default { render };
