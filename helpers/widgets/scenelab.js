// SceneLab: a picture of digits to move, and the detector that looks at it. The page composes the pixels, runs the network
// and finds match and loss; helpers, where a kernel runs, does the same with PyTorch.

const AGREEMENT_OF_FLOATS = 1e-3; // two roundings of float32, through five layers
const REST = 250; // milliseconds without a change, after which Python is told
const PATIENCE_FOR_WEIGHTS = 8000;
const MOST_NAMES = 14; // of those who answered
const STORED =
  "This is the stored scene. Run the cell to take the picture into your hands: the detector’s weights, 1 MB, come from the kernel.";
const HINT =
  "Drag a digit, or Tab and arrows (with Shift by one pixel). Page Down goes to the next, a number key exchanges, Delete removes.";

function render({ model, el }) {
  const shell = makeShell({ model, el }, "scenelab", AGREEMENT_OF_FLOATS);
  const { get, root } = shell;
  const sizes = get("sprites");
  const network = makeNetworks({ model, changed: arrived });
  let [selected, frame, resting, isDragging, compare] = [0, null, null, false, () => {}];
  let shown = null; // what was painted last: { key, digits, rgb, numbers }
  const history = makeHistory();

  const overlay = makeOverlay(get("stored").logits.length);
  const paper = make("canvas", { width: SIDE, height: SIDE, "aria-hidden": "true" });
  const still = make("img", { src: get("stored").picture, alt: "", draggable: "false" });
  const summary = make("p", { class: "summary", "aria-live": "polite" });
  const notice = make("p", { class: "notice", role: "status" });
  const trail = make("p", { class: "trail" });
  const [answers, costs] = [makeAnswers(), makeCosts()];
  const bar = makeLossBar();
  const controls = makeSceneControls({
    shell,
    sizes,
    digits,
    choose: () => selected,
    change,
    load,
    select,
    redraw,
  });
  shell.mount(
    "Scene lab",
    make("div", { class: "head" }, summary, shell.badge.element),
    controls.above,
    make(
      "div",
      { class: "board" },
      make(
        "div",
        {},
        make("div", { class: "stage" }, still, paper, overlay.svg),
        make("p", { class: "hint" }, HINT),
      ),
      make(
        "div",
        { class: "side" },
        notice,
        controls.chosen,
        bar.element,
        trail,
        answers.element,
        costs.element,
      ),
    ),
    controls.below,
  );
  root.timings = []; // milliseconds of each painting, for the tests

  function digits() {
    return network.some() ? get("digits") : get("initial").digits;
  }
  // What is to be seen now, computed once for each state; null without weights.
  function current() {
    const net = network.of(get("step"));
    if (!net) return null;
    const key = JSON.stringify([get("digits"), get("step"), get("tokens_are_read")]);
    if (shown?.key !== key) {
      const rgb = composePicture(network.scenery(), get("digits"));
      const outputs = net.run(pixelValues(rgb), get("tokens_are_read"));
      const numbers = sceneNumbers(outputs, get("digits"), sizes, get("eos_coef"));
      shown = { key, rgb, outputs, numbers };
    }
    return shown;
  }
  function paint() {
    frame = null;
    const begun = performance.now();
    const now = current();
    selected = Math.min(selected, Math.max(digits().length - 1, 0));
    controls.paint(network.some(), selected);
    notice.textContent = now ? "" : network.notice(get("step"));
    if (!now && network.some()) return; // other weights are on their way: what was painted stays
    const numbers = now?.numbers ?? sceneNumbers(get("stored"), digits(), sizes, get("eos_coef"));
    if (now) {
      drawBytes(paper, now.rgb);
      history.tell(numbers);
    }
    root.classList.toggle("live", now !== null);
    root.dataset.simd = network.simd() ?? "";
    overlay.paint({ digits: digits(), sizes }, numbers, now ? selected : -1);
    answers.paint(numbers, history.before());
    [answers.element.hidden, costs.element.hidden] = [
      controls.wantsCosts(),
      !controls.wantsCosts(),
    ];
    if (controls.wantsCosts()) costs.paint(numbers, numbers.kept.indexOf(selected));
    trail.replaceChildren(...history.trail(selected, digits(), sizes));
    bar.paint(numbers.losses, false);
    const { loss, text } = describeScene(numbers);
    summary.setAttribute("aria-live", isDragging ? "off" : "polite");
    summary.replaceChildren(make("b", {}, `Loss ${tidy(loss, 2)}. `), text);
    root.timings.push(performance.now() - begun);
    if (root.timings.length > 3000) root.timings.shift();
  }
  function redraw() {
    frame ??= requestAnimationFrame(paint);
  }
  function arrived() {
    redraw();
    compare();
  }
  // Python hears of a change once the hand rests: its pass takes longer than the page's.
  function change(values) {
    const isOther = values.digits && values.digits.length !== get("digits").length;
    if (isOther || "step" in values) history.forget(); // digits have other places, or another network answers
    for (const [name, value] of Object.entries(values)) model.set(name, value);
    clearTimeout(resting);
    resting = setTimeout(() => model.save_changes(), REST);
    redraw();
  }
  function load(state) {
    bar.rescale();
    selected = 0;
    change(state);
  }
  function select(place) {
    selected = place;
    redraw();
  }
  handleDigits(overlay, {
    digits,
    sizes,
    isLive: network.some,
    change,
    select,
    selected: () => selected,
    exchange: controls.exchange,
    remove: controls.remove,
    drags(is) {
      isDragging = is;
      redraw();
    },
  });
  shell.follow(["digits", "step", "tokens_are_read", "moment", "initial"], () => {
    network.want(get("step"));
    redraw();
  });
  shell.atEnd(() => cancelAnimationFrame(frame));
  shell.atEnd(() => clearTimeout(resting));
  shell.atEnd(network.stop);
  network.want(get("step"));
  paint();
  compare = shell.check(["digits", "step", "tokens_are_read"], () => flatten(current()));
  return shell.close;
}

// The page's numbers in the order of SceneLab.recompute; null while there are none.
function flatten(now) {
  if (now === null) return null;
  const { outputs, numbers } = now;
  const { losses } = numbers;
  return [
    ...outputs.logits.flat(),
    ...outputs.boxes.flat(),
    ...TERMS.map((name) => losses[name]),
    losses.total,
  ];
}

function drawBytes(paper, rgb) {
  const rgba = new Uint8ClampedArray(4 * SIDE * SIDE).fill(255);
  for (let i = 0, j = 0; i < rgba.length; i += 4, j += 3)
    [rgba[i], rgba[i + 1], rgba[i + 2]] = [rgb[j], rgb[j + 1], rgb[j + 2]];
  paper.getContext("2d").putImageData(new ImageData(rgba, SIDE, SIDE), 0, 0);
}

// Scenery and weights, as the kernel sends them; `changed` hears of each arrival.
function makeNetworks({ model, changed }) {
  const networks = new Map(); // step -> network
  const asked = new Map(); // step -> timer
  let [scenery, silent] = [null, false];
  function hear(content, buffers) {
    if (!["scenery", "weights"].includes(content.kind)) return;
    const tensors = readTensors(bytesOf(buffers[0]));
    if (content.kind === "scenery") scenery = readScenery(tensors, model.get("sprites"));
    else networks.set(content.step, makeNetwork(tensors));
    clearTimeout(asked.get(content.step));
    silent = false;
    changed();
  }
  function giveUp() {
    silent = true;
    changed();
  }
  model.on("msg:custom", hear);
  return {
    of: (step) => (scenery && networks.get(step)) || null,
    some: () => scenery !== null && networks.size > 0, // whether anything can be moved
    scenery: () => scenery,
    simd: () => networks.values().next().value?.simd,
    want(step) {
      if (step === null && !networks.has(step)) bringFromBeside(hear);
      if (!scenery) askHelpers(model, { kind: "scenery" });
      if (networks.has(step)) return;
      askHelpers(model, { kind: "weights", step });
      clearTimeout(asked.get(step));
      asked.set(step, setTimeout(giveUp, PATIENCE_FOR_WEIGHTS));
    },
    notice: (step) =>
      networks.size === 0
        ? STORED
        : silent
          ? "The kernel does not answer; run the cell again for these weights. Or choose those of the trained detector."
          : `The weights of ${nameOfStep(step)} are on their way.`,
    stop() {
      for (const timer of asked.values()) clearTimeout(timer);
      model.off("msg:custom", hear);
    },
  };
}
// Where no kernel runs, a site may have the data beside its pages, as a script: a page from a folder may fetch nothing.
async function bringFromBeside(hear) {
  const { detector } = document.documentElement.dataset;
  if (!detector) return;
  const script = make("script", { src: detector });
  await new Promise((done) => {
    script.onload = script.onerror = done;
    document.head.append(script);
  });
  const { scenery, weights } = globalThis.sceneLabData ?? {};
  if (!weights) return;
  hear({ kind: "scenery" }, [bytesOfText(scenery)]);
  hear({ kind: "weights", step: null }, [bytesOfText(weights)]);
}
const nameOfStep = (step) =>
  step === null ? "the trained detector" : `step ${step.toLocaleString("en")}`;
const bytesOf = ({ buffer, byteOffset, byteLength }) =>
  new Uint8Array(buffer, byteOffset, byteLength);

// The ground and the sprites of `scenery` in helpers.widgets.scenelab; `sizes` holds label, width and height of each.
export function readScenery(tensors, sizes) {
  const [ground, inks, colours] = ["ground", "inks", "colours"].map((name) => tensors[name].values);
  let at = 0;
  const sprites = sizes.map(([label, width, height], i) => {
    const ink = inks.subarray(at, (at += width * height));
    return { label, width, height, ink, colour: colours.subarray(3 * i, 3 * i + 3) };
  });
  return { ground, sprites };
}

// Who answers each digit, who did before, and who has answered the digit that moves.
function makeHistory() {
  let [owners, before, letters] = [[], [], []];
  return {
    tell({ tokens, kept }) {
      const now = [];
      for (const place of kept) now[place] = tokens.findIndex((token) => token.digit === place);
      if (JSON.stringify(now) === JSON.stringify(owners)) return;
      [before, owners] = [owners, now];
      now.forEach((n, place) => {
        const past = (letters[place] ??= []);
        if (n >= 0 && past.at(-1) !== n) past.push(n);
        if (past.length > MOST_NAMES) past.shift();
      });
    },
    before: () => before,
    trail(place, digits, sizes) {
      const past = letters[place] ?? [];
      if (past.length === 0 || !digits[place]) return [];
      const label = quoted(sizes[digits[place][0]][0]);
      return [
        `Who has answered ${label}: `,
        make("b", { class: "blue" }, past.map(predictionName).join(" → ")),
      ];
    },
    forget: () => ([owners, before, letters] = [[], [], []]),
  };
}

// Hands on the picture: dragging, arrows, and keys that lead to another digit, exchange or remove it.
function handleDigits(overlay, hands) {
  const { svg } = overlay;
  let drag = null;
  const under = ([x, y]) => {
    const inside = ([sprite, left, top]) => {
      const [, w, h] = hands.sizes[sprite];
      return (
        x * SIDE >= left - 1 &&
        x * SIDE <= left + w + 1 &&
        y * SIDE >= top - 1 &&
        y * SIDE <= top + h + 1
      );
    };
    if (!hands.isLive()) return -1;
    const all = hands.digits();
    return all[hands.selected()] && inside(all[hands.selected()])
      ? hands.selected()
      : all.findLastIndex(inside);
  };
  const move = (place, to) => {
    const all = hands.digits();
    hands.change({ digits: all.with(place, movedTo(all[place], to, hands.sizes)) });
  };
  dragByTouch(svg, (event) => under(placeIn(svg, event.touches[0])) >= 0);
  svg.onpointerdown = (event) => {
    if (event.button > 0) return;
    const start = placeIn(svg, event);
    const place = under(start);
    if (place < 0) return;
    event.preventDefault();
    const [, left, top] = hands.digits()[place];
    drag = { place, start, left, top };
    try {
      svg.setPointerCapture(event.pointerId);
    } catch {
      // a pointer that a script made up
    }
    hands.select(place);
    overlay.focus(place);
    hands.drags(true);
  };
  svg.onpointermove = (event) => {
    if (!drag) return;
    const [x, y] = placeIn(svg, event);
    move(drag.place, [
      drag.left + SIDE * (x - drag.start[0]),
      drag.top + SIDE * (y - drag.start[1]),
    ]);
  };
  svg.onpointerup = svg.onpointercancel = () => {
    if (!drag) return;
    drag = null;
    hands.drags(false);
  };
  svg.onkeydown = (event) => {
    const holder = event.target.closest("[data-kind=target]");
    if (
      !holder ||
      !hands.isLive() ||
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      turnsSlide(event)
    )
      return;
    const [place, arrow] = [+holder.dataset.index, arrowOf(event)];
    const by = { PageDown: 1, PageUp: -1 }[event.key];
    const count = hands.digits().length;
    if (arrow) {
      const [, left, top] = hands.digits()[place];
      const step = event.shiftKey ? 1 : 4;
      move(place, [left + step * arrow[0], top + step * arrow[1]]);
    } else if (by) focusOn((place + by + count) % count);
    else if (/^\d$/.test(event.key)) hands.exchange(place, +event.key);
    else if (event.key === "Delete" || event.key === "Backspace") hands.remove(place, focusOn);
    else return;
    event.preventDefault();
  };
  function focusOn(place) {
    hands.select(place);
    requestAnimationFrame(() => overlay.focus(place));
  }
  svg.addEventListener("focusin", ({ target }) => {
    const box = target.closest("[data-kind=target]");
    if (box && !drag) hands.select(+box.dataset.index);
  });
}

// What can be chosen: a moment, the weights, the switch, and what happens to the selected digit.
function makeSceneControls({ shell, sizes, digits, choose, change, load, select, redraw }) {
  const { get, offer } = shell;
  const spriteOf = (label) => sizes.findLastIndex(([other]) => other === label);
  const option = (value, text) => make("option", { value }, text);
  const moments = make(
    "select",
    { "aria-label": "What to try", onchange: () => load(stateOf(get("moments")[+moments.value])) },
    ...get("moments").map(({ moment }, i) => option(i, moment)),
  );
  const say = make("p", { class: "say" });
  const stateOf = ({ digits, step, tokens_are_read, moment }) => ({
    digits,
    step,
    tokens_are_read,
    moment,
  });

  // Back to the first state, or to that of the moment that was chosen since.
  function reset() {
    const chosen = get("moments").find(({ moment }) => moment === get("moment"));
    load(get("initial").moment === get("moment") ? get("initial") : stateOf(chosen));
  }
  const exchange = (place, label) => {
    const all = digits();
    if (all[place])
      change({ digits: all.with(place, exchanged(all[place], spriteOf(label), sizes)) });
  };
  function remove(place, focusOn = select) {
    const rest = digits().toSpliced(place, 1);
    change({ digits: rest });
    if (rest.length) focusOn(Math.min(place, rest.length - 1));
  }
  function add() {
    const sprite = spriteOf(+label.value);
    const place = freePlace(digits(), sprite, sizes);
    change({ digits: [...digits(), [sprite, ...place, true, true]] });
    select(digits().length - 1);
  }
  const mark = (place, words) => {
    const input = make("input", {
      type: "checkbox",
      onchange: () =>
        change({ digits: digits().with(choose(), digits()[choose()].with(place, input.checked)) }),
    });
    return { input, element: make("label", {}, input, words) };
  };
  const [drawn, labelled] = [mark(3, "in the picture"), mark(4, "a target")];
  const title = make("h4", {});
  const label = make(
    "select",
    { "aria-label": "Which digit it is", onchange: () => exchange(choose(), +label.value) },
    ...Array.from({ length: 10 }, (_, i) => option(i, quoted(i))),
  );
  const gone = button("Remove", "Remove this digit and its label", () => remove(choose()));
  const more = button("Add one", "Add another digit of this kind", add);
  const chosen = make(
    "fieldset",
    { class: "chosen" },
    make("div", { class: "knobs" }, title, label, gone, more),
    make("div", { class: "knobs" }, drawn.element, labelled.element),
  );

  const steps = make(
    "select",
    {
      "aria-label": "Weights of which step",
      onchange: () => change({ step: JSON.parse(steps.value) }),
    },
    ...[null, ...get("steps")].map((step) => option(JSON.stringify(step), nameOfStep(step))),
  );
  const read = make("input", {
    type: "checkbox",
    onchange: () => change({ tokens_are_read: !read.checked }),
  });
  const costs = make("input", { type: "checkbox", onchange: redraw });
  const knobs = make(
    "fieldset",
    { class: "knobs" },
    ...offer("tokens_are_read", make("label", { title: TOKENS }, read, "tokens may not be read")),
    ...offer("step", make("label", {}, "weights of ", steps)),
    ...offer("matrix", make("label", {}, costs, "matrix of costs")),
    button("Reset", "Back to how this began", reset),
  );
  return {
    above: make(
      "fieldset",
      { class: "asked" },
      ...offer("moment", make("label", {}, "try ", moments), say),
    ),
    chosen: shell.offers("digits") ? chosen : make("div", {}),
    below: knobs,
    wantsCosts: () => costs.checked,
    exchange,
    remove,
    paint(isLive, selected) {
      for (const part of shell.root.querySelectorAll("fieldset")) part.disabled = !isLive;
      const all = digits();
      const digit = all[selected];
      const place = get("moments").findIndex(({ moment }) => moment === get("moment"));
      moments.value = place;
      say.textContent = get("moments")[place]?.say ?? "";
      title.textContent = digit ? "Selected:" : "No digit:";
      if (digit) label.value = sizes[digit[0]][0];
      [drawn.input.checked, labelled.input.checked] = [Boolean(digit?.[3]), Boolean(digit?.[4])];
      for (const input of [drawn.input, labelled.input, gone]) input.disabled = !digit;
      more.disabled = all.length >= MOST_DIGITS;
      more.title = more.disabled
        ? `${MOST_DIGITS} digits are the most`
        : "Add another digit of this kind";
      steps.value = JSON.stringify(get("step"));
      read.checked = !get("tokens_are_read");
    },
  };
}
const TOKENS =
  "From the second layer on, no place reads what a token has gathered; in the first, tokens are the same for every picture";

export default { render };
