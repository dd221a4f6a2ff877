"""Plugins are found one at a time; whatever goes wrong with one is kept as data and hurts no other."""

from __future__ import annotations

import importlib.metadata
import sys
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
from tests.benchmark.installed import write_information

from petbench.errors import PluginError, UnknownNameError
from petbench.registry import Plugin, Registry, load_plugins

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """
    from petbench import MethodSpec, hookimpl

    @hookimpl
    def petbench_methods():
        return [MethodSpec(name="blur", summary="Blur the early image.", build=lambda parameters: None)]
"""

BROKEN = {
    "import-error": ("import a_module_that_nobody_has", "ModuleNotFoundError"),
    "os-error": ("raise OSError('libcuda.so.1: cannot open shared object file')", "OSError: libcuda.so.1"),
    "system-exit": ("import sys; sys.exit(3)", "SystemExit: 3"),
    "unknown-hook": (
        "from petbench import hookimpl\n@hookimpl\ndef petbench_colours(): return []",
        "petbench_colours",
    ),
    "bad-signature": (
        "from petbench import hookimpl\n@hookimpl\ndef petbench_methods(colour): return []",
        "colour",
    ),
    "raising-hook": (
        "from petbench import hookimpl\n@hookimpl\ndef petbench_methods(): raise KeyError('lost')",
        "KeyError",
    ),
    "not-a-spec": (
        "from petbench import hookimpl\n@hookimpl\ndef petbench_methods(): return ['pix2pix']",
        "returned a str where a MethodSpec is expected",
    ),
    "other-api": (
        (
            "from petbench import MethodSpec, hookimpl\n@hookimpl\n"
            "def petbench_methods(): return [MethodSpec(name='old', summary='', build=print, api=0)]"
        ),
        "'old' is for plugin API 0, this petbench has API 2",
    ),
    "no-slug": (
        (
            "from petbench import MethodSpec, hookimpl\n@hookimpl\n"
            "def petbench_methods(): return [MethodSpec(name='My Net', summary='', build=print)]"
        ),
        "is no slug",
    ),
    "no-role": (
        (
            "from petbench import MethodSpec, hookimpl\n@hookimpl\n"
            "def petbench_methods(): return [MethodSpec(name='net', summary='', build=print, role='winner')]"
        ),
        "'net' has role 'winner'; use one of ('competitor', 'reference')",
    ),
    "name-taken": (
        (
            "from petbench import MethodSpec, hookimpl\n@hookimpl\n"
            "def petbench_methods(): return [MethodSpec(name='pix2pix', summary='', build=print)]"
        ),
        "the name 'pix2pix' is taken already by petbench",
    ),
    "twice": (
        (
            "from petbench import MethodSpec, hookimpl\n@hookimpl\n"
            "def petbench_methods(): return [MethodSpec(name='two', summary='', build=print) for _ in range(2)]"
        ),
        "the name 'two' is registered twice",
    ),
}


def install(folder: Path, module: str, source: str, name: str) -> importlib.metadata.EntryPoint:
    """Install a distribution of one module into a folder on `sys.path`, as pip would leave it."""
    (folder / f"{module}.py").write_text(dedent(source), encoding="utf-8")
    information = write_information(folder, module, "1.2", {name: module})
    distribution = importlib.metadata.PathDistribution(information)
    return next(iter(distribution.entry_points))


def plugin_called(registry: Registry, name: str) -> Plugin:
    return next(plugin for plugin in registry.plugins if plugin.name == name)


@pytest.fixture(autouse=True)
def _forget_imported_plugins() -> None:
    for module in [name for name in sys.modules if name.startswith("third_party_")]:
        del sys.modules[module]


def test_a_third_party_plugin_stands_beside_the_built_in_methods(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "third_party_blur", GOOD, "blur")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = load_plugins()
    spec, plugin = registry.method("blur")
    assert (spec.name, plugin.distribution, plugin.version) == ("blur", "third_party_blur", "1.2")
    assert {"pix2pix", "cyclegan", "identity", "scale"} <= set(registry.methods())


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_plugin_is_reported_and_the_rest_still_work(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, message = BROKEN[case]
    before = set(load_plugins().methods())
    install(tmp_path, f"third_party_{case.replace('-', '_')}", source, f"x-{case}")
    install(tmp_path, "third_party_zzz_blur", GOOD, "blur")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = load_plugins()
    broken = plugin_called(registry, f"x-{case}")
    assert broken.error is not None
    assert message in broken.error
    assert "\n" not in broken.error
    assert broken.methods == ()
    assert set(registry.methods()) == before | {"blur"}


def test_asking_for_a_broken_plugin_gives_its_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "third_party_gone", "import a_module_that_nobody_has", "gone")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(PluginError, match="a_module_that_nobody_has"):
        load_plugins().method("gone")


def test_a_misspelt_method_brings_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'pix2pix'"):
        load_plugins().method("pix2px")


def test_an_author_can_have_the_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "third_party_author", "1 / 0", "author")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ZeroDivisionError):
        load_plugins(raise_errors=True)


def test_no_built_in_plugin_is_broken() -> None:
    assert {plugin.name: plugin.error for plugin in load_plugins().plugins if plugin.distribution == "petbench"} == {
        plugin.name: None for plugin in load_plugins().plugins if plugin.distribution == "petbench"
    }


def test_of_very_many_names_the_nearest_are_listed_and_the_others_counted() -> None:
    known = [f"metric_{number}" for number in range(100)]
    message = str(UnknownNameError("metric", "metric_7x", known))
    assert "did you mean 'metric_7'" in message
    assert message.endswith(", and 80 more.")
