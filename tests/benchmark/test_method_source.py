"""The code that a method is made of: its package, the local code that this imports, and what its spec names."""

from __future__ import annotations

import functools
import hashlib
import zipfile
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

from petbench.contract import MethodSpec
from petbench.errors import PluginError
from petbench.methods.local_code import is_local
from petbench.methods.source import source_of
from petbench.registry import load_plugins

if TYPE_CHECKING:
    from collections.abc import Callable

CODE = {
    "my_method/__init__.py": "",
    "my_method/train.py": """
        import json, numpy
        from my_layers import blocks
        def fit():
            if 0:
                import my_losses.robust
    """,
    "my_method/weights.bin": "0123",
    "my_layers/__init__.py": "",
    "my_layers/blocks.py": "import my_tools",
    "my_tools.py": "x = 1",
    "my_losses/__init__.py": "",
    "my_losses/robust.py": "",
    "my_losses/table.csv": "1,2",
    "my_unused/__init__.py": "",
    "my_dynamic/__init__.py": "",
    "shared/settings.yaml": "depth: 3",
}
IMPORTED = {"my_method", "my_layers", "my_tools", "my_losses"}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "checkout"
    write(folder, CODE)
    monkeypatch.syspath_prepend(folder)
    return folder


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(dedent(text), encoding="utf-8")


def spec(**facts: Any) -> MethodSpec:
    return MethodSpec(**{"name": "mine", "summary": "mine", "build": None} | facts)


def digest(module: str = "my_method", **facts: Any) -> str:
    return source_of(spec(**facts), module).digest


def packages(files: Any) -> set[str]:
    return {name.partition("/")[0].removesuffix(".py") for name in files}


def test_the_hash_covers_every_local_package_that_is_imported_whatever_lies_in_between(site: Path) -> None:
    found = source_of(spec(), "my_method.train:fit")
    assert packages(found.files) == IMPORTED
    assert {"my_method/weights.bin", "my_losses/table.csv", "my_tools.py"} < found.files.keys()
    assert found.files["my_tools.py"] == hashlib.sha256((site / "my_tools.py").read_bytes()).hexdigest()


@pytest.mark.parametrize("name", [name for name in CODE if packages([name]) <= IMPORTED])
def test_one_changed_byte_in_any_of_them_makes_another_hash(site: Path, name: str) -> None:
    before = digest()
    (site / name).write_bytes((site / name).read_bytes() + b"\n")
    assert digest() != before


@pytest.mark.parametrize("name", [name for name in CODE if not packages([name]) <= IMPORTED])
def test_what_is_not_imported_is_no_part_of_it_until_the_spec_names_it(site: Path, name: str) -> None:
    sources = {"my_unused": "my_unused", "my_dynamic": "my_dynamic", "shared": "{package}/../shared"}
    named = sources[next(iter(packages([name])))]
    before, with_it = digest(), digest(sources=(named,))
    assert before != with_it
    (site / name).write_bytes((site / name).read_bytes() + b"\n")
    assert digest() == before
    assert digest(sources=(named,)) != with_it


def test_a_file_more_a_file_less_and_a_file_renamed_are_seen(site: Path) -> None:
    seen = {digest()}
    (site / "my_layers" / "more.py").touch()
    seen.add(digest())
    (site / "my_layers" / "more.py").rename(site / "my_layers" / "other.py")
    seen.add(digest())
    (site / "my_losses" / "table.csv").unlink()
    seen.add(digest())
    assert len(seen) == 4


def test_caches_and_the_place_of_the_code_are_no_part_of_it(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = digest(sources=("{package}/../shared",))
    write(site, {"my_layers/__pycache__/blocks.cpython-311.pyc": "cached"})
    assert digest(sources=("{package}/../shared",)) == before
    site.rename(tmp_path / "elsewhere")
    monkeypatch.syspath_prepend(tmp_path / "elsewhere")
    assert digest(sources=("{package}/../shared",)) == before


def test_the_package_of_the_function_that_builds_belongs_to_it(site: Path) -> None:
    def build(_parameters: object) -> Any: ...

    build.__module__ = "my_dynamic.networks"
    assert packages(source_of(spec(build=build), "my_method").files) == IMPORTED | {"my_dynamic"}
    assert packages(source_of(spec(build=functools.partial(build, 1)), "my_method").files) == IMPORTED | {"my_dynamic"}


def test_installed_packages_and_petbench_itself_are_known_by_their_versions_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "lib" / "site-packages"
    write(tmp_path / "here", {"my_method.py": "import lib_of_others, petbench, petbench_datasets, torch, os, my_tools"})
    write(tmp_path / "here", {"my_tools.py": ""})
    write(installed, {"lib_of_others/__init__.py": "import my_tools"})
    for folder in (installed, tmp_path / "here"):
        monkeypatch.syspath_prepend(folder)
    assert packages(source_of(spec(), "my_method").files) == {"my_method", "my_tools"}


def test_of_a_folder_that_is_a_package_to_python_alone_only_its_code_counts(
    site: Path,
) -> None:
    """Such as the folder `datasets` of images that lies where a command is typed, when a method imports `datasets`."""
    write(site, {"my_method/data.py": "import images", "images/reader.py": "", "images/sub-01.nii": "voxels"})
    found = source_of(spec(), "my_method")
    assert "images/reader.py" in found.files
    assert "images/sub-01.nii" not in found.files


def test_a_file_that_is_no_python_stops_nothing(site: Path) -> None:
    write(site, {"my_method/broken.py": "def (:", "my_method/zeros.py": "\0"})
    assert packages(source_of(spec(), "my_method").files) == IMPORTED


@pytest.mark.parametrize("text", ["{package}/../shared", "{package}/../shared/settings.yaml"])
@pytest.mark.parametrize("field", ["requirements", "command"])
def test_local_files_that_a_command_or_a_requirement_names_belong_to_it(site: Path, field: str, text: str) -> None:
    facts: dict[str, Any] = {field: (text, "numpy>=1", "{job}/x", "{package}/weights.bin")}
    before = digest(**facts)
    assert before != digest()
    write(site, {"shared/settings.yaml": "depth: 4"})
    assert digest(**facts) != before


@pytest.mark.parametrize("name", ["no_such_package", "{package}/../nowhere.yaml", "shared/settings.yaml", "/etc/hosts"])
def test_a_source_that_is_not_there_is_one_clear_line(site: Path, name: str) -> None:
    with pytest.raises(PluginError, match=r"cannot be found|is neither a top-level package nor a file") as error:
        digest(sources=(name,))
    assert name in str(error.value)


def test_a_wheel_on_the_path_has_the_hash_of_the_folder_that_it_was_made_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "folder", {"zipped_method/__init__.py": "x = 1", "zipped_method/deep/weights.bin": "0"})
    with zipfile.ZipFile(tmp_path / "some.whl", "w") as wheel:
        for file in sorted((tmp_path / "folder").rglob("*")):
            if file.is_file():
                wheel.write(file, file.relative_to(tmp_path / "folder"))
    monkeypatch.syspath_prepend(tmp_path / "some.whl")
    zipped = source_of(spec(), "zipped_method")
    monkeypatch.syspath_prepend(tmp_path / "folder")
    assert zipped == source_of(spec(), "zipped_method")
    assert set(zipped.files) == {"zipped_method/__init__.py", "zipped_method/deep/weights.bin"}


def hashed_by_hand(folder: Path) -> str:
    files = sorted(file for file in folder.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    lines = sorted(
        (file.relative_to(folder).as_posix(), hashlib.sha256(file.read_bytes()).hexdigest()) for file in files
    )
    return hashlib.sha256("".join(f"{name} {of}\n" for name, of in lines).encode()).hexdigest()


def test_a_method_of_one_package_keeps_the_hash_that_it_always_had() -> None:
    """Identities of stored runs rest on it: of all built-in methods, for a start."""
    plugins = Path(__file__).parents[2] / "plugins"
    methods = load_plugins().methods()
    own = {name: each for name, each in methods.items() if each[1].distribution == "petbench"}
    assert len(own) > 10
    for method, plugin in own.values():
        assert source_of(method, plugin.module).digest == hashed_by_hand(plugins / plugin.module.partition(":")[0])


@pytest.mark.parametrize("sources", ["my_layers", (1,)])
def test_sources_that_are_no_tuple_of_names_are_refused_when_the_plugin_registers(
    sources: object, broken_plugin: Callable[[object], str]
) -> None:
    assert "give a tuple of names" in broken_plugin(sources)


@pytest.fixture
def broken_plugin() -> Callable[[object], str]:
    from petbench.registry import _check_method

    def register(sources: object) -> str:
        with pytest.raises(PluginError) as error:
            _check_method(spec(build=lambda _: None, sources=sources))
        return str(error.value)

    return register


@pytest.mark.parametrize("variable", ["", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR"])
def test_what_compilers_made_of_a_network_is_no_code_of_a_method(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / ("chosen" if variable else ".triton")
    if variable:
        monkeypatch.setenv(variable, str(cache))
    assert not is_local(cache / "0A1B" / "cuda_utils.so")
    assert is_local(tmp_path / "my_package" / "triton_kernels.py")
