"""The simulator on a device of torch's: the CPU's bits, or not used at all."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from tests.datasets.test_phantom_build import SMALL

from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.progress import silent
from petbench_phantom import build, device
from petbench_phantom.build import build_phantom
from petbench_phantom.device import DeviceProjector, find_device, gives_the_same_bits
from petbench_phantom.participant import simulate
from petbench_phantom.population import population
from petbench_phantom.spec import PROFILES

if TYPE_CHECKING:
    from pathlib import Path

    from petbench_phantom.projector import Array
    from petbench_phantom.spec import PhantomSpec

MINI = PROFILES["fdg-phantom-mini"]
MULTIPLIES_SPARSE = torch.backends.mkl.is_available()  # type: ignore[no-untyped-call]
pytestmark = pytest.mark.skipif(not MULTIPLIES_SPARSE, reason="this torch multiplies no sparse matrix")


class Heard:
    """Keeps what a build says it is doing."""

    def __init__(self) -> None:
        self.descriptions: set[str] = set()

    def __call__(self, description: str, done: float, total: float) -> None:
        self.descriptions.add(description)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fdg-phantom-mini", "fdg-phantom", "fdg-phantom-multibed", "fdg-phantom-3d"])
def test_a_small_scan_has_the_same_bits_from_torch_as_from_scipy(name: str) -> None:
    assert gives_the_same_bits(PROFILES[name], "cpu")


@pytest.mark.slow
def test_a_whole_participant_has_the_same_bits_from_torch_as_from_scipy() -> None:
    person = population(MINI)[3]
    plain = simulate(MINI, person, lambda fraction: None)
    placed = simulate(MINI, person, lambda fraction: None, partial(DeviceProjector, device="cpu"))
    for name in ("early", "delayed", "repeat", "early_truth", "delayed_truth"):
        assert np.array_equal(getattr(plain, name), getattr(placed, name)), name
    assert plain.trues == placed.trues


@pytest.mark.slow
def test_a_build_on_a_device_gives_the_published_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    make = DeviceProjector.__init__

    def counted(self: DeviceProjector, spec: PhantomSpec, device: str) -> None:
        made.append(device)
        make(self, spec, device)

    monkeypatch.setattr(DeviceProjector, "__init__", counted)
    monkeypatch.setattr(device, "find_device", lambda spec: ("cpu", 1))
    monkeypatch.setattr(build, "_fitting", lambda spec: 1)  # in this process, where projectors are counted
    heard = Heard()
    build_phantom(MINI, tmp_path / "mini", heard)
    assert made == ["cpu"] * MINI.participants
    assert open_dataset(tmp_path / "mini", silent).fingerprint == MINI.fingerprint
    assert "simulating fdg-phantom-mini on cpu" in heard.descriptions


@pytest.mark.slow
def test_a_device_that_gives_up_leaves_the_participant_to_the_cpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[DeviceProjector] = []

    def exhausted(self: DeviceProjector, array: Array) -> Array:
        asked.append(self)
        raise torch.OutOfMemoryError("no memory left")

    monkeypatch.setattr(DeviceProjector, "place", exhausted)
    for name in ("cpu", None):
        build._simulate_one(SMALL, tmp_path / str(name), population(SMALL)[0], name, lambda index, fraction: None)
    assert len(asked) == 1
    written = [sorted(folder.rglob("*.nii.gz")) for folder in (tmp_path / "cpu", tmp_path / "None")]
    assert len(written[0]) > 5
    assert [path.read_bytes() for path in written[0]] == [path.read_bytes() for path in written[1]]


def test_a_device_with_other_bits_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = DeviceProjector.forward
    monkeypatch.setattr(DeviceProjector, "forward", lambda self, *image: exact(self, *image) * (1 + 2.0**-52))
    assert not gives_the_same_bits(MINI, "cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (2**34, 2**34))
    monkeypatch.setattr(device, "gives_the_same_bits", lambda spec, name: gives_the_same_bits(spec, "cpu"))
    assert find_device(MINI) is None
    monkeypatch.setattr(DeviceProjector, "forward", exact)
    assert find_device(MINI) == ("cuda", 8)


@pytest.mark.parametrize(("fitting", "places"), [(8, (4, "cuda")), (3, (3, "cuda")), (2, (4, None)), (1, (4, None))])
def test_a_device_that_fits_few_leaves_the_build_to_the_cpu(
    fitting: int, places: tuple[int, str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "find_device", lambda spec: ("cuda", fitting))
    monkeypatch.setattr(build, "_fitting", lambda spec: 4)
    assert build._places(SMALL, 6) == places


def test_a_device_without_room_or_that_fails_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (2**30, 2**34))
    assert find_device(MINI) is None
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (2**34, 2**34))
    monkeypatch.setattr(DeviceProjector, "keep", lambda self, matrix: torch.zeros(1, device="no such device"))
    assert find_device(MINI) is None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_a_build_on_cuda_gives_the_published_dataset(tmp_path: Path) -> None:
    heard = Heard()
    build_phantom(MINI, tmp_path / "mini", heard)
    assert open_dataset(tmp_path / "mini", silent).fingerprint == MINI.fingerprint
    assert "simulating fdg-phantom-mini on cuda" in heard.descriptions
