"""Figures do not depend on the user's Matplotlib settings, and one that fails ends no work."""

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ca.render.attempt import drawing
from ca.render.figures import class_legend, own_style, plain_text, save_figure
from ca.render.palette import palette_of
from ca.system.errors import FailedError
from ca.train.history import draw_loss_history

ROWS = [{"step": step, "loss": 1 / step, "rate": 0.1} for step in range(1, 30)]
USER_SETTINGS: dict[Any, Any] = {
    "text.usetex": True,
    "font.family": ["no such font"],
    "figure.autolayout": True,
    "figure.dpi": 7,
    "savefig.dpi": 9,
    "savefig.bbox": "tight",
    "axes.facecolor": "red",
    "axes.unicode_minus": False,
    "lines.linewidth": 20,
    "font.size": 60,
}


@own_style
def draw_something(path: Path) -> None:
    figure = Figure(figsize=(1, 1))
    figure.subplots().plot([-1, 1], label="a line")
    figure.legend()
    save_figure(figure, path)


def test_settings_of_the_user_have_no_influence(tmp_path: Path) -> None:
    default, users = tmp_path / "default.png", tmp_path / "users.png"
    draw_something(default)
    for name, value in USER_SETTINGS.items():
        with matplotlib.rc_context({name: value}):
            draw_something(users)
            assert matplotlib.rcParams[name] == value, "they are restored"
        assert users.read_bytes() == default.read_bytes(), name


def test_settings_of_the_user_have_no_influence_on_a_run_s_figure(tmp_path: Path) -> None:
    draw_loss_history(ROWS, tmp_path / "default.png")
    with matplotlib.rc_context(USER_SETTINGS):
        draw_loss_history(ROWS, tmp_path / "users.png")
    assert (tmp_path / "users.png").read_bytes() == (tmp_path / "default.png").read_bytes()


@pytest.mark.parametrize(
    "name", ["模型-4", "b\udce9 run", "a\nb", "🙂", "$x$ _y", "\u202eright to left", "_", ""]
)
def test_any_folder_name_is_drawn_without_warnings(name: str, tmp_path: Path) -> None:
    @own_style
    def draw() -> None:
        figure = Figure(layout="constrained")
        axes = figure.subplots()
        axes.plot([1], [1], label=plain_text(name))
        axes.set_title(plain_text(name))
        figure.legend()
        save_figure(figure, tmp_path / "figure.png")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw()
    assert (tmp_path / "figure.png").stat().st_size > 1_000


def test_characters_without_a_glyph_are_escaped() -> None:
    assert plain_text("é-a\udce9\n") == r"é-a\udce9\n"
    assert plain_text("$_") == r"\$_"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (RuntimeError("latex was not found\nlong output"), "latex was not found"),
        (ValueError("bad"), "bad"),
        (MemoryError(), "MemoryError"),
        (UnicodeDecodeError("utf-8", b"\xe9", 0, 1, "invalid"), "'utf-8' codec can't decode"),
    ],
)
def test_whatever_a_figure_raises_is_one_line(error: Exception, line: str) -> None:
    with pytest.raises(FailedError) as caught, drawing(Path("f.png")):
        raise error
    assert str(caught.value).startswith(f"can't draw f.png: {line}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("error", [OSError(28, "full"), KeyboardInterrupt()])
def test_errors_of_the_disk_and_interrupts_stay_what_they_are(error: BaseException) -> None:
    with pytest.raises(type(error)), drawing(Path("f.png")):
        raise error


def test_arguments_reach_the_function(tmp_path: Path) -> None:
    found: list[object] = []
    draw: Callable[..., None] = own_style(lambda *args, **options: found.extend([args, options]))
    draw(1, path=tmp_path)
    assert found == [(1,), {"path": tmp_path}]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a Unix system")
@pytest.mark.parametrize("kind", ["pipe", "endless"])
@pytest.mark.parametrize("name", ["matplotlibrc", "config/matplotlibrc", "config/fontlist-v390.json"])
def test_settings_that_can_t_be_read_to_their_end_are_one_line(
    name: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Matplotlib reads these files when it is imported, and would wait for a pipe for ever."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path / "config"))
    (tmp_path / "config").mkdir()
    if kind == "pipe":
        os.mkfifo(name)
    else:
        os.symlink("/dev/zero", name)
    message = rf"can't draw x.png: .*{name}: it is not a regular file$"
    with pytest.raises(FailedError, match=message), drawing(Path("x.png")):
        pytest.fail("Matplotlib would be imported here")


@pytest.mark.parametrize("width", [9, 14])
@pytest.mark.parametrize(
    "names",
    [
        [*"0123456789"],
        [*"ABCDEFGHIJKLMNOPQRSTUVWXYZ"],
        ["W"] * 64,
        ["no", "a long name of a class"] * 9,
        ["x" * 40] * 63,
    ],
    ids=len,
)
def test_a_legend_of_many_classes_lies_within_the_figure(names: list[str], width: int) -> None:
    figure = Figure(figsize=(width, 3), layout="constrained")
    axes = figure.subplots()
    class_legend(figure, palette_of("distinct", len(names)), names)
    FigureCanvasAgg(figure).draw()
    box = figure.legends[0].get_window_extent()
    assert 0 <= box.x0 < box.x1 <= figure.bbox.x1
    assert box.width > 0.4 * figure.bbox.x1 or len(names) < 20
    assert axes.bbox.height > 1.5 * figure.dpi
    assert 0 <= box.y0 < box.y1 < axes.bbox.y0
