// A badge that says whether helpers, in Python, comes to the page's numbers, and up to what difference.
const AGREEMENT = 1e-5;
const PATIENCE = 1500; // milliseconds without an answer, after which the page speaks for itself

export function makeBadge() {
  const [verdict, amount] = [make("span", {}), make("span", { "aria-hidden": "true" })]; // only a new verdict is read out
  const element = make("span", { class: "badge", role: "status" }, verdict, amount);
  const write = (part, text) => part.textContent === text || (part.textContent = text);
  return {
    element,
    wait: () => element.classList.add("waiting"),
    // A difference, or null where helpers has said nothing of this state.
    say(difference) {
      const agree = difference !== null && difference <= AGREEMENT;
      const name = difference === null ? "" : agree ? "agree" : "differ";
      const words = { "": "computed in this page", agree: "helpers agrees", differ: "helpers differs" };
      write(verdict, words[name]);
      write(amount, difference === null ? "" : ` (difference ${scientific(difference)})`);
      element.className = `badge ${name}`;
      element.title = name
        ? "The largest difference between the page's numbers and those that helpers computes in Python"
        : "Run the cell, and helpers checks every number in Python";
    },
  };
}
const scientific = (value) => (value === 0 ? "0" : value.toExponential(0).replace("+", ""));

// The largest difference of two lists; Python's null is the page's NaN.
export function largestDifference(ours, theirs) {
  if (ours.length !== theirs.length) return Infinity;
  return ours.reduce((most, value, i) => {
    if (theirs[i] === null || !Number.isFinite(value))
      return theirs[i] === null && !Number.isFinite(value) ? most : Infinity;
    return Math.max(most, Math.abs(value - theirs[i]));
  }, 0);
}

// Keeps the badge true: whenever the state or `checked` changes, compares `numbers()` with what helpers computed for
// this state. `latencies` are milliseconds from changes to their answers.
export function followHelpers(model, badge, numbers) {
  const names = Object.keys(model.get("checked").state ?? {});
  const keyOf = (values) => JSON.stringify(names.map((name) => values(name)));
  const now = () => keyOf((name) => model.get(name));
  const sent = new Map(); // state -> when the page came to it
  const latencies = [];
  let [waiting, last] = [null, now()];
  function compare() {
    clearTimeout(waiting);
    const { state = {}, values } = model.get("checked");
    const answered = keyOf((name) => state[name]);
    if (answered === now()) return badge.say(values ? largestDifference(numbers(), values) : null);
    badge.wait();
    waiting = setTimeout(() => badge.say(null), PATIENCE);
  }
  function changed() {
    if (last !== now()) sent.set((last = now()), performance.now());
    if (sent.size > 50) sent.delete(sent.keys().next().value);
    compare();
  }
  function answer() {
    const key = keyOf((name) => model.get("checked").state?.[name]);
    if (sent.has(key)) {
      latencies.push(performance.now() - sent.get(key));
      sent.clear();
    }
    compare();
  }
  const changes = names.map((name) => `change:${name}`).join(" ");
  model.on(changes, changed);
  model.on("change:checked", answer);
  compare();
  return {
    latencies,
    stop() {
      clearTimeout(waiting);
      model.off(null, changed);
      model.off(null, answer);
    },
  };
}
