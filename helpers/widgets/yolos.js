// The detector's forward pass, as transformers' YolosForObjectDetection makes it: embed, then in each layer normalise,
// attend, normalise and think, and last the heads. Names of weights are those of transformers.
//
// It leaves one thing out: the last layer serves the detection tokens alone, because nobody reads the other places after
// it. To embed only the patches that changed would save a quarter of a millisecond of five.

const EPSILON = 1e-12; // of the LayerNorm
const HEAD_SIZE = 24; // numbers of a state that one attention head looks at
const fours = (count) => 4 * Math.ceil(count / 4);
const eights = (count) => 8 * Math.ceil(count / 8);

// A network of weights from `readTensors`. `run` takes pixel_values (3 x 128 x 128) and gives logits, boxes and the
// tokens' states, a row for each detection token.
export function makeNetwork(tensors, simd = true) {
  const calculator = makeCalculator(simd);
  const net = { ...calculator, ...sizesOf(tensors), zeros: calculator.reserve(1, 256) };
  net.weights = placeWeights(net, tensors);
  net.scratch = reserveScratch(net);
  return {
    simd: net.simd,
    // `tokensAreRead` false: from the second layer on, no place reads a detection token's state. (In the first they
    // are parameters still, the same for every image.)
    run(pixels, tokensAreRead = true) {
      embed(net, pixels);
      net.weights.layers.forEach((layer, place) => {
        const isLast = place === net.depth - 1;
        const rows = isLast ? [net.length - net.tokens, net.tokens] : [0, net.length];
        attend(
          net,
          layer,
          rows,
          tokensAreRead || place === 0 ? net.length : net.length - net.tokens,
        );
        think(net, layer, rows);
      });
      return answer(net);
    },
  };
}

// Cut the picture into patches of 16 x 16 pixels and turn each into a state; [CLS] and tokens enter as they are.
function embed(net, pixels) {
  const { values, width, tokens, length, weights, scratch } = net;
  const states = scratch.states.at;
  cutPatches(values, scratch.patches.at, pixels);
  const places = { at: states + width, step: width };
  net.multiply(
    places,
    scratch.patches,
    weights.patch,
    weights.patchBias,
    length - tokens - 1,
    768,
    width,
  );
  for (let i = 0; i < width; i++) values[states + i] = weights.cls[i];
  const first = length - tokens;
  for (let i = 0; i < tokens * width; i++)
    values[states + first * width + i] = weights.detection[i];
  for (let i = 0; i < length * width; i++) values[states + i] += weights.positions[i];
}
// A row for each patch: its 256 red numbers, then green, then blue.
function cutPatches(values, at, pixels) {
  for (let patch = 0; patch < 64; patch++)
    for (let line = 0; line < 48; line++) {
      const [colour, y] = [line >> 4, 16 * (patch >> 3) + (line & 15)];
      const from = colour * 16384 + y * 128 + 16 * (patch & 7);
      values.set(pixels.subarray(from, from + 16), at + patch * 768 + line * 16);
    }
}

// Each of some places looks at the first `keys` places: softmax(q · k / sqrt(d)) · v in four heads, added to its state.
function attend(net, layer, [first, count], keys) {
  const { values, width, length, scratch, multiply, zeros } = net;
  const { normed, query, key, turned, value, shares, context, states } = scratch;
  const whole = fours(length);
  normalise(net, normed, states, layer.before, 0, length);
  multiply(
    rowsOf(query, first),
    rowsOf(normed, first),
    layer.query,
    layer.queryBias,
    fours(count),
    width,
    width,
  );
  multiply(key, normed, layer.key, layer.keyBias, whole, width, width);
  multiply(value, normed, layer.value, layer.valueBias, whole, width, width);
  turn(values, turned, key, whole, width);
  for (let head = 0; head < width / HEAD_SIZE; head++) {
    const [asked, answered, out] = [query, value, context].map((matrix) => ({
      at: matrix.at + first * (matrix === value ? 0 : width) + head * HEAD_SIZE,
      step: width,
    }));
    const heard = { at: turned.at + head * HEAD_SIZE * turned.step, step: turned.step };
    multiply(shares, asked, heard, zeros, fours(count), HEAD_SIZE, whole);
    softmaxRows(values, shares, count, keys, whole);
    multiply(out, shares, answered, zeros, fours(count), whole, HEAD_SIZE);
  }
  const seen = scratch.change;
  multiply(
    seen,
    rowsOf(context, first),
    layer.output,
    layer.outputBias,
    fours(count),
    width,
    width,
  );
  add(values, rowsOf(states, first), seen, count * width);
}
// exp(s - max) / sum over the first `keys` columns of each row, whose scores are still to be divided by sqrt(d).
function softmaxRows(values, { at, step }, rows, keys, columns) {
  const scale = 1 / Math.sqrt(HEAD_SIZE);
  for (let row = at; row < at + rows * step; row += step) {
    let [most, sum] = [-Infinity, 0];
    for (let i = row; i < row + keys; i++) if (values[i] > most) most = values[i];
    for (let i = row; i < row + keys; i++) sum += values[i] = Math.exp((values[i] - most) * scale);
    for (let i = row; i < row + keys; i++) values[i] /= sum;
    values.fill(0, row + keys, row + columns);
  }
}

// Each of some places for itself: two matrices with a GELU between them, added to its state.
function think(net, layer, [first, count]) {
  const { values, width, wide, scratch, multiply } = net;
  const states = rowsOf(scratch.states, first);
  const normed = rowsOf(scratch.normed, first);
  normalise(net, normed, states, layer.after, 0, count);
  multiply(scratch.wide, normed, layer.widen, layer.widenBias, fours(count), width, wide);
  gelu(values, scratch.wide.at, count * wide);
  multiply(scratch.change, scratch.wide, layer.narrow, layer.narrowBias, fours(count), wide, width);
  add(values, states, scratch.change, count * width);
}
// x times the share of a normal distribution below x, by a formula for erf that is right to 1.5e-7 (Abramowitz and
// Stegun, 7.1.26).
function gelu(values, at, count) {
  for (let i = at; i < at + count; i++) {
    const x = values[i];
    const z = Math.abs(x) * Math.SQRT1_2;
    const t = 1 / (1 + 0.3275911 * z);
    const tail =
      t *
      (0.254829592 +
        t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))) *
      Math.exp(-z * z);
    values[i] = 0.5 * x * (x < 0 ? tail : 2 - tail);
  }
}

// LayerNorm of rows: mean 0 and variance 1, then a learned scale and shift.
function normalise({ values, width }, out, states, { scale, shift }, first, count) {
  for (let row = first; row < first + count; row++) {
    const [from, to] = [states.at + row * width, out.at + row * width];
    let [mean, variance] = [0, 0];
    for (let i = 0; i < width; i++) mean += values[from + i];
    mean /= width;
    for (let i = 0; i < width; i++) variance += (values[from + i] - mean) ** 2;
    const factor = 1 / Math.sqrt(variance / width + EPSILON);
    for (let i = 0; i < width; i++)
      values[to + i] = (values[from + i] - mean) * factor * scale[i] + shift[i];
  }
}

// What the two heads make of the tokens' states: three matrices each, a ReLU between them.
function answer(net) {
  const { values, width, tokens, length, weights, scratch } = net;
  const read = rowsOf(scratch.normed, 0);
  const last = rowsOf(scratch.states, length - tokens);
  normalise(net, read, last, weights.norm, 0, tokens);
  const states = values.slice(read.at, read.at + tokens * width);
  const [logits, places] = [weights.classHead, weights.boxHead].map((head) =>
    passHead(net, read, head),
  );
  const boxes = places.map((box) => box.map((value) => 1 / (1 + Math.exp(-value))));
  return { logits, boxes, states };
}
function passHead({ values, width, tokens, scratch, multiply }, read, layers) {
  let from = read;
  layers.forEach(({ weight, bias, columns }, place) => {
    const to = scratch.heads[place];
    multiply(to, from, weight, bias, fours(tokens), width, eights(columns));
    if (place < 2)
      for (let i = to.at; i < to.at + tokens * width; i++) if (values[i] < 0) values[i] = 0;
    from = to;
  });
  return Array.from({ length: tokens }, (_, n) => {
    const at = from.at + n * from.step;
    return [...values.subarray(at, at + layers[2].columns)];
  });
}

const rowsOf = (matrix, first) => ({ at: matrix.at + first * matrix.step, step: matrix.step });
function add(values, to, change, count) {
  for (let i = 0; i < count; i++) values[to.at + i] += values[change.at + i];
}
// Rows become columns.
function turn(values, out, x, rows, columns) {
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      values[out.at + column * out.step + row] = values[x.at + row * x.step + column];
}

function sizesOf(tensors) {
  const layers = Object.keys(tensors).map((name) => Number(/layer\.(\d+)\./.exec(name)?.[1] ?? 0));
  const [, length, width] = tensors["vit.embeddings.position_embeddings"].shape;
  return {
    length, // of the sequence: [CLS], patches, detection tokens
    width, // of a state
    tokens: tensors["vit.embeddings.detection_tokens"].shape[1],
    wide: tensors["vit.encoder.layer.0.intermediate.dense.weight"].shape[0],
    depth: 1 + Math.max(...layers),
  };
}

// Every weight in the calculator's memory, matrices turned so that inputs are rows.
function placeWeights(net, tensors) {
  const tensor = (name) => tensors[name].values;
  function linear(name) {
    const { shape, values } = tensors[`${name}.weight`];
    const [columns, rows] = [shape[0], shape.slice(1).reduce((a, b) => a * b)];
    const weight = net.reserve(rows, eights(columns));
    const bias = net.reserve(1, eights(columns));
    for (let column = 0; column < columns; column++)
      for (let row = 0; row < rows; row++)
        net.values[weight.at + row * weight.step + column] = values[column * rows + row];
    net.values.set(tensor(`${name}.bias`), bias.at);
    return [weight, bias, columns];
  }
  const norm = (name) => ({ scale: tensor(`${name}.weight`), shift: tensor(`${name}.bias`) });
  const layerOf = (_, place) => {
    const name = `vit.encoder.layer.${place}`;
    const [query, queryBias] = linear(`${name}.attention.attention.query`);
    const [key, keyBias] = linear(`${name}.attention.attention.key`);
    const [value, valueBias] = linear(`${name}.attention.attention.value`);
    const [output, outputBias] = linear(`${name}.attention.output.dense`);
    const [widen, widenBias] = linear(`${name}.intermediate.dense`);
    const [narrow, narrowBias] = linear(`${name}.output.dense`);
    return {
      ...{ query, queryBias, key, keyBias, value, valueBias, output, outputBias },
      ...{ widen, widenBias, narrow, narrowBias },
      before: norm(`${name}.layernorm_before`),
      after: norm(`${name}.layernorm_after`),
    };
  };
  const head = (name) =>
    [0, 1, 2].map((place) => {
      const [weight, bias, columns] = linear(`${name}.layers.${place}`);
      return { weight, bias, columns };
    });
  const [patch, patchBias] = linear("vit.embeddings.patch_embeddings.projection");
  return {
    ...{ patch, patchBias },
    cls: tensor("vit.embeddings.cls_token"),
    detection: tensor("vit.embeddings.detection_tokens"),
    positions: tensor("vit.embeddings.position_embeddings"),
    layers: Array.from({ length: net.depth }, layerOf),
    norm: norm("vit.layernorm"),
    classHead: head("class_labels_classifier"),
    boxHead: head("bbox_predictor"),
  };
}

function reserveScratch(net) {
  const rows = eights(net.length);
  const states = ["states", "normed", "query", "key", "value", "context", "change"];
  return {
    ...Object.fromEntries(states.map((name) => [name, net.reserve(rows, net.width)])),
    patches: net.reserve(64, 768),
    turned: net.reserve(net.width, rows),
    shares: net.reserve(rows, rows),
    wide: net.reserve(rows, net.wide),
    heads: [net.width, net.width, 16].map((columns) => net.reserve(16, columns)),
  };
}
