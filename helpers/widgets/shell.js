// The frame of a piece: its state, its root in the page, the keys that are its own, and what ends when it leaves.

// Everything a piece has in common with the others. `render` returns its `close`. `agreement`: see `makeBadge`.
export function makeShell({ model, el }, name, agreement) {
  const endings = [];
  const badge = makeBadge(agreement);
  const get = (trait) => model.get(trait);
  const offers = (control) => get("controls").includes(control);
  const root = make("div", { class: `spl ${name}`, role: "group" });
  root.addEventListener("keydown", keepKey);
  const enlarge = () => root.classList.toggle("large", get("large"));

  // Several traits at once: they reach Python together.
  function set(changes) {
    for (const [trait, value] of Object.entries(changes)) model.set(trait, value);
    model.save_changes();
  }
  // Call `react` whenever one of these traits changes, here or in Python.
  function follow(traits, react) {
    model.on(traits.map((trait) => `change:${trait}`).join(" "), react);
    endings.push(() => model.off(null, react));
  }
  // How wide an element is, at first `wide`; `react` is called whenever it has another width.
  function measure(element, wide, react) {
    const ruler = makeRuler(element, wide, react);
    endings.push(ruler.stop);
    return ruler.width;
  }
  // Let the badge compare `numbers()` with what helpers computes of these traits. Gives back what compares once more.
  function check(traits, numbers) {
    const { latencies, compare, stop } = followHelpers(model, badge, traits, numbers);
    root.latencies = latencies; // for the tests
    endings.push(stop);
    return compare;
  }
  // Put the elements into the page. `label` names the piece for screen readers.
  function mount(label, ...elements) {
    root.setAttribute("aria-label", label);
    root.append(...elements);
    enlarge();
    follow(["large"], enlarge);
    el.replaceChildren(root);
  }
  return {
    root,
    badge,
    get,
    set,
    offers,
    offer: (control, ...elements) => (offers(control) ? elements : []), // these, if `controls` names them
    reset: () => set(get("initial")),
    follow,
    measure,
    check,
    mount,
    atEnd: (ending) => endings.push(ending),
    close: () => endings.forEach((ending) => void ending()),
  };
}

// To JupyterLab `d d` deletes the cell around the piece and an arrow leaves it. So keys stay in the piece, but for those
// that run the cell or save the page, and a presenter's Page Up and Page Down; Escape gives the focus back to the page.
function keepKey(event) {
  const held = event.ctrlKey || event.metaKey;
  if (turnsSlide(event)) return;
  if (event.key === "Escape") leave(event.currentTarget);
  else if (event.key === "Enter" && (held || event.shiftKey || event.altKey)) return;
  else if (event.key.toLowerCase() === "s" && held) return;
  else event.stopPropagation();
}
// A presenter's clicker sends Page Down: in a deck it leads on, wherever the focus is.
export function turnsSlide({ key, target }) {
  return /^Page(Up|Down)$/.test(key) && target.closest(".reveal") !== null;
}
function leave(root) {
  const cell = root.closest(".jp-Cell");
  if (cell) cell.focus({ preventScroll: true });
  else document.activeElement.blur();
}

// Makes a row of buttons one tab stop: arrows, Home and End lead from one to the next. Call it again for other buttons.
export function shareTabStop(row) {
  const stops = () => [...row.children];
  function settle(stop) {
    for (const other of stops()) other.tabIndex = other === stop ? 0 : -1;
  }
  settle(stops()[0]);
  row.onkeydown = (event) => {
    const [place, count] = [stops().indexOf(event.target), stops().length];
    const by = arrowOf(event);
    const to = by ? place + by[0] + by[1] : { Home: 0, End: count - 1 }[event.key];
    if (place < 0 || to === undefined) return;
    event.preventDefault();
    const next = stops()[(to + count) % count];
    settle(next);
    next.focus();
  };
  row.onpointerup = (event) => stops().includes(event.target) && settle(event.target);
}
