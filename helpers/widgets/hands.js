// What a hand does: arrow keys, a pointer that seeks, a finger that drags.

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const HAND_STEP = 0.01; // of the image, for each press of an arrow key
const LEAST_SIDE = 0.02; // the shortest that a hand can make

export const clamp = (value, low, high) => Math.max(low, Math.min(high, value));

// [right, down] of an arrow key, each -1, 0 or 1; undefined for another key.
export const arrowOf = (event) => ARROWS[event.key];

// The place of a pointer in an element, from [0, 0] at its top left to [1, 1].
export function placeIn(element, event) {
  const area = element.getBoundingClientRect();
  return [(event.clientX - area.left) / area.width, (event.clientY - area.top) / area.height];
}

// A finger that has hold of something (`grabs` says so) drags it and does not scroll the page.
export function dragByTouch(element, grabs) {
  const hold = (event) => event.touches.length === 1 && grabs(event) && event.preventDefault();
  element.addEventListener("touchstart", hold, { passive: false });
}

// Whoever presses the button on the element and moves gets its places: `seek([x, y])`, in pixels from its top left.
export function seekByPointer(element, seek) {
  const tell = (event) => {
    const area = element.getBoundingClientRect();
    seek([event.clientX - area.left, event.clientY - area.top]);
  };
  element.onpointerdown = (event) => {
    element.setPointerCapture(event.pointerId);
    tell(event);
  };
  element.onpointermove = (event) => event.buttons && tell(event);
}
