// A board and its settings in the hash of a link.

/** Bytes as text that may stand in a link (base64url, without padding). */
export function toText(bytes) {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

export function fromText(text) {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) =>
    letter.charCodeAt(0),
  );
}

/** Grey levels with each run of zeros as a zero and its length, which is at most 255. */
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

/** @returns {Uint8Array | null} grey levels of `size` cells; null if the bytes hold another number of cells */
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

/** @param {Record<string, string | number>} settings */
export function toHash(ink, settings) {
  const texts = Object.entries(settings).map(([name, value]) => [name, String(value)]);
  return `#${new URLSearchParams([...texts, ["ink", toText(packInk(ink))]])}`;
}

/** @returns {Record<string, string>} the settings of a hash; empty if it has none */
export function fromHash(hash) {
  return Object.fromEntries(new URLSearchParams(hash.slice(1)));
}
