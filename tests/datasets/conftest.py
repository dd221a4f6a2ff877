"""What the tests of datasets share: a tiny dataset on disk, and the real scans where they are to be had."""

from __future__ import annotations

import json
import os
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click.testing import CliRunner
from tests.command import Petbench

from petbench.cli.main import cli
from petbench_datasets.images.grid import Grid
from petbench_datasets.images.nifti_writer import write_image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.datasets.hub_stand_in import Hub

    from petbench_datasets.images.grid import Volume

GRID = Grid.regular((6, 8, 8), (20.0, 10.0, 10.0))
TIMES = {"early": (420.0, 840.0), "delayed": (2520.0, 1260.0)}


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    """Return what runs the command in this process, with a home of its own, and gives its exit code and output."""
    monkeypatch.setenv("PETBENCH_HOME", str(tmp_path / "home"))

    def run(*arguments: object) -> tuple[int, str]:
        result = CliRunner().invoke(cli, list(map(str, arguments)))
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.output

    return run


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the files of a small Multimodal-HC, by their path at the host."""
    from tests.datasets.hub_stand_in import read_folder
    from tests.datasets.multimodal_hc_layout import write_layout

    return read_folder(write_layout(tmp_path_factory.mktemp("hub")))


@pytest.fixture
def hub(files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """Serve it at a local host that speaks the Hub's protocol, and lead this process there."""
    from tests.datasets.hub_stand_in import Hub, serving

    with serving(Hub(dict(files)), "DEPICT-RH/Multimodal-HC") as served:
        template = served.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", served.url)
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
        for key, value in served.environment(tmp_path / "hf").items():
            monkeypatch.setenv(key, value)
        monkeypatch.setattr("petbench_datasets.fetching.download.WAITS_SECONDS", (0.0, 0.0))
        yield served


class DatasetWriter:
    """Writes BIDS-PET datasets of a few voxels, right in everything that a test does not make wrong."""

    grid = GRID

    def __init__(self, root: Path) -> None:
        self.root = root

    def image_path(self, participant: str, window: str) -> Path:
        return self.root / participant / "pet" / f"{participant}_trc-18FFDG_rec-{window}_pet.nii.gz"

    def sidecar_path(self, participant: str, window: str) -> Path:
        return self.image_path(participant, window).with_name(f"{participant}_trc-18FFDG_rec-{window}_pet.json")

    def voxels(self, seed: int, grid: Grid = GRID) -> Volume:
        values = np.random.default_rng(seed).gamma(4.0, 1000.0, grid.shape)
        return values.astype(np.float32)

    def sidecar(self, window: str, **changes: Any) -> dict[str, Any]:
        start, duration = TIMES.get(window, TIMES["early"])
        fields: dict[str, Any] = {
            "Manufacturer": "petbench",
            "Units": "Bq/mL",
            "TracerName": "FDG",
            "TracerRadionuclide": "F18",
            "InjectedRadioactivity": 250.0,
            "InjectedRadioactivityUnits": "MBq",
            "TimeZero": "10:00:00",
            "ScanStart": 0,
            "InjectionStart": 0,
            "FrameTimesStart": [start],
            "FrameDuration": [duration],
            "ImageDecayCorrected": True,
            "ImageDecayCorrectionTime": 0,
            "AttenuationCorrection": "CT",
        }
        fields |= changes
        return {key: value for key, value in fields.items() if value is not ...}

    def image(self, participant: str, window: str, voxels: Volume, grid: Grid = GRID, **changes: Any) -> Path:
        path = self.image_path(participant, window)
        write_image(path, voxels, grid)
        self.sidecar_path(participant, window).write_text(json.dumps(self.sidecar(window, **changes)))
        return path

    def participants(self, weights: dict[str, object], **columns: list[str]) -> None:
        lines = ["\t".join(["participant_id", "body_weight", *columns])]
        for number, (name, weight) in enumerate(weights.items()):
            lines.append("\t".join([name, str(weight), *(values[number] for values in columns.values())]))
        (self.root / "participants.tsv").write_text("\n".join(lines) + "\n")

    def dataset(self, count: int = 3, **columns: list[str]) -> Path:
        """Write `count` whole participants."""
        names = [f"sub-{number:02d}" for number in range(1, count + 1)]
        for number, name in enumerate(names):
            self.image(name, "early", self.voxels(2 * number))
            self.image(name, "delayed", self.voxels(2 * number + 1))
        (self.root / "dataset_description.json").write_text('{"Name": "tiny", "BIDSVersion": "1.10.0"}')
        self.participants({name: 70.0 + number for number, name in enumerate(names)}, **columns)
        return self.root


@pytest.fixture
def writer(tmp_path: Path) -> DatasetWriter:
    root = tmp_path / "tiny"
    root.mkdir()
    return DatasetWriter(root)


@pytest.fixture(scope="session")
def real_data(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Unpack one archive of real scans; skip where they are absent."""
    beside = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "real"
    folder = Path(os.environ.get("PETBENCH_REAL_DATA", beside))
    unpacked: dict[str, Path] = {}

    def unpack(name: str) -> Path:
        archive = folder / f"{name}.tar.gz"
        if not archive.exists():
            pytest.skip(f"{archive.name} is not here; set PETBENCH_REAL_DATA to the folder that holds it")
        if name not in unpacked:
            unpacked[name] = tmp_path_factory.mktemp(name)
            with tarfile.open(archive) as content:
                content.extractall(unpacked[name], filter="data")
        return unpacked[name]

    return unpack


@pytest.fixture
def petbench(tmp_path: Path) -> Petbench:
    return Petbench(tmp_path / "home")
