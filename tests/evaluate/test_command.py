"""`ca evaluate`: what the video holds, what is printed, and that every flag does what it says."""

from dataclasses import replace
from itertools import pairwise, product
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image
from support.helpers import random_automaton, saved_automaton

from ca.architecture import Architecture
from ca.cli import main
from ca.data.digits import Digits
from ca.data.load import load_digits
from ca.evaluate import recording
from ca.evaluate.command import evaluate
from ca.model import CellularAutomaton
from ca.settings.commands import EvaluateSettings
from ca.system.errors import FailedError, UsageError

BUNDLED = str(Path(__file__).parents[2] / "checkpoints" / "model-steps-100000")


@pytest.fixture
def settings(tmp_path: Path) -> EvaluateSettings:
    return small_video(tmp_path)


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[np.ndarray]]:
    """The name and the frames of the small video."""
    settings = small_video(tmp_path_factory.mktemp("unchanged"))
    evaluate(settings)
    (path,) = settings.output_dir.iterdir()
    return path.name, frames_of(path)


def small_video(folder: Path) -> EvaluateSettings:
    """Settings of a small video, and a checkpoint of an automaton that does something."""
    checkpoint = saved_automaton(folder, random_automaton(dtype=torch.float32))
    return EvaluateSettings(
        checkpoint=checkpoint,
        batch_size=4,
        n_stages=2,
        n_steps_per_stage=3,
        output_dir=folder / "outputs",
    )


def video_of(settings: EvaluateSettings, capsys: pytest.CaptureFixture[str]) -> tuple[Path, list[np.ndarray]]:
    """Run `evaluate`; the path that it printed and the decoded frames."""
    evaluate(settings)
    path = Path(capsys.readouterr().out.splitlines()[0])
    return path, frames_of(path)


def frames_of(path: Path) -> list[np.ndarray]:
    with av.open(path) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def test_video_has_the_start_and_a_frame_for_every_tick(
    settings: EvaluateSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    _, frames = video_of(settings, capsys)
    assert len(frames) == 1 + 2 * 3
    assert frames[0].shape[1] == 2 * 28 * 3 + 24
    assert not (frames[1] == frames[2]).all()


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"batch_size": 3},
        {"n_stages": 1},
        {"n_steps_per_stage": 2},
        {"zoom_scale": 4},
        {"slider": False},
        {"annotations": True},
        {"fire_rate": 1.0},
        {"noise": 0.5},
        {"format": "gif"},
        {"view": "confidence"},
        {"view": "channels"},
        {"colours": "petroff"},
        {"colours": "article"},
        {"layout": "board"},
        {"layout": "board", "board_size": 70},
    ],
)
def test_every_flag_changes_the_video_and_its_name(
    settings: EvaluateSettings,
    change: dict,
    unchanged: tuple[str, list[np.ndarray]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    name, frames = unchanged
    changed_path, changed_frames = video_of(replace(settings, **change), capsys)
    assert name != changed_path.name
    assert len(frames) != len(changed_frames) or any(
        one.shape != other.shape or (one != other).any()
        for one, other in zip(frames, changed_frames, strict=True)
    )


def test_frames_a_second(settings: EvaluateSettings, capsys: pytest.CaptureFixture[str]) -> None:
    path, _ = video_of(replace(settings, fps=5.0), capsys)
    with av.open(path) as container:
        assert container.streams.video[0].average_rate == 5


def test_same_seed_same_video(settings: EvaluateSettings, capsys: pytest.CaptureFixture[str]) -> None:
    _, frames = video_of(settings, capsys)
    _, again = video_of(replace(settings, output_dir=settings.output_dir / "again"), capsys)
    assert all((one == other).all() for one, other in zip(frames, again, strict=True))


def test_last_frame_and_printed_metrics_equal_a_dense_rollout(
    settings: EvaluateSettings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All cells fire, without noise and without mutation: the dense rule gives the same cells."""
    images = torch.zeros(4, 28, 28, dtype=torch.uint8)
    for number in range(4):
        images[number, 6 : 12 + 3 * number, 8:20] = 200
    digits = Digits(images, torch.tensor([3, 1, 4, 1]))
    monkeypatch.setattr("ca.checkpoint.folder.load_digits", lambda *_, **__: digits)
    settings = replace(
        settings, n_stages=1, fire_rate=1.0, noise=0.0, batch_size=4, format="gif", slider=False
    )
    evaluate(settings)
    path, line = capsys.readouterr().out.splitlines()

    automaton = random_automaton(dtype=torch.float32)
    grid = torch.cat([digits.liveness[:, None], torch.zeros(4, 19, 28, 28)], 1)
    everyone, silence = torch.ones(4, 28, 28, dtype=torch.bool), torch.zeros(4, 19, 28, 28)
    for _ in range(3):
        grid = automaton.tick(grid, everyone, silence)
    votes = grid[:, 10:].argmax(1)
    living = digits.liveness > 0.1
    right = (votes == digits.labels[:, None, None])[living].double().mean()
    assert f"cell accuracy {right:.1%}" in line
    agreeing = sum(len(set(votes[n][living[n]].tolist())) == 1 for n in range(4)) / 4
    assert f"agreement {agreeing:.1%}" in line

    with Image.open(path) as image:
        image.seek(3)  # one tick each after the start
        seen = np.asarray(image.convert("RGB"))
    counts = {tuple(colour) for colour in seen.reshape(-1, 3).tolist()}
    assert (255, 255, 255) in counts
    white = (seen[12 : 12 + 2 * 84, 12 : 12 + 2 * 84] == 255).all(-1).sum()
    assert white == 9 * int((~living).sum())


def test_board_in_motion_equals_its_digits_alone(
    settings: EvaluateSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is printed for four digits that share a board is what a dense rollout of each alone says."""
    settings = replace(
        settings, layout="board", n_stages=1, fire_rate=1.0, noise=0.0, seed=3, output_dir=settings.output_dir
    )
    evaluate(settings)
    line = capsys.readouterr().out.splitlines()[1]

    digits = load_digits("mnist", "test").sample(4, torch.Generator().manual_seed(3))
    automaton = random_automaton(dtype=torch.float32)
    grid = torch.cat([digits.liveness[:, None], torch.zeros(4, 19, 28, 28)], 1)
    with torch.no_grad():
        for _ in range(3):
            grid = automaton.tick(grid, torch.ones(4, 28, 28, dtype=torch.bool), torch.zeros(4, 19, 28, 28))
    living = digits.liveness > 0.1
    right = (grid[:, 10:].argmax(1) == digits.labels[:, None, None])[living].double().mean()
    assert f"cell accuracy {right:.1%}" in line


def test_every_view_of_every_layout_as_gif_and_annotated(
    settings: EvaluateSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    for view, layout in product(("classes", "confidence", "channels"), ("mosaic", "board")):
        changed = replace(
            settings, view=view, layout=layout, annotations=True, format="gif", n_stages=1, batch_size=2
        )
        evaluate(changed)
        path = Path(capsys.readouterr().out.splitlines()[0])
        with Image.open(path) as image:
            assert getattr(image, "n_frames", 1) == 4
            assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)


def test_few_digits_are_the_default_where_each_is_nineteen_pictures() -> None:
    assert EvaluateSettings().num_digits == 100
    assert EvaluateSettings(view="channels").num_digits == 5
    assert EvaluateSettings(view="channels", batch_size=7).num_digits == 7


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"board_size": 100}, "--board-size 100 needs --layout board"),
        ({"board_size": 27, "layout": "board"}, "--board-size must be at least 28, not 27"),
        ({"batch_size": 0}, "--batch-size must be at least 1, not 0"),
    ],
)
def test_contradicting_layout_flags(flags: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        EvaluateSettings(**flags)


def test_board_too_small(settings: EvaluateSettings) -> None:
    with pytest.raises(UsageError, match=r"only \d of --batch-size 4 digits find room on a board of 28 x 28"):
        evaluate(replace(settings, layout="board", board_size=28, n_steps_per_stage=1))


def test_stages_mutate_the_digits(settings: EvaluateSettings, capsys: pytest.CaptureFixture[str]) -> None:
    """The white of the picture, where no cell is alive, changes at the mutation and only there."""
    _, frames = video_of(replace(settings, slider=False), capsys)
    white = [(frame[12:180, 12:180] > 245).all(-1) for frame in frames]
    differences = [(one != other).mean() for one, other in pairwise(white)]
    assert max(range(6), key=lambda number: differences[number]) == 3
    assert differences[3] > 5 * sorted(differences)[-2]


def test_more_digits_than_there_are(settings: EvaluateSettings) -> None:
    with pytest.raises(UsageError, match="--batch-size 10001 is more than the 10000"):
        evaluate(replace(settings, batch_size=10_001, zoom_scale=1))


def test_frames_too_large_for_a_video(settings: EvaluateSettings) -> None:
    with pytest.raises(UsageError, match=r"lower --zoom-scale 500 or --batch-size 4$"):
        evaluate(replace(settings, zoom_scale=500))
    with pytest.raises(UsageError, match=r"lower --zoom-scale 3 or --board-size 5000$"):
        evaluate(replace(settings, layout="board", board_size=5000))


def test_unwritable_folder_is_found_before_the_work(
    settings: EvaluateSettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("work was begun")

    monkeypatch.setattr(recording, "rollout", never)
    (tmp_path / "file").write_text("")
    with pytest.raises(FailedError, match="can't write into"):
        evaluate(replace(settings, output_dir=tmp_path / "file" / "below"))


def test_the_two_documented_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As written in the README, at reduced size."""
    output = ["--output-dir", str(tmp_path)]
    main(["evaluate", BUNDLED, "--batch-size", "9", "--n-steps-per-stage", "4", *output])
    one_digit = "--batch-size 1 --no-slider --zoom-scale 20 --fps 3 --n-stages 1 --n-steps-per-stage 30"
    main(["evaluate", BUNDLED, *one_digit.split(), "--seed", "84", "--annotations", *output])
    lines = capsys.readouterr().out.splitlines()
    mosaic, annotated = (Path(line) for line in lines if line.endswith(".mp4"))
    assert [line[:8] for line in lines] == [
        str(tmp_path)[:8],
        "stage 1,",
        "stage 2,",
        str(tmp_path)[:8],
        "stage 1,",
    ]
    for path, count, width in ((mosaic, 9, 3 * 28 * 3 + 24), (annotated, 31, 28 * 20 + 24)):
        with av.open(path) as container:
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert len(frames) == count
        assert frames[0].shape[1] == width


def test_without_a_path_the_bundled_checkpoint_is_taken(
    settings: EvaluateSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    path, _ = video_of(replace(settings, checkpoint=None, n_stages=1, n_steps_per_stage=1), capsys)
    assert path.name.startswith("model-steps-100000_")


def test_bundled_automaton_knows_digits(
    settings: EvaluateSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate(
        replace(settings, checkpoint=None, n_stages=1, n_steps_per_stage=40, batch_size=50, zoom_scale=1)
    )
    accuracy = float(capsys.readouterr().out.split("cell accuracy ")[1].split("%")[0])
    assert accuracy > 92


def test_checkpoint_keeps_its_fire_rate_and_noise(tmp_path: Path) -> None:
    from ca.checkpoint.folder import load_checkpoint

    path = saved_automaton(tmp_path, CellularAutomaton(Architecture(fire_rate=0.25, noise=0.5)))
    automaton = load_checkpoint(path).automaton
    assert (automaton.fire_rate, automaton.noise) == (0.25, 0.5)


def test_videos_of_checkpoints_with_the_same_name_are_kept_apart(
    settings: EvaluateSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = saved_automaton(tmp_path / "other", random_automaton(5, dtype=torch.float32))
    for checkpoint in (settings.checkpoint, other):
        evaluate(replace(settings, checkpoint=checkpoint, format="gif"))
    first, second = (line for line in capsys.readouterr().out.splitlines() if line.endswith(".gif"))
    assert first != second
    assert Path(first).is_file()


@pytest.mark.parametrize("name", ["b\udce9", "n" * 250, "模" * 80])
def test_any_folder_name_gives_a_video(settings: EvaluateSettings, tmp_path: Path, name: str) -> None:
    assert settings.checkpoint is not None
    checkpoint = settings.checkpoint.rename(tmp_path / name)
    evaluate(replace(settings, checkpoint=checkpoint))
    (video,) = settings.output_dir.iterdir()
    assert video.suffix == ".mp4"


def test_ffmpeg_is_tried_before_the_work(settings: EvaluateSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "/no/such")
    with pytest.raises(FailedError, match=r"^ffmpeg /no/such does not work: .*--format gif"):
        evaluate(settings)
    assert not settings.output_dir.exists()
