// Reads a safetensors file: eight bytes with the length of a header, the header (JSON), the numbers.

// Every tensor by its name: { shape, values }, as Float32Array or bytes. Half precision is widened, which changes no number.
export function readTensors(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = 8 + Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start)));
  const tensors = {};
  for (const [name, { dtype, shape, data_offsets: offsets }] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const [from, to] = offsets.map((offset) => start + offset);
    tensors[name] = { shape, values: READERS[dtype](view, from, to) };
  }
  return tensors;
}

const READERS = {
  U8: (view, from, to) => new Uint8Array(view.buffer, view.byteOffset + from, to - from),
  F32: (view, from, to) =>
    Float32Array.from({ length: (to - from) / 4 }, (_, i) => view.getFloat32(from + 4 * i, true)),
  F16(view, from, to) {
    const values = new Float32Array((to - from) / 2);
    for (let i = 0; i < values.length; i++) values[i] = widen(view.getUint16(from + 2 * i, true));
    return values;
  },
};

// A half precision number: a bit for the sign, five for the exponent, ten for the fraction.
export function widen(bits) {
  const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 0) return sign * 2 ** -24 * fraction;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * 2 ** (exponent - 25) * (1024 + fraction);
}
