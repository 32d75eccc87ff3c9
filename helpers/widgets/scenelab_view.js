// What SceneLab draws over its picture and beside it: digits to hold, the tokens that answer, the match, who answers whom.

const MOST_DIGITS = 20;
const NAME_SIZE = 1.2; // names grow with the picture
const scaledBox = (box) => box.map((value) => value * SCENE_WIDTH);
const quoted = (label) => `“${label}”`;
const percentage = (share) => `${Math.round(100 * share)} %`;
const listed = (names) => names.join(", ").replace(/, ([^,]*)$/, " and $1");

// Boxes over the picture: 20 digits that wait for their place, and the tokens.
function makeOverlay(numTokens) {
  const square = [SCENE_WIDTH, SCENE_WIDTH];
  const add = (kind) => (_, index) => makeSceneBox(kind, index, NAME_SIZE);
  const digits = Array.from({ length: MOST_DIGITS }, add("target"));
  const tokens = Array.from({ length: numTokens }, add("prediction"));
  const links = makeLinks(MOST_DIGITS);
  for (const { holder } of tokens) holder.setAttribute("role", "img");
  const layer = (...children) => vector("g", {}, ...children);
  const svg = vector(
    "svg",
    { viewBox: `0 0 ${SCENE_WIDTH} ${SCENE_WIDTH}`, role: "group", class: "scene" },
    layer(...digits.map(({ holder }) => holder), ...tokens.map(({ holder }) => holder)),
    layer(...links.elements),
    layer(...[...digits, ...tokens].map(({ chip }) => chip)),
  );
  svg.setAttribute("aria-label", "The picture: digits to move");
  return {
    svg,
    focus: (place) => digits[place].holder.focus({ preventScroll: true }),
    paint(state, shown, selected) {
      const names = targetNames(shown.labels);
      const named = [[], [], []]; // targets, owners, others: so they choose where their names lie
      digits.forEach((box, place) => {
        const digit = state.digits[place];
        const isSelected = place === selected;
        if (!digit) {
          put(box.holder, { class: "gone", tabindex: -1 });
          put(box.chip, { class: "gone" });
          return;
        }
        const target = shown.kept.indexOf(place);
        const kind = `${digit[4] ? "" : " unlabelled"}${digit[3] ? "" : " undrawn"}`;
        const name = `box target${kind}${isSelected ? " selected" : ""}`;
        const words = describeDigit(digit, shown, place, state.sizes);
        const look = { name, isSelected };
        const laid = box.paint(
          scaledBox(boxOfDigit(digit, state.sizes)),
          names[target] ?? "",
          words,
          look,
        );
        if (target >= 0) named[0].push(laid);
      });
      shown.tokens.forEach((token, n) => {
        const isShown = token.claims || token.digit >= 0;
        const says = token.claims ? ` ${quoted(token.label)}` : "";
        const name = isShown ? `box prediction${token.claims ? "" : " idle"}` : "gone";
        const box = scaledBox(token.box);
        const look = { name, isSelected: false };
        const laid = tokens[n].paint(box, predictionName(n) + says, describeToken(n, token), look);
        if (isShown) named[token.claims && token.digit >= 0 ? 1 : 2].push(laid);
      });
      layNames(named.flat(), NAME_SIZE, square);
      links.paint(shown.pairs, null, ([n, t]) =>
        [shown.tokens[n].box, shown.targetBoxes[t]].map(scaledBox),
      );
    },
  };
}
function describeDigit(digit, { tokens }, place, sizes) {
  const owner = tokens.findIndex((token) => token.digit === place);
  const where = digit[3] ? "" : ", not in the picture";
  const fate = !digit[4]
    ? ", not a target"
    : owner < 0
      ? ", without a token"
      : `, matched with ${predictionName(owner)}`;
  return `Digit ${quoted(sizes[digit[0]][0])}, left ${digit[1]}, top ${digit[2]}${where}${fate}`;
}
function describeToken(n, { claims, label, sure }) {
  const says = claims
    ? `says ${quoted(label)}, ${percentage(sure)} sure of an object`
    : "says nothing";
  return `Token ${predictionName(n)} ${says}`;
}

// A row for each target and for each claim that nobody is matched with; `before` names who answered a moment ago.
function makeAnswers() {
  const element = make("div", { class: "answers" });
  const row = (isFresh, ...parts) => make("li", { class: isFresh ? "fresh" : "" }, ...parts);
  const blue = (n) => make("b", { class: "blue" }, predictionName(n));
  const orange = (name) => make("b", { class: "orange" }, name);
  const saying = ({ claims, label, sure }) =>
    claims
      ? `says ${quoted(label)}, object ${percentage(sure)}`
      : `says nothing, object ${percentage(sure)}`;
  let last = "";
  return {
    element,
    paint(shown, before) {
      const key = JSON.stringify([
        shown.tokens.map((token) => [saying(token), token.digit]),
        shown.labels,
        before,
      ]);
      if (key === last) return;
      last = key;
      const names = targetNames(shown.labels);
      const answered = shown.kept.map((place, t) => {
        const n = shown.tokens.findIndex((token) => token.digit === place);
        if (n < 0) return row(false, orange(names[t]), " goes without");
        const was = before[place] !== undefined && before[place] !== n ? before[place] : null;
        const change = was === null ? [] : [make("small", {}, ` before: ${predictionName(was)}`)];
        return row(
          was !== null,
          orange(names[t]),
          " ← ",
          blue(n),
          ` ${saying(shown.tokens[n])}`,
          ...change,
        );
      });
      // The claims of those that nobody is matched with, in one row: at first they are many.
      const claims = shown.tokens.flatMap((token, n) =>
        token.claims && token.digit < 0 ? [[" ", blue(n), ` ${quoted(token.label)}`]] : [],
      );
      const alone = claims.length ? [row(false, "matched with nobody:", ...claims.flat())] : [];
      element.replaceChildren(make("ul", {}, ...answered, ...alone));
    },
  };
}

// In place of the answers, for who wants it: what each token would cost each target, the match in green.
function makeCosts() {
  const element = make("div", { class: "costs" });
  let [grid, key] = [null, null];
  return {
    element,
    paint({ tokens, labels, costs, pairs, targetBoxes }, column) {
      if (key !== String(labels)) {
        key = String(labels);
        grid = makeGrid(
          { name: "total", text: "of costs" },
          { boxes: tokens, labels },
          false,
          "",
          [1, 1],
        );
        const says = labels.length ? "class + 5 · L1 + 2 · (−GIoU)" : "No targets, no costs.";
        element.replaceChildren(
          make("p", { class: "hint" }, says),
          ...(labels.length ? [grid.element] : []),
        );
      }
      const order = tokens.map((_, n) => n);
      if (labels.length)
        grid.paint(costs, { targetBoxes }, { order, rings: pairs, column, decimals: 2 });
    },
  };
}

// The state in a sentence, for the line above the picture and for screen readers.
export function describeScene({ labels, kept, tokens, losses }) {
  const claims = tokens.flatMap((token, n) => (token.claims ? [predictionName(n)] : []));
  const says = `${listed(claims) || "Nobody"} ${claims.length > 1 ? "claim" : "claims"} a digit`;
  const counts = `${claims.length} of ${tokens.length} tokens for ${labels.length} ${labels.length === 1 ? "target" : "targets"}`;
  const silent = kept.flatMap((place, t) => {
    const n = tokens.findIndex((token) => token.digit === place);
    return n >= 0 && !tokens[n].claims
      ? [`${predictionName(n)} is sent to ${targetNames(labels)[t]} and says nothing`]
      : [];
  });
  return {
    loss: losses.total,
    text: [`${says}: ${counts}.`, ...(silent.length ? [`${listed(silent)}.`] : [])].join(" "),
  };
}
