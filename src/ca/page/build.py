"""The page as one self-contained HTML file, with an automaton and some digits in it.

The sources are in `web/`: ES modules that import each other, a style sheet and the HTML around them.
Here they become one module, in the order of their imports, so that the file opens from disk and a
content-security policy can name what may run by its hash.
"""

import base64
import copy
import hashlib
import json
import posixpath
import re
from importlib.resources import files
from pathlib import PurePosixPath
from string import Template
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from ca.cells import NUM_CLASSES, alive, newborn
from ca.checkpoint.folder import Checkpoint
from ca.data.digits import Digits
from ca.model import CellularAutomaton
from ca.page.draws import page_draws

SAMPLES_PER_CLASS = 10
TRACE_SEED = 1
TRACE_TICKS = (1, 20, 200)
IMPORT = re.compile(r'^import \{[^}]*\} from "([./\w]+)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export ", re.MULTILINE)


def build_page(checkpoint: Checkpoint, digits: Digits) -> str:
    """The page.

    Args:
        digits: test digits; the first ten of each class go into the page
    """
    source = files("ca").joinpath("page", "web")
    style = source.joinpath("page.css").read_text()
    script = _one_module(PurePosixPath("main.js"))
    data = json.dumps(_data(checkpoint, _samples(digits)), separators=(",", ":"), allow_nan=False)
    return Template(source.joinpath("page.html").read_text()).substitute(
        policy=page_policy(style, script),
        style=style,
        script=script,
        data=data.replace("<", "\\u003c"),  # or the data could end its element
    )


def page_policy(style: str, script: str) -> str:
    """What the browser allows the page: its own script and style, and pictures that it makes itself."""
    return (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _digest(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


def _one_module(path: PurePosixPath, done: set[PurePosixPath] | None = None) -> str:
    """A module's source after that of all it imports, each once, without imports and exports."""
    done = set() if done is None else done
    if path in done:
        return ""
    done.add(path)
    source = files("ca").joinpath("page", "web", *path.parts).read_text()
    imported = [PurePosixPath(posixpath.normpath(path.parent / name)) for name in IMPORT.findall(source)]
    before = "".join(_one_module(each, done) for each in imported)
    return before + EXPORT.sub("", IMPORT.sub("", source))


def _samples(digits: Digits) -> Digits:
    numbers = [(digits.labels == label).nonzero()[:SAMPLES_PER_CLASS, 0] for label in range(NUM_CLASSES)]
    return digits[torch.cat(numbers)]


def _data(checkpoint: Checkpoint, samples: Digits) -> dict[str, Any]:
    """What `decode` in `web/files/exported.js` reads."""
    automaton = checkpoint.automaton
    weights = save(automaton.state_dict())
    return {
        "name": checkpoint.path.resolve().name,
        "hash": hashlib.sha256(weights).hexdigest(),
        "metrics": _metrics(checkpoint.config.metrics),
        "fireRate": automaton.fire_rate,
        "noise": automaton.noise,
        "weights": _text(weights),
        "samples": {
            "side": samples.images.shape[1],
            "labels": samples.labels.tolist(),
            "images": _text(samples.images.numpy().tobytes()),
        },
        "trace": _trace(automaton, samples[:1]),
    }


def _metrics(metrics: dict[str, Any]) -> str:
    """A checkpoint's figures in words."""
    named = {
        "held_out_cell_accuracy": "cell accuracy",
        "held_out_agreement": "agreement",
        "held_out_digit_accuracy": "digit accuracy",
    }
    figures = [f"{name} {metrics[key]:.1%}" for key, name in named.items() if key in metrics]
    return f"On training digits that were held out: {', '.join(figures)}." if figures else ""


@torch.no_grad()
def _trace(automaton: CellularAutomaton, digit: Digits) -> dict[str, Any]:
    """A rollout by the dense rule in PyTorch, for the page to repeat: states (alive, 19) after some ticks.

    In float64, as the page computes: float32 rounds off more where cells never come to rest.
    """
    torch.set_num_threads(1)  # one digit is too small for more: on a busy machine they only wait
    exact = copy.deepcopy(automaton).double()
    grid = newborn(digit.liveness).double()
    living = alive(digit.liveness[0])
    states: dict[int, str] = {}
    for tick in range(max(TRACE_TICKS)):
        fired, noise = page_draws(
            grid.shape[-1],
            seed=TRACE_SEED,
            tick=tick,
            fire_rate=automaton.fire_rate,
            noise=automaton.noise,
        )
        grid = exact.tick(grid, fired, noise.double())
        if tick + 1 in TRACE_TICKS:
            states[tick + 1] = _text(_states(grid, living))
    return {
        "side": grid.shape[-1],
        "ink": _text(digit.images.numpy().tobytes()),
        "seed": TRACE_SEED,
        "fireRate": automaton.fire_rate,
        "noise": automaton.noise,
        "states": states,
    }


def _states(grid: Tensor, living: Tensor) -> bytes:
    return grid[0, 1:, living].T.contiguous().numpy().astype("<f4").tobytes()


def _text(content: bytes) -> str:
    """Bytes as text that `fromText` in `web/files/link.js` reads."""
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
