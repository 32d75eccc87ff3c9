// Hands on the scene: dragging with mouse or finger, arrow keys, keys that lead to another box, and a digit that renames.

const tidied = (value) => Math.round(value * 1e4) / 1e4;
const sideOf = (value) => clamp(value, LEAST_SIDE, 1);
const moved = ([x, y, w, h], by) => [
  tidied(clamp(x + by[0], 0, 1)),
  tidied(clamp(y + by[1], 0, 1)),
  w,
  h,
];
const grown = ([x, y, w, h], by) => [x, y, sideOf(w + by[0]), sideOf(h + by[1])];

// A corner dragged by so much; the opposite one stays.
function resized(box, corner, by) {
  const [x, y, w, h] = dragCorner(
    box,
    corner,
    cornerPoint(box, corner).map((value, axis) => value + by[axis]),
  );
  return [clamp(x, 0, 1), clamp(y, 0, 1), sideOf(w), sideOf(h)].map(tidied);
}

// `hands` holds what they may do: grab(element, place) and boxOf(kind, index) look; select, move, rename, rest change, and
// so does `remove`, where targets can be taken away.
function handleScene(scene, hands) {
  dragByPointer(scene, hands);
  scene.svg.onkeydown = (event) => {
    const holder = event.target.closest("[data-kind]");
    if (!holder || event.ctrlKey || event.metaKey || event.altKey || turnsSlide(event)) return;
    const box = { kind: holder.dataset.kind, index: +holder.dataset.index };
    if (box.kind === "target" && /^\d$/.test(event.key)) return hands.rename(box.index, +event.key);
    if (box.kind === "target" && hands.remove && /^(Delete|Backspace)$/.test(event.key))
      return hands.remove(box.index);
    const [other, arrow] = [scene.another(box, event.key), arrowOf(event)];
    if (!other && !arrow) return;
    event.preventDefault();
    if (other) return scene.focus(other);
    const by = arrow.map((value) => HAND_STEP * value);
    const change = event.shiftKey ? grown : moved;
    hands.move(
      box.kind,
      box.index,
      change(hands.boxOf(box.kind, box.index), by).map(tidied),
      false,
    );
  };
}

function dragByPointer(scene, hands) {
  const { svg } = scene;
  let drag = null;
  dragByTouch(svg, (event) => hands.grab(event.target, placeIn(svg, event.touches[0])));
  svg.onpointerdown = (event) => {
    if (event.button > 0) return;
    const at = placeIn(svg, event);
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
    const at = placeIn(svg, event);
    const by = [at[0] - drag.start[0], at[1] - drag.start[1]];
    const box =
      drag.corner === undefined ? moved(drag.box, by) : resized(drag.box, drag.corner, by);
    hands.move(drag.kind, drag.index, box, true);
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
}
