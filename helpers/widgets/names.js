// Names of boxes in a picture, none of which covers another where there is room.

// Where names lie: about their boxes, each at the first of its places where it covers the least of the names before it.
// `names` are { box: [x, y, w, h], width, isTarget }; gives [left, top] of each.
export function placeNames(names, height, [W, H]) {
  const taken = [];
  const shared = ([left, top], width, other) =>
    Math.max(0, Math.min(left + width, other.left + other.width) - Math.max(left, other.left)) *
    Math.max(0, height - Math.abs(top - other.top));
  return names.map(({ box, width, isTarget }) => {
    let [best, least] = [null, Infinity];
    for (const [x, y] of placesAbout(box, [width, height], isTarget)) {
      const place = [clamp(x, 0, W - width), clamp(y, 0, H - height)];
      const covered = taken.reduce((sum, other) => sum + shared(place, width, other), 0);
      if (covered < least) [best, least] = [place, covered];
      if (least === 0) break;
    }
    taken.push({ left: best[0], top: best[1], width });
    return best;
  });
}
// Outside of the box and inside it, at its own end and at the other, at both sides; then beside it, then a line away.
function placesAbout([x, y, w, h], [width, height], isTarget) {
  const [left, right, top, low] = [x - w / 2, x + w / 2, y - h / 2, y + h / 2];
  const [above, below] = [
    [top - height, top],
    [low, low - height],
  ];
  const rows = isTarget ? [...above, ...below] : [...below, ...above];
  const sides = isTarget ? [left, right - width] : [right - width, left];
  const about = rows.flatMap((row) => sides.map((side) => [side, row]));
  const beside = [right, left - width].flatMap((side) =>
    [rows[1], rows[3]].map((row) => [side, row]),
  );
  const afar = [low + height, top - 2 * height].flatMap((row) => sides.map((side) => [side, row]));
  return [...about, ...beside, ...afar];
}
