"""A fetch that ends at any moment leaves whole participants or none, and the same command ends with the same bytes."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.datasets.hub_stand_in import read_folder
from tests.datasets.test_fetch import FETCH, bytes_of
from tests.datasets.test_fetch_failures import STEM

from petbench_datasets.dataset.reader import open_dataset

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.datasets.hub_stand_in import Hub

    Invoke = Callable[..., tuple[int, str]]

IMAGES = 2  # a window each, and each with its sidecar


class Killed(BaseException):
    """The process is no more: nothing of it runs after this."""


class Death:
    """Kills at a chosen one of the renames, and lets nothing be written or removed afterwards."""

    def __init__(self, patch: pytest.MonkeyPatch, at: int) -> None:
        self.left, self.dead = at, False
        for place, name in ((Path, "replace"), (Path, "unlink"), (Path, "rename"), (Path, "mkdir"), (os, "rmdir")):
            patch.setattr(place, name, self._guard(getattr(place, name), counts=name == "replace"))
        patch.setattr("shutil.rmtree", self._guard(__import__("shutil").rmtree, counts=False))

    def _guard(self, function: Callable[..., Any], *, counts: bool) -> Callable[..., Any]:
        def guarded(*arguments: Any, **options: Any) -> Any:
            self.left -= counts
            self.dead = self.dead or self.left < 0
            if self.dead:
                raise Killed
            return function(*arguments, **options)

        return guarded


def require_whole(cohort: Path) -> None:
    """Raise unless every participant who is there is whole, with both images and the organs."""
    for folder in cohort.glob("sub-*"):
        stem = f"{folder.name}_ses-quadra_trc-18FFDG_rec-"
        assert len(list(folder.rglob(f"{stem}*_pet.nii.gz"))) == IMAGES
        assert len(list(folder.rglob(f"{stem}*_pet.json"))) == IMAGES
        assert list((cohort / "derivatives" / "totalsegmentator" / folder.name).rglob("*_dseg.nii.gz"))


@pytest.mark.slow
def test_killed_before_any_of_its_renames_it_ends_with_the_same_bytes(
    hub: Hub, invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch = (*FETCH, "--participants", 1, "--grid", "60,60,60", "--to")
    monkeypatch.setattr(os, "fsync", lambda _: None)  # of no matter here, and most of the time
    assert invoke(*fetch, tmp_path / "undisturbed" / "mhc")[0] == 0
    expected = bytes_of(tmp_path / "undisturbed" / "mhc")
    for renames in range(200):
        cohort = tmp_path / str(renames) / "mhc"
        with monkeypatch.context() as patch:
            death = Death(patch, renames)
            try:
                invoke(*fetch, cohort)
            except (Killed, AssertionError):
                assert death.dead
        require_whole(cohort)
        code, said = invoke(*fetch, cohort)
        assert code == 0, said
        assert bytes_of(cohort) == expected
        if not death.dead:
            break
    assert 20 < renames < 199


@pytest.mark.slow
def test_killed_twice_the_third_command_ends_as_an_undisturbed_one(hub: Hub, invoke: Invoke, tmp_path: Path) -> None:
    assert invoke(*FETCH, "--to", tmp_path / "undisturbed" / "mhc")[0] == 0
    cohort = tmp_path / "mhc"
    arguments = ["datasets", "fetch", "multimodal-hc", "--yes", "--to", str(cohort)]
    environment = os.environ | hub.environment(tmp_path / "hf") | {"PETBENCH_HOME": str(tmp_path / "home")}

    image = STEM.format("sub-001") + ".nii.gz"
    half = hub.stall[image] = len(hub.files[image]) // 2
    with subprocess.Popen([sys.executable, "-m", "petbench", *arguments], env=environment) as process:
        assert hub.stalled.wait(120)
        part = cohort / ".fetch" / "raw" / "sub-001" / (image.removeprefix("train/") + ".part")
        while not part.exists() or part.stat().st_size < half:  # until what was sent has been written
            assert process.poll() is None
        process.kill()
    hub.go_on.set()
    require_whole(cohort)
    assert open_dataset(cohort).people == ("sub-000",)

    # The second time between the organs of sub-004, which are in their place, and its images, which are not.
    script = (
        "import os, sys, petbench.cli.main as main, petbench_datasets.fetching.cohort as cohort\n"
        "place = cohort._place\n"
        "def killed(made, where):\n"
        "    if where.name == 'sub-004' and where.parent.name != 'totalsegmentator':\n"
        f"        os.kill(os.getpid(), {int(signal.SIGKILL)})\n"
        "    place(made, where)\n"
        "cohort._place = killed\n"
        "main.main()\n"
    )
    hub.asked.clear()
    done = subprocess.run([sys.executable, "-c", script, *arguments], env=environment, check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL
    assert [start for path, start in hub.asked if path == image] == [half]
    require_whole(cohort)
    assert open_dataset(cohort).people == ("sub-000", "sub-001")

    hub.asked.clear()
    done = subprocess.run([sys.executable, "-m", "petbench", *arguments], env=environment, check=False, timeout=120)
    assert done.returncode == 0
    assert {path for path, _ in hub.asked if path.endswith(".nii.gz")} == {
        path for path in hub.files if "sub-015" in path and ("acdynPSF_pet.nii.gz" in path or "seg-total" in path)
    }
    assert bytes_of(cohort) == bytes_of(tmp_path / "undisturbed" / "mhc")


@pytest.mark.slow
def test_ctrl_c_in_a_terminal_is_one_line(hub: Hub, tmp_path: Path) -> None:
    cohort = tmp_path / "mhc"
    arguments = ["datasets", "fetch", "multimodal-hc", "--yes", "--to", str(cohort)]
    environment = os.environ | hub.environment(tmp_path / "hf") | {"PETBENCH_HOME": str(tmp_path / "home")}
    hub.stall[STEM.format("sub-001") + ".nii.gz"] = 5000
    # A process that was started in the background ignores the signal, and so would what it starts.
    command = (
        "import signal, petbench.cli.main as main\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "main.main()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", command, *arguments], env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        assert hub.stalled.wait(120)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "Traceback" not in said
    assert said.splitlines()[-1] == "error: interrupted: 1 participants are there; the same command goes on"
    assert open_dataset(cohort).people == ("sub-000",)


@pytest.mark.slow
def test_a_disk_that_gets_full_leaves_what_the_same_command_goes_on_with(
    hub: Hub, invoke: Invoke, tmp_path: Path
) -> None:
    assert invoke(*FETCH, "--to", tmp_path / "undisturbed" / "mhc")[0] == 0
    cohort = tmp_path / "mhc"
    environment = os.environ | hub.environment(tmp_path / "hf") | {"PETBENCH_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "petbench", "datasets", "fetch", "multimodal-hc", "--yes", "--to", str(cohort)]
    most = 60_000  # the kernel refuses a byte more, as a quota does
    done = subprocess.run(
        command,
        env=environment,
        check=False,
        timeout=120,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)),
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "the disk is full" in done.stderr.splitlines()[-1]
    part = next(name for name in read_folder(cohort) if name.endswith("acdynPSF_pet.nii.gz.part"))
    assert (cohort / part).stat().st_size == most
    hub.asked.clear()
    assert subprocess.run(command, env=environment, check=False, timeout=120).returncode == 0
    assert (STEM.format("sub-000") + ".nii.gz", most) in hub.asked
    assert bytes_of(cohort) == bytes_of(tmp_path / "undisturbed" / "mhc")
