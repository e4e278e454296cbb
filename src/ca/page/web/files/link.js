// A board and its settings as the hash of a link.

/** Bytes as text that can stand in a link. */
export function toText(bytes) {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

export function fromText(text) {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
}

/** Ink with every run of zeros as a zero and its length (at most 255). */
export function packInk(ink) {
  const packed = [];
  for (let cell = 0; cell < ink.length; ) {
    if (ink[cell]) {
      packed.push(ink[cell++]);
      continue;
    }
    let run = 1;
    while (run < 255 && cell + run < ink.length && !ink[cell + run]) run++;
    packed.push(0, run);
    cell += run;
  }
  return Uint8Array.from(packed);
}

/** @returns {Uint8Array | null} so many grey levels; null if the bytes hold another number */
export function unpackInk(packed, size) {
  const ink = new Uint8Array(size);
  let cell = 0;
  for (let at = 0; at < packed.length; at++) {
    if (packed[at]) {
      if (cell < size) ink[cell] = packed[at];
      cell++;
    } else {
      cell += packed[++at] || size + 1;
    }
  }
  return cell === size ? ink : null;
}

/** @param {Object<string, string | number>} settings */
export function toHash(ink, settings) {
  return `#${new URLSearchParams({ ...settings, ink: toText(packInk(ink)) })}`;
}

/** @returns {Object<string, string>} what a hash says; empty if there is nothing in it */
export function fromHash(hash) {
  return Object.fromEntries(new URLSearchParams(hash.slice(1)));
}
