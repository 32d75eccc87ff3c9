// A scene: a picture, or plain paper, with predictions and targets, their names, and lines along the match.

const SCENE_WIDTH = 128;
const fixed = (value) => value.toFixed(2);

export const predictionName = (n) => (n < 26 ? "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[n] : `P${n + 1}`);

// Labels in quotes, told apart by dashes where they repeat.
export const targetNames = (labels) =>
  labels.map((label, t) => {
    const before = labels.slice(0, t).filter((other) => other === label);
    return `“${label}”${"′".repeat(before.length)}`;
  });

// Sets only what has changed: of hundreds of boxes a drag moves one.
function put(element, values) {
  for (const [name, value] of Object.entries(values))
    if (element[`_${name}`] !== value) {
      element[`_${name}`] = value;
      element.setAttribute(name, value);
    }
}

// The picture with all boxes. `paint` moves what is there; `find` says what lies under the pointer. `names(probabilities)`
// says whether a prediction's likeliest class is written beside its letter; boxes of the kind `front` are nearer to a hand.
function makeScene(image, size, first, large, { names = isSure, front = "prediction" } = {}) {
  const [W, H] = [SCENE_WIDTH, (SCENE_WIDTH * size[1]) / size[0]];
  const scaled = (box) => [box[0] * W, box[1] * H, box[2] * W, box[3] * H];
  const layer = (name) => vector("g", { class: name });
  const [bodies, lines, chips] = ["bodies", "lines", "chips"].map(layer);
  const zoom = large ? 1.55 : 1.2; // how large the names are
  const add = (kind) => (_, index) => {
    const box = makeSceneBox(kind, index, zoom);
    bodies.append(box.holder);
    chips.append(box.chip);
    return box;
  };
  const [targets, predictions] = [
    first.labels.map(add("target")),
    first.boxes.map(add("prediction")),
  ];
  const links = makeLinks(Math.max(first.labels.length, first.boxes.length));
  lines.append(...links.elements);
  const corners = makeCorners();
  const svg = vector(
    "svg",
    {
      viewBox: `0 0 ${W} ${H}`,
      role: "group",
      "aria-label": "The scene: boxes to move",
      class: "scene",
    },
    vector("rect", { class: "paper", width: W, height: H, rx: 1.5 }),
    ...(image
      ? [vector("image", { href: image, width: W, height: H, preserveAspectRatio: "none" })]
      : []),
    bodies,
    lines,
    chips,
    corners.element,
  );
  let order = "";

  // The surest name lies on top, but for the selected one.
  function raiseChips(highest, selected) {
    const rank = (n) => (selected.kind === "prediction" && selected.index === n ? 2 : highest[n]);
    const rising = predictions.map((_, n) => n).sort((a, b) => rank(a) - rank(b));
    if (order === String(rising)) return;
    order = String(rising);
    chips.append(...rising.map((n) => predictions[n].chip));
    if (front === "target") chips.append(...targets.map(({ chip }) => chip));
  }
  function paint(state, pairs, selected, inspected) {
    const lookOf = (kind, index, more = "") => {
      const isSelected = selected.kind === kind && selected.index === index;
      const isFaded = inspected && inspected[kind === "prediction" ? 0 : 1] !== index;
      const name = `box ${kind}${more}${isSelected ? " selected" : ""}${isFaded ? " faded" : ""}`;
      return { name, isSelected };
    };
    const labels = targetNames(state.labels);
    const named = targets.map((target, t) => {
      const box = state.targetBoxes[t];
      const words = describeTarget(labels[t], t, box, pairs);
      return target.paint(scaled(box), labels[t], words, lookOf("target", t));
    });
    const probabilities = state.logits.map(softmax);
    const highest = probabilities.map((row) => Math.max(...row.slice(0, -1)));
    const own = (n) => pairs?.filter((match) => match[0] === n).map(([, t]) => labels[t]);
    const rank = (n) => highest[n] + (own(n)?.length ? 1 : 0); // owners choose first where their names lie
    const rising = predictions.map((_, n) => n).sort((a, b) => rank(b) - rank(a));
    for (const n of rising) {
      const guess = names(probabilities[n]) ? ` “${probabilities[n].indexOf(highest[n])}”` : "";
      const look = lookOf("prediction", n, own(n)?.length === 0 ? " idle" : "");
      const words = describePrediction(n, guess, state.boxes[n], own(n));
      const box = scaled(state.boxes[n]);
      named.push(predictions[n].paint(box, predictionName(n) + guess, words, look));
    }
    layNames(named, zoom, [W, H]);
    raiseChips(highest, selected);
    links.paint(pairs, inspected, ([n, t]) => [
      scaled(state.boxes[n]),
      scaled(state.targetBoxes[t]),
    ]);
    const chosen = (selected.kind === "prediction" ? state.boxes : state.targetBoxes)[
      selected.index
    ];
    corners.paint(scaled(chosen), selected.kind, inspected);
  }

  const focus = ({ kind, index }) =>
    (kind === "prediction" ? predictions : targets)[index].holder.focus({ preventScroll: true });
  // The box that a key leads to: a prediction by its letter, with Page Down and Page Up the next and the one before.
  function another({ kind, index }, key) {
    const letter = /^[a-z]$/i.test(key) ? key.toUpperCase().charCodeAt(0) - 65 : -1;
    if (predictions[letter]) return { kind: "prediction", index: letter };
    const by = { PageDown: 1, PageUp: -1 }[key];
    if (!by) return null;
    const all = targets.length + predictions.length;
    const place = (all + by + index + (kind === "prediction" ? targets.length : 0)) % all;
    if (place < targets.length) return { kind: "target", index: place };
    return { kind: "prediction", index: place - targets.length };
  }
  const find = (...where) => findBox(...where, front);
  return { svg, paint, focus, another, find };
}

const isSure = (probabilities) => Math.max(...probabilities.slice(0, -1)) >= 0.5;
const sayBox = (box) => {
  const [x, y, w, h] = box.map(fixed);
  return `center ${x} ${y}, size ${w} by ${h}`;
};
function describeTarget(name, t, box, pairs) {
  const owner = pairs?.find((match) => match[1] === t);
  const fate = owner ? `, matched with ${predictionName(owner[0])}` : ", without a prediction";
  return `Target ${name}, ${sayBox(box)}${pairs ? fate : ""}`;
}
// `own` are the names of its targets; undefined where the match is hidden.
function describePrediction(n, guess, box, own) {
  const fate = own?.length ? `, matched with ${own.join(" and ")}` : ", not matched";
  return `Prediction ${predictionName(n)}${guess && `, says${guess}`}, ${sayBox(box)}${own ? fate : ""}`;
}

// Lay the names of what `makeSceneBox` has painted, those that choose first at the front.
function layNames(named, zoom, size) {
  const places = placeNames(named, 6.4 * zoom, size);
  for (const [i, place] of places.entries()) named[i].lay(place);
}

// One box and the chip with its name. `paint` gives what `layNames` wants.
function makeSceneBox(kind, index, zoom) {
  const data = { "data-kind": kind, "data-index": index };
  const body = vector("rect", { class: "body", rx: 0.8 });
  const holder = vector("g", { ...data, class: `box ${kind}`, tabindex: -1, role: "button" }, body);
  const plate = vector("rect", { rx: 1.2 * zoom, height: 6.4 * zoom });
  const text = vector("text", { "font-size": 5 * zoom });
  const chip = vector("g", { ...data, class: `chip ${kind}`, "aria-hidden": "true" }, plate, text);
  return {
    holder,
    chip,
    paint([x, y, w, h], words, label, { name, isSelected }) {
      put(body, { x: fixed(x - w / 2), y: fixed(y - h / 2), width: fixed(w), height: fixed(h) });
      if (text.textContent !== words) text.textContent = words;
      put(holder, { class: name, "aria-label": label, tabindex: isSelected ? 0 : -1 }); // all boxes are one tab stop
      put(chip, { class: name.replace("box", "chip") });
      const width = zoom * (2.8 + 2.9 * words.length);
      const lay = ([left, top]) => {
        put(plate, { x: fixed(left), y: fixed(top), width: fixed(width) });
        put(text, { x: fixed(left + width / 2), y: fixed(top + 4.95 * zoom) });
      };
      return { box: [x, y, w, h], width, isTarget: kind === "target", lay };
    },
  };
}

// A line for each pair, with a dot at both ends.
function makeLinks(count) {
  const links = Array.from({ length: count }, () => {
    const parts = [vector("line", { class: "under" }), vector("line", { class: "match" })];
    const dots = [0, 1].map(() => vector("circle", { r: 1.2, class: "dot" }));
    return { element: vector("g", { class: "link" }, ...parts, ...dots), parts, dots };
  });
  return {
    elements: links.map(({ element }) => element),
    paint(pairs, inspected, endsOf) {
      links.forEach(({ element, parts, dots }, place) => {
        const match = pairs?.[place];
        const isOther = inspected && match && String(match) !== String(inspected);
        put(element, { class: `link${match ? "" : " gone"}${isOther ? " faded" : ""}` });
        if (!match) return;
        const [[x1, y1], [x2, y2]] = endsOf(match).map((end) => end.map(fixed));
        for (const part of parts) put(part, { x1, y1, x2, y2 });
        put(dots[0], { cx: x1, cy: y1 });
        put(dots[1], { cx: x2, cy: y2 });
      });
    },
  };
}

// Handles on the corners of the selected box, clockwise from the top left.
function makeCorners() {
  const corners = [
    [-1, -1],
    [1, -1],
    [1, 1],
    [-1, 1],
  ].map(([x, y], corner) => {
    const cursor = `cursor:${x * y > 0 ? "nwse" : "nesw"}-resize`;
    const reach = vector("circle", { r: 4.6, class: "reach" });
    const knob = vector("rect", { x: -1.5, y: -1.5, width: 3, height: 3, rx: 0.6 });
    return {
      x,
      y,
      handle: vector("g", { class: "handle", "data-corner": corner, style: cursor }, reach, knob),
    };
  });
  const element = vector("g", { class: "handles" }, ...corners.map(({ handle }) => handle));
  return {
    element,
    paint([cx, cy, w, h], kind, inspected) {
      put(element, { class: `handles ${kind}${inspected ? " gone" : ""}` });
      for (const { x, y, handle } of corners)
        put(handle, {
          transform: `translate(${fixed(cx + (x * w) / 2)} ${fixed(cy + (y * h) / 2)})`,
        });
    },
  };
}

// A corner or a name under the pointer; otherwise the selected box, the smallest of the kind in front, the smallest.
function findBox(element, [x, y], state, selected, front) {
  const corner = element.closest?.("[data-corner]");
  if (corner) return { ...selected, corner: +corner.dataset.corner };
  const chip = element.closest?.(".chip");
  if (chip) return { kind: chip.dataset.kind, index: +chip.dataset.index };
  const around = (box) => Math.abs(x - box[0]) <= box[2] / 2 && Math.abs(y - box[1]) <= box[3] / 2;
  const rank = ({ kind, index, box }) =>
    kind === selected.kind && index === selected.index
      ? -1
      : box[2] * box[3] + (kind === front ? 0 : 2);
  const [best] = [
    ...state.boxes.map((box, index) => ({ kind: "prediction", index, box })),
    ...state.targetBoxes.map((box, index) => ({ kind: "target", index, box })),
  ]
    .filter(({ box }) => around(box))
    .sort((a, b) => rank(a) - rank(b));
  return best && { kind: best.kind, index: best.index };
}
