// Report cards: what each guess must say after the match, and whether its box is graded, for the reader to fill in.

const OPEN = -1; // of an answer that is not given yet

// The right answers: the class that each guess must say, K for no object, and whether its box is graded (0 or 1).
export function rightCards(state) {
  const says = state.boxes.map(() => state.logits[0].length - 1);
  const match = assign(costMatrices({ ...state, weights: [1, 5, 2] }).total, "optimal");
  for (const [n, t] of match) says[n] = state.labels[t];
  const owners = new Set(match.map(([n]) => n));
  return { match, says, graded: says.map((_, n) => Number(owners.has(n))) };
}

// How many cards are filled in rightly, how many wrongly, and how many boxes are graded on the right ones.
export function cardNumbers(state, says, graded) {
  const right = rightCards(state);
  const full = says.map((said, n) => said !== OPEN && graded[n] !== OPEN);
  const good = says.map((said, n) => said === right.says[n] && graded[n] === right.graded[n]);
  const count = (of) => of.filter(Boolean).length;
  return [
    count(good),
    count(full.map((is, n) => is && !good[n])),
    count(good.map((is, n) => is && graded[n] === 1)),
  ];
}

function render({ model, el }) {
  const shell = makeShell({ model, el }, "reports");
  const { get, set } = shell;
  const state = {
    boxes: get("boxes"),
    logits: get("logits"),
    targetBoxes: get("target_boxes"),
    labels: get("labels"),
  };
  const [right, none] = [rightCards(state), state.logits[0].length - 1];
  const { image, size } = get("picture");
  const scene = makeScene(image, size, state, get("large"));
  const choices = [...new Set(state.labels)].sort((a, b) => a - b).map((k) => [k, `“${k}”`]);
  choices.push([none, "no object"]);
  let selected = { kind: "prediction", index: 0 };
  const cards = state.boxes.map((_, n) =>
    makeCard(n, choices, {
      answer: (trait, value) => set({ [trait]: get(trait).with(n, value) }),
      choose: () => select(n),
    }),
  );
  const verdict = make("p", { class: "verdict", "aria-live": "polite" });
  const rest = button("Fill in the rest", "Fill in all cards rightly", () =>
    set({ says: right.says, graded: right.graded }),
  );
  const back = button("Reset", "Empty all cards", shell.reset);
  scene.svg.addEventListener("click", (event) => {
    const box = event.target.closest("[data-kind=prediction]");
    if (box) cards[+box.dataset.index].focus();
  });
  shell.mount(
    "Twelve report cards to fill in",
    make("div", { class: "stage" }, scene.svg),
    make(
      "div",
      { class: "desk" },
      make("div", { class: "list" }, makeHead(), ...cards.map(({ element }) => element)),
      verdict,
      make("div", { class: "knobs" }, rest, back, shell.badge.element),
    ),
  );

  function select(n) {
    selected = { kind: "prediction", index: n };
    scene.paint(state, right.match, selected, null);
  }
  function paint() {
    const [says, graded] = [get("says"), get("graded")];
    for (const [n, card] of cards.entries())
      card.paint(says[n], graded[n], right.says[n], right.graded[n], none);
    verdict.textContent = sayVerdict(cardNumbers(state, says, graded), says.length);
  }
  shell.follow(["says", "graded"], paint);
  select(0);
  paint();
  shell.check(["says", "graded"], () => cardNumbers(state, get("says"), get("graded")));
  return shell.close;
}

function sayVerdict([good, bad, boxes], count) {
  if (good === count)
    return `All right: ${count} are graded on their class, ${boxes} on their box.`;
  return `${good} of ${count} right${bad ? `, ${bad} to look at again` : ""}.`;
}

const makeHead = () =>
  make(
    "div",
    { class: "card head", "aria-hidden": "true" },
    ...["", "must say", "box graded?", ""].map((text) => make("span", {}, text)),
  );

// One card: a letter, two answers to choose, and what is said of them.
function makeCard(n, choices, { answer, choose }) {
  const letter = predictionName(n);
  const chooser = (trait, label, options) =>
    make(
      "select",
      {
        "aria-label": `${letter}: ${label}`,
        onchange: (event) => answer(trait, +event.target.value),
        onfocus: choose,
      },
      ...[[OPEN, "?"], ...options].map(([value, text]) => make("option", { value }, text)),
    );
  const says = chooser("says", "what must it say?", choices);
  const graded = chooser("graded", "is its box graded?", [
    [1, "yes"],
    [0, "no"],
  ]);
  const word = make("span", { class: "word" });
  const element = make(
    "div",
    { class: "card" },
    make("b", { class: "blue" }, letter),
    says,
    graded,
    word,
  );
  return {
    element,
    focus: () => says.focus(),
    paint(said, box, rightSaid, rightBox, none) {
      [says.value, graded.value] = [said, box];
      const open = said === OPEN || box === OPEN;
      const good = said === rightSaid && box === rightBox;
      element.className = `card${open ? "" : good ? " good" : " bad"}`;
      word.textContent = open ? "" : good ? sayTerms(box) : sayHint(said, rightSaid, none);
    },
  };
}
const sayTerms = (box) => (box ? "✓ class, L1, GIoU" : "✓ class");
function sayHint(said, rightSaid, none) {
  if (said === rightSaid)
    return said === none ? "✗ compared with which target?" : "✗ it has a target";
  return rightSaid === none ? "✗ has it a green line?" : "✗ follow its green line";
}

export default { render };
