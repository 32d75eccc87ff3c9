// out = x · w + bias, four rows by eight columns at a time: by a kernel of a few hundred bytes that works on four numbers
// at once (SIMD), or in plain JavaScript where a browser has no such thing.
//
// A matrix is { at, step }: where in `values` it begins, and how far its rows are apart. Rows come in fours, columns in
// eights; whoever has fewer gives the next full number, and leaves what is too much alone.
const BYTES = 4; // of a float32
const MEMORY = 64 * 65536; // bytes

// matmul.wat, as `wat2wasm` of npm's wabt makes it.
const KERNEL =
  "AGFzbQEAAAABDgFgCn9/f39/f39/f38AAwIBAAUDAQBABxMCBm1lbW9yeQIABm1hdG11bAAACsEDAb4DAgh/C3sDQEEAIQoDQCAGIApq/QAEACEVIAYgCmr9AAQQIRYgFSEXIBYhGCAVIRkgFiEaIBUhGyAWIRwgAiENIA0gA2ohDiAOIANqIQ8gDyADaiEQIAQgCmohESAIIQsDQCAR/QAEACESIBH9AAQQIRMgDf0JAgAhFCAVIBQgEv3mAf3kASEVIBYgFCAT/eYB/eQBIRYgDv0JAgAhFCAXIBQgEv3mAf3kASEXIBggFCAT/eYB/eQBIRggD/0JAgAhFCAZIBQgEv3mAf3kASEZIBogFCAT/eYB/eQBIRogEP0JAgAhFCAbIBQgEv3mAf3kASEbIBwgFCAT/eYB/eQBIRwgDUEEaiENIA5BBGohDiAPQQRqIQ8gEEEEaiEQIBEgBWohESALQQFrIgsNAAsgACAKaiEMIAwgFf0LBAAgDCAW/QsEECAMIAFqIQwgDCAX/QsEACAMIBj9CwQQIAwgAWohDCAMIBn9CwQAIAwgGv0LBBAgDCABaiEMIAwgG/0LBAAgDCAc/QsEECAKQSBqIQogCiAJQQJ0SQ0ACyACIANBAnRqIQIgACABQQJ0aiEAIAdBBGsiB0EASg0ACws=";

// Room for all matrices of a network, and what multiplies them. `simd` false asks for plain JavaScript.
export function makeCalculator(simd = true) {
  const kernel = simd ? startKernel() : null;
  const values = new Float32Array(kernel?.memory.buffer ?? new ArrayBuffer(MEMORY));
  let used = 0;
  return {
    values,
    simd: kernel !== null,
    // A matrix of zeros that nobody else has.
    reserve(rows, columns) {
      const matrix = { at: used, step: columns };
      used += rows * columns;
      if (used > values.length) throw new RangeError("The network is too large for this page.");
      return matrix;
    },
    multiply(out, x, w, bias, rows, inner, columns) {
      if (kernel === null) return multiplyPlainly(values, out, x, w, bias, rows, inner, columns);
      const places = [out.at, out.step, x.at, x.step, w.at, w.step, bias.at];
      kernel.matmul(...places.map((place) => place * BYTES), rows, inner, columns);
    },
  };
}

function startKernel() {
  try {
    return new WebAssembly.Instance(new WebAssembly.Module(bytesOfText(KERNEL))).exports;
  } catch {
    return null; // no WebAssembly here, or none with SIMD
  }
}

// The same by blocks of four by four: sixteen sums that stay in registers.
function multiplyPlainly(values, out, x, w, bias, rows, inner, columns) {
  for (let row = 0; row < rows; row += 4)
    for (let column = 0; column < columns; column += 4)
      multiplyBlock(
        values,
        out.at + row * out.step + column,
        out.step,
        x.at + row * x.step,
        x.step,
        w.at + column,
        w.step,
        bias.at + column,
        inner,
      );
}
function multiplyBlock(v, out, outStep, x, xStep, w, wStep, bias, inner) {
  let a0 = v[bias],
    a1 = v[bias + 1],
    a2 = v[bias + 2],
    a3 = v[bias + 3];
  let [b0, b1, b2, b3] = [a0, a1, a2, a3];
  let [c0, c1, c2, c3] = [a0, a1, a2, a3];
  let [d0, d1, d2, d3] = [a0, a1, a2, a3];
  const [xb, xc, xd] = [x + xStep, x + 2 * xStep, x + 3 * xStep];
  for (let k = 0; k < inner; k++, w += wStep) {
    const w0 = v[w],
      w1 = v[w + 1],
      w2 = v[w + 2],
      w3 = v[w + 3];
    const a = v[x + k],
      b = v[xb + k],
      c = v[xc + k],
      d = v[xd + k];
    a0 += a * w0;
    a1 += a * w1;
    a2 += a * w2;
    a3 += a * w3;
    b0 += b * w0;
    b1 += b * w1;
    b2 += b * w2;
    b3 += b * w3;
    c0 += c * w0;
    c1 += c * w1;
    c2 += c * w2;
    c3 += c * w3;
    d0 += d * w0;
    d1 += d * w1;
    d2 += d * w2;
    d3 += d * w3;
  }
  putFour(v, out, a0, a1, a2, a3);
  putFour(v, out + outStep, b0, b1, b2, b3);
  putFour(v, out + 2 * outStep, c0, c1, c2, c3);
  putFour(v, out + 3 * outStep, d0, d1, d2, d3);
}
function putFour(v, at, a, b, c, d) {
  v[at] = a;
  v[at + 1] = b;
  v[at + 2] = c;
  v[at + 3] = d;
}
