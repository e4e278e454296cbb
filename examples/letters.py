"""Make a set of the 26 capital letters from fonts, to train an automaton on letters: docs/letters.md.

uv run python examples/letters.py
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
BOXES = 16, 20, 24  # pixels of a letter's longer side; the images are 28x28
FACES = {"regular", "book", "roman", "medium", "light", "demi", "bold", "italic", "oblique"}

# No family is a copy or a relative of one in the other list, so test fonts are unseen designs.
TRAINING = """Accanthis ADF Std, Agave, Allerta, Andika, Anonymous Pro, Averia Serif GWF, B612,
Baskervald ADF Std, Berenis ADF Pro, C059, CMU Sans Serif, CMU Typewriter Text, Cabin, Caladea, Cantarell,
Cardo, Carlito, Caslon, Charis SIL, Comfortaa, Comic Neue, Courier Prime, DejaVu Sans, DejaVu Sans Mono,
DejaVu Serif, Dosis, Essays1743, Fantasque Sans Mono, Fanwood, Gillius ADF, Go, Ikarius ADF Std,
Inconsolata, Jura, Lato, League Spartan, Liberation Mono, Liberation Sans, Liberation Serif,
Libris ADF Std, Linux Libertine O, Mekanus ADF Std, Millimetre, Old Standard TT, Open Sans, P052, PT Sans,
PT Serif, Quicksand, Romande ADF Std, Sora, Tribun ADF Std, Tuffy, URW Bookman, URW Gothic,
Universalis ADF Std, Verana"""
TEST = """Clear Sans, DkgHandwriting, GFS Neohellenic, Goudy Bookletter 1911, Inter, Junction, Karla,
Linden Hill, Manrope, OpenDyslexic, Play, Prociono, Quattrocento, Roboto, Roboto Slab, Tiresias Infofont,
Vollkorn, Yanone Kaffeesatz, monofur, mononoki, osifont"""


def installed_faces(folder: Path) -> dict[str, dict[str, Path]]:
    """Font files below `folder` by family and face ("bold italic"), without extreme weights and widths."""
    faces: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.rglob("*.[ot]tf")):
        family, style = ImageFont.truetype(path).getname()
        words = set((style or "regular").lower().replace("italic", " italic").split())
        if family and words <= FACES:
            faces.setdefault(family, {}).setdefault(" ".join(sorted(words)), path)
    return faces


def draw_letter(letter: str, path: Path, box: int) -> np.ndarray:
    """White on black in the middle of a (28, 28) image of bytes; the longer side has `box` pixels."""
    large = Image.new("L", (600, 600))
    ImageDraw.Draw(large).text((300, 300), letter, 255, ImageFont.truetype(path, 200), anchor="mm")
    large = large.crop(large.getbbox())
    scale = box / max(large.size)
    width, height = (max(1, round(side * scale)) for side in large.size)
    image = Image.new("L", (28, 28))
    small = large.resize((width, height), Image.Resampling.BOX)
    image.paste(small, ((28 - width) // 2, (28 - height) // 2))
    return np.asarray(image)


def letters_of(families: list[str], installed: dict[str, dict[str, Path]]) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 28, 28) and labels (n,) of all letters in all faces of `families`."""
    if missing := [name for name in families if name not in installed]:
        sys.exit(f"fonts are missing, install the packages in docs/letters.md: {', '.join(missing)}")
    files = [path for name in families for path in installed[name].values()]
    all_of = [(letter, path, box) for letter in LETTERS for path in files for box in BOXES]
    print(f"{len(all_of)} images of {len(files)} fonts of {len(families)} families")
    return np.stack([draw_letter(*one) for one in all_of]), np.array([letter for letter, _, _ in all_of])


def make_letters() -> None:
    """Read the command line and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fonts", type=Path, default=Path("/usr/share/fonts"), help="folder of the fonts")
    parser.add_argument("--output", type=Path, default=Path("letters.npz"), help="file to write")
    options = parser.parse_args()
    installed = installed_faces(options.fonts)
    x_train, y_train = letters_of([name.strip() for name in TRAINING.split(",")], installed)
    x_test, y_test = letters_of([name.strip() for name in TEST.split(",")], installed)
    np.savez_compressed(options.output, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    print(options.output)


if __name__ == "__main__":
    make_letters()
