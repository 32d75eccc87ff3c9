// The frame of a piece: its root in the page, the keys that are its own, and rows of buttons that share one tab stop.

// The root of a piece, put where JupyterLab shows it. `label` names it for screen readers.
export function makeRoot({ model, el }, name, label, ...children) {
  const root = make("div", { class: `spl ${name}`, role: "group", "aria-label": label }, ...children);
  root.classList.toggle("large", model.get("large"));
  root.addEventListener("keydown", keepKey);
  el.replaceChildren(root);
  return root;
}

// To JupyterLab `d d` deletes the cell around the piece and an arrow leaves it. So keys stay in the piece, but for those
// that run the cell or save the notebook; and Escape gives the focus back to the notebook.
function keepKey(event) {
  const held = event.ctrlKey || event.metaKey;
  if (event.key === "Escape") leave(event.currentTarget);
  else if (event.key === "Enter" && (held || event.shiftKey || event.altKey)) return;
  else if (event.key.toLowerCase() === "s" && held) return;
  else event.stopPropagation();
}
function leave(root) {
  const cell = root.closest(".jp-Cell");
  if (cell) cell.focus({ preventScroll: true });
  else document.activeElement.blur();
}

// Makes a row of buttons one tab stop: arrows, Home and End go from one to the next. Call it again for other buttons.
export function shareTabStop(row) {
  const stops = () => [...row.children];
  const settle = (stop) => stops().forEach((other) => (other.tabIndex = other === stop ? 0 : -1));
  settle(stops()[0]);
  row.onkeydown = (event) => {
    const last = stops().length - 1;
    const place = stops().indexOf(event.target);
    const to = { ArrowLeft: place - 1, ArrowUp: place - 1, ArrowRight: place + 1, ArrowDown: place + 1, Home: 0, End: last };
    if (place < 0 || !(event.key in to)) return;
    event.preventDefault();
    const next = stops()[(to[event.key] + last + 1) % (last + 1)];
    settle(next);
    next.focus();
  };
  row.onpointerup = (event) => stops().includes(event.target) && settle(event.target);
}
