// Below the playground: presets, weights, ways to match, and what hides, sorts and resets.

function makeControls({ get, set, offers, load, showsMatch }) {
  const weights = makeWeights({ get, set });
  const ways = makeWays({ get, set });
  const hold = button(
    "Hide the match",
    "Hide or reveal the match",
    () => set({ hold: !get("hold") }),
    "hold",
  );
  const sort = button("Sort rows by match", "Sort the rows of the matrix by match", () =>
    set({ sort: !get("sort") }),
  );
  const back = button("Reset", "Back to the first state", () => load(null));
  const chooser = make(
    "select",
    { onchange: () => load(chooser.value) },
    ...(get("initial").preset ? [] : [make("option", { value: "" }, "as given")]),
    ...get("presets").map(({ name }) => make("option", { value: name }, name)),
  );
  const offered = (name, element) => (offers(name) ? [element] : []);
  const element = make(
    "div",
    { class: "knobs" },
    ...offered("preset", make("label", {}, "preset ", chooser)),
    ...offered("weights", weights.element),
    ...(showsMatch ? offered("matching", ways.element) : []),
    ...offered("hold", hold),
    ...offered("sort", sort),
    back,
  );
  return {
    element,
    paint() {
      chooser.value = get("preset");
      weights.paint();
      ways.paint();
      hold.textContent = get("hold") ? "Reveal the match" : "Hide the match";
      hold.classList.toggle("primary", get("hold"));
      sort.setAttribute("aria-pressed", get("sort"));
      sort.disabled = get("hold");
    },
  };
}

// A slider for the weight of each cost; not all of them can be 0.
function makeWeights({ get, set }) {
  function weigh(name, value) {
    const others = TERMS.some((term) => term !== name && get(TRAITS[term]) > 0);
    set({ [TRAITS[name]]: others ? value : Math.max(0.5, value) });
  }
  const sliders = VIEWS.slice(0, 3).map(({ name, text }) => {
    const input = make("input", {
      type: "range",
      min: 0,
      max: Math.max(10, get(TRAITS[name])),
      step: 0.5,
      "aria-label": `Weight of the ${text} cost`,
      oninput: () => weigh(name, +input.value),
    });
    const output = make("output", {});
    return {
      name,
      input,
      output,
      element: make("label", {}, make("span", { class: `key ${name}` }, text), input, output),
    };
  });
  const attributes = { class: "weights", role: "group", "aria-label": "Weights of the costs" };
  return {
    element: make("div", attributes, ...sliders.map(({ element }) => element)),
    paint() {
      for (const { name, input, output } of sliders) {
        input.value = get(TRAITS[name]);
        output.textContent = `× ${+get(TRAITS[name]).toFixed(2)}`;
      }
    },
  };
}

// Optimal, greedy or argmin.
function makeWays({ get, set }) {
  const ways = Object.entries(MATCHINGS).map(([name, title]) =>
    make("button", { type: "button", title, onclick: () => set({ matching: name }) }, name),
  );
  const element = make(
    "div",
    { class: "ways tabs", role: "group", "aria-label": "Matching" },
    ...ways,
  );
  shareTabStop(element);
  return {
    element,
    paint() {
      for (const way of ways) way.setAttribute("aria-pressed", way.textContent === get("matching"));
    },
  };
}
