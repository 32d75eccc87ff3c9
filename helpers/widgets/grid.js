// A matrix of costs as a grid of coloured cells: a row for each prediction, a column for each target.

// `name` and `text` of one of the views: made once, then only what changed is touched.
function makeGrid({ name, text }, state, small, image, size) {
  const [N, T] = [state.boxes.length, state.labels.length];
  const width = small ? 1.7 : T <= 6 ? 3.9 : T <= 10 ? 3.5 : 3.1;
  const element = make("div", {
    class: `grid${small ? " small" : ""}`,
    tabindex: 0,
    role: "group",
    "aria-label": `Matrix ${text}`,
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
  if (small) element.append(make("span", { class: "title" }, text), ...cells.flat());
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
