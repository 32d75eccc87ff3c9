// Beside the scene of SetPlay: what the loss says of one guess; above it, what is played.

// What the loss says of one guess: three grades, and where they pull; or of one target: its label, and who owns it.
function makeGrade({ rename, remove }) {
  const element = make("div", { class: "grade" });
  const line = (name, words, value) =>
    make(
      "div",
      { class: "line" },
      make("span", { class: `key ${name}` }, words),
      make("output", {}, value.toFixed(2)),
    );
  function ofGuess(n, state, seen) {
    const names = targetNames(state.labels);
    const own = seen.pairs.filter((pair) => pair[0] === n).map(([, t]) => t);
    const { boxes, logits } = seen.scene;
    const owner = seen.listed.filter((pair) => pair[0] === n).pop();
    const label = owner ? seen.scene.labels[owner[1]] : logits[n].length - 1;
    const what = owner ? `“${label}”` : "nothing";
    const lines = [line("class", `class: −log p(${what})`, -Math.log(softmax(logits[n])[label]))];
    for (const t of own)
      lines.push(
        line("l1", `L1 to ${names[t]}`, l1Distance(boxes[n], state.targetBoxes[t])),
        line("giou", `1 − GIoU with ${names[t]}`, boxLoss("giou", boxes[n], state.targetBoxes[t])),
      );
    const pull = describePull(
      gradientOf(seen)
        [n].slice(0, 4)
        .map((value) => (Math.abs(value) < 1e-3 ? 0 : value)),
    );
    const weight = `Its class counts ${own.length ? 1 : seen.scene.eosCoef}.`;
    const acts = pull.replace("moves", "moves it").replace("gets", "makes it").replace(",", " and");
    const fate = own.length
      ? acts && ` The loss ${acts}.`
      : " No box term pulls at it: it stays where it is.";
    return [
      make(
        "h4",
        {},
        make("b", { class: "blue" }, predictionName(n)),
        own.length ? " owns " : " owns nothing",
        make("b", { class: "orange" }, own.map((t) => names[t]).join(" and ")),
      ),
      ...lines,
      make("p", { class: "hint" }, weight + fate),
    ];
  }
  function ofTarget(t, state, seen) {
    const owners = ownersOf(seen.pairs, state.labels.length)[t];
    const choice = make(
      "select",
      { "aria-label": "Label of this target", onchange: () => rename(t, +choice.value) },
      ...Array.from({ length: 10 }, (_, k) => make("option", { value: k }, `“${k}”`)),
    );
    choice.value = state.labels[t];
    const has = owners ? `is owned by ${[...owners].join(" and ")}` : "has no owner";
    const title = make(
      "h4",
      {},
      make("b", { class: "orange" }, targetNames(state.labels)[t]),
      ` ${has}`,
    );
    const away = button("Take it away", "Take this target away", () => remove(t));
    return [title, ...(remove ? [make("div", { class: "knobs" }, "It is ", choice, away)] : [])];
  }
  let shown = "";
  return {
    element,
    paint({ kind, index }, state, seen) {
      const parts = (kind === "target" ? ofTarget : ofGuess)(index, state, seen);
      const now = parts.map((part) => part.textContent).join() + state.labels[index];
      if (shown === now) return; // a chooser that is open stays open
      shown = now;
      element.replaceChildren(...parts);
    },
  };
}

// What is chosen: how to play, who chooses the owners, and where to begin.
function makeKnobs({ shell, run, change, restart, go, player, begin }) {
  const { offer } = shell;
  const heading = make("h3", {});
  const choose = (label, options, onchange) =>
    make(
      "select",
      { "aria-label": label, onchange },
      ...options.map(([value, text]) => make("option", { value }, text)),
    );
  const speed = choose(
    "Speed",
    Object.keys(SPEEDS).map((name) => [name, name]),
    () => {},
  );
  speed.value = "normal";
  const rules = Object.entries(RULES).map(([rule, says]) => [
    rule,
    button(rule, `${rule}: ${says}`, () => pick({ rule })),
  ]);
  const tabs = make(
    "div",
    { class: "tabs", role: "group", "aria-label": "Who chooses the owners" },
    ...rules.map(([, tab]) => tab),
  );
  shareTabStop(tabs);
  const many = make("input", {
    type: "number",
    min: 1,
    max: 6,
    "aria-label": "k, guesses for each target",
    onchange: () => pick({ k: clamp(Math.round(+many.value) || 1, 1, 6) }),
  });
  const k = make("label", {}, "k ", many);
  const shuffle = make("input", {
    type: "checkbox",
    onchange: () => pick({ shuffle: shuffle.checked }),
  });
  const starts = shell.get("starts").map((_, place) => [place, place + 1]);
  const start = choose("Start", starts, () => begin(+start.value));
  const says = make("p", { class: "hint rule" });
  function pick(changes) {
    change(changes);
    if (!player.plays()) go(run.history().at);
  }
  function reset() {
    player.stop();
    run.forget();
    shell.reset();
  }
  return {
    element: make(
      "div",
      { class: "top" },
      make(
        "div",
        { class: "knobs" },
        heading,
        ...offer(
          "play",
          player.element,
          button("Restart", "Back to the start, under the same rule", restart),
        ),
        ...offer("speed", make("label", {}, "speed ", speed)),
        ...offer("start", make("label", {}, "start ", start)),
        button("Reset", "Back to the first view", reset),
      ),
      make(
        "div",
        { class: "knobs" },
        ...offer("rule", tabs, k),
        ...offer("shuffle", make("label", {}, shuffle, " shuffle the labels at every step")),
      ),
      ...offer("rule", says),
    ),
    speed: () => speed.value,
    paint(state) {
      heading.textContent = `Step ${state.step}`;
      for (const [rule, tab] of rules) tab.setAttribute("aria-pressed", rule === state.rule);
      k.hidden = state.rule !== "one-to-many";
      if (document.activeElement !== many) many.value = state.k;
      shuffle.checked = state.shuffle;
      start.value = state.start;
      says.textContent = `${state.rule}: ${RULES[state.rule]}.`;
    },
  };
}
