// Boxes, costs, assignments and loss terms of one image: the page's copy of helpers.boxes, costs, matcher and loss.
// Boxes are [cx, cy, w, h], normalised; matrices are [prediction][target].

const SMALLEST_SIDE = 1e-5; // where an area divides, a shorter side counts as this long
const LOSS_WEIGHTS = { class: 1, l1: 5, giou: 2 };
const TERMS = Object.keys(LOSS_WEIGHTS);
const NO_PULL = 1e-9; // a gradient that moves nothing

export const centerToCorners = ([x, y, w, h]) => [
  x - 0.5 * w,
  y - 0.5 * h,
  x + 0.5 * w,
  y + 0.5 * h,
];
export const cornersToCenter = ([l, t, r, b]) => [(l + r) / 2, (t + b) / 2, r - l, b - t];
export const l1Distance = (a, b) => a.reduce((sum, value, i) => sum + Math.abs(value - b[i]), 0);

// Intersection, union and hull of two centre boxes as areas, and the two measures made of them.
export function overlap(a, b) {
  const [p, q] = [centerToCorners(a), centerToCorners(b)];
  const area = (l, t, r, b, least) => Math.max(r - l, least) * Math.max(b - t, least);
  const intersection = area(
    ...[0, 1].map((i) => Math.max(p[i], q[i])),
    ...[2, 3].map((i) => Math.min(p[i], q[i])),
    0,
  );
  const union = area(...p, SMALLEST_SIDE) + area(...q, SMALLEST_SIDE) - intersection;
  const hull = area(
    ...[0, 1].map((i) => Math.min(p[i], q[i])),
    ...[2, 3].map((i) => Math.max(p[i], q[i])),
    SMALLEST_SIDE,
  );
  const iou = intersection / union;
  return { intersection, union, hull, iou, giou: iou - (hull - union) / hull };
}

export function softmax(logits) {
  const high = Math.max(...logits);
  const powers = logits.map((value) => Math.exp(value - high));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((value) => value / sum);
}

// The three costs, unweighted, and their weighted sum. `labels` are the targets' classes, `weights` three numbers.
export function costMatrices({ boxes, logits, targetBoxes, labels, weights }) {
  const matrices = { class: [], l1: [], giou: [], total: [] };
  boxes.forEach((box, n) => {
    const probabilities = softmax(logits[n]);
    matrices.class.push(labels.map((label) => -probabilities[label]));
    matrices.l1.push(targetBoxes.map((target) => l1Distance(box, target)));
    matrices.giou.push(targetBoxes.map((target) => -overlap(box, target).giou));
    matrices.total.push(
      labels.map(
        (_, t) =>
          weights[0] * matrices.class[n][t] +
          weights[1] * matrices.l1[n][t] +
          weights[2] * matrices.giou[n][t],
      ),
    );
  });
  return matrices;
}

// Pairs [prediction, target], sorted by prediction: "optimal", "greedy" or "argmin".
export function assign(cost, matching) {
  const pairs = { optimal: assignOptimal, greedy: assignGreedy, argmin: assignArgmin }[matching](
    cost,
  );
  return pairs.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
}

// Shortest augmenting paths, O(n^3), in the order in which scipy.optimize.linear_sum_assignment looks at columns, so
// that of several best answers both give the same one.
function assignOptimal(cost) {
  if (!cost.length || !cost[0].length) return [];
  const flipped = cost[0].length < cost.length;
  const rows = flipped ? cost[0].map((_, t) => cost.map((row) => row[t])) : cost;
  const [numRows, numColumns] = [rows.length, rows[0].length];
  const u = new Float64Array(numRows),
    v = new Float64Array(numColumns);
  const columnOf = new Int32Array(numRows).fill(-1),
    rowOf = new Int32Array(numColumns).fill(-1);
  for (let start = 0; start < numRows; start++) {
    const shortest = new Float64Array(numColumns).fill(Infinity),
      parent = new Int32Array(numColumns).fill(-1);
    const remaining = Array.from({ length: numColumns }, (_, i) => numColumns - 1 - i);
    const [seenRows, seenColumns] = [[], []];
    let [row, sink, reached] = [start, -1, 0];
    while (sink < 0) {
      let [best, lowest] = [-1, Infinity];
      seenRows.push(row);
      remaining.forEach((column, place) => {
        const length = reached + rows[row][column] - u[row] - v[column];
        if (length < shortest[column]) [shortest[column], parent[column]] = [length, row];
        if (shortest[column] < lowest || (shortest[column] === lowest && rowOf[column] < 0))
          [lowest, best] = [shortest[column], place];
      });
      reached = lowest;
      const column = remaining[best];
      if (rowOf[column] < 0) sink = column;
      else row = rowOf[column];
      seenColumns.push(column);
      remaining[best] = remaining[remaining.length - 1];
      remaining.pop();
    }
    u[start] += reached;
    for (const i of seenRows) if (i !== start) u[i] += reached - shortest[columnOf[i]];
    for (const j of seenColumns) v[j] -= reached - shortest[j];
    for (let column = sink, owner = -1; owner !== start; ) {
      owner = parent[column];
      rowOf[column] = owner;
      [columnOf[owner], column] = [column, columnOf[owner]];
    }
  }
  return [...columnOf].map((column, row) => (flipped ? [column, row] : [row, column]));
}

function assignGreedy(cost) {
  const pairs = [];
  const [rows, columns] = [new Set(cost.keys()), new Set((cost[0] ?? []).keys())];
  while (rows.size && columns.size) {
    let best = null;
    for (const n of rows)
      for (const t of columns) if (!best || cost[n][t] < cost[best[0]][best[1]]) best = [n, t];
    pairs.push(best);
    rows.delete(best[0]);
    columns.delete(best[1]);
  }
  return pairs;
}

const assignArgmin = (cost) =>
  (cost[0] ?? []).map((_, t) => [
    cost.reduce((best, row, n) => (row[t] < cost[best][t] ? n : best), 0),
    t,
  ]);

// What the pairs cost in all.
export const totalCost = (cost, pairs) => pairs.reduce((sum, [n, t]) => sum + cost[n][t], 0);

// The unweighted terms of the loss, and `total`, their sum with the weights 1, 5, 2.
export function lossTerms({ boxes, logits, targetBoxes, labels, eosCoef }, pairs) {
  const owner = boxes.map(() => -1);
  for (const [n, t] of pairs) owner[n] = t; // of several targets the last one counts
  let [summed, weightSum] = [0, 0];
  logits.forEach((row, n) => {
    const matched = owner[n] >= 0;
    const high = Math.max(...row);
    const logSum = high + Math.log(row.reduce((sum, value) => sum + Math.exp(value - high), 0));
    summed +=
      (matched ? 1 : eosCoef) * (logSum - (matched ? row[labels[owner[n]]] : row[row.length - 1]));
    weightSum += matched ? 1 : eosCoef;
  });
  const numBoxes = Math.max(labels.length, 1);
  const mean = (term) =>
    pairs.reduce((sum, [n, t]) => sum + term(boxes[n], targetBoxes[t]), 0) / numBoxes;
  const terms = {
    class: summed / Math.max(weightSum, 1.2e-38),
    l1: mean(l1Distance),
    giou: mean((a, b) => 1 - overlap(a, b).giou),
  };
  const total = Object.entries(LOSS_WEIGHTS).reduce(
    (sum, [name, weight]) => sum + weight * terms[name],
    0,
  );
  return { ...terms, total };
}

// The loss of one box, "l1", "iou" (1 - IoU) or "giou" (1 - GIoU).
export function boxLoss(name, box, target) {
  return name === "l1" ? l1Distance(box, target) : 1 - overlap(box, target)[name];
}

// Its gradient on the box, [d/dcx, d/dcy, d/dw, d/dh]; where two edges meet, each has half of it, as in autograd.
export function boxGradient(name, box, target) {
  if (name === "l1") return box.map((value, i) => Math.sign(value - target[i]));
  const [p, q] = [centerToCorners(box), centerToCorners(target)];
  const { intersection, union, hull } = overlap(box, target);
  const wins = (mine, other) => (mine > other ? 1 : mine === other ? 0.5 : 0);
  const inner = [0, 1].map((i) => Math.min(p[i + 2], q[i + 2]) - Math.max(p[i], q[i]));
  const outer = [0, 1].map((i) => Math.max(p[i + 2], q[i + 2]) - Math.min(p[i], q[i]));
  const sides = [0, 1].map((i) => p[i + 2] - p[i]);
  const corner = [0, 1, 2, 3].map((edge) => {
    const [axis, upper] = [edge % 2, edge > 1];
    const sign = upper ? 1 : -1;
    const long = (lengths, least) =>
      Math.max(lengths[1 - axis], least) * (lengths[axis] >= least ? sign : 0);
    const isInner = upper ? wins(q[edge], p[edge]) : wins(p[edge], q[edge]);
    const dIntersection = isInner * long(inner, 0);
    const dUnion = long(sides, SMALLEST_SIDE) - dIntersection;
    const dHull = (1 - isInner) * long(outer, SMALLEST_SIDE);
    const dIou = dIntersection / union - (intersection * dUnion) / union ** 2;
    return -(name === "iou" ? dIou : dIou + dUnion / hull - (union * dHull) / hull ** 2);
  });
  return [
    corner[0] + corner[2],
    corner[1] + corner[3],
    (corner[2] - corner[0]) / 2,
    (corner[3] - corner[1]) / 2,
  ];
}

// What a loss does to the box, in words: "moves right, grows wider"; "" where it does nothing.
export function describePull(gradient) {
  const down = gradient.map((value) => (Math.abs(value) < NO_PULL ? 0 : -value));
  const move = [
    ["left", "", "right"][Math.sign(down[0]) + 1],
    ["up", "", "down"][Math.sign(down[1]) + 1],
  ].filter(Boolean);
  const size = [
    ["narrower", "", "wider"][Math.sign(down[2]) + 1],
    ["flatter", "", "taller"][Math.sign(down[3]) + 1],
  ].filter(Boolean);
  return [move.length && `moves ${move.join(" and ")}`, size.length && `gets ${size.join(" and ")}`]
    .filter(Boolean)
    .join(", ");
}

// Corners count from 0 to 3, clockwise from the top left. Which of [left, top, right, bottom] meet there:
const edgesOf = (corner) => [corner === 0 || corner === 3 ? 0 : 2, corner < 2 ? 1 : 3];

export function cornerPoint(box, corner) {
  const edges = centerToCorners(box);
  return edgesOf(corner).map((edge) => edges[edge]);
}

// One corner dragged to a point of the image; the opposite one stays.
export function dragCorner(box, corner, point, least = LEAST_SIDE) {
  const edges = centerToCorners(box);
  edgesOf(corner).forEach((edge, axis) => {
    const to = clamp(point[axis], 0, 1);
    edges[edge] =
      edge < 2 ? Math.min(to, edges[edge + 2] - least) : Math.max(to, edges[edge - 2] + least);
  });
  return cornersToCenter(edges);
}
