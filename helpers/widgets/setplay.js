// SetPlay: twelve free guesses settle on targets: choose owners, move, choose again. See setplay_descent.js for the numbers.

const SPEEDS = { slow: 8, normal: 40, fast: 240 }; // steps in a second
const LEG = 300; // Play halts after so many
const LONGEST_PAUSE = 0.1; // seconds between two frames that count as played
const RULES = {
  optimal: "the least sum, one guess for each target",
  greedy: "the cheapest pair first, then the cheapest of what is left",
  argmin: "each target takes its cheapest guess, whoever else wants it",
  "by position": "the first guess has the first target of the list, the second the second",
  "one-to-many": "each target has its k guesses, at the least sum",
};
const NEW_SIZE = [0.2, 0.28]; // of a target that is added
const NEW_PLACES = [0.15, 0.38, 0.62, 0.85]; // of its center, across and down
const TRAITS = { target_boxes: "targetBoxes" }; // where Python's name is not the page's
const NAMES = ["target_boxes", "labels", "rule", "k", "shuffle", "start", "step"];
const STATE_NAMES = [...NAMES, "parameters", "moments"];

// What is to be seen, in a sentence or two.
export function describePlay(state, { pairs, claims }) {
  const [guesses, targets] = [state.parameters.length, state.labels.length];
  const are = targets === 1 ? "there is 1 target" : `there are ${targets || "no"} targets`;
  const sentences = [`${claims} of ${guesses} guesses claim an object; ${are}.`];
  const owners = pairs.map(([n]) => n);
  const torn = [...new Set(owners.filter((n, place) => owners.indexOf(n) !== place))];
  const names = torn.map(predictionName).join(" and ");
  if (torn.length)
    sentences.push(`${names} ${torn.length > 1 ? "are" : "is"} wanted more than once.`);
  const without = targets - new Set(pairs.map(([, t]) => t)).size;
  if (without) sentences.push(`${without} of the targets have no owner.`);
  return sentences.join(" ");
}

function render({ model, el }) {
  const shell = makeShell({ model, el }, "setplay");
  const { get, offer, offers } = shell;
  const constants = get("constants");
  const run = makeRun(readState(get), constants);
  const picture = makePicture({ run, get, offers, change, commit, later });
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches; // then Play leads to the end of the leg at once
  let owed = 0; // steps
  const player = makePlayer({
    what: "step",
    step,
    begins() {
      owed = 0;
      shell.badge.alone();
    },
    tick(seconds) {
      owed += calm ? LEG : speed() * Math.min(LONGEST_PAUSE, seconds);
      for (; owed >= 1; owed--) if (halts()) return false;
      later();
      return true;
    },
    ends: commit,
  });
  const halts = () => !run.move() || run.state().step % LEG === 0;
  const charts = makeRunCharts(go, get("large"));
  const knobs = makeKnobs({ shell, run, change, restart, go, player, begin });
  const summary = make("p", { class: "summary", "aria-live": "polite" });
  const add = button(
    "Add a target",
    "Add a target where there is room",
    () => picture.add(),
    "add",
  );
  shell.mount(
    "Play the set loss",
    knobs.element,
    make("div", { class: "say" }, summary, shell.badge.element),
    make(
      "div",
      { class: "board" },
      make("div", {}, picture.stage, ...offer("targets", add)),
      make("div", {}, charts.element, picture.card),
    ),
  );
  const width = shell.measure(charts.charts, 520, later);
  const keyOf = (state) => JSON.stringify(STATE_NAMES.map((name) => state[TRAITS[name] ?? name]));
  let [frame, look, told] = [null, null, keyOf(run.state())]; // `told` is what the model was told last

  function speed() {
    return SPEEDS[knobs.speed()];
  }
  function later() {
    frame ??= requestAnimationFrame(paint);
  }
  // A hand has changed something: what comes after this step is forgotten.
  function change(changes) {
    run.change(changes);
    shell.badge.alone();
    later();
  }
  // The state goes to Python when it rests: a playing page is too fast to be checked.
  function commit() {
    const state = run.state();
    told = keyOf(state);
    shell.set(Object.fromEntries(STATE_NAMES.map((name) => [name, state[TRAITS[name] ?? name]])));
    if (!player.plays()) compare();
    later();
  }
  function go(place) {
    player.stop();
    run.seek(place);
    commit();
  }
  function step(by) {
    if (by > 0) run.move();
    go(run.history().at + Math.min(by, 0));
  }
  function restart() {
    const played = player.plays();
    player.stop();
    run.restart(get("starts")[run.state().start]);
    commit();
    if (played) player.play();
  }
  function begin(start) {
    player.stop();
    run.change({ start });
    restart();
  }
  function paint() {
    frame = null;
    const [state, seen] = [run.state(), run.seen()];
    summary.setAttribute("aria-live", player.plays() ? "off" : "polite");
    summary.textContent = describePlay(state, seen);
    picture.paint(state, seen);
    add.disabled = state.labels.length >= state.parameters.length;
    charts.paint(run.history(), width(), letterSize(shell.root));
    knobs.paint(state);
    shell.root.dataset.step = state.step;
  }
  // Python, or another view of this piece, says something else. The traits of one change arrive one by one, so look when
  // all are there.
  function soon() {
    look ??= setTimeout(takeOver);
  }
  function takeOver() {
    look = null;
    const state = readState(get);
    if (keyOf(state) === told) return;
    told = keyOf(state);
    player.stop(false);
    run.begin(state);
    later();
  }
  const hide = () => document.hidden && player.stop();
  document.addEventListener("visibilitychange", hide);
  shell.atEnd(() => document.removeEventListener("visibilitychange", hide));
  shell.atEnd(() => player.stop(false));
  shell.atEnd(() => clearTimeout(look));
  shell.atEnd(() => cancelAnimationFrame(frame));
  shell.follow(STATE_NAMES, soon);
  paint();
  const compare = shell.check(STATE_NAMES, () => playNumbers(readState(get), constants));
  return shell.close;
}

// A box for one more target, where the others are farthest.
export function emptiest(boxes) {
  const places = NEW_PLACES.flatMap((x) => NEW_PLACES.map((y) => [x, y]));
  const room = ([x, y]) => Math.min(1, ...boxes.map((box) => Math.hypot(x - box[0], y - box[1])));
  const rooms = places.map(room);
  return [...places[rooms.indexOf(Math.max(...rooms))], ...NEW_SIZE];
}

// The traits of the model as one state.
const readState = (get) =>
  Object.fromEntries(STATE_NAMES.map((name) => [TRAITS[name] ?? name, get(name)]));

// The steps that were played: frames of what was there and what was seen, of which one is shown.
function makeRun(first, constants) {
  let [frames, at, ghost] = [[frameOf(first)], 0, null];
  function frameOf(state) {
    const seen = lookAt(state, constants);
    return {
      state,
      seen,
      step: state.step,
      losses: seen.losses,
      setLoss: seen.setLoss,
      claims: seen.claims,
      count: state.parameters.length,
      owners: ownersOf(seen.pairs, state.labels.length),
      names: targetNames(state.labels),
    };
  }
  const now = () => frames[at];
  function begin(state) {
    [frames, at] = [[frameOf(state)], 0];
  }
  return {
    state: () => now().state,
    seen: () => now().seen,
    history: () => ({ frames, at, ghost }),
    begin,
    seek: (place) => (at = clamp(Math.round(place), 0, frames.length - 1)),
    // One step on; what was played from here before is played anew. False at the very end.
    move() {
      if (now().step >= constants.lastStep) return false;
      frames = frames.slice(0, at + 1);
      frames.push(frameOf(movedOn(now().state, now().seen, constants)));
      at += 1;
      return true;
    },
    // Another state at this step; what came after it is forgotten.
    change(changes) {
      const state = { ...now().state, ...changes };
      frames = [...frames.slice(0, at), frameOf(state)];
    },
    // Back to a start, under the same rule and with the same targets. The run so far stays as a shadow.
    restart(parameters) {
      const { rule, shuffle } = (frames[frames.length - 2] ?? now()).state; // that led to the last
      if (frames.length > 10) ghost = { frames, rule: shuffle ? `${rule}, shuffled` : rule };
      begin({ ...now().state, parameters, moments: [], step: 0 });
    },
    forget: () => (ghost = null),
  };
}

// The scene, and beside it the grade of the guess, or the target, that is selected.
function makePicture({ run, get, offers, change, commit, later }) {
  let [scene, built, focusNext] = [null, "", false];
  let selected = { kind: "prediction", index: run.seen().pairs[0]?.[0] ?? 0 };
  const stage = make("div", { class: "stage" });
  const hint = make("p", { class: "hint" }, "Drag targets and guesses, or Tab and arrows. ");
  if (offers("targets")) hint.append("Del takes a target away, a digit renames it.");
  const card = makeGrade({ rename, remove: offers("targets") ? remove : null });
  const fixed = (index) => !offers("targets") && index >= 0;

  function setTargets(targetBoxes, labels) {
    change({ targetBoxes, labels });
    commit();
  }
  function remove(index) {
    const { targetBoxes, labels } = run.state();
    selected = labels.length > 1 ? { kind: "target", index: 0 } : { kind: "prediction", index: 0 };
    setTargets(targetBoxes.toSpliced(index, 1), labels.toSpliced(index, 1));
    focusNext = true; // what had the focus is gone
  }
  function rename(index, label) {
    if (fixed(index)) return;
    const { targetBoxes, labels } = run.state();
    setTargets(targetBoxes, labels.with(index, label));
  }
  const hands = {
    select(box) {
      selected = box;
      later();
    },
    grab: (element, place) => scene.find(element, place, now(), selected),
    boxOf: (kind, index) => (kind === "prediction" ? now().boxes : now().targetBoxes)[index],
    move(kind, index, box, isDragging) {
      const { targetBoxes, parameters, moments } = run.state();
      if (kind === "target") change({ targetBoxes: targetBoxes.with(index, box) });
      else
        change({
          parameters: parameters.with(index, [...box.map(logit), ...parameters[index].slice(4)]),
          moments: moments.map((rows) =>
            rows.with(
              index,
              rows[index].map((v, i) => (i < 4 ? 0 : v)),
            ),
          ),
        });
      if (!isDragging) commit();
    },
    rest: commit,
    rename,
    remove: offers("targets") ? remove : null,
  };
  const now = () => ({ ...run.seen().scene, ...run.state() });

  function build(state) {
    if (built === String(state.labels.length)) return;
    built = String(state.labels.length);
    const look = { names: claims, front: "target" };
    scene = makeScene("", [1, 1], { ...state, boxes: state.parameters }, get("large"), look);
    handleScene(scene, hands);
    stage.replaceChildren(scene.svg, hint);
  }
  return {
    stage,
    card: card.element,
    add() {
      const { targetBoxes, labels } = run.state();
      selected = { kind: "target", index: labels.length };
      setTargets([...targetBoxes, emptiest(targetBoxes)], [...labels, labels.length % 10]);
    },
    paint(state, seen) {
      build(state);
      if (
        selected.kind === "target" &&
        !state.labels[selected.index] &&
        state.labels[selected.index] !== 0
      )
        selected = { kind: "prediction", index: 0 };
      scene.paint(now(), seen.pairs, selected, null);
      card.paint(selected, state, seen);
      if (focusNext) scene.focus(selected);
      focusNext = false;
    },
  };
}

export default { render };
