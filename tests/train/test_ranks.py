"""Several processes that train one automaton: they equal one, repeat themselves, end together and go on."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from safetensors.torch import load_file, save_file
from support.helpers import error_line, exit_code, in_child
from support.small_run import (
    CPU,
    before_each_step,
    contents,
    differing,
    rows_without_speed,
    small,
    train_quickly,
    trained,
)
from torch import Tensor

import ca.train.loop
from ca.checkpoint.folder import checkpoints_in, load_checkpoint
from ca.cli import main
from ca.data.digits import Digits
from ca.pool import Batch, Pool
from ca.settings.training import TrainSettings
from ca.system.errors import FailedError
from ca.system.launcher import Launch, read_launch
from ca.train.command import train
from ca.train.ranks import Ranks, code_version, local_device, process_group
from ca.train.resume import resume_run
from ca.train.run import TrainingRun

pytestmark = [
    pytest.mark.usefixtures("quick"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning"),  # of fork
]
SHARED: dict[str, Any] = {"batch_size": 8, "pool_size": 16}


def on_two_ranks(folder: Path, work: Callable[[int], object]) -> list[tuple[int, str]]:
    """Do work in two processes as `torchrun` starts them, without a port; exit codes, and what they told."""
    folder.mkdir(parents=True, exist_ok=True)
    store = folder / f"store-{len(list(folder.glob('store-*')))}"

    def as_rank(rank: int) -> None:
        os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "LOCAL_RANK": str(rank)}
        with pytest.MonkeyPatch.context() as patches:
            own = {"store": dist.FileStore(str(store), 2), "rank": rank, "world_size": 2}
            patches.setattr(dist, "init_process_group", partial(dist.init_process_group, **own))
            work(rank)

    errors = [folder / f"{store.name}-{rank}.txt" for rank in range(2)]
    children = []
    for rank, error in enumerate(errors):
        with error.open("w") as file:
            children.append(in_child(lambda: as_rank(rank), file.fileno()))  # noqa: B023
    return [(exit_code(child), error.read_text()) for child, error in zip(children, errors, strict=True)]


def shared_training(folder: Path, **options: Any) -> list[tuple[int, str]]:
    return on_two_ranks(folder.parent, lambda rank: train(small(folder, **{**SHARED, **options})))


@pytest.fixture(scope="module")
def whole_shared_run(tmp_path_factory: pytest.TempPathFactory, whole_run: Path, few_digits: Any) -> Path:
    """Train on two ranks without a break; each also leaves its own weights and pool beside the run."""
    folder = tmp_path_factory.mktemp("shared")

    def work(rank: int) -> None:
        with pytest.MonkeyPatch.context() as patches:
            train_quickly(patches, few_digits)
            runs: list[TrainingRun] = []
            original = ca.train.loop.training_step
            patches.setattr("ca.train.loop.training_step", lambda run: (runs.append(run), original(run))[1])
            train(small(folder / "run", **SHARED))
            run = runs[-1]
            kept = run.automaton.state_dict() | {"pool.grid": run.pool.grid.contiguous()}
            save_file(kept, folder / f"rank-{rank}.safetensors")

    ended = on_two_ranks(folder, work)
    assert [code for code, _ in ended] == [0, 0], ended
    assert ended[1][1] == "", "only the first tells"
    return folder


class JointPool:
    """The pools of two ranks as one, for a process that does the work of both."""

    def __init__(self, pools: list[Pool]) -> None:
        self.pools = pools
        self.grid = torch.cat([pool.grid for pool in pools])
        for pool, share in zip(pools, self.grid.chunk(2), strict=True):
            pool.grid = share

    def draw(self, batch_size: int) -> Batch:
        first, second = (pool.draw(batch_size // 2) for pool in self.pools)
        indices = torch.cat([first.indices, second.indices + len(self.grid) // 2])
        return Batch(torch.cat([first.grid, second.grid]), torch.cat([first.labels, second.labels]), indices)

    write_back = Pool.write_back


@pytest.mark.parametrize(("recipe", "loss"), [("article", "l2"), ("article", "cross-entropy")])
def test_two_ranks_equal_one_process(recipe: str, loss: str, tmp_path: Path) -> None:
    """Without chance in the rollout: gradients are averaged before they are divided by their norms.

    With Adam: the eigenbases of SOAP turn differences of rounding into other weights.
    """
    settings = small(tmp_path, recipe=recipe, loss=loss, noise_level=0.0, **SHARED)

    def steps(run: TrainingRun) -> dict[str, Tensor]:
        run.automaton.fire_rate = 1.0
        losses = torch.stack([ca.train.loop.training_step(run) for _ in range(10)])
        return run.automaton.state_dict() | {"losses": losses}

    def work(rank: int) -> None:
        with process_group(CPU) as ranks:
            kept = steps(TrainingRun.start(settings, CPU, ranks))
            save_file(kept, tmp_path / f"rank-{rank}.safetensors")

    ended = on_two_ranks(tmp_path, work)
    assert [code for code, _ in ended] == [0, 0], ended
    alone = TrainingRun.start(settings, CPU)
    pools = [TrainingRun.start(settings, CPU, Ranks(rank, 2)).pool for rank in range(2)]
    alone.pool = JointPool(pools)  # ty: ignore[invalid-assignment]
    expected = steps(alone)
    found = [load_file(tmp_path / f"rank-{rank}.safetensors") for rank in range(2)]
    assert differing(found[0], found[1]) == set()
    for name, value in expected.items():
        torch.testing.assert_close(found[0][name], value, rtol=1e-4, atol=1e-5)
    start = TrainingRun.start(settings, CPU).automaton.state_dict()
    assert not torch.allclose(start["hidden.weight"], expected["hidden.weight"], rtol=1e-4, atol=1e-4)


def test_ranks_have_the_same_weights_and_other_pools(whole_shared_run: Path) -> None:
    first, second = (load_file(whole_shared_run / f"rank-{rank}.safetensors") for rank in range(2))
    assert differing(first, second) == {"pool.grid"}
    saved = contents(whole_shared_run / "run" / "model-steps-24")
    assert torch.equal(saved["hidden.weight"], first["hidden.weight"])
    assert torch.equal(saved["pool.grid"], torch.cat([first["pool.grid"], second["pool.grid"]]))
    assert saved["generator.pool"].shape == saved["generator.chance"].shape == (2, 5056)
    for name in ("generator.pool", "generator.chance"):
        assert not torch.equal(*saved[name])


def test_ranks_leave_the_files_of_one_run_and_repeat_it_bit_for_bit(
    whole_shared_run: Path, whole_run: Path, tmp_path: Path
) -> None:
    ended = shared_training(tmp_path / "run")
    assert [code for code, _ in ended] == [0, 0], ended
    again, first = (contents(folder / "run" / "model-steps-24") for folder in (tmp_path, whole_shared_run))
    assert differing(again, first) == set()
    assert rows_without_speed(tmp_path / "run") == rows_without_speed(whole_shared_run / "run")
    names = sorted(path.name for path in whole_run.iterdir())
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == names


def test_only_the_first_rank_tracks(tmp_path: Path) -> None:
    ended = shared_training(tmp_path / "run", steps=4, held_out=0, track="tensorboard")
    assert [code for code, _ in ended] == [0, 0], ended
    assert "tracked by tensorboard" in ended[0][1]
    assert ended[1][1] == ""
    assert len(list((tmp_path / "run" / "tensorboard").glob("*tfevents*"))) == 1


@pytest.mark.parametrize("rank_told", [0, 1])
def test_a_signal_to_any_rank_stops_all_at_one_step_and_they_go_on_bit_for_bit(
    rank_told: int, whole_shared_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(step: int) -> None:
        if step == 9 and os.environ["RANK"] == str(rank_told):
            os.kill(os.getpid(), signal.SIGTERM)

    folder = tmp_path / "run"
    with monkeypatch.context() as patches:
        before_each_step(patches, stop)
        assert [code for code, _ in shared_training(folder)] == [143, 143]
    assert [path.name for path in checkpoints_in(folder)] == ["model-steps-7", "model-steps-9"]
    ended = shared_training(folder, resume=folder / "model-steps-9")
    assert [code for code, _ in ended] == [0, 0], ended
    assert not any("will differ" in told for _, told in ended)
    again, first = (contents(each / "run" / "model-steps-24") for each in (tmp_path, whole_shared_run))
    assert differing(again, first) == set()


@pytest.mark.parametrize("dead", [0, 1])
def test_a_rank_that_dies_ends_the_other_and_the_last_checkpoint_is_whole(
    dead: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(step: int) -> None:
        if step == 9 and os.environ["RANK"] == str(dead):
            os._exit(7)

    before_each_step(monkeypatch, die)
    flags = "--steps 24 --batch-size 8 --pool-size 16 --ticks 2 4 --held-out 8 --checkpoint-every 7"
    command = ["train", *flags.split(), "--device", "cpu", "--output-dir", str(tmp_path / "run")]
    ended = on_two_ranks(tmp_path, lambda rank: main(command))
    assert [code for code, _ in ended] == ([7, 1] if dead == 0 else [1, 7])
    line = ended[1 - dead][1].splitlines()[-1]
    assert line == "ca: another process of this run has failed or ended: this one ends too"
    assert [load_checkpoint(path).step for path in checkpoints_in(tmp_path / "run")] == [7]


def test_a_folder_in_use_ends_all_ranks_before_the_first_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped_run: Callable[[int], Path]
) -> None:
    """Only the first looks into the folder, and the others learn of it."""
    used = stopped_run(7).parent
    before_each_step(monkeypatch, lambda step: pytest.fail("a step was made"))
    command = ["train", "--held-out", "0", "--output-dir", str(used), "--device", "cpu"]
    ended = on_two_ranks(tmp_path, lambda rank: main(command))
    assert [code for code, _ in ended] == [1, 1]
    assert f"ca: {used} holds a run already" in ended[0][1]
    assert "ca: another process of this run has failed" in ended[1][1]


def test_work_that_can_not_be_shared_evenly_is_refused(tmp_path: Path) -> None:
    command = ["train", "--batch-size", "4", "--output-dir", str(tmp_path / "run"), "--device", "cpu"]
    ended = on_two_ranks(tmp_path, lambda rank: main(command))
    assert [code for code, _ in ended] == [2, 2]
    assert "2 processes can't share --batch-size 4 and --pool-size 160 evenly" in ended[0][1]


def test_another_number_of_processes_goes_on_with_the_same_weights_and_pool(
    whole_shared_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = load_checkpoint(whole_shared_run / "run" / "model-steps-7")
    saved = contents(checkpoint.path)
    settings: TrainSettings = small(tmp_path / "alone", resume=checkpoint.path, **SHARED)
    alone = resume_run(settings, checkpoint, CPU)
    assert (
        capsys.readouterr().err == "ca: results will differ from an uninterrupted run: processes 1, was 2\n"
    )
    assert torch.equal(alone.pool.grid, saved["pool.grid"])
    assert torch.equal(alone.shared_generator.get_state(), saved["generator.draws"])
    assert not any(torch.equal(alone.generator.get_state(), state) for state in saved["generator.chance"])
    one = trained(tmp_path / "alone", resume=checkpoint.path, **SHARED)
    folder = tmp_path / "two" / "run"
    ended = shared_training(folder, resume=tmp_path / "alone" / "model-steps-14")
    assert [code for code, _ in ended] == [0, 0], ended
    assert "ca: results will differ from an uninterrupted run: processes 2, was 1\n" in ended[0][1]
    two = contents(folder / "model-steps-24")
    assert {"hidden.weight", "pool.grid"} <= {
        name for name in one if name in two and one[name].shape == two[name].shape
    }


def test_processes_that_nothing_joins_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some clusters set WORLD_SIZE for all that runs in them."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(FailedError, match=r"^WORLD_SIZE is 2, but the other processes can't be reached"):
        process_group(CPU).__enter__()


# Processes that would train different runs


@pytest.mark.parametrize(
    ("flags", "first", "second"),
    [
        ("--seed 1", "--seed 0", "--seed 1"),
        ("--recipe article --steps 9", "--recipe best, --steps 24", "--recipe article, --steps 9"),
        ("--loss cross-entropy", "--loss l2", "--loss cross-entropy"),
        ("--rate 0.01", "the recipe's --rate", "--rate 0.01"),
        ("--steps 25", "--steps 24", "--steps 25"),
        ("--batch-size 16", "--batch-size 8", "--batch-size 16"),
        (
            "--hidden 32 --noise-level 0 --checkpoint-every 3",
            "--hidden 80 80, --noise-level 0.02, --checkpoint-every 7",
            "--hidden 32, --noise-level 0.0, --checkpoint-every 3",
        ),
        ("--profile", "--no-profile", "--profile"),
    ],
)
def test_ranks_of_other_settings_end_before_the_first_step(
    flags: str, first: str, second: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before_each_step(monkeypatch, lambda step: pytest.fail("a step was made"))
    same = "--steps 24 --batch-size 8 --pool-size 16 --ticks 2 4 --held-out 8 --checkpoint-every 7"
    command = ["train", *same.split(), "--device", "cpu", "--output-dir", str(tmp_path / "run")]
    ended = on_two_ranks(tmp_path, lambda rank: main(command + (flags.split() if rank else [])))
    line = (
        f"ca: the processes do not train the same run: process 0 has {first}, process 1 has {second}; "
        "start all with the same command, code and data\n"
    )
    assert ended == [(1, line), (1, line)]
    assert not checkpoints_in(tmp_path / "run")


@pytest.mark.parametrize("other", ["code", "data", "weights", "checkpoint"])
def test_ranks_of_other_code_data_or_weights_end_before_the_first_step(
    other: str,
    tmp_path: Path,
    few_digits: Digits,
    whole_shared_run: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before_each_step(monkeypatch, lambda step: pytest.fail("a step was made"))

    def work(rank: int) -> None:
        resume = None
        with pytest.MonkeyPatch.context() as patches:
            if rank and other == "code":
                patches.setattr("ca.train.command.code_version", lambda: "ca 0.0.9 (code 12345678)")
            if rank and other == "data":
                reversed_digits = few_digits[torch.arange(len(few_digits)).flip(0)]
                train_quickly(patches, reversed_digits)
            if rank and other == "weights":
                patches.setattr(
                    "ca.model.CellularAutomaton.reset_parameters", lambda self, generator=None: None
                )
            if other == "checkpoint":
                resume = whole_shared_run / "run" / f"model-steps-{7 * (rank + 1)}"
            try:
                train(small(tmp_path / "run", resume=resume, **SHARED))
            except FailedError as error:
                print(error, file=sys.stderr)
                raise SystemExit(error.exit_code) from None

    ended = on_two_ranks(tmp_path, work)
    assert [code for code, _ in ended] == [1, 1], ended
    assert ended[0][1] == ended[1][1]
    assert ended[0][1].count("\n") == 1
    words = {
        "code": r"process 0 has ca \S+ \(code \w{8}\) with PyTorch \S+, process 1 has ca 0\.0\.9",
        "data": r"process 0 has training data \w{8}, process 1 has training data \w{8};",
        "weights": r"process 0 has initial weights and optimisers \w{8}, process 1 has initial weights",
        "checkpoint": r"process 0 has step 7, initial .*, process 1 has step 14, initial",
    }[other]
    assert re.search(words, ended[0][1])


def test_the_code_version_is_that_of_the_files() -> None:
    assert re.fullmatch(r"ca \S+ \(code [0-9a-f]{8}\) with PyTorch \S+", code_version())


LAUNCHED = ("WORLD_SIZE", "RANK", "LOCAL_WORLD_SIZE", "LOCAL_RANK")


@pytest.mark.parametrize("name", LAUNCHED)
@pytest.mark.parametrize("value", ["", " "])
def test_empty_launcher_variables_mean_one_process(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in LAUNCHED:
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv(name, value)
    assert read_launch() == Launch(rank=0, size=1, local_rank=0, local_size=1)
    assert local_device("auto") == "auto"
    with process_group(CPU) as ranks:
        assert ranks == Ranks(0, 1)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"WORLD_SIZE": "two"}, "the environment variable WORLD_SIZE is 'two', expected a number from 1 on"),
        ({"WORLD_SIZE": "0"}, "WORLD_SIZE is '0', expected a number from 1 on"),
        ({"WORLD_SIZE": "-2"}, "WORLD_SIZE is '-2'"),
        ({"WORLD_SIZE": "2.0"}, "WORLD_SIZE is '2.0'"),
        ({"WORLD_SIZE": "9" * 5000}, "WORLD_SIZE is '999"),
        ({"WORLD_SIZE": "\u0662"}, "WORLD_SIZE is '\\u0662'"),
        ({"RANK": "first"}, "RANK is 'first', expected a number from 0 on"),
        ({"WORLD_SIZE": "2", "RANK": "-1"}, "RANK is '-1'"),
        ({"WORLD_SIZE": "2", "RANK": "5"}, "RANK is 5, but WORLD_SIZE is 2: expected a number from 0 to 1"),
        ({"WORLD_SIZE": "2", "RANK": "2"}, "RANK is 2, but WORLD_SIZE is 2"),
        ({"LOCAL_WORLD_SIZE": "many"}, "LOCAL_WORLD_SIZE is 'many'"),
        ({"LOCAL_RANK": "x\ny"}, r"LOCAL_RANK is 'x\ny'"),
        ({"LOCAL_WORLD_SIZE": "2", "LOCAL_RANK": "2"}, "LOCAL_RANK is 2, but LOCAL_WORLD_SIZE is 2"),
        ({"LOCAL_WORLD_SIZE": "4", "WORLD_SIZE": "2"}, "LOCAL_WORLD_SIZE is 4, but WORLD_SIZE is 2"),
    ],
    ids=str,
)
def test_launcher_variables_that_are_not_valid_are_bad_usage(
    variables: dict[str, str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in LAUNCHED:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    arguments = ["train", "--device", "cpu", "--output-dir", str(tmp_path / "run")]
    assert message in error_line(arguments, 2, capsys)
    assert not (tmp_path / "run").exists()


@pytest.mark.longest
def test_torchrun_trains_on_two_processes(tmp_path: Path) -> None:
    """With all figures, in a folder with a space and an accent in its name, where much is amiss:

    no home, no display, a backend for figures that does not exist, a C locale. And no thread of their group
    outlives it: that would abort a process now and then as it ends.
    """
    home = tmp_path / "é x"
    home.mkdir()
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "LANG")}
    environment["XDG_CACHE_HOME"] = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    environment |= {"HOME": "/proc/x", "MPLBACKEND": "nonsense", "LC_ALL": "C", "CUDA_VISIBLE_DEVICES": ""}
    (tmp_path / "sitecustomize.py").write_text(
        """
import atexit, os

def count():
    comms = [f"/proc/self/task/{number}/comm" for number in os.listdir("/proc/self/task")]
    print("gloo's threads:", sum("gloo" in open(comm).read() for comm in comms))

if "RANK" in os.environ and os.path.exists("/proc/self/task"):
    atexit.register(count)
"""
    )
    command = "-m torch.distributed.run --standalone --nproc-per-node 2 -m ca train --recipe article"
    flags = "--steps 4 --batch-size 8 --pool-size 16 --ticks 2 2 --held-out 0 --device auto"
    folders = ["--resume", "run 1", "--output-dir", "run 1"]
    ended = subprocess.run(
        [sys.executable, *command.split(), *flags.split(), *folders],
        cwd=home,
        env={**environment, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    checkpoint = Path("run 1") / "model-steps-4"
    assert load_checkpoint(home / checkpoint).config.machine.processes == 2
    first, last = (line for line in ended.stderr.splitlines() if "compiled kernel" not in line)
    assert first.startswith("step 4: loss ")
    assert first.endswith(f"; wrote {checkpoint}")
    assert last == f"make a video of it: ca evaluate '{checkpoint}'"
    if sys.platform == "linux":
        assert ended.stdout.split("\n") == ["gloo's threads: 0"] * 2 + [""]
