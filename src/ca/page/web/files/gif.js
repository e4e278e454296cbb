// Animated GIF (version 89a).

const MAX_CODES = 4096; // of twelve bits

/** @typedef {{pixels: Uint8Array, hundredths: number}} Frame colour numbers (height * width), and how long it stays */

/**
 * Encode a GIF that is shown again and again.
 *
 * @param {number} width
 * @param {number} height
 * @param {number[][]} colours at most 256 of [red, green, blue]
 * @param {Frame[]} frames
 * @returns {Uint8Array<ArrayBuffer>} the file
 */
export function encodeGif(width, height, colours, frames) {
  const bits = Math.max(2, Math.ceil(Math.log2(colours.length))); // of a colour number
  const out = [];
  const word = (value) => out.push(value & 255, value >> 8);
  out.push(...characterCodes("GIF89a"));
  word(width);
  word(height);
  out.push(0xf0 | (bits - 1), 0, 0);
  for (let index = 0; index < 1 << bits; index++) out.push(...(colours[index] ?? [0, 0, 0]));
  out.push(0x21, 0xff, 11, ...characterCodes("NETSCAPE2.0"), 3, 1, 0, 0, 0); // repeat without end
  for (const { pixels, hundredths } of frames) {
    out.push(0x21, 0xf9, 4, 4);
    word(hundredths);
    out.push(0, 0, 0x2c);
    word(0);
    word(0);
    word(width);
    word(height);
    out.push(0, bits);
    const data = compress(pixels, bits);
    for (let at = 0; at < data.length; at += 255) {
      const block = data.slice(at, at + 255);
      out.push(block.length);
      for (const byte of block) out.push(byte);
    }
    out.push(0);
  }
  out.push(0x3b);
  return Uint8Array.from(out);
}

/** LZW with codes that grow to twelve bits. */
function compress(pixels, bits) {
  const clear = 1 << bits;
  const end = clear + 1;
  const bytes = [];
  let buffer = 0;
  let filled = 0; // bits of the buffer
  let size = bits + 1; // of a code, in bits
  let next = end + 1; // the next code
  let codes = new Map();
  const emit = (code) => {
    buffer |= code << filled;
    for (filled += size; filled >= 8; filled -= 8, buffer >>>= 8) bytes.push(buffer & 255);
  };
  emit(clear);
  let prefix = pixels[0];
  for (let at = 1; at < pixels.length; at++) {
    const longer = (prefix << bits) | pixels[at];
    const code = codes.get(longer);
    if (code !== undefined) {
      prefix = code;
      continue;
    }
    emit(prefix);
    if (next === MAX_CODES) {
      emit(clear);
      size = bits + 1;
      next = end + 1;
      codes = new Map();
    } else {
      if (next === 1 << size) size++;
      codes.set(longer, next++);
    }
    prefix = pixels[at];
  }
  emit(prefix);
  emit(end);
  if (filled > 0) bytes.push(buffer & 255);
  return bytes;
}

function characterCodes(text) {
  return [...text].map((letter) => letter.charCodeAt(0));
}
