"""What a node says of a run that it was to score again: a file in the run's folder, which answers one order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from petbench.errors import DataError
from petbench_datasets.files import write_text

if TYPE_CHECKING:
    from petbench.runs.folder import RunFolder


class Scored(BaseModel):
    """The answer to an order.

    Attributes:
        order: its id: an answer to an earlier one says nothing of this.
        row: the run with its new scores, as a line of a file of runs; empty where there are none.
        refused: why there are none; empty where there are.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    order: str
    row: str = ""
    refused: str = ""

    def save(self, folder: RunFolder) -> None:
        """Write the answer into a run's folder."""
        write_text(folder.row_file, self.model_dump_json() + "\n")

    @classmethod
    def load(cls, folder: RunFolder, order: str) -> Self | None:
        """Return the answer to an order; None where none has come yet.

        Raises:
            DataError: the file is damaged.
        """
        try:
            found = cls.model_validate_json(folder.row_file.read_bytes())
        except FileNotFoundError:
            return None
        except ValidationError:
            raise DataError(f"{folder.row_file} is damaged: repeat the command, which scores the run again") from None
        return found if found.order == order else None
