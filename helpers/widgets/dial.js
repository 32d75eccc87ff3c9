// The weighted mean behind eos_coef, in closed form; helpers.loss.SetCriterion gives the same numbers by autograd.

// N tokens, T of them matched, and a token that says "my object" with probability p and "no object" with 1 - p.
// `matched` and `unmatched`: the pull on that token's class logit, up and down. `atRest`: how often such a token is
// matched when the two pulls balance.
export function dialNumbers({ N, T, eos_coef, p }) {
  const total = T + eos_coef * (N - T);
  const rest = eos_coef * p + 1 - p;
  return {
    total,
    objects: total > 0 ? T / total : 0,
    matched: T > 0 ? (1 - p) / total : 0,
    unmatched: N > T && total > 0 ? (eos_coef * p) / total : 0,
    atRest: rest > 0 ? (eos_coef * p) / rest : 1,
  };
}

const percent = (share) => `${(100 * share).toFixed(share > 0 && share < 0.0995 ? 1 : 0)}\u00a0%`;
const short = (value) =>
  value === 0 ? "0" : value >= 0.0995 ? value.toFixed(2) : value.toPrecision(2);

// The state in two sentences: the weight, then what a confident token means.
export function describeDial(state) {
  const now = dialNumbers(state);
  if (state.T === 0)
    return state.eos_coef === 0
      ? "No objects and no weight: the image teaches nothing."
      : "No objects: all tokens weigh the same, so eos_coef cancels in the weighted mean and changes nothing.";
  return (
    `${state.T} matched tokens carry ${percent(now.objects)} of the weight. ` +
    (state.N > state.T
      ? `A token that has come to rest at ${percent(state.p)} “object” is matched in ${percent(now.atRest)} of cases.`
      : "")
  );
}

const DIALS = [
  { name: "N", label: "N", title: "tokens", min: 1, max: 100, step: 1 },
  { name: "T", label: "T", title: "objects", min: 0, max: 40, step: 1 },
  { name: "eos_coef", label: "eos_coef", title: "weight of no-object", min: 0, max: 1, step: 0.01 },
  { name: "p", label: "p", title: "the token says: object", min: 0.01, max: 0.99, step: 0.01 },
];

const PRESETS = [
  ["mini-YOLOS", { N: 12, T: 5, eos_coef: 0.1 }],
  ["DETR", { N: 100, T: 7, eos_coef: 0.1 }],
  ["DETR, eos 1", { N: 100, T: 7, eos_coef: 1 }],
  ["empty image", { N: 12, T: 0, eos_coef: 0.1 }],
];

function render({ model, el }) {
  const shell = makeShell({ model, el }, "dial");
  const names = DIALS.map(({ name }) => name);
  const state = () => Object.fromEntries(names.map((name) => [name, shell.get(name)]));
  const sliders = makeSliders(turn, shell.offer);
  const tokens = make("div", { class: "weights", role: "img" });
  const shares = makeKeys();
  const summary = make("p", { class: "summary", "aria-live": "polite" });
  const pulls = makeKeys();
  const plot = make("div", { class: "plot" });
  const presets = PRESETS.map(([name, changes]) => {
    const { N, T, eos_coef } = changes;
    return button(name, `N ${N}, T ${T}, eos_coef ${eos_coef}`, () => shell.set(changes));
  });
  const head = (title, keys) => make("div", { class: "head" }, make("h3", {}, title), keys.element);
  shell.mount(
    "No-object weight",
    sliders.element,
    head("Weight in the class loss, token by token", shares),
    tokens,
    summary,
    head("Pull on one token’s class logit", pulls),
    plot,
    make(
      "div",
      { class: "knobs" },
      ...shell.offer("presets", ...presets),
      button("Reset", "Back to the first setting", shell.reset),
      shell.badge.element,
    ),
  );
  const width = shell.measure(plot, 700, paint);

  // T never passes N: moving one takes the other along.
  function turn(name, value) {
    const { N, T } = state();
    if (name === "N" && T > value) shell.set({ N: value, T: value });
    else if (name === "T" && N < value) shell.set({ N: value, T: value });
    else shell.set({ [name]: value });
  }
  function paint() {
    const now = state();
    const numbers = dialNumbers(now);
    sliders.paint(now);
    summary.textContent = describeDial(now);
    const noObject = now.T || now.eos_coef ? 1 - numbers.objects : 0;
    shares.paint(`objects ${percent(numbers.objects)}`, `no object ${percent(noObject)}`);
    pulls.paint(
      `matched: up ${short(numbers.matched)}`,
      `unmatched: down ${short(numbers.unmatched)}`,
    );
    tokens.setAttribute("aria-label", summary.textContent);
    tokens.replaceChildren(
      ...Array.from({ length: now.N }, (_, i) =>
        make("i", {
          class: i < now.T ? "objects" : "none",
          style: `flex-grow:${i < now.T ? 1 : now.eos_coef}`,
        }),
      ),
    );
    plot.replaceChildren(drawPulls(now, numbers, width(), letterSize(shell.root)));
  }
  if (shell.offers("p"))
    seekByPointer(plot, ([x]) => {
      const { left, span } = plot.firstChild;
      shell.set({ p: Math.round(100 * clamp((x - left) / span, 0.01, 0.99)) / 100 });
    });
  else plot.classList.add("still");
  shell.follow(names, paint);
  paint();
  shell.check(names, () => Object.values(dialNumbers(state())));
  return shell.close;
}

// A slider for each number. `turn(name, value)` is told of a move.
function makeSliders(turn, offer) {
  const sliders = DIALS.map(({ name, label, title, ...range }) => {
    const says = `${label}, ${title}`;
    const oninput = () => turn(name, +input.value);
    const input = make("input", { type: "range", ...range, title, "aria-label": says, oninput });
    const shown = make("output", {});
    const parts = [make("b", {}, label), make("span", {}, title), input, shown];
    return { name, input, shown, element: make("label", {}, ...parts) };
  });
  const written = { p: percent, eos_coef: (value) => value.toFixed(2) };
  return {
    element: make(
      "div",
      { class: "sliders" },
      ...sliders.flatMap(({ name, element }) => offer(name, element)),
    ),
    paint(now) {
      for (const { name, input, shown } of sliders) {
        input.value = now[name];
        shown.textContent = (written[name] ?? String)(now[name]);
      }
    },
  };
}

// What the two colours stand for, with a number each.
function makeKeys() {
  const [objects, none] = ["objects", "none"].map((name) => make("span", { class: name }));
  return {
    element: make("div", { class: "shares" }, objects, none),
    paint(first, second) {
      objects.textContent = `● ${first}`;
      none.textContent = `■ ${second}`;
    },
  };
}

// The two pulls over the confidence p, and a cursor at the chosen p.
function drawPulls(now, numbers, width, em) {
  const [left, right, top, bottom] = [4 * em, width - 2 * em, 1 * em, 9.6 * em];
  const ends = [dialNumbers({ ...now, p: 0 }), dialNumbers({ ...now, p: 1 })];
  const high = niceCeiling(Math.max(ends[0].matched, ends[1].unmatched, 1e-6));
  const [x, y] = [scaleOf([0, 1], [left, right]), scaleOf([0, high], [bottom, top])];
  const values = `matched ${short(numbers.matched)}, unmatched ${short(numbers.unmatched)}`;
  const name = `Gradient on the class logit at p = ${now.p}: ${values}`;
  const { svg, add, line, write } = makeChart(width, bottom + 2.8 * em, name);
  [svg.left, svg.span] = [left, right - left];
  for (const value of [0, high]) {
    line([left, y(value)], [right, y(value)], { class: "grid" });
    const place = [left - 0.6 * em, y(value) + 0.35 * em];
    write(short(value), place, { class: "tick", "text-anchor": "end" });
  }
  const middle = { class: "tick", "text-anchor": "middle" };
  for (const p of [0, 0.5, 1]) write(percent(p), [x(p), bottom + 1.3 * em], middle);
  write("p: how sure the token says “object”", [x(0.5), bottom + 2.6 * em], middle);
  line([x(now.p), top - 0.5 * em], [x(now.p), bottom], { class: "cursor" });
  line([x(0), y(ends[0].matched)], [x(1), y(ends[1].matched)], { class: "pull objects" });
  line([x(0), y(ends[0].unmatched)], [x(1), y(ends[1].unmatched)], { class: "pull none" });
  add("circle", { cx: x(now.p), cy: y(numbers.matched), r: 0.42 * em, class: "objects" });
  const corner = { x: x(now.p) - 0.38 * em, y: y(numbers.unmatched) - 0.38 * em };
  add("rect", { ...corner, width: 0.76 * em, height: 0.76 * em, class: "none" });
  return svg;
}

function niceCeiling(value) {
  const unit = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].find((factor) => factor * unit >= value * 0.9999) * unit;
}

export default { render };
