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
    element.ariaLabel += ": arrow keys walk over its cells";
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
      const views = VIEWS.filter(({ name }) => names.includes(name));
      grids = views.map((one) => makeGrid(one, state, view === "all", image, size));
      frame.classList.toggle("all", view === "all");
      frame.replaceChildren(...grids.map((grid) => grid.element));
      for (const grid of grids) handle(grid.element);
    },
    paint(matrices, state, look) {
      for (const grid of grids) grid.paint(matrices[grid.name], state, look);
    },
  };
}
