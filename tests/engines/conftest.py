"""What the tests of engines share: a small dataset, a Slurm, and one run that nothing has disturbed."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.benchmark.conftest import write_body_dataset
from tests.engines.gated import Lab
from tests.engines.slurm_cluster import Cluster, why_not
from tests.made_once import made_once, shared_folder

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def bodies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(shared_folder(tmp_path_factory) / "datasets" / "bodies", write_body_dataset)


@pytest.fixture(scope="session")
def slurm() -> Iterator[Cluster]:
    """Give a Slurm of this session, which has one node."""
    reason = why_not()
    if reason:
        pytest.skip(f"no Slurm here: {reason}")
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    cluster = Cluster(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def lab(tmp_path: Path, bodies: Path, slurm: Cluster) -> Lab:
    return Lab(tmp_path / "lab", bodies, slurm.variables)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, bodies: Path) -> Lab:
    """Give a home with one run of the gated method, made on this machine and never stopped."""
    lab = Lab(tmp_path_factory.mktemp("undisturbed") / "lab", bodies)
    lab.gate.open()
    lab.begin().end()
    return lab
