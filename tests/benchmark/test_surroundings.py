"""What stands around the code says what is true: workflows, forms, owners, hooks, versions."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from types import ModuleType

REPOSITORY = Path(__file__).parents[2]
GITHUB = REPOSITORY / ".github"
FORMS = sorted(path for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
PROJECT: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REQUIREMENTS = [
    Requirement(text) for text in sum(PROJECT["optional-dependencies"].values(), list(PROJECT["dependencies"]))
]


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def script(name: str) -> ModuleType:
    """Import a program of `.ci`, which is no package."""
    spec = importlib.util.spec_from_file_location(name, REPOSITORY / ".ci" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))


def constraints() -> dict[str, str]:
    lines = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.split("==") for line in lines if not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in pairs}


def steps_of(workflow: Path) -> list[dict[str, Any]]:
    return [step for job in read(workflow)["jobs"].values() for step in job["steps"]]


# Versions


def test_the_workflow_runs_what_every_change_must_pass_on_each_python_that_is_promised() -> None:
    tests = read(GITHUB / "workflows" / "ci.yml")["jobs"]["tests"]
    assert [step["run"] for step in tests["steps"] if "run" in step] == ["bash .ci/run"]
    assert tests["env"]["PYTHON"] == "python${{ matrix.python }}"
    versions = tests["strategy"]["matrix"]["python"]
    prefix = "Programming Language :: Python :: 3."
    assert [f"3.{text.removeprefix(prefix)}" for text in PROJECT["classifiers"] if text.startswith(prefix)] == versions
    allowed = SpecifierSet(PROJECT["requires-python"])
    assert all(version in allowed for version in versions)
    assert "3.10" not in allowed


def test_the_lowest_versions_are_tested_with_the_oldest_python() -> None:
    jobs = read(GITHUB / "workflows" / "ci.yml")["jobs"]
    assert jobs["lowest"]["env"]["PYTHON"] == f"python{jobs['tests']['strategy']['matrix']['python'][0]}"
    assert [step["run"] for step in jobs["lowest"]["steps"] if "run" in step] == ["make test-lowest"]
    assert "test-lowest" in make_targets()


def test_the_lowest_version_of_every_dependency_is_a_constraint() -> None:
    lines = script("lowest").lowest_versions((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    found = dict(line.split("==") for line in lines)
    assert found.keys() == {requirement.name for requirement in REQUIREMENTS}
    for requirement in REQUIREMENTS:
        assert requirement.specifier.contains(found[requirement.name]), requirement


@pytest.mark.parametrize(
    ("dependencies", "message"),
    [('["click"]', "'click' in pyproject.toml has no lower bound"), ('["a>=1", "a>=2"]', "two lower bounds")],
)
def test_a_dependency_without_one_lower_bound_is_refused(dependencies: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        script("lowest").lowest_versions(f"[project]\ndependencies = {dependencies}\noptional-dependencies = {{}}")


def test_every_dependency_has_a_tested_version_within_its_bounds() -> None:
    tested = constraints()
    for requirement in REQUIREMENTS:
        assert requirement.specifier.contains(tested[canonicalize_name(requirement.name)]), requirement


def test_one_version_is_named_everywhere_and_a_tag_of_another_is_refused() -> None:
    release = script("released_version")
    version = PROJECT["version"]
    assert set(release.versions(REPOSITORY).values()) == {version}
    assert release.differences(f"v{version}", REPOSITORY) == []
    assert len(release.differences("v99.0.0", REPOSITORY)) == len(release.PLACES)


# Workflows


def test_a_release_builds_checks_the_tag_first_and_publishes_without_a_password() -> None:
    release = read(GITHUB / "workflows" / "release.yml")
    assert release[True] == {"push": {"tags": ["v*"]}}  # YAML 1.1 reads the key `on` as true
    commands = "\n".join(step.get("run", "") for step in release["jobs"]["build"]["steps"])
    assert commands.index("released_version.py") < commands.index("hatchling build")
    assert release["jobs"]["publish"]["permissions"] == {"id-token": "write"}
    assert "secrets." not in (GITHUB / "workflows" / "release.yml").read_text(encoding="utf-8")


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_only_read_and_pins_every_action_to_a_commit_with_its_version(workflow: Path) -> None:
    assert read(workflow)["permissions"] == {"contents": "read"}
    used = re.findall(r"uses: (.*)", workflow.read_text(encoding="utf-8"))
    assert len(used) == len([step for step in steps_of(workflow) if "uses" in step])
    for action in used:
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_every_target_that_a_workflow_makes_exists(workflow: Path) -> None:
    commands = [step["run"] for step in steps_of(workflow) if "run" in step]
    called = re.findall(r"^make ([a-z-]+)", (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8"), re.MULTILINE)
    assert {name for text in commands for name in re.findall(r"make ([a-z-]+)", text)} | set(called) <= make_targets()


# For people


@pytest.mark.parametrize("form", FORMS, ids=lambda path: path.name)
def test_a_form_has_what_github_needs_and_asks_for_something(form: Path) -> None:
    content = read(form)
    assert {"name", "description", "labels", "body"} == content.keys()
    fields = [field for field in content["body"] if field["type"] != "markdown"]
    assert any(field.get("validations", {}).get("required") for field in fields)
    names = [field["id"] for field in fields]
    assert len(set(names)) == len(names)
    for field in fields:
        assert field["type"] in {"input", "textarea", "dropdown", "checkboxes"}
        assert field["attributes"]["label"]
        assert all(isinstance(option, str) for option in field["attributes"].get("options", []))


def test_the_form_for_errors_asks_for_what_the_command_tells_of_an_installation() -> None:
    from petbench.cli.main import cli

    fields = {field["id"]: field for field in read(GITHUB / "ISSUE_TEMPLATE" / "bug.yml")["body"] if "id" in field}
    assert fields["doctor"]["validations"]["required"]
    assert "petbench doctor" in fields["doctor"]["attributes"]["label"]
    assert "doctor" in cli.commands


def test_every_path_with_an_owner_exists_and_every_folder_has_one() -> None:
    lines = [line.split() for line in (GITHUB / "CODEOWNERS").read_text(encoding="utf-8").splitlines()]
    rules = [line for line in lines if line and line[0] != "#"]
    for pattern, *owners in rules:
        assert pattern == "*" or (REPOSITORY / pattern.strip("/")).exists(), pattern
        assert owners
        assert all(owner.startswith("@") for owner in owners)
    assert any(pattern == "*" for pattern, *_ in rules)


def test_every_hook_before_a_commit_is_a_command_of_make_lint() -> None:
    recipe = (REPOSITORY / "Makefile").read_text(encoding="utf-8").partition("\nlint:")[2].partition("\n\n")[0]
    commands = recipe.replace("$(BIN)/", ".venv/bin/").splitlines()[1:]
    for hook in (hook for repo in read(REPOSITORY / ".pre-commit-config.yaml")["repos"] for hook in repo["hooks"]):
        assert hook["language"] == "system", "a hook with an environment of its own would have versions of its own"
        program = hook["entry"].partition(" --")[0]
        assert [line for line in commands if fnmatch(line.strip(), f"{program}*")], hook["entry"]


def test_dependabot_looks_after_dependencies_and_actions() -> None:
    ecosystems = {update["package-ecosystem"] for update in read(GITHUB / "dependabot.yml")["updates"]}
    assert ecosystems == {"pip", "github-actions"}


def test_every_decision_is_in_the_index_and_has_its_four_parts() -> None:
    folder = REPOSITORY / "docs" / "decisions"
    records = sorted(folder.glob("[0-9]*.md"))
    index = (folder / "index.md").read_text(encoding="utf-8")
    assert [path.name[:4] for path in records] == [f"{number:04d}" for number in range(1, len(records) + 1)]
    for record in records:
        text = record.read_text(encoding="utf-8")
        assert re.findall(r"^## (.*)$", text, re.MULTILINE) == [
            "Context",
            "Decision",
            "Consequences",
            "Alternatives considered",
        ], record.name
        assert f"({record.name})" in index, record.name
