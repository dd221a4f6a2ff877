"""What passes between a run's process and those of its method and its scoring, and what cannot."""

from __future__ import annotations

import errno
import io
import os
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from petbench.errors import DataError, Diverged, Interrupted, PluginError, UsageError, one_line, plain_line
from petbench.evaluation.reader import check_unchanged, voxel_digest
from petbench.methods import models
from petbench.methods.program.protocol import ClockReading
from petbench.processes.channel import LARGEST_BYTES, Channel, ChannelError
from petbench.processes.ending import ending_of, ending_of_death
from petbench.processes.output import Output
from petbench.processes.sandbox import INSIDE, Limits, Sandbox, folder_bytes, inside, outermost
from petbench.runs.isolation import handed_on, method_sandbox
from petbench.runs.method_process import messages
from petbench.runs.method_process.job_folder import JobFolder
from petbench.runs.scoring.messages import MetricPlugin, records_as_json, records_from_json
from petbench.runs.scoring.parent import scoring_tasks
from petbench.runs.training_costs import take_over
from petbench.runs.worker import with_training_kept
from petbench.settings import Settings
from petbench.terminal import that_may_fail
from petbench.training.clock import TrainingClock
from petbench.training.volumes import VolumeFile, store_training
from petbench_leaderboard.metric_facts import MetricFacts
from petbench_leaderboard.score_records import ScoreRecord

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from petbench_datasets.progress import Progress


def test_messages_and_files_arrive_as_they_were_sent_and_the_end_is_seen(tmp_path: Path) -> None:
    ours, theirs = Channel.pair()
    other = Channel(theirs)
    assert not ours.has_message()
    with (tmp_path / "file").open("w+b") as file:
        file.write(b"voxels")
        file.flush()
        other.send({"a": [1.5, None, "\ud800"]}, [file.fileno()])
    received = ours.receive()
    assert received is not None
    message, (descriptor,) = received
    assert message == {"a": [1.5, None, "\ud800"]}
    assert os.pread(descriptor, 6, 0) == b"voxels"
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.pwrite(descriptor, b"other", 0)
    os.close(descriptor)
    other.close()
    assert ours.has_message()
    assert ours.receive() is None
    ours.close()


@pytest.mark.parametrize(
    "sent", [b"\x00\x00\x00\x03{]}", (LARGEST_BYTES + 1).to_bytes(4, "big"), b"\x00\x00\x00\x01\xff"]
)
def test_what_is_no_message_is_refused(sent: bytes) -> None:
    ours, theirs = Channel.pair()
    theirs.sendall(sent)
    with pytest.raises(ChannelError):
        ours.receive()
    ours.close()
    theirs.close()


@pytest.mark.parametrize(
    "said",
    [
        {"kind": "saved", "parameter_count": 2**70},
        {"kind": "saved", "parameter_count": -1},
        {"kind": "saved", "parameter_count": True},
        {"kind": "saved", "parameter_count": 1, "score": 99.0},
        {"kind": "progress", "description": "x" * 3000, "done": 1, "total": 2},
        {"kind": "progress", "description": "x", "done": float("nan"), "total": 2},
        {"kind": "fit"},
        {"kind": "failed", "status": "splendid", "error_class": "", "message": "", "fault": "method"},
        {},
        [],
        None,
    ],
)
def test_an_answer_that_says_more_or_other_than_it_may_is_refused(said: object) -> None:
    with pytest.raises(ValidationError):
        messages.ANSWERS.validate_python(said)


class Folder:
    """A job's folder with something in the place of a prediction."""

    def __init__(self, path: Path) -> None:
        self.job = JobFolder(path / "job")
        self.job.prepare(path / "training")

    def take(self) -> np.ndarray[Any, Any]:
        return self.job.take_prediction(0, (2, 3, 4), "the prediction")

    def put(self, volume: object) -> None:
        np.save(self.job.predicted(0), volume, allow_pickle=True)  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.mark.parametrize("kind", ["<f4", ">f4", "<f8", "<i2", "u1"])
def test_a_prediction_of_real_numbers_is_taken_as_float32_and_its_file_is_gone(folder: Folder, kind: str) -> None:
    volume = np.arange(24).reshape(2, 3, 4).astype(kind)
    folder.put(np.asfortranarray(volume))
    taken = folder.take()
    assert taken.dtype == np.float32
    np.testing.assert_array_equal(taken, volume)
    assert not folder.job.predicted(0).exists()


@pytest.mark.parametrize(
    ("volume", "message"),
    [
        (np.zeros((2, 3, 4), dtype=complex), "is of type complex128"),
        (np.zeros((2, 3, 4), dtype=bool), "is of type bool"),
        (np.zeros((2, 3, 4), dtype=object), "is of type object"),
        (np.zeros((2, 3, 4), dtype="U3"), "is of type <U3"),
        (np.zeros((4, 3, 2), dtype=np.float32), r"has \(4, 3, 2\) voxels, not \(2, 3, 4\)"),
        (np.zeros((200, 30, 4), dtype=np.float32), "bytes of voxels"),
        (np.float32(1), r"has \(\) voxels"),
    ],
)
def test_a_prediction_that_is_no_volume_of_real_numbers_is_refused(folder: Folder, volume: Any, message: str) -> None:
    folder.put(volume)
    with pytest.raises(PluginError, match=message):
        folder.take()


def test_a_header_that_promises_more_than_the_file_has_allocates_nothing(folder: Folder) -> None:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (10**6, 10**6)})
    folder.job.predicted(0).write_bytes(file.getvalue())
    with pytest.raises(PluginError, match="voxels, not"):
        folder.take()


def test_a_link_or_a_pipe_in_a_prediction_s_place_is_never_followed(folder: Folder, tmp_path: Path) -> None:
    np.save(tmp_path / "target.npy", np.zeros((2, 3, 4), dtype=np.float32))
    folder.job.predicted(0).symlink_to(tmp_path / "target.npy")
    with pytest.raises(PluginError, match="cannot be read back"):
        folder.take()
    folder.job.predicted(0).unlink()
    os.mkfifo(folder.job.predicted(0))
    with pytest.raises(PluginError, match="is no file"):
        folder.take()
    folder.job.model.symlink_to(tmp_path / "target.npy")
    with pytest.raises(PluginError, match="there is none"):
        folder.job.take_model(tmp_path / "model.pt")


def test_what_a_run_learnt_moves_into_the_job_and_back(tmp_path: Path) -> None:
    training = tmp_path / "run" / "training"
    training.mkdir(parents=True)
    (training / "log.jsonl").write_text("{}", encoding="utf-8")
    job = JobFolder(tmp_path / "job")
    job.prepare(training)
    assert (job.training / "log.jsonl").exists()
    assert not training.exists()
    (job.training / "more").write_text("more", encoding="utf-8")
    job.prepare(training)  # after a kill that left it all behind
    job.give_back(training)
    assert sorted(path.name for path in training.iterdir()) == ["log.jsonl", "more"]
    assert not job.path.exists()


def test_changed_voxels_are_not_those_that_were_written(tmp_path: Path) -> None:
    volume = np.ones((2, 3, 4), dtype=np.float32)
    digest = voxel_digest(volume)
    check_unchanged(tmp_path, volume, digest)
    check_unchanged(tmp_path, volume, None)
    volume[0, 0, 0] = np.nextafter(np.float32(1), np.float32(2))
    with pytest.raises(DataError, match="is not the prediction that the run wrote"):
        check_unchanged(tmp_path, volume, digest)


class Matched:
    """A dataset whose volumes name their participants."""

    def early(self, participant: str) -> tuple[Any, None]:
        return np.full((2, 2, 2), float(participant), dtype=np.float32), None

    def delayed(self, participant: str) -> tuple[Any, None]:
        return np.full((2, 2, 2), -float(participant), dtype=np.float32), None


class Eight:
    train = tuple(str(number) for number in range(1, 9))


def test_no_pair_of_an_unpaired_method_can_be_read_from_where_its_volumes_lie() -> None:
    volumes = store_training(Matched(), Eight(), "unpaired", seed=3)  # type: ignore[arg-type]
    for file in volumes:
        offsets = [place.offset for place in file.places]
        assert offsets == sorted(offsets)  # the order in the file is that in which they are given, and says no more
    assert volumes.early.fileno() != volumes.delayed.fileno()
    given = [
        (float(early()[0, 0, 0]), -float(late()[0, 0, 0]))
        for early, late in zip(*map(VolumeFile.reads, volumes), strict=True)
    ]
    assert sorted(late for _, late in given) == sorted(early for early, _ in given)
    assert any(early != late for early, late in given)


def test_another_process_reads_the_volumes_of_a_file_by_its_descriptor_and_cannot_change_them(tmp_path: Path) -> None:
    file = VolumeFile(tmp_path)
    file.append(np.arange(8, dtype=np.float32).reshape(2, 2, 2))
    other = VolumeFile.of(os.open(f"/proc/self/fd/{file.fileno()}", os.O_RDONLY), file.places)
    (read,) = other.reads()
    changed = read()
    changed[:] = -1
    np.testing.assert_array_equal(file.reads()[0](), np.arange(8).reshape(2, 2, 2))


def cause(error: BaseException, of: BaseException) -> BaseException:
    error.__cause__ = of
    return error


@pytest.mark.parametrize(
    ("error", "suspect", "status", "fault"),
    [
        (ValueError("shape"), "method", "failed", "method"),
        (ValueError("shape"), "petbench", "failed", "petbench"),
        (PluginError("broke its contract"), "petbench", "failed", "method"),
        (DataError("changed"), "petbench", "failed", "data"),
        (UsageError("no cuda:1"), "method", "failed", "machine"),
        (OSError(errno.ENOSPC, "No space left on device"), "method", "interrupted", "machine"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "petbench", "interrupted", "machine"),
        (OSError(errno.EIO, "Input/output error"), "petbench", "interrupted", "machine"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), "petbench", "interrupted", "machine"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), "method", "failed", "method"),
        (FileNotFoundError(errno.ENOENT, "weights"), "method", "failed", "method"),
        (cause(RuntimeError("write"), OSError(errno.ENOSPC, "full")), "method", "interrupted", "machine"),
        (RuntimeError("PytorchStreamWriter failed writing file data/0"), "method", "interrupted", "machine"),
        (MemoryError(), "method", "out-of-memory", "method"),
        (Diverged("loss is NaN"), "method", "diverged", "method"),
        (Interrupted("stopped"), "petbench", "interrupted", None),
    ],
)
def test_an_exception_makes_of_a_run_what_it_is_and_says_whose_fault(
    error: BaseException, suspect: Any, status: str, fault: str | None
) -> None:
    ending = ending_of(error, suspect)
    assert (ending["status"], ending.get("fault")) == (status, fault)
    assert ending["error_message"]


@pytest.mark.parametrize(
    ("code", "killed", "status", "fault"),
    [
        (-signal.SIGKILL, True, "out-of-memory", "method"),
        (-signal.SIGKILL, False, "interrupted", "machine"),
        (128 + signal.SIGKILL, False, "interrupted", "machine"),
        (128 + signal.SIGINT, False, "interrupted", "machine"),
        (-signal.SIGSEGV, False, "failed", "method"),
        (0, False, "failed", "method"),
        (7, False, "failed", "method"),
    ],
)
def test_a_death_without_a_word_is_told_by_its_code(code: int, killed: bool, status: str, fault: str) -> None:
    ending = ending_of_death(code, out_of_memory=killed)
    assert (ending["status"], ending["fault"]) == (status, fault)


def test_after_the_training_only_what_the_method_did_wrong_is_a_failure() -> None:
    for fault, status in (("petbench", "interrupted"), ("data", "interrupted"), ("method", "failed")):
        ending = with_training_kept({"status": "failed", "error_message": "what happened", "fault": fault})
        assert ending["status"] == status
        assert ending["error_message"] == (
            "what happened; the training is kept: repeat the command to go on from there"
        )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("two\n  lines\t", "two lines"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]8;;http://x\x07link\x1b]8;;\x07", "link"),
        ("a\x00b", "a\ufffdb"),
        ("\ud800", "\ufffd"),
        ("left\u202eright\u200b", "left\ufffdright\ufffd"),
        ("SUV ≥ 4 — µ", "SUV ≥ 4 — µ"),
    ],
)
def test_a_line_is_text_whatever_it_was_made_of(text: str, line: str) -> None:
    assert plain_line(text) == line
    line.encode()


def test_an_exception_that_cannot_be_printed_still_has_its_name() -> None:
    class MuteError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert one_line(MuteError()) == "MuteError"
    assert len(one_line(ValueError("x" * 10_000))) <= 500


class Stateful:
    def __init__(self, state: dict[str, Any]) -> None:
        self._state = state

    def state_dict(self) -> dict[str, Any]:
        return self._state


class Tree:
    """Stands for an object of some library."""


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"forest": Tree()}, "it holds .*Tree; a state is tensors"),
        ({"curve": np.ones(3)}, "it holds numpy"),
        ({"trees": [{"nodes": b"\x80\x04."}]}, r"state_dict\(\)\['trees'\]\[0\]\['nodes'\] is bytes"),
        ({"raw": bytearray(3)}, "bytearray"),
        ({"f": lambda: 1}, "cannot be saved"),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value[:20],
)
def test_a_state_that_cannot_be_read_back_is_refused_and_says_how_to_keep_it(
    tmp_path: Path, state: dict[str, Any], message: str
) -> None:
    with pytest.raises(PluginError, match=message) as refused:
        models.save(Stateful(state), tmp_path / "model.pt")  # type: ignore[arg-type]
    assert "skops" in str(refused.value)
    assert not (tmp_path / "model.pt").exists()


def test_a_state_of_tensors_and_plain_values_is_kept(tmp_path: Path) -> None:
    state = {"weights": torch.ones(3), "n": 3, "x": 0.5, "name": "a", "list": [1, (2, None)], "nested": {"b": True}}
    models.save(Stateful(state), tmp_path / "model.pt")  # type: ignore[arg-type]
    with (tmp_path / "model.pt").open("rb") as file:
        assert models.check_state(file)["list"] == [1, (2, None)]


def trained(**changed: Any) -> messages.Trained:
    reading = {"before": 0.0, "wall_before": 0.0, "steps": 1.0, "stood_still": {}, "warm_up_images": 0, **changed}
    return messages.Trained(
        images_seen=10, images_at_start=0, interrupted=False, failed=False, clock=ClockReading(**reading)
    )


def test_a_method_s_process_cannot_stop_the_clock_of_its_training() -> None:
    with pytest.raises(PluginError, match="stood still for 3600"):
        take_over(TrainingClock(), trained(stood_still={"checkpoint": 3600.0}), validates=False)
    clock = TrainingClock()
    take_over(clock, trained(stood_still={"validation": 0.4}), validates=False)
    assert clock.stood_still == {}  # nobody validated
    clock = TrainingClock()
    take_over(clock, trained(wall_before=9.0), validates=False)
    assert clock.wall_before == 0.0  # nothing came before


def test_the_process_is_handed_no_variable_that_leads_home_and_paths_that_hold_elsewhere() -> None:
    given = {
        "PETBENCH_HOME": "/h",
        "PETBENCH_DB": "x",
        "PWD": "/here",
        "PATH": "/bin",
        "PYTHONPATH": f"src{os.pathsep}/a",
    }
    found = handed_on(given)
    assert found == {"PATH": "/bin", "PYTHONPATH": f"{Path.cwd() / 'src'}{os.pathsep}/a"}
    assert not Settings.variables() & set(found)


@pytest.mark.parametrize("first", ["", None, "/usr/bin"])
def test_a_method_s_process_imports_from_where_petbench_was_started_only_if_petbench_does(
    first: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It works in another folder; shut in, it does not see where petbench was started."""
    here = str(Path.cwd())
    monkeypatch.setattr("sys.path", [here if first is None else first, *sys.path])
    expected = {"": [here, "/a"], None: [here, "/a"], "/usr/bin": ["/a"]}[first]
    for isolated in (False, True):
        sandbox = method_sandbox(
            "python", {"PYTHONPATH": "/a"}, isolated=isolated, home=tmp_path, hidden=(), visible=()
        )
        command, variables = sandbox.call(["-m", "thing"], tmp_path)
        assert command[-4:] == ["python", "-P", "-m", "thing"]
        assert variables["PYTHONPATH"].split(os.pathsep) == (["/a"] if isolated else expected)


def test_inside_there_is_no_secret_among_the_variables() -> None:
    secrets = {
        "AWS_SECRET_ACCESS_KEY": "x",
        "SSH_AUTH_SOCK": "x",
        "GITHUB_TOKEN": "x",
        "HTTPS_PROXY": "x",
        "HOME": "/u",
    }
    assert (
        inside({"OMP_NUM_THREADS": "1", "PATH": "/bin", **secrets}) == {"OMP_NUM_THREADS": "1", "PATH": "/bin"} | INSIDE
    )


def test_bubblewrap_is_asked_for_what_the_page_says(tmp_path: Path) -> None:
    packages, home = tmp_path / "packages", tmp_path / "packages" / "home"
    environment = home / "cache" / "environment"
    sandbox = Sandbox(
        "python",
        {},
        isolated=True,
        readable=(packages, environment, Path("/usr/lib")),
        hidden=(home,),
        limits=Limits(memory_bytes=10**9, disk_bytes=10**9),
        devices=(Path("/dev/nvidia0"),),
    )
    call, _ = sandbox.call(["-m", "thing"], tmp_path / "job")
    text = " ".join(call)
    for part in (
        "--unshare-all",
        "--die-with-parent",
        "--new-session",
        "--cap-drop ALL",
        "--size 1000000000 --tmpfs /tmp",
    ):
        assert part in text
    assert "--share-net" not in text
    assert "--dev-bind-try /dev/nvidia0 /dev/nvidia0" in text
    order = [
        f"--ro-bind-try {packages} {packages}",
        f"--tmpfs {home}",  # what lies within visible packages stays hidden
        f"--ro-bind-try {environment} {environment}",
        f"--bind {tmp_path / 'job'} {tmp_path / 'job'}",
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert [part for part in call if part == "--bind"] == ["--bind"]  # one folder can be written to
    assert call[-5:] == ["--", "python", "-P", "-m", "thing"]
    assert outermost([Path("/usr/lib"), packages / "a", packages]) == [packages]


def test_what_uses_more_than_it_may_is_ended_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(os.urandom(100_000))
    assert folder_bytes(tmp_path) >= 100_000
    greedy = Sandbox("python", {}, limits=Limits(memory_bytes=1, disk_bytes=10**12))
    writing = Sandbox("python", {}, limits=Limits(memory_bytes=10**15, disk_bytes=10))
    modest = Sandbox("python", {}, limits=Limits(memory_bytes=10**15, disk_bytes=10**12))
    free = Sandbox("python", {})
    found = [each.excess(os.getpid(), tmp_path) for each in (greedy, writing, modest, free)]
    assert [each and each["error_class"] for each in found] == ["MemoryLimit", "DiskLimit", None, None]


def test_scores_arrive_as_they_were_computed() -> None:
    facts = MetricFacts(label="PSNR", best_value=1.0)
    score = ScoreRecord(
        participant="sub-01", region="body", metric="psnr", convention_id="psnr@1", value=0.1 + 0.2, unit="dB",
        higher_is_better=True, extra={"n": [1, 2.5]}, facts=facts,
    )  # fmt: skip
    missing = ScoreRecord(
        participant=None, region="body", metric="fid", convention_id="fid@1", value=None, unit="",
        higher_is_better=False, reason="no weights",
    )  # fmt: skip
    found = records_from_json(records_as_json([score, missing]))
    assert found == [score, missing]
    assert found[0].facts == facts


def test_metrics_of_a_plugin_with_methods_are_computed_in_a_process_of_their_own(tmp_path: Path) -> None:
    plain = MetricPlugin(distribution="petbench", name="metrics", brings_methods=False)
    both = MetricPlugin(distribution="mine", name="mine", brings_methods=True)

    class Plan:
        def to_dict(self) -> dict[str, Any]:
            return {}

    settings = Settings(home=tmp_path)
    first, second = scoring_tasks(settings, Plan(), [plain, both], "cpu")  # type: ignore[arg-type]
    assert first.plugins == (plain,)
    assert second is not None
    assert (second.plugins, second.own_alone) == ((both,), True)
    assert scoring_tasks(settings, Plan(), [plain], "cpu")[1] is None  # type: ignore[arg-type]


def test_whatever_a_process_prints_is_shown_as_lines_of_text() -> None:
    lines: list[str] = []
    reading, writing = os.pipe()
    output = Output(reading, lines.append)
    os.write(writing, b"1 %\r50 %\r100 %\n\x1b[2Jcleared\x00\n\n\xff\xfe\nlast")
    os.close(writing)
    output.finish(10)
    assert lines == ["100 %", "cleared\ufffd", "\ufffd\ufffd", "last"]


def test_a_bar_that_nobody_can_see_any_more_stops_no_work() -> None:
    class Closed:
        def __enter__(self) -> Progress:
            return cast("Progress", self.show)

        def __exit__(self, *_: object) -> None:
            raise OSError(errno.EIO, "Input/output error")

        def show(self, *_: object) -> None:
            raise OSError(errno.EIO, "Input/output error")

    bar: AbstractContextManager[Progress] = Closed()
    with that_may_fail(bar) as show:
        show("train", 1, 2)
        show("train", 2, 2)
    with pytest.raises(KeyError), that_may_fail(Closed()):  # what the work itself raises is not the bar's
        raise KeyError


def test_a_socket_of_another_machine_is_not_what_connects_the_processes() -> None:
    ours, theirs = Channel.pair()
    assert theirs.family == socket.AF_UNIX
    ours.close()
    theirs.close()
