"""What petbench says to Slurm and hears from it, without a Slurm: scripts, states, arrays, refusals."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from petbench.engine_spec import EngineUnreachableError, JobState, Resources, Work
from petbench.engines import slurm as slurm_module
from petbench.engines.chosen import ChosenEngine
from petbench.engines.slurm import Slurm
from petbench.engines.slurm_script import check_options, script
from petbench.errors import PetbenchError, UnknownNameError, UsageError
from petbench.registry import load_plugins

if TYPE_CHECKING:
    from collections.abc import Callable


def work(count: int = 1, home: Path = Path("/home/ada/petbench"), **resources: Any) -> Work:
    return Work(
        folders=tuple(home / "runs" / f"run-{number}" for number in range(count)),
        command=("/home/ada lovelace/python", "-m", "petbench.engines.node"),
        when_stopped="--when-stopped",
        resources=Resources(**resources),
        home=home,
    )


def options_of(text: str) -> list[str]:
    return [line.removeprefix("#SBATCH ") for line in text.splitlines() if line.startswith("#SBATCH ")]


def test_a_script_asks_for_what_was_asked_and_for_what_a_checkpoint_needs() -> None:
    asked = work(cpus=4, gpus=2, memory_gib=1.5, minutes=90, at_once=3)
    text = script(asked, {"partition": "gpu", "exclusive": "", "setup": "module load cuda/12"}, Path("/s"), 5)
    options = options_of(text)
    for option in (
        "--array=0-4%3", "--cpus-per-task=4", "--gres=gpu:2", "--mem=1536M", "--time=90", "--partition=gpu",
        "--exclusive", "--requeue", "--open-mode=append", "--signal=TERM@60", "--job-name=petbench",
    ):  # fmt: skip
        assert options.count(option) == 1, option
    lines = text.splitlines()
    assert lines.index("module load cuda/12") < next(n for n, line in enumerate(lines) if "srun" in line)
    run = shlex.split(text.partition("exec ")[2].replace("\\\n", " "))
    assert run[0] == "srun"
    assert run[run.index("/home/ada lovelace/python") :] == [
        "/home/ada lovelace/python", "-m", "petbench.engines.node", "--when-stopped",
        "scontrol requeue $SLURM_JOB_ID", "$folder",
    ]  # fmt: skip


def test_a_script_asks_for_nothing_that_was_not_asked() -> None:
    options = options_of(script(work(), {}, Path("/s"), 1))
    assert "--array=0-0" in options
    assert not any(option.startswith(("--gres", "--mem", "--time")) for option in options)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("output", "x", "each run's folder has its node.log"),
        ("array", "0-9", "--at-once says"),
        ("time", "10", "use --minutes"),
        ("no-requeue", "", "petbench needs requeue"),
        ("Partition", "gpu", "is no option of sbatch"),
        ("a b", "", "is no option of sbatch"),
        ("partition", "gpu\n#SBATCH --uid=0", "more than one line"),
    ],
)
def test_an_option_that_cannot_be_given_is_refused(key: str, value: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        check_options({key: value})


@pytest.mark.parametrize(
    ("on", "options", "said"),
    [
        ("slrum", (), "did you mean 'slurm'|slurm"),
        ("slurm", ("partition",), "write KEY=VALUE"),
        ("slurm", ("qos=a", "qos=b"), "given twice"),
    ],
)
def test_an_engine_that_is_not_understood_is_refused(on: str, options: tuple[str, ...], said: str) -> None:
    with pytest.raises((UsageError, UnknownNameError), match=said):
        ChosenEngine.choose(on, load_plugins(), options, resources=Resources())


@pytest.fixture
def controller(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[tuple[str, ...]]]:
    """Let Slurm's programs say what the test says, and return with what they were called."""

    def answer(**said: Any) -> list[tuple[str, ...]]:
        asked: list[tuple[str, ...]] = []

        def ask(program: str, *arguments: str, **_: object) -> str:
            asked.append((program, *arguments))
            given = said.get(program, "")
            found = given(len([each for each in asked if each[0] == program])) if callable(given) else given
            if isinstance(found, Exception):
                raise found
            return str(found)

        monkeypatch.setattr(slurm_module, "_ask", ask)
        return asked

    return answer


def test_more_runs_than_an_array_may_have_become_several(
    controller: Callable[..., list[tuple[str, ...]]], tmp_path: Path
) -> None:
    controller(scontrol="MaxArraySize            = 3\n", sbatch=lambda number: f"{number}0;cluster\n")
    jobs = Slurm({}).submit(work(5, tmp_path))
    assert jobs == ["10_0", "10_1", "20_0", "20_1", "30_0"]
    lists = [path.read_text(encoding="utf-8").splitlines() for path in tmp_path.glob("engines/slurm/*/folders.txt")]
    assert sorted(line for some in lists for line in some) == [str(folder) for folder in work(5, tmp_path).folders]
    assert sorted(map(len, lists)) == [1, 2, 2]


def test_of_arrays_of_which_one_is_refused_none_is_left(
    controller: Callable[..., list[tuple[str, ...]]], tmp_path: Path
) -> None:
    asked = controller(
        scontrol="MaxArraySize = 3", sbatch=lambda number: "7" if number == 1 else PetbenchError("sbatch: no more")
    )
    with pytest.raises(PetbenchError, match="no more"):
        Slurm({}).submit(work(4, tmp_path))
    assert asked[-1] == ("scancel", "--quiet", "7_0", "7_1")


def test_states_are_read_from_one_question_and_those_of_other_jobs_are_left(
    controller: Callable[..., list[tuple[str, ...]]],
) -> None:
    lines = [
        "7_0|RUNNING|gpu01|None", "7_1|PENDING||Resources", "7_2|PENDING||None", "7_3|CANCELLED||None",
        "7_4|OUT_OF_MEMORY|gpu02|OutOfMemory", "7_5|COMPLETED|gpu01|None", "7_6|REQUEUED||BeginTime",
        "8|RUNNING|gpu01|None",
    ]  # fmt: skip
    asked = controller(squeue="\n".join(lines))
    assert Slurm({}).states([f"7_{number}" for number in range(9)]) == {
        "7_0": JobState(phase="running", where="gpu01", word="RUNNING"),
        "7_1": JobState(phase="waiting", word="Resources"),
        "7_2": JobState(phase="waiting"),
        "7_3": JobState(phase="ended", word="CANCELLED", cause="cancelled"),
        "7_4": JobState(phase="ended", word="OUT_OF_MEMORY", cause="memory"),
        "7_5": JobState(phase="ended", word="COMPLETED"),
        "7_6": JobState(phase="waiting", word="BeginTime"),
    }
    assert len(asked) == 1


def test_a_controller_that_fails_gives_no_answer(controller: Callable[..., list[tuple[str, ...]]]) -> None:
    controller(squeue=EngineUnreachableError("squeue: timed out"))
    with pytest.raises(EngineUnreachableError):
        Slurm({}).states(["1"])


def test_waiting_jobs_are_ended_and_running_ones_sent_sigterm(
    controller: Callable[..., list[tuple[str, ...]]],
) -> None:
    asked = controller()
    Slurm({}).stop(["1_0"], now=False)
    Slurm({}).stop([f"1_{number}" for number in range(501)], now=True)
    assert asked[0] == ("scancel", "--quiet", "--signal=TERM", "1_0")
    assert [len(each) - 2 for each in asked[1:]] == [500, 1]
