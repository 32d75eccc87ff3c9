// The labels of a picture, saved in another order: what a loss by position makes of it, and the loss of a set.

const STRIDE = 47; // a prime beyond any number of labels here, so that every order comes up before one comes again

// Both losses for labels in this order, and the prediction that each label of the file is compared with.
export function savedNumbers(state, order) {
  const inFile = (values) => order.map((t) => values[t]);
  const now = {
    ...state,
    labels: inFile(state.labels),
    targetBoxes: inFile(state.targetBoxes),
    weights: [1, 5, 2],
  };
  const match = assign(costMatrices(now).total, "optimal");
  return {
    position: lossTerms(
      now,
      order.map((_, place) => [place, place]),
    ).total,
    set: lossTerms(now, match).total,
    owners: order.map((_, place) => match.find((pair) => pair[1] === place)[0]),
  };
}

// The order in which the labels come out when the file is saved again.
export function saveAgain(order) {
  const rest = order.map((_, t) => t);
  let [rank, count] = [0, 1];
  for (const t of order) {
    const place = rest.indexOf(t);
    rank = rank * rest.length + place;
    count *= rest.length;
    rest.splice(place, 1);
  }
  rank = (rank + STRIDE) % count;
  const places = order.map((_, n) => {
    const place = rank % (n + 1);
    rank = Math.floor(rank / (n + 1));
    return place;
  });
  const left = order.map((_, t) => t);
  return places.reverse().map((place) => left.splice(place, 1)[0]);
}

function render({ model, el }) {
  const shell = makeShell({ model, el }, "saved");
  const { get, set } = shell;
  const state = () => ({
    boxes: get("boxes"),
    logits: get("logits"),
    targetBoxes: get("target_boxes"),
    labels: get("labels"),
    eosCoef: get("eos_coef"),
  });
  let [selected, shown] = [{ kind: "prediction", index: 0 }, null];
  const { image, size } = get("picture");
  const scene = makeScene(image, size, state(), get("large"));
  const trait = (kind) => (kind === "prediction" ? "boxes" : "target_boxes");
  handleScene(scene, {
    grab: (element, at) => scene.find(element, at, state(), selected),
    boxOf: (kind, index) => get(trait(kind))[index],
    move: (kind, index, box) => set({ [trait(kind)]: get(trait(kind)).with(index, box) }),
    select(box) {
      selected = box;
      paintScene();
    },
    rest() {},
    rename() {},
  });
  const position = makeGrade("by position", "first guess with first label, second with second");
  const asSet = makeGrade("as a set", "each label with the guess that the match gives it");
  const again = button(
    "Save the file again",
    "Save the labels in another order",
    () => set({ order: saveAgain(get("order")) }),
    "primary",
  );
  const back = button("Reset", "Back to the first state", shell.reset);
  shell.mount(
    "One answer, graded in two ways",
    make("div", { class: "stage" }, scene.svg),
    make(
      "div",
      { class: "grades" },
      position.element,
      asSet.element,
      make("div", { class: "knobs" }, again, back),
      make("p", { class: "hint" }, "Or drag a box; with keys, Tab and arrows."),
      shell.badge.element,
    ),
  );

  function paintScene() {
    const pairs = get("order").map((t, place) => [shown.owners[place], t]);
    scene.paint(state(), pairs, selected, null);
  }
  function paint() {
    const order = get("order");
    shown = savedNumbers(state(), order);
    const names = order.map((t) => targetNames(get("labels"))[t]);
    const letters = (owners) => owners.map((n, place) => [predictionName(n), names[place]]);
    position.paint(shown.position, letters(order.map((_, place) => place)));
    asSet.paint(shown.set, letters(shown.owners));
    paintScene();
  }
  shell.follow(Object.keys(get("initial")), paint);
  paint();
  shell.check(["boxes", "target_boxes", "order"], () => [shown.position, shown.set]);
  return shell.close;
}

// A loss in large figures, what it was a moment ago, and the pairs that it compares.
function makeGrade(title, says) {
  const [number, before] = ["output", "span"].map((tag) => make(tag, { class: "number" }));
  before.className = "before";
  const pairs = make("p", { class: "pairs" });
  const head = make("h4", {}, "loss ", title);
  const line = make("div", { class: "line" }, number, before);
  const element = make("div", { class: "grade", title: says }, head, line, pairs);
  const was = makeMemory();
  return {
    element,
    paint(loss, compared) {
      number.textContent = tidy(loss, 2);
      before.textContent = was(number.textContent);
      pairs.replaceChildren(
        ...compared.map(([letter, label]) =>
          make("span", {}, make("b", { class: "blue" }, letter), ` ${label}`),
        ),
      );
    },
  };
}

export default { render };
