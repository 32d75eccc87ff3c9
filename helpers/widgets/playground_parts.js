// What the playground is made of: the scene with its boxes, a matrix, the arithmetic of a cell, the loss bar.

// "E and “4”": what its three costs are and what they add up to.
function arithmetic([n, t], state, matrices) {
  const lines = TERMS.map((name, i) => {
    const value = matrices[name][n][t];
    return make(
      "div",
      { class: "line" },
      make("span", { class: `key ${name}` }, VIEWS[i].text),
      make("span", { class: "product" }, `${+state.weights[i].toFixed(2)} × ${tidy(value, 2)}`),
      make("output", {}, tidy(state.weights[i] * value, 2)),
    );
  });
  return [
    make(
      "h4",
      {},
      make("b", { class: "blue" }, predictionName(n)),
      " and ",
      make("b", { class: "orange" }, targetNames(state.labels)[t]),
    ),
    ...lines,
    make(
      "div",
      { class: "line sum" },
      make("span", {}, "sum"),
      make("span", {}),
      make("output", {}, tidy(matrices.total[n][t], 2)),
    ),
  ];
}

// The picture with all boxes. `paint` moves what is there; `find` says what lies under the pointer.
function makeScene(image, size, first, large) {
  const [W, H] = [128, (128 * size[1]) / size[0]];
  const f = large ? 1.55 : 1.2; // how large the names are
  const layer = (name) => vector("g", { class: name });
  const [bodies, lines, chips, handles] = ["bodies", "lines", "chips", "handles"].map(layer);
  const svg = vector(
    "svg",
    { viewBox: `0 0 ${W} ${H}`, role: "group", "aria-label": "The scene: boxes to move", class: "scene" },
    vector("rect", { class: "paper", width: W, height: H, rx: 1.5 }),
    ...(image ? [vector("image", { href: image, width: W, height: H, preserveAspectRatio: "none" })] : []),
    bodies,
    lines,
    chips,
    handles,
  );
  const one = (kind, index) => {
    const data = { "data-kind": kind, "data-index": index };
    const body = vector("rect", { class: "body", rx: 0.8 });
    const holder = vector("g", { ...data, class: `box ${kind}`, tabindex: -1, role: "button" }, body);
    const [plate, text] = [vector("rect", { rx: 1.2 * f, height: 6.4 * f }), vector("text", { "font-size": 5 * f })];
    const chip = vector("g", { ...data, class: `chip ${kind}`, "aria-hidden": "true" }, plate, text);
    bodies.append(holder);
    chips.append(chip);
    return { holder, body, chip, plate, text };
  };
  const targets = first.labels.map((_, t) => one("target", t));
  const predictions = first.boxes.map((_, n) => one("prediction", n));
  const links = first.labels.map(() => {
    const parts = [vector("line", { class: "under" }), vector("line", { class: "match" })];
    const dots = [0, 1].map(() => vector("circle", { r: 1.2, class: "dot" }));
    const link = vector("g", { class: "link" }, ...parts, ...dots);
    lines.append(link);
    return { link, parts, dots };
  });
  const corners = [-1, 1].flatMap((x) =>
    [-1, 1].map((y) => {
      const handle = vector(
        "g",
        { class: "handle", "data-corner": `${x},${y}`, style: `cursor:${x * y > 0 ? "nwse" : "nesw"}-resize` },
        vector("circle", { r: 4.6, class: "reach" }),
        vector("rect", { x: -1.5, y: -1.5, width: 3, height: 3, rx: 0.6 }),
      );
      handles.append(handle);
      return { handle, x, y };
    }),
  );
  const scaled = (box) => [box[0] * W, box[1] * H, box[2] * W, box[3] * H];
  const put = (element, values) => {
    for (const [name, value] of Object.entries(values))
      if (element[`_${name}`] !== value) {
        element[`_${name}`] = value;
        element.setAttribute(name, value);
      }
  };
  const fixed = (value) => value.toFixed(2);
  let order = "";

  function paintBox({ holder, body, chip, plate, text }, box, words, isTarget, name, label, isSelected) {
    const [x, y, w, h] = scaled(box);
    put(body, { x: fixed(x - w / 2), y: fixed(y - h / 2), width: fixed(w), height: fixed(h) });
    const width = f * (2.8 + 2.9 * words.length);
    const left = clip(isTarget ? x - w / 2 : x + w / 2 - width, 0, W - width);
    const top = clip(isTarget ? y - h / 2 - 6.4 * f : y + h / 2, 0, H - 6.4 * f);
    put(plate, { x: fixed(left), y: fixed(top), width: fixed(width) });
    put(text, { x: fixed(left + width / 2), y: fixed(top + 4.95 * f) });
    if (text.textContent !== words) text.textContent = words;
    put(holder, { class: name, "aria-label": label, tabindex: isSelected ? 0 : -1 }); // all boxes are one tab stop
    put(chip, { class: name.replace("box", "chip") });
  }
  function paint(state, pairs, selected, inspected) {
    const is = (kind, index) => selected.kind === kind && selected.index === index;
    const faded = (kind, index) => inspected && inspected[kind === "prediction" ? 0 : 1] !== index;
    const numbers = (box) => {
      const [x, y, w, h] = box.map(fixed);
      return `center ${x} ${y}, size ${w} by ${h}`;
    };
    const names = targetNames(state.labels);
    const probabilities = state.logits.map((row) => softmax(row).slice(0, -1));
    const highest = probabilities.map((row) => Math.max(...row));
    targets.forEach((parts, t) => {
      const owner = pairs?.find((match) => match[1] === t);
      const fate = pairs ? (owner ? `, matched with ${predictionName(owner[0])}` : ", without a prediction") : "";
      const name = `box target${is("target", t) ? " selected" : ""}${faded("target", t) ? " faded" : ""}`;
      const label = `Target ${names[t]}, ${numbers(state.targetBoxes[t])}${fate}`;
      paintBox(parts, state.targetBoxes[t], names[t], true, name, label, is("target", t));
    });
    predictions.forEach((parts, n) => {
      const guess = highest[n] >= 0.5 ? ` “${probabilities[n].indexOf(highest[n])}”` : "";
      const own = pairs?.filter((match) => match[0] === n) ?? [];
      const fate = pairs
        ? own.length
          ? `, matched with ${own.map(([, t]) => names[t]).join(" and ")}`
          : ", not matched"
        : "";
      const name =
        `box prediction${pairs && !own.length ? " idle" : ""}${is("prediction", n) ? " selected" : ""}` +
        `${faded("prediction", n) ? " faded" : ""}`;
      const says = guess ? `, says${guess}` : "";
      const label = `Prediction ${predictionName(n)}${says}, ${numbers(state.boxes[n])}${fate}`;
      paintBox(parts, state.boxes[n], predictionName(n) + guess, false, name, label, is("prediction", n));
    });
    const rank = (n) => (is("prediction", n) ? 2 : highest[n]);
    const rising = predictions.map((_, n) => n).sort((a, b) => rank(a) - rank(b)); // the surest name lies on top
    if (order !== String(rising)) {
      order = String(rising);
      chips.append(...rising.map((n) => predictions[n].chip));
    }
    links.forEach(({ link, parts, dots }, place) => {
      const match = pairs?.[place];
      const isOther = inspected && match && String(match) !== String(inspected);
      put(link, { class: `link${match ? "" : " gone"}${isOther ? " faded" : ""}` });
      if (!match) return;
      const ends = [scaled(state.boxes[match[0]]), scaled(state.targetBoxes[match[1]])];
      for (const part of parts)
        put(part, { x1: fixed(ends[0][0]), y1: fixed(ends[0][1]), x2: fixed(ends[1][0]), y2: fixed(ends[1][1]) });
      dots.forEach((dot, i) => put(dot, { cx: fixed(ends[i][0]), cy: fixed(ends[i][1]) }));
    });
    const box = (selected.kind === "prediction" ? state.boxes : state.targetBoxes)[selected.index];
    put(handles, { class: `handles ${selected.kind}${inspected ? " gone" : ""}` });
    const [x, y, w, h] = scaled(box);
    for (const corner of corners)
      put(corner.handle, { transform: `translate(${fixed(x + (corner.x * w) / 2)} ${fixed(y + (corner.y * h) / 2)})` });
  }
  return {
    svg,
    paint,
    place(event) {
      const view = svg.getBoundingClientRect();
      return [(event.clientX - view.left) / view.width, (event.clientY - view.top) / view.height];
    },
    focus({ kind, index }) {
      (kind === "prediction" ? predictions : targets)[index].holder.focus({ preventScroll: true });
    },
    // The box that a key leads to: a prediction by its letter, with Page Down and Page Up the next and the one before.
    another({ kind, index }, key) {
      if (/^[a-z]$/i.test(key) && predictions[key.toUpperCase().charCodeAt(0) - 65])
        return { kind: "prediction", index: key.toUpperCase().charCodeAt(0) - 65 };
      const by = { PageDown: 1, PageUp: -1 }[key];
      if (!by) return null;
      const all = targets.length + predictions.length;
      const place = (all + by + index + (kind === "prediction" ? targets.length : 0)) % all;
      return place < targets.length
        ? { kind: "target", index: place }
        : { kind: "prediction", index: place - targets.length };
    },
    // A corner or a name under the pointer; otherwise the selected box, the smallest prediction, the smallest target.
    find(element, [x, y], state, selected) {
      const corner = element.closest?.("[data-corner]");
      if (corner) return { ...selected, corner: corner.dataset.corner.split(",").map(Number) };
      const chip = element.closest?.(".chip");
      if (chip) return { kind: chip.dataset.kind, index: +chip.dataset.index };
      const around = (box) => Math.abs(x - box[0]) <= box[2] / 2 && Math.abs(y - box[1]) <= box[3] / 2;
      const all = [
        ...state.boxes.map((box, index) => ({ kind: "prediction", index, box })),
        ...state.targetBoxes.map((box, index) => ({ kind: "target", index, box })),
      ].filter(({ box }) => around(box));
      const rank = ({ kind, index, box }) =>
        kind === selected.kind && index === selected.index ? -1 : box[2] * box[3] + (kind === "target" ? 2 : 0);
      const best = all.sort((a, b) => rank(a) - rank(b))[0];
      return best && { kind: best.kind, index: best.index };
    },
  };
}

// One matrix: made once, then only what changed is touched.
function makeGrid(name, state, small, image, size) {
  const [N, T] = [state.boxes.length, state.labels.length];
  const view = VIEWS.find((entry) => entry.name === name);
  const width = small ? 1.7 : T <= 6 ? 3.9 : T <= 10 ? 3.5 : 3.1;
  const element = make("div", {
    class: `grid${small ? " small" : ""}`,
    tabindex: 0,
    role: "group",
    "aria-label": `Matrix ${view.text}: arrow keys walk over its cells`,
    style: `grid-template-columns:${small ? "" : "2.3em "}repeat(${T},${width}em)`,
  });
  const [W, H] = [128, (128 * size[1]) / size[0]];
  const thumbs = state.labels.map(() =>
    vector("svg", { class: "thumb", "aria-hidden": "true" }, vector("image", { href: image, width: W, height: H })),
  );
  const heads = targetNames(state.labels).map((title, t) =>
    make("b", { class: "column", style: `grid-area:1/${t + 2}` }, ...(image && T <= 6 ? [thumbs[t]] : []), title),
  );
  const rows = state.boxes.map((_, n) => make("b", { class: "row" }, predictionName(n)));
  const cells = state.boxes.map((_, n) =>
    state.labels.map((_, t) => make("i", { class: "cell", "data-n": n, "data-t": t })),
  );
  if (small) element.append(make("span", { class: "title" }, view.text), ...cells.flat());
  else element.append(...heads, ...rows, ...cells.flat());
  let last = null;
  return {
    name,
    element,
    paint(matrix, now, { order, rings, inspected, row, column, decimals }) {
      const flat = matrix.flat();
      const low = flat.reduce((a, b) => Math.min(a, b), Infinity),
        high = flat.reduce((a, b) => Math.max(a, b), -Infinity);
      const ringed = new Set(rings.map(String));
      if (last !== String(order)) {
        last = String(order);
        order.forEach((n, place) => {
          rows[n].style.gridArea = `${place + 2}/1`;
          cells[n].forEach((cell, t) => (cell.style.gridArea = `${place + 2}/${t + (small ? 1 : 2)}`));
        });
      }
      for (let n = 0; n < N; n++) {
        rows[n].classList.toggle("now", n === row || n === inspected?.[0]);
        for (let t = 0; t < T; t++) {
          const cell = cells[n][t];
          const share = high > low ? Math.round((63 * (matrix[n][t] - low)) / (high - low)) : 32;
          if (cell.share !== share) {
            cell.share = share;
            cell.style.backgroundColor = cividis(share / 63);
            cell.style.color = share < 35 ? "#fff" : "#111";
          }
          if (!small) {
            const text = tidy(matrix[n][t], decimals);
            if (cell.shown !== text) cell.textContent = cell.shown = text;
          }
          const isInspected = inspected?.[0] === n && inspected[1] === t;
          const look = `cell${ringed.has(`${n},${t}`) ? " matched" : ""}${isInspected ? " inspected" : ""}`;
          if (cell.look !== look) cell.className = cell.look = look;
        }
      }
      now.targetBoxes.forEach(([x, y, w, h], t) => {
        const side = 1.12 * Math.max(w * W, h * H);
        const view = [x * W - side / 2, y * H - side / 2, side, side].map((value) => value.toFixed(1)).join(" ");
        if (image && !small && thumbs[t].view !== view) thumbs[t].setAttribute("viewBox", (thumbs[t].view = view));
      });
      heads.forEach((head, t) => head.classList.toggle("now", t === column || t === inspected?.[1]));
    },
  };
}

// The three terms of the loss, stacked, and their sum.
function makeLossBar() {
  const weights = { class: 1, l1: 5, giou: 2 };
  const parts = TERMS.map((name) => make("i", { class: name }));
  const keys = TERMS.map((name) => make("span", { class: `key ${name}` }));
  const total = make("b", { class: "loss-total" });
  const track = make("div", { class: "track", role: "img" }, ...parts);
  const element = make(
    "div",
    { class: "loss" },
    make("div", { class: "loss-head" }, make("h4", {}, "Loss of this match"), ...keys, total),
    track,
  );
  let scale = 0;
  return {
    element,
    rescale: () => (scale = 0),
    paint(losses, hidden) {
      element.classList.toggle("hidden", hidden);
      scale = scale === 0 ? 2 * losses.total : Math.max(scale, losses.total);
      TERMS.forEach((name, i) => {
        const value = weights[name] * losses[name];
        parts[i].style.width = `${(100 * value) / (scale || 1)}%`;
        keys[i].textContent = `${VIEWS[i].text} ${weights[name]} × ${losses[name].toFixed(2)} = ${value.toFixed(2)}`;
      });
      total.textContent = losses.total.toFixed(2);
      const terms = keys.map((key) => key.textContent).join(", ");
      track.setAttribute("aria-label", `Loss ${losses.total.toFixed(2)}: ${terms}`);
    },
  };
}
