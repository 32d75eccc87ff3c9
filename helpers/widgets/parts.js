// make("button", { class: "x", onclick: f }, children...): an HTML element; vector(...): the same for SVG.
export function make(tag, attributes = {}, ...children) {
  return dress(document.createElement(tag), attributes, children);
}
export function vector(tag, attributes = {}, ...children) {
  return dress(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}
function dress(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes))
    if (name.startsWith("on")) element[name] = value;
    else if (value !== null && value !== false) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
export const button = (text, label, onclick, name = "") =>
  make("button", { type: "button", class: name, "aria-label": label, title: label, onclick }, text);
