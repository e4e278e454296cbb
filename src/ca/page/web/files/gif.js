// Animated GIF (89a) of at most 16 colours.

const BITS = 4;

/**
 * @param {number} width
 * @param {number} height
 * @param {number[][]} colours at most 16 of [red, green, blue]
 * @param {{pixels: Uint8Array, hundredths: number}[]} frames colour numbers (height * width), and how long each stays
 * @returns {Uint8Array} the file
 */
export function encodeGif(width, height, colours, frames) {
  const out = [];
  const word = (value) => out.push(value & 255, value >> 8);
  out.push(...text("GIF89a"));
  word(width);
  word(height);
  out.push(0xf0 | (BITS - 1), 0, 0);
  for (let index = 0; index < 1 << BITS; index++) out.push(...(colours[index] ?? [0, 0, 0]));
  out.push(0x21, 0xff, 11, ...text("NETSCAPE2.0"), 3, 1, 0, 0, 0); // again and again
  for (const { pixels, hundredths } of frames) {
    out.push(0x21, 0xf9, 4, 4);
    word(hundredths);
    out.push(0, 0, 0x2c);
    word(0);
    word(0);
    word(width);
    word(height);
    out.push(0, BITS);
    const data = compress(pixels);
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

/** LZW with codes that grow from 5 to 12 bits. */
function compress(pixels) {
  const clear = 1 << BITS, end = clear + 1;
  const bytes = [];
  let buffer = 0, filled = 0, size, codes, next;
  const emit = (code) => {
    buffer |= code << filled;
    for (filled += size; filled >= 8; filled -= 8, buffer >>>= 8) bytes.push(buffer & 255);
  };
  const restart = () => {
    size = BITS + 1;
    codes = new Map();
    next = end + 1;
  };
  restart();
  emit(clear);
  let prefix = pixels[0];
  for (let at = 1; at < pixels.length; at++) {
    const longer = (prefix << BITS) | pixels[at];
    const code = codes.get(longer);
    if (code !== undefined) {
      prefix = code;
      continue;
    }
    emit(prefix);
    if (next === 4096) {
      emit(clear);
      restart();
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

function text(letters) {
  return [...letters].map((letter) => letter.charCodeAt(0));
}
