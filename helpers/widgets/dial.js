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
const short = (value) => (value === 0 ? "0" : value >= 0.0995 ? value.toFixed(2) : value.toPrecision(2));

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

function render({ model, el }) {
  const offer = offering(model);
  const badge = makeBadge();
  const state = () => Object.fromEntries(DIALS.map(({ name }) => [name, model.get(name)]));
  const sliders = DIALS.map((dial) => {
    const input = make("input", {
      type: "range",
      ...dial,
      "aria-label": `${dial.label}, ${dial.title}`,
      oninput: () => turn(dial.name, +input.value),
    });
    return { ...dial, input, shown: make("output", {}) };
  });
  const tokens = make("div", { class: "weights", role: "img" });
  const shares = make("div", { class: "shares" });
  const summary = make("p", { class: "summary", "aria-live": "polite" });
  const plot = make("div", { class: "plot" });
  const keys = make("div", { class: "shares" });
  const presets = [
    ["mini-YOLOS", 12, 5, 0.1],
    ["DETR", 100, 7, 0.1],
    ["DETR, eos 1", 100, 7, 1],
    ["empty image", 12, 0, 0.1],
  ];
  const root = makeRoot(
    { model, el },
    "dial",
    "No-object weight",
    make(
      "div",
      { class: "sliders" },
      ...sliders.flatMap(({ name, label, title, input, shown }) =>
        offer(name, make("label", {}, make("b", {}, label), make("span", {}, title), input, shown)),
      ),
    ),
    make("div", { class: "head" }, make("h3", {}, "Weight in the class loss, token by token"), shares),
    tokens,
    summary,
    make("div", { class: "head" }, make("h3", {}, "Pull on one token’s class logit"), keys),
    plot,
    make(
      "div",
      { class: "knobs" },
      ...presets.flatMap(([name, N, T, eos_coef]) =>
        offer(
          "presets",
          button(name, `N ${N}, T ${T}, eos_coef ${eos_coef}`, () => set({ N, T, eos_coef })),
        ),
      ),
      button("Reset", "Back to the first setting", () => set(model.get("initial"))),
      badge.element,
    ),
  );

  function set(changes) {
    for (const [name, value] of Object.entries(changes)) model.set(name, value);
    model.save_changes();
  }
  // T never passes N: moving one takes the other along.
  function turn(name, value) {
    const { N, T } = state();
    set({
      [name]: value,
      ...(name === "N" && T > value ? { T: value } : {}),
      ...(name === "T" && N < value ? { N: value } : {}),
    });
  }

  function paint() {
    const now = state(),
      numbers = dialNumbers(now);
    for (const { name, input, shown } of sliders) {
      input.value = now[name];
      shown.textContent = name === "p" ? percent(now.p) : name === "eos_coef" ? now.eos_coef.toFixed(2) : now[name];
    }
    summary.textContent = describeDial(now);
    shares.replaceChildren(
      make("span", { class: "objects" }, `● objects ${percent(numbers.objects)}`),
      make("span", { class: "none" }, `■ no object ${percent(now.T || now.eos_coef ? 1 - numbers.objects : 0)}`),
    );
    keys.replaceChildren(
      make("span", { class: "objects" }, `● matched: up ${short(numbers.matched)}`),
      make("span", { class: "none" }, `■ unmatched: down ${short(numbers.unmatched)}`),
    );
    tokens.setAttribute("aria-label", summary.textContent);
    tokens.replaceChildren(
      ...Array.from({ length: now.N }, (_, i) =>
        make("i", { class: i < now.T ? "objects" : "none", style: `flex-grow:${i < now.T ? 1 : now.eos_coef}` }),
      ),
    );
    plot.replaceChildren(drawPulls(now, numbers, plot.clientWidth || 700, letterSize(root)));
  }

  model.on("change:N change:T change:eos_coef change:p", paint);
  const watch = new ResizeObserver(paint);
  watch.observe(plot);
  plot.classList.toggle("still", offer("p", plot).length === 0);
  plot.onpointerdown = (event) => {
    if (plot.classList.contains("still")) return;
    plot.setPointerCapture(event.pointerId);
    plot.onpointermove(event);
  };
  plot.onpointermove = (event) => {
    if (!event.buttons || plot.classList.contains("still")) return;
    const share = (event.clientX - plot.getBoundingClientRect().left - plot.firstChild.left) / plot.firstChild.span;
    set({ p: Math.round(100 * Math.max(0.01, Math.min(0.99, share))) / 100 });
  };
  paint();
  const check = followHelpers(model, badge, ["N", "T", "eos_coef", "p"], () => Object.values(dialNumbers(state())));
  root.latencies = check.latencies;
  return () => {
    watch.disconnect();
    check.stop();
    model.off(null, paint);
  };
}

// The two pulls over the confidence p, and a cursor at the chosen p.
function drawPulls(now, numbers, width, em) {
  const [left, right, top, bottom] = [4 * em, width - 2 * em, 1 * em, 9.6 * em];
  const svg = vector("svg", {
    width,
    height: bottom + 2.8 * em,
    role: "img",
    "aria-label": `Gradient on the class logit at p = ${now.p}: matched ${short(numbers.matched)}, unmatched ${short(numbers.unmatched)}`,
  });
  [svg.left, svg.span] = [left, right - left];
  const ends = [dialNumbers({ ...now, p: 0 }), dialNumbers({ ...now, p: 1 })];
  const high = niceCeiling(Math.max(ends[0].matched, ends[1].unmatched, 1e-6));
  const x = (p) => left + p * (right - left),
    y = (value) => bottom - (value / high) * (bottom - top);
  const write = (text, px, py, name, anchor = "start") =>
    svg.append(vector("text", { x: px, y: py, class: name, "text-anchor": anchor }, text));
  const line = (x1, y1, x2, y2, name) => svg.append(vector("line", { x1, y1, x2, y2, class: name }));
  for (const value of [0, high]) {
    line(left, y(value), right, y(value), "grid");
    write(short(value), left - 0.6 * em, y(value) + 0.35 * em, "tick", "end");
  }
  for (const p of [0, 0.5, 1]) write(percent(p), x(p), bottom + 1.3 * em, "tick", "middle");
  write("p: how sure the token says “object”", x(0.5), bottom + 2.6 * em, "tick", "middle");
  line(x(now.p), top - 0.5 * em, x(now.p), bottom, "cursor");
  line(x(0), y(ends[0].matched), x(1), y(ends[1].matched), "pull objects");
  line(x(0), y(ends[0].unmatched), x(1), y(ends[1].unmatched), "pull none");
  for (const name of ["matched", "unmatched"])
    svg.append(
      vector(
        name === "matched" ? "circle" : "rect",
        name === "matched"
          ? { cx: x(now.p), cy: y(numbers.matched), r: 0.42 * em, class: "objects" }
          : {
              x: x(now.p) - 0.38 * em,
              y: y(numbers.unmatched) - 0.38 * em,
              width: 0.76 * em,
              height: 0.76 * em,
              class: "none",
            },
      ),
    );
  return svg;
}

function niceCeiling(value) {
  const unit = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].find((factor) => factor * unit >= value * 0.9999) * unit;
}

export default { render };
