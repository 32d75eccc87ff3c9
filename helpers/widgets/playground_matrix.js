// The matrices of the playground, and the tabs that choose among them.

function makeTables({ offersView, set, choice }) {
  const tabs = TABS.map(({ name, text, says }) =>
    make("button", { type: "button", title: says, onclick: () => set({ view: name }) }, text),
  );
  const row = make("div", { class: "tabs", role: "group", "aria-label": "Matrix" }, ...tabs);
  shareTabStop(row);
  const title = make("h4", {});
  const frame = make("div", { class: "frame" });
  const meaning = make("p", { class: "hint" });
  // On a narrow page picture and loss come first, and the matrix is folded.
  const fold = button(
    "Matrix of costs",
    "Matrix of costs: show or hide",
    () => open(fold.ariaExpanded !== "true"),
    "fold",
  );
  const open = (is) => {
    fold.ariaExpanded = is;
    element.classList.toggle("open", is);
  };
  const head = make("div", { class: "table-head" }, offersView ? row : title);
  let grids = [];
  function handle(element) {
    const cellOf = ({ n, t }) => n !== undefined && [+n, +t];
    element.onpointerover = ({ target }) =>
      cellOf(target.dataset) && choice.inspect(cellOf(target.dataset));
    element.onpointerleave = () => choice.inspect(null);
    element.onclick = ({ target: { dataset } }) =>
      dataset.n && choice.select({ kind: "prediction", index: +dataset.n });
    element.onblur = () => choice.inspect(null);
    element.onkeydown = (event) => {
      const by = arrowOf(event);
      if (!by) return;
      event.preventDefault();
      choice.walk(by);
    };
  }
  const element = make("div", { class: "tables" }, fold, head, frame, meaning);
  open(false);
  return {
    element,
    build(view, state, { image, size }) {
      TABS.forEach(({ name }, i) => void tabs[i].setAttribute("aria-pressed", name === view));
      const chosen = TABS.find(({ name }) => name === view);
      title.textContent = chosen.text;
      meaning.textContent = chosen.says;
      const names = view === "all" ? VIEWS.map(({ name }) => name) : [view];
      grids = names.map((name) => makeGrid(name, state, view === "all", image, size));
      frame.classList.toggle("all", view === "all");
      frame.replaceChildren(...grids.map((grid) => grid.element));
      for (const grid of grids) handle(grid.element);
    },
    paint(matrices, state, look) {
      for (const grid of grids) grid.paint(matrices[grid.name], state, look);
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
    vector(
      "svg",
      { class: "thumb", "aria-hidden": "true" },
      vector("image", { href: image, width: W, height: H }),
    ),
  );
  const heads = targetNames(state.labels).map((title, t) =>
    make(
      "b",
      { class: "column", style: `grid-area:1/${t + 2}` },
      ...(image && T <= 6 ? [thumbs[t]] : []),
      title,
    ),
  );
  const rows = state.boxes.map((_, n) => make("b", { class: "row" }, predictionName(n)));
  const cells = state.boxes.map((_, n) =>
    state.labels.map((_, t) => make("i", { class: "cell", "data-n": n, "data-t": t })),
  );
  if (small) element.append(make("span", { class: "title" }, view.text), ...cells.flat());
  else element.append(...heads, ...rows, ...cells.flat());
  let last = null;
  function arrange(order) {
    if (last === String(order)) return;
    last = String(order);
    order.forEach((n, place) => {
      rows[n].style.gridArea = `${place + 2}/1`;
      cells[n].forEach(
        (cell, t) => void (cell.style.gridArea = `${place + 2}/${t + (small ? 1 : 2)}`),
      );
    });
  }
  function paintHeads(boxes, chosen) {
    boxes.forEach(([x, y, w, h], t) => {
      const side = 1.12 * Math.max(w * W, h * H);
      const part = [x * W - side / 2, y * H - side / 2, side, side]
        .map((value) => value.toFixed(1))
        .join(" ");
      if (image && !small) put(thumbs[t], { viewBox: part });
    });
    heads.forEach((head, t) => void head.classList.toggle("now", chosen.includes(t)));
  }
  return {
    name,
    element,
    paint(matrix, now, { order, rings, inspected, row, column, decimals }) {
      const flat = matrix.flat();
      const [low, high] = [
        flat.reduce((a, b) => Math.min(a, b), Infinity),
        flat.reduce((a, b) => Math.max(a, b), -Infinity),
      ];
      const ringed = new Set(rings.map(String));
      arrange(order);
      for (let n = 0; n < N; n++) {
        rows[n].classList.toggle("now", n === row || n === inspected?.[0]);
        for (let t = 0; t < T; t++) {
          const share = high > low ? Math.round((63 * (matrix[n][t] - low)) / (high - low)) : 32;
          const isInspected = inspected?.[0] === n && inspected[1] === t;
          const look = `cell${ringed.has(`${n},${t}`) ? " matched" : ""}${isInspected ? " inspected" : ""}`;
          paintCell(cells[n][t], share, look, small ? "" : tidy(matrix[n][t], decimals));
        }
      }
      paintHeads(now.targetBoxes, [column, inspected?.[1]]);
    },
  };
}
function paintCell(cell, share, look, text) {
  if (cell.share !== share) {
    cell.share = share;
    cell.style.backgroundColor = cividis(share / 63);
    cell.style.color = inkOn(share / 63);
  }
  if (cell.shown !== text) cell.textContent = cell.shown = text;
  if (cell.look !== look) cell.className = cell.look = look;
}
