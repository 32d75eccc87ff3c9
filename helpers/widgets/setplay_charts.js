// The run of SetPlay over its steps: the terms of the loss, the claims, and who owns which target.

const CURVES = {
  class: ({ losses }) => losses.class,
  l1: ({ losses }) => LOSS_WEIGHTS.l1 * losses.l1,
  giou: ({ losses }) => LOSS_WEIGHTS.giou * losses.giou,
  sum: ({ losses }) => losses.total,
  best: ({ setLoss }) => setLoss,
};
const MOST_POINTS = 400; // of a curve
const BEST_DIFFERS = 1e-6;

// For each target, which guess owned it when: [{ owner, from, to }], `to` exclusive; several guesses as one text, such as "AC".
export function ownerRuns(owners) {
  const runs = [];
  owners.forEach((owner, place) => {
    const last = runs[runs.length - 1];
    if (last && last.owner === owner) last.to = place + 1;
    else runs.push({ owner, from: place, to: place + 1 });
  });
  return runs;
}

// The letters of the guesses that own each target: ["C", "A", ""].
export const ownersOf = (pairs, count) =>
  Array.from({ length: count }, (_, t) =>
    pairs
      .filter((pair) => pair[1] === t)
      .map(([n]) => predictionName(n))
      .join(""),
  );

// At how many of the steps the owner of a target was another one than at the step before.
export const countChanges = (frames) =>
  frames.filter(
    ({ owners }, place) => place > 0 && String(owners) !== String(frames[place - 1].owners),
  ).length;

// The charts, a pointer and a slider that seek in them. `go(place)` is told where to. On a projector, where letters are
// large and a page is low, the chart of the claims is left out: the line above says them.
function makeRunCharts(go, isLarge) {
  const bar = makeLossBar();
  const [sum, best, before] = ["sum", "best", "before"].map((name) =>
    make("span", { class: `key ${name}` }),
  );
  const charts = make("div", { class: "charts" });
  const scrub = make("input", {
    type: "range",
    class: "scrub",
    min: 0,
    "aria-label": "Step of this run",
    oninput: () => go(+scrub.value),
  });
  let placeAt = () => 0;
  seekByPointer(charts, ([x]) => go(placeAt(x)));
  return {
    element: make(
      "div",
      { class: "timeline" },
      bar.element,
      make("div", { class: "keys" }, sum, best, before),
      charts,
      scrub,
    ),
    charts,
    paint({ frames, at, ghost }, width, em) {
      const differs = frames.some(
        ({ losses, setLoss }) => Math.abs(losses.total - setLoss) > BEST_DIFFERS,
      );
      const { losses, setLoss } = frames[at];
      bar.paint(losses, false);
      sum.textContent = `sum ${losses.total.toFixed(2)}`;
      best.textContent = `with the best match ${setLoss.toFixed(2)}`;
      before.textContent = ghost ? `the run before, ${ghost.rule}` : "";
      best.hidden = !differs;
      before.hidden = !ghost;
      const drawn = drawRun({ frames, at, ghost, differs, isLarge }, width, em);
      placeAt = drawn.placeAt;
      charts.replaceChildren(drawn.svg);
      scrub.max = frames.length - 1;
      scrub.value = at;
      scrub.setAttribute("aria-valuetext", `step ${frames[at].step}`);
      scrub.style.marginLeft = `${drawn.left - 0.5 * em}px`;
      scrub.style.width = `${drawn.lengthOf(frames.length - 1) + em}px`;
    },
  };
}

function drawRun({ frames, at, ghost, differs, isLarge }, width, em) {
  const first = frames[0].step;
  const leg = Math.max(1, Math.ceil((frames[frames.length - 1].step - first) / LEG)) * LEG;
  const [left, right] = [3.6 * em, width - 0.8 * em];
  const x = scaleOf([first, first + leg], [left, right]);
  const now = frames[at];
  const name = `Loss, claims and owners over the steps; at step ${now.step} the loss is ${now.losses.total.toFixed(2)}`;
  const chart = makeChart(width, 0, name);
  const axis = { left, right, x, em, frames, below: (isLarge ? 6 : 8.6) * em };
  let top = drawLosses(chart, axis, ghost, differs);
  if (!isLarge) top = drawClaims(chart, axis, at, top);
  top = drawOwnerRows(chart, axis, top);
  const middle = { class: "tick", "text-anchor": "middle" };
  for (const step of [first, first + leg / 2, first + leg])
    chart.write(step, [x(step), top + 1.1 * em], middle);
  chart.line([x(now.step), 0.3 * em], [x(now.step), top], { class: "cursor" });
  chart.svg.setAttribute("height", top + 1.6 * em);
  return {
    svg: chart.svg,
    left,
    lengthOf: (steps) => x(first + steps) - left,
    placeAt: (px) => clamp(Math.round(((px - left) / (right - left)) * leg), 0, frames.length - 1),
  };
}

// Some of the places of a long list, and always its last.
function thinned(list) {
  const stride = Math.ceil(list.length / MOST_POINTS);
  return list.filter((_, place) => place % stride === 0 || place === list.length - 1);
}

function drawLosses({ line, write, trace }, { left, right, x, em, frames, below }, ghost, differs) {
  const shown = thinned(frames);
  const old = ghost ? thinned(ghost.frames) : [];
  const high = Math.ceil(
    Math.max(
      1,
      ...[...shown, ...old].map(({ losses, setLoss }) => Math.max(losses.total, setLoss)),
    ),
  );
  const y = scaleOf([0, high], [below, 0.7 * em]);
  for (const value of [0, high]) {
    line([left, y(value)], [right, y(value)], { class: "grid" });
    write(value, [left - 0.5 * em, y(value) + 0.35 * em], { class: "tick", "text-anchor": "end" });
  }
  const last = x(frames[0].step) + right - left;
  const inside = old.filter(({ step }) => x(step) <= last + 1);
  trace(
    inside.map((frame) => [x(frame.step), y(frame.setLoss)]),
    { class: "curve before" },
  );
  for (const [curve, of] of Object.entries(CURVES))
    if (curve !== "best" || differs)
      trace(
        shown.map((frame) => [x(frame.step), y(of(frame))]),
        { class: `curve ${curve}` },
      );
  return below;
}

function drawClaims({ line, write, trace }, { left, right, x, em, frames }, at, top) {
  const { claims, owners, count } = frames[at];
  const title = `${claims} claims, ${owners.length} targets`;
  write(title, [left, top + 1.7 * em], { class: "title" });
  const y = scaleOf([0, count], [top + 5 * em, top + 2.3 * em]);
  for (const value of [0, count]) {
    line([left, y(value)], [right, y(value)], { class: "grid" });
    write(value, [left - 0.5 * em, y(value) + 0.35 * em], { class: "tick", "text-anchor": "end" });
  }
  const shown = thinned(frames);
  trace(
    shown.map((frame) => [x(frame.step), y(frame.owners.length)]),
    { class: "curve targets" },
  );
  trace(
    shown.map((frame) => [x(frame.step), y(frame.claims)]),
    { class: "curve claims" },
  );
  return top + 5 * em;
}

// A row for each target of the newest step; where its owner changes, the green changes too.
function drawOwnerRows({ add, write }, { left, x, em, frames }, top) {
  const newest = frames[frames.length - 1];
  const changes = countChanges(frames);
  const often = changes === 1 ? "1 step" : `${changes} steps`;
  const title = changes ? `owner of each target, changed at ${often}` : "owner of each target";
  write(title, [left, top + 1.7 * em], { class: "title" });
  const row = 1.35 * em;
  newest.names.forEach((label, t) => {
    const y = top + 2.3 * em + row * t;
    const middle = y + row / 2 + 0.32 * em;
    write(label, [left - 0.5 * em, middle], { class: "target", "text-anchor": "end" });
    const paths = ["", "", ""]; // of nobody, and of two greens in turn
    const letters = [];
    ownerRuns(frames.map(({ owners }) => owners[t] ?? "")).forEach(({ owner, from, to }, place) => {
      const [start, end] = [x(frames[from].step), x(frames[0].step + to)];
      paths[owner ? 1 + (place % 2) : 0] +=
        `M${start.toFixed(1)} ${y + 1}H${end.toFixed(1)}v${row - 3}H${start.toFixed(1)}z`;
      if (end - start > (0.3 + 0.75 * owner.length) * em)
        letters.push([owner, [(start + end) / 2, middle]]);
    });
    ["nobody", "one", "other"].forEach((kind, place) => {
      if (paths[place]) add("path", { d: paths[place], class: `owners ${kind}` });
    });
    for (const [owner, place] of letters)
      write(owner, place, { class: "letter", "text-anchor": "middle" });
  });
  return top + 2.3 * em + row * newest.names.length + 0.2 * em;
}
