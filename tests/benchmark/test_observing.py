"""Between a training's files and an observer: what is read, what is passed on, and what is left out."""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from petbench import Scan
from petbench.errors import UnknownNameError, UsageError
from petbench.home import Home
from petbench.registry import Plugin, Registry
from petbench.run_events import (
    ExampleImages,
    ObserverSpec,
    RunEnded,
    RunFacts,
    RunStarted,
    StepLogged,
    Validated,
)
from petbench.runs.example_images import newest_example, save_real
from petbench.runs.observing.facts import without_participants
from petbench.runs.observing.follow import LogFollower, TrainingFollower, event_of
from petbench.runs.observing.mailbox import Mailbox
from petbench.runs.observing.messages import pack, unpack
from petbench.runs.observing.watch import choose_observers
from petbench.training.example_image import example_slice, forget_after, predicted_slices, save_predicted
from petbench.training.training_log import LOG_NAME, TrainingLog

if TYPE_CHECKING:
    from pathlib import Path

    from petbench.run_events import Observer, RunEvent

RUN = RunFacts(
    run=7, uid="ab" * 16, identity="cd", method="pix2pix", dataset="bodies", split="holdout", fold=0, seed=3,
    parameters={"width": 8, "name": "ü"}, settings={"budget": "images=5"}, folder="/somewhere",
)  # fmt: skip


def slices(value: float) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.full((4, 6), value, np.float32)


def silent(folder: Path) -> Observer:
    return lambda event: None


EVENTS: list[RunEvent] = [
    RunStarted(run=RUN, resumed=True),
    StepLogged(run=RUN, images=5, seconds=1.5, losses={"g/l1": 0.25, "d": float("nan")}, images_per_second=None),
    Validated(run=RUN, images=5, seconds=1.5, values={"mae_suv": 0.1}),
    ExampleImages(run=RUN, images=5, early=slices(1), predicted=slices(2), delayed=slices(3)),
    RunEnded(run=RUN, status="ok", seconds={"train": 3.0}, scores={"psnr/body": 30.0}, costs={"images_seen": 5.0}),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_comes_out_of_a_message_as_it_went_in(event: RunEvent) -> None:
    back = unpack(json.loads(json.dumps(pack(event))))
    assert type(back) is type(event)
    for name in event.__dataclass_fields__:
        np.testing.assert_equal(getattr(back, name), getattr(event, name))


def test_a_picture_has_the_three_images_side_by_side_dark_where_uptake_is_high() -> None:
    event = ExampleImages(run=RUN, images=1, early=slices(0.0), predicted=slices(5.0), delayed=slices(np.nan))
    picture = event.picture()
    assert picture.dtype == np.uint8
    assert picture.shape == (4, 18)
    assert [int(part[0, 0]) for part in np.split(picture, 3, axis=1)] == [255, 128, 255]
    assert int(event.picture(black_suv=5.0)[0, 6]) == 0


class TestMailbox:
    def test_keeps_the_first_and_the_last_events_when_it_is_full_and_counts_the_others(self) -> None:
        box = Mailbox(capacity=4)
        for number in range(10):
            box.put(StepLogged(run=RUN, images=number, seconds=0.0))
        box.close()
        taken = list(iter(box.take, None))
        assert [event.images for event in taken if isinstance(event, StepLogged)] == [0, 7, 8, 9]
        assert (box.given, box.missed) == (10, 6)

    def test_never_keeps_who_puts_waiting_and_wakes_who_takes(self) -> None:
        box = Mailbox()
        taken: list[RunEvent] = []
        thread = threading.Thread(target=lambda: taken.extend(iter(box.take, None)), daemon=True)
        thread.start()
        for event in EVENTS:
            box.put(event)
        box.close()
        thread.join(30)
        assert taken == EVENTS


class TestLog:
    def test_gives_each_whole_line_once_while_it_is_written(self, tmp_path: Path) -> None:
        path = tmp_path / "log"
        follower = LogFollower([tmp_path / "nowhere", path], tmp_path / "told")
        assert follower.new_lines() == []
        with path.open("wb") as file:
            for written, expected in [(b"a\nb", [b"a\n"]), (b"c\n", [b"bc\n"]), (b"", []), (b"a\n", [b"a\n"])]:
                file.write(written)
                file.flush()
                assert follower.new_lines() == expected

    def test_goes_on_where_a_resumed_training_has_moved_and_cut_the_log(self, tmp_path: Path) -> None:
        before, now = tmp_path / "run", tmp_path / "job"
        log = TrainingLog(before)
        for images in (10, 20, 30):
            log.append("step", {"images": images})
        follower = LogFollower([now / LOG_NAME, before / LOG_NAME], tmp_path / "told")
        assert len(follower.new_lines()) == 3
        before.rename(now)
        assert follower.new_lines() == []
        log = TrainingLog(now)
        log.cut(20)
        log.append("engine", {"images": 20})
        log.append("step", {"images": 30})
        log.append("step", {"images": 40})
        assert [json.loads(line)["images"] for line in follower.new_lines()] == [20, 30, 40]
        now.rename(before)
        TrainingLog(before).append("step", {"images": 50})
        assert [json.loads(line)["images"] for line in follower.new_lines()] == [50]

    def test_who_follows_after_another_is_given_what_nobody_was_told_of(self, tmp_path: Path) -> None:
        log, told = TrainingLog(tmp_path), tmp_path / "told"

        def images_of(lines: list[bytes]) -> list[int]:
            return [json.loads(line)["images"] for line in lines]

        def follower() -> LogFollower:
            return LogFollower([tmp_path / LOG_NAME], told)

        assert not follower().has_told
        log.append("step", {"images": 10})
        assert images_of(follower().new_lines()) == [10]
        assert follower().has_told
        for images in (20, 30):
            log.append("step", {"images": images})
        first = follower()
        assert images_of(first.new_lines()) == [20, 30]
        log.append("step", {"images": 40})
        assert images_of(first.new_lines()) == [40]
        assert images_of(follower().new_lines()) == []
        log.cut(20)  # a resumed training goes back to its checkpoint, and does the rest again
        for images in (30, 45):
            log.append("step", {"images": images, "again": True})
        assert images_of(follower().new_lines()) == [30, 45]
        assert images_of(follower().new_lines()) == []

    @pytest.mark.parametrize("damage", [b"", b"\x01", b"nonsense that is no marks!"])
    def test_a_damaged_memory_of_what_was_told_costs_no_line(self, tmp_path: Path, damage: bytes) -> None:
        log, told = TrainingLog(tmp_path), tmp_path / "told"
        log.append("step", {"images": 10})
        told.write_bytes(damage)
        assert len(LogFollower([tmp_path / LOG_NAME], told).new_lines()) == 1
        assert LogFollower([tmp_path / LOG_NAME], told).new_lines() == []

    @pytest.mark.parametrize(
        "line",
        [b"", b"null", b"[]", b"{", b"[" * 100_000, b'{"event": "step"}', b'{"event": "step", "images": -1}',
         b'{"event": "step", "images": 1e300}', b'{"event": "step", "images": "5"}', b"\xff\xfe",
         b'{"event": "engine", "images": 5}', b'{"event": ["step"], "images": 5}',
         b'{"event": "step", "images": true}'],
    )  # fmt: skip
    def test_a_line_that_makes_no_sense_is_no_event(self, line: bytes) -> None:
        assert event_of(line, RUN) is None

    def test_only_numbers_under_plain_names_are_passed_on(self) -> None:
        losses = {"g/l1": 0.5, "text": "x", "flag": True, "list": [1], "of sub-03_ses-1": 1, "\x1b[31mred\n": 2.0}
        line = json.dumps({"event": "step", "images": 5, "seconds": "soon", "losses": losses | {"big": 10**400}})
        event = event_of(line.encode(), RUN)
        assert isinstance(event, StepLogged)
        assert event.losses == {"g/l1": 0.5, "of sub-*": 1.0, "red": 2.0}
        assert (event.seconds, event.images_per_second) == (0.0, None)
        many = json.dumps({"event": "validation", "images": 5, **{f"v{number}": 1.0 for number in range(5000)}})
        validated = event_of(many.encode(), RUN)
        assert isinstance(validated, Validated)
        assert len(validated.values) <= 200

    def test_a_method_that_logs_without_end_is_passed_on_at_a_bounded_rate(self, tmp_path: Path) -> None:
        follower = TrainingFollower(RUN, [tmp_path], tmp_path / "example.npy", tmp_path / "told")
        log = TrainingLog(tmp_path)
        for images in range(1000):
            log.append("step", {"images": images, "losses": {}})
            log.append("validation", {"images": images, "mae_suv": 1.0})
        found = follower.new_events()
        assert len(found) <= 32
        assert max(event.images for event in found if isinstance(event, StepLogged)) == 999


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("sub-01", "sub-*"),
        ("/data/sub-01/ses-2/pet/sub-01_ses-2_rec-a_pet.nii.gz", "/data/sub-*/ses-2/pet/sub-*_rec-a_pet.nii.gz"),
        ("the prediction of unet for sub-AnnaMaier1950: NaN", "the prediction of unet for sub-*: NaN"),
        ("subject 5", "subject 5"),
    ],
)  # fmt: skip
def test_no_text_that_leaves_names_a_participant(text: str, expected: str) -> None:
    assert without_participants(text) == expected


class TestExampleImages:
    def test_the_slice_is_chosen_by_the_early_image_alone_and_not_by_one_hot_organ(self) -> None:
        early = np.zeros((5, 10, 10), np.float32)
        early[1, :6, :6] = 2.0
        early[3, 0, 0] = 500.0
        assert example_slice(early) == 1

    def test_the_newest_is_read_beside_the_real_ones_and_few_are_kept(self, tmp_path: Path) -> None:
        early, delayed = np.zeros((2, 4, 6), np.float32), np.full((2, 4, 6), 3.0, np.float32)
        early[1] = 1.0
        save_real(tmp_path / "example.npy", Scan(early), delayed)
        for images in (5, 100, 20_000):
            save_predicted(tmp_path, images, slices(images))
        assert [images for images, _ in predicted_slices(tmp_path)] == [100, 20_000]
        found = newest_example(tmp_path / "example.npy", [tmp_path / "job", tmp_path])
        assert found is not None
        assert found.images == 20_000
        for image, value in ((found.early, 1.0), (found.predicted, 20_000.0), (found.delayed, 3.0)):
            np.testing.assert_array_equal(image, slices(value))
        assert newest_example(tmp_path / "example.npy", [tmp_path], after=20_000) is None
        forget_after(tmp_path, 150)
        assert [images for images, _ in predicted_slices(tmp_path)] == [100]

    def test_whatever_a_method_puts_in_their_place_is_passed_over(self, tmp_path: Path) -> None:
        save_real(tmp_path / "example.npy", Scan(np.ones((2, 4, 6), np.float32)), np.ones((2, 4, 6), np.float32))
        save_predicted(tmp_path, 1, slices(1))
        folder = tmp_path / "example"
        os.mkfifo(folder / "images-000000000900.npy")
        (folder / "images-000000000800.npy").symlink_to("/dev/zero")
        (folder / "images-000000000700.npy").mkdir()
        (folder / "images-000000000600.npy").write_bytes(b"\x93NUMPY\x01\x00")
        np.save(folder / "images-000000000500.npy", np.zeros((400, 600), np.float32))
        np.save(folder / "images-000000000400.npy", np.zeros((4, 6), "U9"))
        (folder / "notes.txt").touch()
        found = newest_example(tmp_path / "example.npy", [tmp_path])
        assert found is not None
        assert found.images == 1

    def test_each_is_told_once_and_again_where_a_resumed_training_has_gone_back(self, tmp_path: Path) -> None:
        save_real(tmp_path / "example.npy", Scan(np.ones((2, 4, 6), np.float32)), np.ones((2, 4, 6), np.float32))
        save_predicted(tmp_path, 100, slices(1))
        follower = TrainingFollower(RUN, [tmp_path], tmp_path / "example.npy", tmp_path / "told")
        told: list[int] = []

        def look() -> None:
            told.extend(event.images for event in follower.new_events() if isinstance(event, ExampleImages))

        look()
        save_predicted(tmp_path, 200, slices(1))
        look()
        look()
        forget_after(tmp_path, 150)
        look()
        save_predicted(tmp_path, 180, slices(1))
        look()
        assert told == [100, 200, 180]

    def test_who_goes_on_following_shows_no_picture_again(self, tmp_path: Path) -> None:
        save_real(tmp_path / "example.npy", Scan(np.ones((2, 4, 6), np.float32)), np.ones((2, 4, 6), np.float32))
        log = TrainingLog(tmp_path)
        found: list[list[int]] = []
        for images in (100, 200):
            log.append("validation", {"images": images, "mae_suv": 1.0})
            save_predicted(tmp_path, images, slices(1))
            follower = TrainingFollower(RUN, [tmp_path], tmp_path / "example.npy", tmp_path / "told")
            found.append([getattr(event, "images", -1) for event in follower.new_events()])
        assert found == [[100, 100], [200]]  # the picture of 200 came before anybody followed again


class TestChoice:
    @pytest.fixture
    def registry(self) -> Registry:
        specs = (
            ObserverSpec(name="asked", summary="", build=silent),
            ObserverSpec(name="always", summary="", build=silent, always=True),
            ObserverSpec(
                name="lacking", summary="", build=silent, imports=("json", "no_such_module"), install="it[all]"
            ),
        )
        return Registry([Plugin(name="p", distribution="d", version="1", module="m", observers=specs)])

    def test_those_that_are_asked_for_observe_and_those_of_every_run(self, registry: Registry, tmp_path: Path) -> None:
        def chosen(*names: str) -> list[str]:
            return [each.name for each in choose_observers(names, registry, Home(tmp_path))]

        assert chosen() == ["always"]
        assert chosen("asked", "asked", "always") == ["asked", "always"]

    def test_one_that_cannot_be_used_is_refused_in_one_line(self, registry: Registry, tmp_path: Path) -> None:
        with pytest.raises(
            UsageError, match=r"lacking needs no_such_module, which is not installed: pip install 'it\[all\]'"
        ):
            choose_observers(["lacking"], registry, Home(tmp_path))
        with pytest.raises(UnknownNameError, match="asked"):
            choose_observers(["askd"], registry, Home(tmp_path))
