// The picture that a reader changes: sprites laid on a ground, as bytes, and what the image processor makes of them.
// A digit is [sprite, left, top, drawn, labelled].

const SIDE = 128; // pixels
const [MEAN, STD] = [0.8, 0.25]; // of mini-yolos' image processor

// The ground with all drawn digits on it, 128 x 128 x 3 bytes, in the order and with the roundings of
// helpers.widgets.scenelab.compose.
export function composePicture({ ground, sprites }, digits) {
  const canvas = Float64Array.from(ground);
  for (const [sprite, left, top, drawn] of digits)
    if (drawn) layDown(canvas, sprites[sprite], left, top);
  return Uint8Array.from(canvas, (value) => Math.floor(value + 0.5));
}
function layDown(canvas, { width, height, ink, colour }, left, top) {
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const share = ink[y * width + x] / 255;
      const at = 3 * ((top + y) * SIDE + left + x);
      for (let c = 0; c < 3; c++) canvas[at + c] += share * (colour[c] - canvas[at + c]);
    }
}

// Bytes as pixel_values: a plane for each colour, numbers around zero, each step rounded to float32.
export function pixelValues(bytes) {
  const area = SIDE * SIDE;
  const values = new Float32Array(3 * area);
  for (let c = 0; c < 3; c++)
    for (let i = 0; i < area; i++) values[c * area + i] = LEVELS[bytes[3 * i + c]];
  return values;
}
const LEVELS = Float32Array.from({ length: 256 }, (_, level) => {
  const shifted = Math.fround(Math.fround(level * (1 / 255)) - Math.fround(MEAN));
  return shifted / Math.fround(STD);
});

// The box of a digit, [cx, cy, w, h] as fractions; `sizes` holds label, width and height of each sprite.
export function boxOfDigit([sprite, left, top], sizes) {
  const [, width, height] = sizes[sprite];
  return [left + width / 2, top + height / 2, width, height].map((value) => value / SIDE);
}

// The digit moved to [left, top], but not out of the picture.
export function movedTo([sprite, , , ...rest], [left, top], sizes) {
  const [, width, height] = sizes[sprite];
  const within = (value, length) => clamp(Math.round(value), 0, SIDE - length);
  return [sprite, within(left, width), within(top, height), ...rest];
}

// The digit exchanged for another sprite about the same center.
export function exchanged([before, left, top, ...rest], sprite, sizes) {
  const [[, w0, h0], [, w1, h1]] = [sizes[before], sizes[sprite]];
  return movedTo([sprite, 0, 0, ...rest], [left + (w0 - w1) / 2, top + (h0 - h1) / 2], sizes);
}

// Where a sprite would cover the least of the others: the first such place from the top left.
export function freePlace(digits, sprite, sizes) {
  const [, width, height] = sizes[sprite];
  const covered = (left, top) =>
    digits.reduce((sum, [other, x, y]) => {
      const [, w, h] = sizes[other];
      const [wide, high] = [
        Math.min(left + width, x + w) - Math.max(left, x),
        Math.min(top + height, y + h) - Math.max(top, y),
      ];
      return sum + Math.max(wide, 0) * Math.max(high, 0);
    }, 0);
  let [best, least] = [[0, 0], Infinity];
  for (let top = 4; top <= SIDE - height; top += 4)
    for (let left = 4; left <= SIDE - width; left += 4) {
      const area = covered(left, top);
      if (area < least) [best, least] = [[left, top], area];
    }
  return best;
}

// Everything that is shown, of what the network answers to the picture.
export function sceneNumbers({ logits, boxes }, digits, sizes, eosCoef) {
  const kept = digits.flatMap((digit, place) => (digit[4] ? [place] : [])); // which digits are targets
  const labels = kept.map((place) => sizes[digits[place][0]][0]);
  const targetBoxes = kept.map((place) => boxOfDigit(digits[place], sizes));
  const state = {
    boxes,
    logits,
    targetBoxes,
    labels,
    weights: Object.values(LOSS_WEIGHTS),
    eosCoef,
  };
  const costs = costMatrices(state).total;
  const pairs = assign(costs, "optimal");
  const tokens = logits.map((row, n) => {
    const shares = softmax(row);
    const none = shares.pop();
    const [target] = pairs.filter((pair) => pair[0] === n).map((pair) => pair[1]);
    const label = shares.indexOf(Math.max(...shares));
    return { sure: 1 - none, claims: none < 0.5, label, box: boxes[n], digit: kept[target] ?? -1 };
  });
  return { labels, kept, targetBoxes, costs, pairs, tokens, losses: lossTerms(state, pairs) };
}
