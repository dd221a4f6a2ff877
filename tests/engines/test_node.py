"""What a node does before and after it makes a run, without making one: code, images, earlier parts, cancelled runs."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from tests.benchmark.test_run_lookup import PLAN
from tests.engines.test_watch import Desk

from petbench.engines import node as node_module
from petbench.engines.node import AGAIN_EXIT_CODE, main
from petbench.engines.node_has import conventions
from petbench.engines.order import Order
from petbench.engines.row_file import read_row
from petbench.errors import ChangedError, UnknownNameError
from petbench.evaluation.catalogue import builtin_metrics
from petbench.registry import Plugin, Registry
from petbench.runs.job_note import tries_of
from petbench.runs.supervisor import Supervisor
from petbench_datasets.specs import DatasetSpec
from petbench_datasets.tasks.built_in import DEFAULT_TASK
from petbench_leaderboard.score_records import ScoreRecord
from petbench_leaderboard.store import Leaderboard

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from petbench.runs.folder import RunFolder
    from petbench_leaderboard.records import RunRow


class Machine:
    """A node on which nothing is made: it says what it was told to make, and ends it as a test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: RunFolder) -> None:
        self.folder = folder
        self.made: list[RunRow] = []
        self.ends: dict[str, Any] = {"status": "ok"}
        self.scores: list[ScoreRecord] = []
        self.stops = False
        self.registry = Registry([])
        self.changed: Exception | None = None
        monkeypatch.setattr(node_module, "end_with_parent", lambda _: None)
        monkeypatch.setattr(node_module, "load_plugins", lambda: self.registry)
        monkeypatch.setattr(node_module, "check_same_code", self._check)
        monkeypatch.setattr(Supervisor, "start", lambda supervisor, row: self._start(supervisor, row))
        monkeypatch.setenv("OMP_NUM_THREADS", "7")

    def __call__(self, *options: str) -> int:
        return CliRunner().invoke(main, [*options, str(self.folder.path)]).exit_code

    @property
    def row(self) -> RunRow:
        run = read_row(self.folder.row_file)
        assert run is not None
        return run.run

    def _check(self, *_: object) -> None:
        if self.changed is not None:
            raise self.changed

    def _start(self, supervisor: Supervisor, row: RunRow) -> RunRow:
        self.made.append(row)
        supervisor.leaderboard.record_validation_scores(row.id, self.scores)
        supervisor.stop_requested = self.stops
        supervisor.leaderboard.update(row.id, **self.ends)
        return supervisor.leaderboard.run(row.id)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Leaderboard.open(tmp_path / "leaderboard.db") as leaderboard:
        yield Desk(tmp_path / "home", leaderboard)


@pytest.fixture
def machine(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    (tmp_path / "images").mkdir()
    (cell,) = desk.hand_over([dataclasses.replace(PLAN, dataset_folder=str(tmp_path / "images"))]).cells
    return Machine(monkeypatch, cell.folder)


def test_a_run_is_made_with_the_threads_of_its_order_and_its_row_is_left_in_the_folder(machine: Machine) -> None:
    assert machine() == 0
    assert machine.row.status == "ok"
    assert os.environ["OMP_NUM_THREADS"] == "2"
    assert [facts["threads"] for facts in tries_of(machine.folder)] == [2]


def test_what_has_ended_or_was_cancelled_is_left_alone(machine: Machine) -> None:
    assert machine() == 0
    assert machine() == 0
    assert len(machine.made) == 1
    machine.folder.row_file.unlink()
    machine.folder.cancelled_file.touch()
    assert machine() == 0
    assert len(machine.made) == 1
    assert len(tries_of(machine.folder)) == 1


def test_a_run_that_was_stopped_has_its_job_started_again_unless_it_was_cancelled(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def run(command: list[str], **_: object) -> Any:
        asked.append(command)
        return dataclasses.make_dataclass("Done", ["returncode"])(1)

    monkeypatch.setattr("petbench.engines.node.subprocess.run", run)
    machine.stops, machine.ends = True, {"status": "interrupted"}
    assert machine("--when-stopped", "scontrol requeue 7") == AGAIN_EXIT_CODE
    assert asked == [["scontrol", "requeue", "7"]]
    machine.ends = {"status": "interrupted", "train_seconds": 5.0}
    assert machine() == AGAIN_EXIT_CODE  # an engine without such a command submits it again
    assert len(asked) == 1
    machine.folder.cancelled_file.touch()
    assert machine("--when-stopped", "scontrol requeue 7") == 0
    assert len(asked) == 1


def test_a_run_that_goes_on_begins_with_what_its_earlier_part_has_left(machine: Machine) -> None:
    machine.stops, machine.ends = True, {"status": "interrupted", "train_seconds": 5.0, "machine": {"threads": 2}}
    machine()
    machine.stops, machine.ends = False, {"status": "ok"}
    assert machine() == 0
    assert machine.made[1].train_seconds == 5.0
    assert machine.made[1].machine == {"threads": 2}
    assert len(tries_of(machine.folder)) == 2


@pytest.mark.parametrize(
    "error", [ChangedError("its code has changed"), UnknownNameError("method", "ridge", ["identity"])]
)
def test_other_code_or_none_ends_a_run_before_it_begins_and_it_is_not_started_again(
    machine: Machine, error: Exception
) -> None:
    machine.changed = error
    assert machine("--when-stopped", "false") == 0
    assert machine.made == []
    assert (machine.row.status, machine.row.fault) == ("interrupted", "machine")
    assert str(error).split(";")[0] in (machine.row.error_message or "")


def test_a_dataset_that_the_node_lacks_is_built_once_or_asked_for(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "images").rmdir()
    machine()
    assert "copy its folder to the same place on every node" in (machine.row.error_message or "")
    assert machine.row.status == "interrupted"

    built: list[Path] = []

    def build(folder: Path, _progress: object) -> None:
        built.append(folder)
        folder.mkdir(parents=True)

    spec = DatasetSpec(name="bodies", summary="", build=build)
    machine.registry = Registry([Plugin(name="a", distribution="a", version="1", module="a", datasets=(spec,))])
    assert machine("--home", str(tmp_path / "node")) == 0
    assert built == [tmp_path / "node" / "datasets" / "bodies"]
    assert machine.folder.plan().dataset_folder == str(built[0])
    assert machine.made


def test_a_node_with_other_metrics_makes_nothing_that_would_lack_scores(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = Order.load(machine.folder)
    more = order.model_copy(update={"metrics": (*order.metrics, "theirs/body@1")})
    more.save(machine.folder)
    assert machine() == 0
    assert machine.made == []
    assert "lacks the metric theirs/body@1" in (machine.row.error_message or "")
    order.save(machine.folder)
    machine.folder.row_file.unlink()
    metrics = builtin_metrics()[:1]
    monkeypatch.setattr(Registry, "metrics", lambda _registry: metrics)
    assert machine() == 0
    said = f"the machine that submits has not, the metric {metrics[0].convention_id}"
    assert said in (machine.row.error_message or "")


def test_a_node_of_another_protocol_or_without_weights_of_the_machine_that_submits_makes_nothing(
    machine: Machine,
) -> None:
    order = Order.load(machine.folder)
    for change, said in (
        ({"protocol": order.protocol + 1}, "install the same petbench on both"),
        ({"extractors": (*order.extractors, "inception-of-theirs")}, "lacks the weights of inception-of-theirs"),
    ):
        order.model_copy(update=change).save(machine.folder)
        machine.folder.row_file.unlink(missing_ok=True)
        assert machine() == 0
        assert machine.made == []
        assert said in (machine.row.error_message or "")


def test_metrics_are_compared_as_the_task_of_the_run_has_them() -> None:
    registry = Registry([])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Registry, "metrics", lambda _registry: builtin_metrics())
        default = conventions(PLAN, registry)
        hotter = dataclasses.replace(DEFAULT_TASK, name="hotter", hot_suv=6.0)
        other = conventions(dataclasses.replace(PLAN, task=hotter.id, task_definition=hotter.content()), registry)
    assert set(default) - set(other) == {
        "unmatched-volume/body/suv4/predicted-only@1", "unmatched-volume/body/suv4/real-only@1",
    }  # fmt: skip


def test_what_a_run_scored_on_its_validation_participants_is_brought_in_with_the_rest(
    desk: Desk, machine: Machine
) -> None:
    score = ScoreRecord(
        metric="psnr", convention_id="psnr/body/suv20@1", region="body", participant="sub-03", value=31.0, unit="dB",
        higher_is_better=True,
    )  # fmt: skip
    machine.scores = [score]
    assert machine() == 0
    desk.dry.end("0")
    watch = desk.watch(desk.hand_over([machine.folder.plan()]))
    watch.look()
    assert watch.active == []
    assert [row.value for row in desk.leaderboard.validation_scores([1])] == [31.0]


def test_an_order_that_is_missing_or_of_another_version_is_said_in_one_line(machine: Machine) -> None:
    text = machine.folder.order_file.read_text(encoding="utf-8")
    machine.folder.order_file.write_text(text.replace('"threads"', '"cores"'), encoding="utf-8")
    said = CliRunner().invoke(main, [str(machine.folder.path)])
    assert said.exit_code == 1
    assert said.output.count("\n") == 1
    assert "install the version that submits" in said.output
    machine.folder.order_file.unlink()
    said = CliRunner().invoke(main, [str(machine.folder.path)])
    assert "the node does not see the folders of the machine that submits" in said.output


def test_no_order_names_a_leaderboard(desk: Desk, machine: Machine) -> None:
    assert "db" not in Order.model_fields
    assert desk.leaderboard.name not in machine.folder.order_file.read_text(encoding="utf-8")
