// Colours of the ten classes. Colours are [red, green, blue], 0 to 255.

const hex = (colours) => colours.split(" ").map((one) => [0, 2, 4].map((at) => parseInt(one.slice(at, at + 2), 16)));

export const PALETTES = {
  // Any two classes stay apart for normal, deutan, protan and tritan eyes (CIEDE2000 of 18 or more).
  distinct: { name: "Distinct", colours: hex("536c58 fe3687 3d00f3 9aff7e 9e9e07 b50502 11a8a1 ecafff 8472ff 92006d") },
  // M. Petroff, "Accessible color sequences for data visualization", 2021.
  petroff: { name: "Petroff", colours: hex("3f90da ffa90e bd1f01 94a4a2 832db6 a96b59 e76300 b9ac70 717581 92dadd") },
  article: { name: "Article", colours: hex("800000 e6194b 46f0f0 d2f53c fabebe aa6e28 aaffc3 a5a39f 008080 808000") },
};
export const UNDECIDED_COLOUR = [176, 176, 176]; // and hatched
export const BACKGROUND = [255, 255, 255];
export const INK_COLOUR = [28, 28, 32];

/** Black or white, whichever can be read on a colour (luma of ITU-R BT.601). */
export function inkOn([red, green, blue]) {
  return 0.299 * red + 0.587 * green + 0.114 * blue > 128 ? "#000" : "#fff";
}

export function css(colour) {
  return `rgb(${colour.map(Math.round).join(" ")})`;
}

/** A colour between stops, at a share in [0, 1] of the way along them. */
export function blend(stops, share) {
  const at = Math.min(Math.max(share, 0), 1) * (stops.length - 1);
  const low = Math.min(Math.floor(at), stops.length - 2);
  return stops[low].map((part, index) => part + (stops[low + 1][index] - part) * (at - low));
}
