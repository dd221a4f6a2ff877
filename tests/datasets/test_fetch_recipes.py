"""Recipes are plugins: what is wrong with one is said when it is loaded, and a host's names stay in their folders."""

from __future__ import annotations

import dataclasses
import shutil
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
from tests.datasets import multimodal_hc_layout as layout

from petbench import hookimpl
from petbench.registry import load_plugins
from petbench_cohorts.plugin import petbench_datasets
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.errors import DataError
from petbench_datasets.fetching.choice import chosen
from petbench_datasets.fetching.cohort import fetch_cohort
from petbench_datasets.fetching.journal import Journal, Options
from petbench_datasets.sources import Fetch, RawParticipant, RemoteFile, RemoteParticipant
from petbench_datasets.specs import DatasetSpec

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.metadata import EntryPoint
    from pathlib import Path


@pytest.mark.parametrize("place", ["../../.bashrc", "/etc/passwd", "a/../../b", "..", "", "a\\..\\b"])
def test_a_place_outside_of_the_raw_folder_is_refused(place: str) -> None:
    one = RemoteParticipant("sub-001", (RemoteFile("x.nii.gz", place, 1),))
    with pytest.raises(DataError, match="is no place in a cohort"):
        chosen("", [one])


@pytest.mark.parametrize("name", ["sub-../x", "001", "sub-", "sub-0 1", "sub-001/x"])
def test_a_name_that_is_none_of_a_participant_is_refused(name: str) -> None:
    with pytest.raises(DataError, match="the host names"):
        chosen("", [RemoteParticipant(name, ())])


def test_nobody_at_the_host_is_an_error() -> None:
    with pytest.raises(DataError, match="the host has nobody"):
        chosen("", [])


@pytest.mark.parametrize(
    ("asked", "expected"), [("", "abc"), ("2", "ab"), ("99", "abc"), ("sub-c,a", "ac"), ("b,b", "b")]
)
def test_the_first_ones_or_names_are_chosen(asked: str, expected: str) -> None:
    there = [RemoteParticipant(f"sub-{letter}", ()) for letter in "abc"]
    assert [one.name for one in chosen(asked, there)] == [f"sub-{letter}" for letter in expected]


def test_a_recipe_says_all_that_is_asked_before_a_download() -> None:
    for spec in petbench_datasets():
        fetch = spec.fetch
        assert fetch is not None
        assert spec.licence
        assert spec.citation
        for field in dataclasses.fields(fetch):
            if field.name not in {"terms", "terms_url", "reconstructions"}:
                assert getattr(fetch, field.name), (spec.name, field.name)
        assert bool(fetch.terms) == bool(fetch.terms_url)


def test_building_what_is_fetched_says_how_to_fetch_it(tmp_path: Path) -> None:
    for spec in petbench_datasets():
        with pytest.raises(DataError, match=f"petbench datasets fetch {spec.name} --to FOLDER"):
            spec.build(tmp_path, lambda *_: None)


def test_a_fetch_that_is_none_is_listed_with_its_error() -> None:
    class Point:
        name, value, dist, group = "odd", "odd", None, "petbench"

        def load(self) -> object:
            module = ModuleType("odd")
            spec = DatasetSpec("odd", "odd", lambda *_: None, fetch="https://example.org")  # type: ignore[arg-type]
            module.petbench_datasets = hookimpl(lambda: [spec], specname="petbench_datasets")  # type: ignore[attr-defined]
            return module

    points: list[EntryPoint] = [Point()]  # type: ignore[list-item]
    (plugin,) = load_plugins(points).plugins
    assert plugin.error is not None
    assert "'odd' has a fetch that is no petbench_datasets.sources.Fetch" in plugin.error


class Folder:
    """The smallest source: a folder in the place of a host."""

    revision = "1"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        by_name: dict[str, list[RemoteFile]] = {}
        for path in sorted(folder.glob("sub-*/ses-quadra/pet/*_rec-acdynPSF_pet.*")):
            place = path.relative_to(folder).as_posix()
            by_name.setdefault(place.split("/")[0], []).append(RemoteFile(place, place, path.stat().st_size))
        table = RemoteFile("participants.tsv", "participants.tsv", (folder / "participants.tsv").stat().st_size)
        self.participants = tuple(RemoteParticipant(name, (table, *files)) for name, files in by_name.items())

    def require_access(self) -> None:
        """Everybody may."""

    def download(self, file: RemoteFile, target: Path, progress: Callable[[int], None]) -> None:
        shutil.copy(self.folder / file.path, target)
        progress(file.size_bytes)

    def read(self, participant: RemoteParticipant, raw: Path, work: Path) -> RawParticipant:
        return RawParticipant(raw, participant.name)


def test_anybodys_recipe_needs_no_more_than_the_contract(tmp_path: Path) -> None:
    source = Folder(layout.write_layout(tmp_path / "host", ("sub-000", "sub-001")) / "train")
    fetch = Fetch(lambda *_: source, "a folder", 2, "dynamic", 1, 1)
    spec = DatasetSpec("ours", "of our own", lambda *_: None, fetch=fetch)
    journal = Journal(tmp_path / "cohort", Options("ours", "", "early", {}))
    shown: list[tuple[str, float, float]] = []
    fetched = fetch_cohort(spec, source, source.participants, journal, "early", lambda *said: shown.append(said))
    assert fetched.there == open_dataset(tmp_path / "cohort").people == ("sub-000", "sub-001")
    assert fetched.left_out == ()
    assert shown[-1][1] == shown[-1][2] == sum(one.size_bytes for one in source.participants)
