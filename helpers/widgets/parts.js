// make("button", { class: "x", onclick: f }, children...): an HTML element; vector(...): the same for SVG.
export function make(tag, attributes = {}, ...children) {
  return dress(document.createElement(tag), attributes, children);
}
export function vector(tag, attributes = {}, ...children) {
  return dress(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}
function dress(element, attributes, children) {
  // A title in a piece is none of the headings of the page around it.
  if (/^h\d$/i.test(element.tagName)) element.setAttribute("role", "presentation");
  for (const [name, value] of Object.entries(attributes))
    if (name.startsWith("on")) element[name] = value;
    else if (value !== null && value !== false) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
// What a button says is its name, so that whoever reads it can call it; a label that does not hold it only describes it.
export function button(text, label, onclick, name = "") {
  const isSign = !/\p{L}/u.test(text);
  const isName = isSign || label.toLowerCase().includes(text.toLowerCase());
  const attributes = { type: "button", class: name, "aria-label": isName && label, title: label };
  return make("button", { ...attributes, onclick }, text);
}

// A number with fixed decimals, a true minus sign, and never "-0.00".
export function tidy(value, decimals) {
  if (!Number.isFinite(value)) return "";
  const text = Math.abs(value).toFixed(decimals);
  return value < 0 && Number(text) !== 0 ? `−${text}` : text;
}

// What a text was a moment ago: before the change, or the row of changes of one drag, that led to what it is now; "" where
// that is the same. The answer is a function of the text; `forget` begins anew.
const GESTURE = 700; // milliseconds between two changes that belong together
export function makeMemory() {
  let [last, before, at] = [null, null, -Infinity];
  function was(text) {
    if (text !== last) {
      const now = last === null ? -Infinity : performance.now();
      if (now - at > GESTURE) before = last;
      [last, at] = [text, now];
    }
    return before === null || before === text ? "" : `was ${before}`;
  }
  was.forget = () => ([last, before, at] = [null, null, -Infinity]);
  return was;
}

// What base64 text stands for.
export const bytesOfText = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

// The colour of a share from 0 to 1 on the map that all matrices use.
const CIVIDIS = ["#00224e", "#2a3f6d", "#575d6d", "#7d7c78", "#a59c74", "#d2c060", "#fee838"];
export function cividis(share) {
  const place = Math.max(0, Math.min(1, share)) * (CIVIDIS.length - 1);
  const [from, to] = [CIVIDIS[Math.floor(place)], CIVIDIS[Math.ceil(place)]];
  const mix = (i) => {
    const [a, b] = [from, to].map((hex) => parseInt(hex.slice(i, i + 2), 16));
    return Math.round(a + (b - a) * (place % 1));
  };
  return `rgb(${mix(1)},${mix(3)},${mix(5)})`;
}

// The colour of letters on that map: the one of two that stands out more, 4.5 to 1 at least.
export const inkOn = (share) => (share < 0.468 ? "#fff" : "#000");

// The size of a letter in pixels. An element that is not in the page yet has none; it is drawn again when it is.
export const letterSize = (element) => parseFloat(getComputedStyle(element).fontSize) || 14;

// What knows how wide an element is, in whole pixels, and calls `react` whenever that changes. It says what the browser
// reported last: what is read in the midst of a change of theme or size may be the width of a moment, and when the old one
// is back the browser, which saw no change, reports nothing. While the element is not shown it has no width, and the one
// before holds, at first `wide`.
export function makeRuler(element, wide, react) {
  let reported = null;
  wide = element.clientWidth || wide;
  const watch = new ResizeObserver(([{ contentRect }]) => {
    const now = Math.floor(contentRect.width);
    if (now === reported) return;
    reported = now;
    wide = now || wide;
    react();
  });
  watch.observe(element);
  return { width: () => wide, stop: () => watch.disconnect() };
}
