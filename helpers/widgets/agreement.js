// A badge that says whether helpers, in Python, comes to the page's numbers, and up to what difference. It says so only
// of the state that is shown, and only where a kernel has computed it for this page.
const AGREEMENT = 1e-5; // unless a piece says how far its numbers may be off
const PATIENCE = 1500; // milliseconds without an answer, after which the page speaks for itself

export function makeBadge(agreement = AGREEMENT) {
  const [verdict, amount] = [make("span", {}), make("span", { "aria-hidden": "true" })]; // only a verdict is read out
  const element = make("span", { class: "badge", role: "status" }, verdict, amount);
  const write = (part, text) => part.textContent === text || (part.textContent = text);
  let [heard, waiting] = [false, null];
  function put(name, words, difference) {
    clearTimeout(waiting);
    write(verdict, words);
    if (difference !== undefined) write(amount, difference);
    element.className = `badge ${name}`;
    element.setAttribute("aria-busy", name === "waiting");
    element.title = heard
      ? "The largest difference between the page's numbers and those that helpers computes in Python"
      : "Run the cell, and helpers checks every number in Python";
  }
  const alone = () => put("", "computed in this page", "");
  return {
    element,
    alone,
    // The state has changed, and helpers has not answered yet.
    wait() {
      if (!heard) return alone();
      put("waiting", "helpers checks"); // the old difference hides, but keeps its room: nothing jumps in a drag
      waiting = setTimeout(alone, PATIENCE);
    },
    // What helpers computed for this state differs by so much.
    say(difference) {
      heard = true;
      const agree = difference <= agreement;
      put(
        agree ? "agree" : "differ",
        agree ? "helpers agrees" : "helpers differs",
        ` (difference ${scientific(difference)})`,
      );
    },
  };
}
const scientific = (value) => (value === 0 ? "0" : value.toExponential(0).replace("+", ""));

// Asks helpers, if there is a kernel, for what it computes of the present state, or something else.
export function askHelpers(model, question = { kind: "ask" }) {
  try {
    model.send(question);
  } catch {
    // no kernel: the page speaks for itself
  }
}

// The largest difference of two lists; Python's null is the page's NaN.
export function largestDifference(ours, theirs) {
  if (ours.length !== theirs.length) return Infinity;
  return ours.reduce((most, value, i) => {
    if (theirs[i] === null || !Number.isFinite(value))
      return theirs[i] === null && !Number.isFinite(value) ? most : Infinity;
    return Math.max(most, Math.abs(value - theirs[i]));
  }, 0);
}

// Keeps the badge true: whenever the state `names` changes or helpers answers, compares `numbers()`, null while there are
// none, with what helpers computed for this very state. `latencies` are milliseconds from changes to their answers.
export function followHelpers(model, badge, names, numbers) {
  const keyOf = (values) => JSON.stringify(names.map((name) => values(name)));
  const now = () => keyOf((name) => model.get(name));
  const sent = new Map(); // state -> when the page came to it
  const latencies = [];
  let [answered, theirs, last] = [null, null, now()]; // of which state helpers has spoken last, and what
  function compare() {
    const ours = answered === now() ? numbers() : null;
    if (ours) badge.say(largestDifference(ours, theirs));
    else badge.wait();
  }
  function changed() {
    if (last !== now()) sent.set((last = now()), performance.now());
    if (sent.size > 50) sent.delete(sent.keys().next().value);
    compare();
  }
  function answer({ state, values }) {
    if (!values) return; // a piece may be told other things
    [answered, theirs] = [keyOf((name) => state[name]), values];
    if (sent.has(answered)) {
      latencies.push(performance.now() - sent.get(answered));
      sent.clear();
    }
    compare();
  }
  const changes = names.map((name) => `change:${name}`).join(" ");
  model.on(changes, changed);
  model.on("msg:custom", answer);
  badge.alone();
  askHelpers(model);
  return {
    latencies,
    compare,
    stop() {
      badge.alone(); // and no timer is left
      model.off(changes, changed);
      model.off("msg:custom", answer);
    },
  };
}
