"""The command `petbench` with a home of its own: called in this process, or started in one where that is the point."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner

from petbench.cli.main import cli

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Petbench:
    """The command: in this process it takes as long as its work, and not a second more for Python and its imports.

    What it starts, a run and the processes of its method and its scoring, is a process as everywhere.
    """

    home: Path

    def __call__(
        self, *arguments: str | Path, code: int | tuple[int, ...] = 0, variables: Mapping[str, str] = NONE
    ) -> subprocess.CompletedProcess[str]:
        """Run `petbench ARGUMENTS`, insist on its exit code, and return what it printed.

        Where variables say what Python imports it is started, as `process` does.
        """
        if "PYTHONPATH" in variables:
            return self.process(*arguments, code=code, variables=variables)
        said = CliRunner(env=self._environment | dict(variables)).invoke(cli, [str(each) for each in arguments])
        if said.exception is not None and not isinstance(said.exception, SystemExit):
            raise said.exception
        return _as_expected(
            subprocess.CompletedProcess(["petbench", *arguments], said.exit_code, said.stdout, said.stderr), code
        )

    def process(
        self,
        *arguments: str | Path,
        code: int | tuple[int, ...] = 0,
        variables: Mapping[str, str] = NONE,
        within: tuple[str, ...] = (),
    ) -> subprocess.CompletedProcess[str]:
        """Start `WITHIN... petbench ARGUMENTS` as it is installed, insist on its exit code; return what it printed."""
        command = [*within, sys.executable, "-m", "petbench", *map(str, arguments)]
        environment = os.environ | self._environment | dict(variables)
        result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
        assert "Traceback" not in result.stderr, result.stderr
        return _as_expected(result, code)

    def json(self, *arguments: str | Path) -> Any:
        """Run a verb with `--json` and return what it says."""
        return json.loads(self(*arguments, "--json").stdout)

    def refusal(self, *arguments: str | Path, within: tuple[str, ...] = ()) -> str:
        """Run a command that must fail, and return the one line that it says."""
        result = self.process(*arguments, code=1, within=within) if within else self(*arguments, code=1)
        lines = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1, result.stderr
        assert result.stderr.splitlines()[-1] == lines[0], result.stderr
        return lines[0]

    @property
    def _environment(self) -> dict[str, str]:
        return {
            "PETBENCH_HOME": str(self.home), "PETBENCH_DB": "", "PETBENCH_OFFLINE": "1", "OMP_NUM_THREADS": "1",
        }  # fmt: skip


def _as_expected(
    result: subprocess.CompletedProcess[str], code: int | tuple[int, ...]
) -> subprocess.CompletedProcess[str]:
    expected = code if isinstance(code, tuple) else (code,)
    assert result.returncode in expected, f"{result.args}\n{result.stdout}\n{result.stderr}"
    return result
