// The set loss without a network: owners, loss, its gradient by hand, and Adam; the page's copy of helpers.training.free.
// A state is { parameters, moments, step, rule, k, shuffle, targetBoxes, labels }; a row of `parameters` holds a guess's
// box before the sigmoid, then its class scores. `constants` are { eosCoef, rate }.

const ADAM = { decays: [0.9, 0.999], epsilon: 1e-8 };
const BOX_WEIGHTS = { l1: LOSS_WEIGHTS.l1, giou: LOSS_WEIGHTS.giou };

const sigmoid = (value) => 1 / (1 + Math.exp(-value));
// What the sigmoid makes of it is the share, kept off 0 and 1.
export function logit(share) {
  const inside = clamp(share, 0.001, 0.999);
  return Math.log(inside / (1 - inside));
}

export const guessesOf = (parameters) => ({
  boxes: parameters.map((row) => row.slice(0, 4).map(sigmoid)),
  logits: parameters.map((row) => row.slice(4)),
});

// The order in which so many targets are listed at a step, where they are shuffled: a small generator in 32 bits.
export function orderAt(step, count) {
  const order = Array.from({ length: count }, (_, place) => place);
  let state = ((step + 1) * 2654435761) % 2 ** 32;
  state = (state ^ (state >>> 15)) >>> 0;
  for (let last = count - 1; last > 0; last--) {
    state = (1664525 * state + 1013904223) % 2 ** 32;
    const place = Math.floor((state * (last + 1)) / 2 ** 32);
    [order[last], order[place]] = [order[place], order[last]];
  }
  return order;
}

// Pairs of a rule; "one-to-many" lists every target k times and matches one to one.
export function pairsOf(rule, k, cost) {
  const count = cost[0]?.length ?? 0;
  if (rule === "by position")
    return Array.from({ length: Math.min(cost.length, count) }, (_, place) => [place, place]);
  if (rule !== "one-to-many") return assign(cost, rule);
  const repeated = cost.map((row) => Array.from({ length: k }, () => row).flat());
  return assign(repeated, "optimal").map(([n, copy]) => [n, copy % count]);
}

// The guesses, the targets as they are listed now, the pairs of this list, and what the rule makes of them.
export function lookAt(state, { eosCoef }) {
  const order = state.shuffle
    ? orderAt(state.step, state.labels.length)
    : state.labels.map((_, t) => t);
  const scene = {
    ...guessesOf(state.parameters),
    targetBoxes: order.map((t) => state.targetBoxes[t]),
    labels: order.map((t) => state.labels[t]),
    weights: Object.values(LOSS_WEIGHTS),
    eosCoef,
  };
  const cost = costMatrices(scene).total;
  const listed = pairsOf(state.rule, state.k, cost);
  const best = state.rule === "optimal" ? listed : assign(cost, "optimal");
  const losses = lossTerms(scene, listed);
  return {
    scene,
    listed,
    pairs: listed.map(([n, place]) => [n, order[place]]).sort((a, b) => a[0] - b[0] || a[1] - b[1]),
    losses,
    setLoss: best === listed ? losses.total : lossTerms(scene, best).total,
    claims: scene.logits.filter(claims).length,
  };
}
const claims = (row) => Math.max(...row.slice(0, -1)) >= row[row.length - 1];

// The gradient of the loss on each parameter, the match taken as given.
export function gradientOf({ scene, listed }) {
  const { boxes, logits, targetBoxes, labels, eosCoef } = scene;
  const owner = boxes.map(() => -1);
  for (const [n, place] of listed) owner[n] = place; // of several targets the last one counts
  const weightOf = (n) => (owner[n] >= 0 ? 1 : eosCoef);
  const weightSum = owner.reduce((sum, _, n) => sum + weightOf(n), 0);
  const gradient = logits.map((row, n) => {
    const named = owner[n] >= 0 ? labels[owner[n]] : row.length - 1;
    const share = weightOf(n) / weightSum;
    const onLogits = softmax(row).map((p, k) => share * (p - (k === named ? 1 : 0)));
    return [0, 0, 0, 0, ...onLogits];
  });
  for (const [n, place] of listed)
    for (const [name, weight] of Object.entries(BOX_WEIGHTS)) {
      const pull = boxGradient(name, boxes[n], targetBoxes[place]);
      boxes[n].forEach((side, i) => {
        gradient[n][i] += (weight / labels.length) * pull[i] * side * (1 - side);
      });
    }
  return gradient;
}

// One step of Adam down a gradient, as torch.optim.Adam makes it.
export function adamStep({ parameters, moments, step }, gradient, rate) {
  const [[keep, keepSquares], count] = [ADAM.decays, step + 1];
  const before = moments.length ? moments : [parameters, parameters].map(zerosLike);
  const mean = blend(before[0], gradient, keep);
  const squares = blend(before[1], squared(gradient), keepSquares);
  const size = rate / (1 - keep ** count);
  const scale = Math.sqrt(1 - keepSquares ** count);
  const moved = parameters.map((row, n) =>
    row.map(
      (value, i) => value - (size * mean[n][i]) / (Math.sqrt(squares[n][i]) / scale + ADAM.epsilon),
    ),
  );
  return { parameters: moved, moments: [mean, squares], step: count };
}
const zerosLike = (rows) => rows.map((row) => row.map(() => 0));
const squared = (rows) => rows.map((row) => row.map((value) => value * value));
const blend = (before, now, keep) =>
  before.map((row, n) => row.map((value, i) => keep * value + (1 - keep) * now[n][i]));

// The state after one more step. `seen` is what `lookAt` made of the state.
export const movedOn = (state, seen, { rate }) => ({
  ...state,
  ...adamStep(state, gradientOf(seen), rate),
});

// In the order of SetPlay.recompute: the losses, the claims, who owns what, and where the next step leads.
export function playNumbers(state, constants) {
  const seen = lookAt(state, constants);
  const owns = state.parameters.map((_, n) =>
    state.labels.map((_, t) => +seen.pairs.some((pair) => pair[0] === n && pair[1] === t)),
  );
  const { class: ofClass, l1, giou, total } = seen.losses;
  return [
    ...[ofClass, l1, giou, total, seen.setLoss, seen.claims],
    ...owns.flat(),
    ...movedOn(state, seen, constants).parameters.flat(),
  ];
}
