"""Validation terms of an author's own: `StepMethod.validate` on every filled slice of the validation participants."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import torch

from petbench.errors import PluginError, given_by
from petbench.step_method import StepMethod
from petbench.training.data import load_tensors
from petbench.training.entitled_data import EntitledData
from petbench.training.evaluation_mode import evaluation_mode
from petbench.training.one_number import one_number
from petbench.training.sampler import every_slice
from petbench.training.seeds import derive_seed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from petbench.contract import RunContext, Supervision, Volume
    from petbench.scan import Scan
    from petbench.step_method import Batch
    from petbench.training.data import DatasetTensors
    from petbench.training.runnable_method import Pairs

PREFIX = "own/"
"""Before the author's names, so that none is taken for one of the harness's."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,59}")


class OwnTerms:
    """Means of what an author's `validate` returns; of a method that has none of its own, nothing is even read.

    A method sees of the validation participants what its supervision entitles to of others: an unpaired one gets
    delayed slices in an order of their own, one without target the early slices in their place.

    Args:
        method: that trains.
        pairs: of the validation participants.
        supervision: of the method.
        run: of the training.
        folder: for slices that do not fit into memory.
    """

    def __init__(
        self, method: StepMethod, pairs: Pairs, supervision: Supervision, run: RunContext, folder: Path
    ) -> None:
        self._method = method
        self._pairs = pairs
        self._supervision = supervision
        self._run = run
        self._folder = folder
        self._tensors: DatasetTensors | None = None

    @property
    def wanted(self) -> bool:
        """Whether the author has written `validate`, and somebody validates."""
        return type(self._method).validate is not StepMethod.validate and len(self._pairs) > 0

    def measure(self) -> dict[str, float]:
        """Return the mean of each term over all slices; the same random numbers are drawn each time.

        Raises:
            PluginError: what `validate` returns are no terms, or others than before.
        """
        if not self.wanted:
            return {}
        method, device = self._method, self._run.device
        sums: dict[str, float] = {}
        slices = 0
        devices = [device] if device.type == "cuda" else []
        with evaluation_mode(method), torch.no_grad(), torch.random.fork_rng(devices), given_by(method.validate):
            torch.manual_seed(derive_seed("validate"))
            for batch in self._batches():
                found = _checked(method.validate(batch))
                if sums and found.keys() != sums.keys():
                    raise PluginError(
                        f"validate returned {', '.join(found)} for one batch, and {', '.join(sums)} for another; "
                        "it returns the same terms for every batch"
                    )
                slices += len(batch.early)
                for name, value in found.items():
                    sums[name] = sums.get(name, 0.0) + len(batch.early) * value
        return {f"{PREFIX}{name}": total / slices for name, total in sums.items()}

    def _batches(self) -> Iterator[Batch]:
        method = self._method
        if self._tensors is None:
            numbers = range(len(self._pairs))
            data = EntitledData(
                self._supervision,
                [partial(self._scan, number) for number in numbers],
                [partial(self._delayed, number) for number in numbers],
            )
            self._tensors = load_tensors(
                data,
                method.intensity,
                self._run.device,
                size_multiple=method.size_multiple,
                margin=max(method.early_slices, method.delayed_slices) // 2,
                storage=self._run.engine.storage,
                folder=self._folder,
            )
        return every_slice(
            self._tensors,
            self._run.device,
            batch_size=method.parameters_chosen.batch_size,
            early_slices=method.early_slices,
            delayed_slices=method.delayed_slices,
        )

    def _scan(self, number: int) -> Scan:
        return self._pairs[number][0]

    def _delayed(self, number: int) -> Volume:
        return self._pairs[number][1]


def _checked(returned: object) -> dict[str, float]:
    """Return the terms of one batch as numbers.

    Raises:
        PluginError: they are none.
    """
    if not isinstance(returned, Mapping) or not returned:
        what = "an empty dictionary" if isinstance(returned, Mapping) else type(returned).__name__
        raise PluginError(f'validate returned {what}; it returns a dictionary of terms, such as {{"ssim": value}}')
    return {
        _name(name): float(one_number(term, f"the validation term {name!r}", "it")) for name, term in returned.items()
    }


def _name(name: object) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise PluginError(
            f"validate named a term {name!r}; a name is a text of letters, digits, `_`, `.` and `-`, at most 60 of them"
        )
    return name
