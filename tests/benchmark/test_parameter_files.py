"""A parameter that names a file stands for the file's content: in the plan, in the identity, when the run goes on."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel, Field, FilePath

from petbench.contract import MethodSpec
from petbench.errors import ChangedError, PetbenchError, UsageError
from petbench.methods.parameter_files import with_hashes, with_paths
from petbench.plans.planner import Place, Request, plan_on
from petbench.plans.run_plan import RunPlan
from petbench.plans.same_code import check_same_code
from petbench.registry import Plugin, Registry
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import load_split
from petbench_leaderboard.records import FILE_CONTENT
from petbench_leaderboard.report.settings import changed_parameters

if TYPE_CHECKING:
    from collections.abc import Callable


class Inner(BaseModel):
    atlas: Path | None = None


class Parameters(BaseModel):
    teacher: Path | None = Field(None, description="a model to learn from")
    checked: FilePath | None = Field(None, description="the same, that pydantic checks")
    several: list[Path] = Field([], description="several")
    named: dict[str, Path] = Field({}, description="several by name")
    inner: Inner = Field(Inner(), description="in a model")
    text: str = Field("plain", description="any text")
    width: int = Field(3, description="a number")


def build(_parameters: object) -> Any: ...


build.__module__ = "json"  # a package that is there; that of this test is all tests
SPEC = MethodSpec("mine", "mine", build=build, parameters=Parameters)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "teacher.bin"
    path.write_bytes(b"weights")
    return path


def content(path: Path) -> str:
    return FILE_CONTENT + hashlib.sha256(path.read_bytes()).hexdigest()


def validated(**values: Any) -> dict[str, Any]:
    return Parameters.model_validate(values).model_dump(mode="json")


WAYS: dict[str, tuple[str, Callable[[Path], dict[str, Any]]]] = {
    "a path": ("teacher", lambda file: {"teacher": file}),
    "a path that pydantic checks": ("checked", lambda file: {"checked": file}),
    "in a list": ("several.1", lambda file: {"several": [file, file]}),
    "in a dictionary": ("named.a", lambda file: {"named": {"a": file}}),
    "in a model": ("inner.atlas", lambda file: {"inner": {"atlas": file}}),
    "a text with a slash": ("text", lambda file: {"text": str(file)}),
}


@pytest.mark.parametrize(("place", "make"), WAYS.values(), ids=WAYS)
def test_its_content_takes_the_place_of_its_path_and_the_method_gets_the_path(
    place: str, make: Callable[[Path], dict[str, Any]], file: Path
) -> None:
    values = validated(**make(file))
    hashed, files = with_hashes(SPEC, values)
    assert str(file) not in str(hashed)
    assert content(file) in str(hashed)
    assert files[place] == str(file)
    assert with_paths("mine", hashed, files) == values
    with pytest.raises(PetbenchError, match=r"SHA-256 is .* is not known; run the method with --set") as error:
        with_paths("mine", hashed, {})
    assert place.partition(".")[0] in str(error.value)


def test_what_names_no_file_stays_as_it_is(tmp_path: Path) -> None:
    for values in (validated(), validated(text="a/b"), validated(text=str(tmp_path)), validated(text="teacher.bin")):
        assert with_hashes(SPEC, values) == (values, {})


def test_a_path_is_absolute_once_it_is_planned_since_methods_work_in_a_folder_of_their_own(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    for values in (validated(teacher=file.name), validated(checked=file.name), validated(text=f"./{file.name}")):
        hashed, files = with_hashes(SPEC, values)
        assert list(files.values()) == [str(file)]
        assert str(file) in map(str, with_paths("mine", hashed, files).values())


def test_a_file_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"parameter 'teacher' of mine: there is no file or folder .*nowhere"):
        with_hashes(SPEC, validated(teacher=tmp_path / "nowhere"))


def test_of_a_folder_every_file_counts(tmp_path: Path) -> None:
    folder = tmp_path / "atlas"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a.txt").write_text("a")
    before = with_hashes(SPEC, validated(teacher=folder))[0]
    (folder / "deep" / "a.txt").rename(folder / "deep" / "b.txt")
    assert with_hashes(SPEC, validated(teacher=folder))[0] != before


@pytest.fixture(scope="module")
def place(body_dataset: Path) -> Place:
    dataset = open_dataset(body_dataset)
    return Place("bodies", dataset, load_split(dataset, "holdout"))


@pytest.fixture
def planned(place: Place) -> Callable[..., RunPlan]:
    def plan(*settings: str) -> RunPlan:
        return plan_on(Request(method="mine", settings=settings), place, REGISTRY)

    return plan


REGISTRY = Registry([Plugin("mine", "mine", "1", "json", methods=(SPEC,))])


def test_identity_is_of_the_content_wherever_the_file_lies(
    planned: Callable[..., RunPlan], file: Path, tmp_path: Path
) -> None:
    first = planned(f"teacher={file}")
    other = tmp_path / "other" / "name.pt"
    other.parent.mkdir()
    other.write_bytes(file.read_bytes())
    assert planned(f"teacher={other}").identity == first.identity
    assert first.parameters["teacher"] == content(file)
    assert first.changed_parameters == {"teacher": content(file)}
    other.write_bytes(b"weights of others")
    assert planned(f"teacher={other}").identity != first.identity
    assert str(tmp_path) not in str(first.record())


def test_it_is_shown_short_on_a_row(planned: Callable[..., RunPlan], file: Path) -> None:
    digest = content(file).removeprefix(FILE_CONTENT)
    assert changed_parameters(planned(f"teacher={file}").record()) == [f"teacher=file {digest[:8]}"]  # type: ignore[arg-type]


def test_a_plan_keeps_where_the_file_is_and_goes_on_only_while_it_is_the_same(
    planned: Callable[..., RunPlan], file: Path, tmp_path: Path
) -> None:
    planned(f"teacher={file}").save(tmp_path / "plan.json")
    plan = RunPlan.load(tmp_path / "plan.json")
    check_same_code(plan, REGISTRY)
    file.write_bytes(b"other weights")
    with pytest.raises(ChangedError, match=f"the content of the parameter 'teacher': {file}"):
        check_same_code(plan, REGISTRY)
    file.unlink()
    with pytest.raises(ChangedError, match=f"the file of the parameter 'teacher' is gone: {file}"):
        check_same_code(plan, REGISTRY, trains=False)


@pytest.mark.parametrize(
    ("change", "said", "predicts"),
    [
        ({"source_hash": "0" * 64}, "its code", False),
        ({"source_hash": "0" * 64, "source_files": {}}, "which files is not noted", False),
        ({"version": "2"}, "mine 2 is now mine 1", True),
        ({"distribution": "theirs"}, "theirs 1 is now mine 1", True),
    ],
)
def test_what_has_changed_is_named_and_another_version_of_the_same_code_still_predicts(
    change: dict[str, Any], said: str, predicts: bool, planned: Callable[..., RunPlan]
) -> None:
    plan = dataclasses.replace(planned(), **change)
    with pytest.raises(ChangedError, match=said):
        check_same_code(plan, REGISTRY)
    if predicts:
        check_same_code(plan, REGISTRY, trains=False)
    else:
        with pytest.raises(ChangedError):
            check_same_code(plan, REGISTRY, trains=False)


def test_the_changed_files_are_named(planned: Callable[..., RunPlan]) -> None:
    plan = planned()
    files = {**plan.source_files, "json/decoder.py": "0" * 64, "json/gone.py": "1"}
    changed = dataclasses.replace(plan, source_hash="0" * 64, source_files=files)
    with pytest.raises(ChangedError, match=r"its code \(json/decoder.py, json/gone.py\)\. Put it back"):
        check_same_code(changed, REGISTRY)
