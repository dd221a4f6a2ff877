"""What a node is told of a run, beside the run's plan: `order.json` in the run's folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from petbench.errors import DataError
from petbench.settings import Settings
from petbench_datasets.files import write_text

if TYPE_CHECKING:
    from petbench.runs.folder import RunFolder


class Order(BaseModel):
    """One run for one node. It holds no leaderboard: no node opens one that others write to.

    Attributes:
        row: the run's row with what an earlier part of it has left, as a line of a file of runs.
        home: of the machine that submits; where the node shares it, checkpoints survive the node.
        dataset: name of the dataset as it was asked for: a registered one is built on a node that has no copy.
        threads: of one operation on the CPU. The same number gives the same bits.
        time_limit_seconds: of the run, as `--time-limit` says.
        isolated: whether the method's process is shut in.
        offline: whether no weights may be downloaded.
        fid_weights: file of the canonical Inception weights.
        fd768_weights: file of the folded Inception weights.
        metrics: conventions of all metrics of the machine that submits; a node that has others scores nothing.
        extractors: ids of those whose weights the machine that submits has; a node that lacks one scores nothing.
        protocol: by which the machine that submits scores.
        id: of this order; another one for the same run is another order.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    row: str
    home: Path
    dataset: str
    threads: int
    time_limit_seconds: float | None = None
    isolated: bool = False
    offline: bool = False
    fid_weights: Path | None = None
    fd768_weights: Path | None = None
    metrics: tuple[str, ...]
    extractors: tuple[str, ...]
    protocol: int
    id: str

    def settings(self, home: Path, database: Path) -> Settings:
        """Return the settings of a node that works on a leaderboard of its own.

        Args:
            home: of petbench on the node.
            database: the file of that leaderboard.
        """
        return Settings(
            home=home,
            db=str(database),
            offline=self.offline,
            fid_weights=self.fid_weights,
            fd768_weights=self.fd768_weights,
            log_to=(),
        )

    def asks_the_same_as(self, other: Order) -> bool:
        """Return whether another order wants the same of a node; which scores the run has by now does not matter."""
        return self.model_copy(update={"id": other.id, "row": other.row}) == other

    def save(self, folder: RunFolder) -> None:
        """Write the order into a run's folder."""
        write_text(folder.order_file, self.model_dump_json(indent=1) + "\n")

    @classmethod
    def load(cls, folder: RunFolder) -> Self:
        """Read the order in a run's folder.

        Raises:
            DataError: there is none, or it is none of this version of petbench.
        """
        try:
            return cls.model_validate_json(folder.order_file.read_bytes())
        except FileNotFoundError:
            raise DataError(
                f"{folder.order_file} is not there: the node does not see the folders of the machine that submits"
            ) from None
        except ValidationError:
            raise DataError(
                f"{folder.order_file} is no order of this version of petbench: install the version that submits on the "
                "node too"
            ) from None
