"""The page as one HTML file that needs nothing else, with an automaton and some digits in it."""

import base64
import hashlib
import json
from importlib.resources import files
from string import Template

from ca.checkpoint.folder import Checkpoint
from ca.data.digits import Digits
from ca.page.content import page_content
from ca.page.modules import joined_modules
from ca.render.palette import CLASS_COLOURS
from ca.sizes import DIGIT_NAMES


def build_page(checkpoint: Checkpoint, digits: Digits) -> str:
    """The HTML of the page.

    Args:
        digits: test digits; the first ten of each class go into the page

    Raises:
        FailedError: the page does not compute the automaton's rule
    """
    source = files("ca").joinpath("page", "web")
    style = source.joinpath("page.css").read_text(encoding="utf-8")
    script = joined_modules()
    data = json.dumps(page_content(checkpoint, digits), separators=(",", ":"), allow_nan=False)
    return Template(source.joinpath("page.html").read_text(encoding="utf-8")).substitute(
        _logo_colours() | _words(checkpoint.config.classes),
        policy=page_policy(style, script),
        style=style,
        script=script,
        data=data.replace("<", "\\u003c"),  # "</script>" in the data would end their element
    )


def _words(names: tuple[str, ...]) -> dict[str, str]:
    """The page's headings: automata for digits are what it was made for."""
    if names == DIGIT_NAMES:
        return {
            "title": "Cells that read digits",
            "form": "the digit that they form",
            "samples": "Digits to try",
        }
    return {"title": "Cells that agree", "form": "what they form", "samples": "Images to try"}


def _logo_colours() -> dict[str, str]:
    """Colours of the page's icon: those of the classes in its first palette."""
    colours = next(iter(CLASS_COLOURS.values())).split()
    return {f"class_{label}": colours[label] for label in range(len(colours))}


def page_policy(style: str, script: str) -> str:
    """The content-security policy: the page's own script and style run, and pictures that it makes itself."""
    return (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _digest(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
