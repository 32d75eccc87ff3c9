// Hands on the scene: dragging with mouse or finger, arrow keys, and a digit that renames a target.
const [SMALLEST, STEP] = [0.02, 0.01]; // of a dragged side, of an arrow key
const clip = (value, low, high) => Math.max(low, Math.min(high, value));
const tidied = (value) => Math.round(value * 1e4) / 1e4;
const moved = (box, by) => [...[0, 1].map((i) => tidied(clip(box[i] + by[i], 0, 1))), box[2], box[3]];

// Drag a corner, [-1 or 1, -1 or 1]; the opposite one stays.
function resized(box, corner, by) {
  const corners = centerToCorners(box);
  corner.forEach((side, axis) => {
    const [mine, other] = side < 0 ? [axis, axis + 2] : [axis + 2, axis];
    const value = clip(corners[mine] + by[axis], 0, 1);
    corners[mine] = side < 0 ? Math.min(value, corners[other] - SMALLEST) : Math.max(value, corners[other] + SMALLEST);
  });
  const [x, y, w, h] = cornersToCenter(corners);
  return [clip(x, 0, 1), clip(y, 0, 1), clip(w, SMALLEST, 1), clip(h, SMALLEST, 1)].map(tidied);
}

// `hands` holds what they may do: grab(event) and boxOf(kind, index) look; select, move, rename and rest change.
function handleScene(scene, hands) {
  const { svg } = scene;
  let drag = null;
  dragByTouch(svg, (event) => hands.grab(event.target, scene.place(event.touches[0])));
  svg.onpointerdown = (event) => {
    if (event.button > 0) return;
    const at = scene.place(event);
    const grabbed = hands.grab(event.target, at);
    if (!grabbed) return;
    event.preventDefault();
    drag = { ...grabbed, start: at, box: hands.boxOf(grabbed.kind, grabbed.index) };
    try {
      svg.setPointerCapture(event.pointerId);
    } catch {
      // a pointer that a script made up
    }
    scene.focus(grabbed);
    hands.select({ kind: grabbed.kind, index: grabbed.index });
  };
  svg.onpointermove = (event) => {
    if (!drag) return;
    const at = scene.place(event);
    const by = [at[0] - drag.start[0], at[1] - drag.start[1]];
    hands.move(drag.kind, drag.index, drag.corner ? resized(drag.box, drag.corner, by) : moved(drag.box, by), true);
  };
  svg.onpointerup = svg.onpointercancel = () => {
    if (!drag) return;
    drag = null;
    hands.rest();
  };
  svg.addEventListener("focusin", ({ target }) => {
    const box = target.closest("[data-kind]");
    if (box && !drag) hands.select({ kind: box.dataset.kind, index: +box.dataset.index });
  });
  svg.onkeydown = (event) => {
    const holder = event.target.closest("[data-kind]");
    if (!holder || event.ctrlKey || event.metaKey || event.altKey) return;
    const [kind, index] = [holder.dataset.kind, +holder.dataset.index];
    if (kind === "target" && /^\d$/.test(event.key)) return hands.rename(index, +event.key);
    const other = scene.another({ kind, index }, event.key);
    if (other) {
      event.preventDefault();
      return scene.focus(other);
    }
    const by = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
    if (!by) return;
    event.preventDefault();
    const box = hands.boxOf(kind, index);
    const step = by.map((value) => value * STEP);
    const grown = [box[0], box[1], clip(box[2] + step[0], SMALLEST, 1), clip(box[3] + step[1], SMALLEST, 1)];
    hands.move(kind, index, (event.shiftKey ? grown : moved(box, step)).map(tidied), false);
  };
}
