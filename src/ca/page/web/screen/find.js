// The elements of `page.html`.

/**
 * An element by its id. Its type is not known here: it may be a canvas, an input, a dialog.
 *
 * @param {string} id
 * @returns {any}
 */
export function find(id) {
  return document.getElementById(id);
}
