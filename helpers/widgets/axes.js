// A chart: an SVG in pixels to which lines, words and curves are added.

// `name` says to screen readers what is to be seen.
export function makeChart(width, height, name) {
  const svg = vector("svg", { width, height, class: "axes", role: "img", "aria-label": name });
  const add = (tag, attributes, ...children) => svg.append(vector(tag, attributes, ...children));
  return {
    svg,
    add,
    line: ([x1, y1], [x2, y2], attributes) => add("line", { x1, y1, x2, y2, ...attributes }),
    write: (text, [x, y], attributes = {}) => add("text", { x, y, ...attributes }, text),
    // A polyline through points in pixels.
    trace: (points, attributes) =>
      add("polyline", {
        points: points.map((point) => point.map((value) => value.toFixed(1))).join(" "),
        ...attributes,
      }),
  };
}

// What maps values from one range to another: scaleOf([0, 1], [left, right]).
export const scaleOf =
  ([from, to], [start, end]) =>
  (value) =>
    start + ((value - from) / (to - from)) * (end - start);
