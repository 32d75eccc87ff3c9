// Beside the matrix: the arithmetic of a cell, what the selected prediction says, as sliders, or what the selected target
// is, as a choice; and the loss of the match.
const LEAST_P = 0.001;
const MOST_SLIDERS = 6;

// Give class `k` of a row of logits the probability p; the others share the rest as before.
export function withProbability(logits, k, p) {
  const before = softmax(logits);
  const share = Math.max(LEAST_P, Math.min(1 - LEAST_P, p));
  const rest = before.reduce((sum, value, i) => (i === k ? sum : sum + value), 0);
  return before.map((value, i) => {
    const now =
      i === k
        ? share
        : rest > 1e-9
          ? (value * (1 - share)) / rest
          : (1 - share) / (before.length - 1);
    return Math.round(1e6 * Math.log(Math.max(now, 1e-9))) / 1e6;
  });
}

// `offers(name)` says which controls there are; `speak(n, k, p)` and `rename(t, label)` change the state.
function makeSays({ offers, speak, rename }) {
  const element = make("div", { class: "says" });
  let [built, rows] = ["", []];
  function sliders(n, classes, none) {
    rows = classes.map((k) => {
      const name = k === none ? "nothing" : `“${k}”`;
      const input = make("input", {
        type: "range",
        min: 0,
        max: 1,
        step: 0.005,
        "aria-label": `Probability that ${predictionName(n)} gives to ${name}`,
        oninput: () => speak(n, k, +input.value),
      });
      return { k, input, output: make("output", {}), name };
    });
    element.replaceChildren(
      make("h4", {}, make("b", { class: "blue" }, predictionName(n)), " says"),
      ...rows.map(({ name, input, output }) =>
        make("label", {}, make("span", {}, name), input, output),
      ),
      make("p", { class: "hint" }),
    );
  }
  function paintSliders(n, now) {
    const probabilities = softmax(now.logits[n]);
    const none = now.logits[n].length - 1;
    const classes = [...[...new Set(now.labels)].slice(0, MOST_SLIDERS), none];
    const key = `prediction ${n}: ${classes}`;
    if (built !== key) sliders(n, classes, none);
    built = key;
    for (const { k, input, output } of rows) {
      input.value = probabilities[k];
      output.textContent = percent(probabilities[k]);
    }
    const others = Math.max(0, 1 - classes.reduce((sum, k) => sum + probabilities[k], 0));
    element.lastChild.textContent =
      now.logits[n].length > classes.length ? `other classes ${percent(others)}` : "";
  }
  function paintChoice(t, now) {
    const numClasses = now.logits[0].length - 1;
    const key = `target ${t} of ${numClasses}`;
    if (built !== key) {
      const choice = make(
        "select",
        { onchange: () => rename(t, +choice.value) },
        ...Array.from({ length: numClasses }, (_, k) => make("option", { value: k }, `“${k}”`)),
      );
      element.replaceChildren(make("h4", {}), make("div", { class: "choice" }, "It is ", choice));
    }
    built = key;
    const name = targetNames(now.labels)[t];
    element.firstChild.replaceChildren("Target ", make("b", { class: "orange" }, name));
    const choice = element.querySelector("select");
    choice.setAttribute("aria-label", `Label of target ${name}`);
    choice.value = now.labels[t];
  }
  return {
    element,
    paint({ kind, index }, now) {
      if (kind === "prediction" && offers("probabilities")) paintSliders(index, now);
      else if (kind === "target" && offers("labels")) paintChoice(index, now);
      else {
        element.replaceChildren();
        built = "";
      }
    },
  };
}
const percent = (share) => `${(100 * share).toFixed(share < 0.0995 || share > 0.9905 ? 1 : 0)} %`;

// "E and “4”": what its three costs are and what they add up to.
function arithmetic([n, t], state, matrices) {
  const lines = TERMS.map((name, i) => {
    const value = matrices[name][n][t];
    return make(
      "div",
      { class: "line" },
      make("span", { class: `key ${name}` }, VIEWS[i].text),
      make("span", { class: "product" }, `${+state.weights[i].toFixed(2)} × ${tidy(value, 2)}`),
      make("output", {}, tidy(state.weights[i] * value, 2)),
    );
  });
  return [
    make(
      "h4",
      {},
      make("b", { class: "blue" }, predictionName(n)),
      " and ",
      make("b", { class: "orange" }, targetNames(state.labels)[t]),
    ),
    ...lines,
    make(
      "div",
      { class: "line sum" },
      make("span", {}, "sum"),
      make("span", {}),
      make("output", {}, tidy(matrices.total[n][t], 2)),
    ),
  ];
}
