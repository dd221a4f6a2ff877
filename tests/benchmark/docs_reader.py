"""Somebody who reads a page of the documentation and does what it says, line by line, in a folder of their own."""

from __future__ import annotations

import json
import os
import re
import site
import subprocess
import venv
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = Path(__file__).parents[2] / "docs"

_BLOCK = re.compile(
    r'^```(?P<language>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<body>.*?)^```$', re.MULTILINE | re.DOTALL
)

# The command as it is installed; only the dataset that it takes when none is named is a small one.
_COMMAND = """#!{python}
from petbench.cli.main import cli
dataset = {{"dataset": {dataset!r}}}
defaults = dict.fromkeys(("run", "plan", "verify"), dataset) | {{"leaderboard": {{"accept": dataset}}}}
cli(prog_name="petbench", default_map=defaults)
"""


@dataclass(frozen=True)
class Block:
    """One block of code of a page."""

    language: str
    title: str | None
    body: str

    def commands(self) -> Iterator[str]:
        """Yield what is typed in a block of a console."""
        if self.language == "console":
            yield from (line[2:] for line in self.body.splitlines() if line.startswith("$ "))


def blocks_of(page: str) -> list[Block]:
    text = (DOCS / page).read_text(encoding="utf-8")
    return [Block(match["language"], match["title"], match["body"]) for match in _BLOCK.finditer(text)]


@dataclass
class Reader:
    """Does in `folder` what pages say, with an own virtual environment, which sees the packages of this one."""

    folder: Path
    dataset: Path
    home: str = "home"
    done: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        venv.create(self.folder / ".venv", with_pip=False)
        (packages,) = (self.folder / ".venv").glob("lib/python*/site-packages")
        outer = "".join(f"import site; site.addsitedir({path!r})\n" for path in site.getsitepackages())
        (packages / "outer.pth").write_text(outer, encoding="utf-8")
        command = self.folder / ".venv" / "bin" / "petbench"
        python = self.folder / ".venv" / "bin" / "python"
        command.write_text(_COMMAND.format(python=python, dataset=str(self.dataset)), encoding="utf-8")
        command.chmod(0o755)

    def follow(self, page: str) -> None:
        """Write every file of a page and type every command, in the page's order."""
        for block in blocks_of(page):
            if block.title:
                path = self.folder / block.title
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block.body, encoding="utf-8")
            for command in block.commands():
                self.type(command)

    def type(self, command: str) -> str:
        """Run one line in a shell, insist that it works, and return what it printed."""
        environment = os.environ | {
            "PATH": f"{self.folder / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "PETBENCH_HOME": str(self.folder / self.home),
            "PETBENCH_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",
            "PIP_NO_INDEX": "1",
            "PIP_NO_BUILD_ISOLATION": "0",  # pip's way to say that there shall be none
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        environment.pop("PYTEST_CURRENT_TEST", None)
        result = subprocess.run(
            ["bash", "-c", command], cwd=self.folder, env=environment, capture_output=True, text=True, timeout=600
        )
        assert result.returncode == 0, f"$ {command}\n{result.stdout}\n{result.stderr}"
        self.done.append(command)
        return result.stdout

    def json(self, command: str) -> list[dict[str, object]]:
        """Run a line that prints a list in JSON."""
        found: list[dict[str, object]] = json.loads(self.type(command))
        return found
