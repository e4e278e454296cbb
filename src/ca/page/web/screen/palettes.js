// Colours, as [red, green, blue] from 0 to 255. Those of the classes come from Python, in the page's data.

export const UNDECIDED_COLOUR = [176, 176, 176]; // drawn with hatching
export const BACKGROUND = [255, 255, 255];
export const INK_COLOUR = [28, 28, 32];

/**
 * Black or white, whichever has more contrast with a colour.
 *
 * @param {number[]} colour
 */
export function inkOn(colour) {
  const luminance = luminanceOf(colour);
  return (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) ? "#000" : "#fff";
}

/** Relative luminance of an sRGB colour, in [0, 1] (WCAG 2.2). */
function luminanceOf(colour) {
  const [red, green, blue] = colour.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

export function css(colour) {
  return `rgb(${colour.map(Math.round).join(" ")})`;
}

/**
 * A colour as a pixel of an ImageData, whose bytes are red, green, blue, opacity.
 *
 * @param {number[]} colour
 */
export function rgba([red, green, blue]) {
  return ((255 << 24) | (Math.round(blue) << 16) | (Math.round(green) << 8) | Math.round(red)) >>> 0;
}

/** The colour at a share, in [0, 1], of the way along some colours. */
export function blend(stops, share) {
  const at = Math.min(Math.max(share, 0), 1) * (stops.length - 1);
  const low = Math.min(Math.floor(at), stops.length - 2);
  return stops[low].map((part, index) => part + (stops[low + 1][index] - part) * (at - low));
}
