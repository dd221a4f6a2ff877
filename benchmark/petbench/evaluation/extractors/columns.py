"""Which extractor fills which column, and whether it is ready on this machine."""

from __future__ import annotations

import contextlib
import importlib.util
from typing import TYPE_CHECKING

from petbench.evaluation.extractors.base import (
    FOLDED_MIXED6E_ID,
    MIXED6E_ID,
    POOL3_ID,
    RANDCONV_ID,
    Extractor,
    Status,
    WeightsUnavailableError,
)
from petbench.evaluation.extractors.weights import CANONICAL, FOLDED, WeightsFile
from petbench_datasets.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def resolve(
    column: str, *, cache: Path, given: Sequence[Path] = (), offline: bool = False, device: str = "cpu"
) -> Extractor:
    """Return the extractor of `fid`, `fd_768` or `fd_randconv`; never another one in its place.

    `fd_768` uses the canonical file where that is on this machine, else the folded file; the extractor's id says which,
    and so does the convention id of the score. Only `fid` downloads.

    Args:
        column: the column.
        cache: petbench's cache folder.
        given: files of weights that the user names: the canonical one, the folded one, or both.
        offline: whether downloading is forbidden.
        device: where features are computed.

    Raises:
        WeightsUnavailableError: the weights are not here and cannot be downloaded.
        DataError: a file of weights has another hash.
    """
    if column == "fd_randconv":
        from petbench.evaluation.extractors.random_convolution import RandomConvolution

        return RandomConvolution(device)
    canonical_given, folded_given = _sort_given(given)
    from petbench.evaluation.extractors import inception

    if column == "fid":
        path = CANONICAL.require(cache=cache, given=canonical_given, offline=offline)
        return inception.canonical_pool3(path, device)
    if column != "fd_768":
        raise ValueError(f"no extractor fills a column {column!r}")
    with contextlib.suppress(WeightsUnavailableError):  # a damaged canonical file, which `fid` reports
        canonical = CANONICAL.find(cache=cache, given=canonical_given)
        if canonical is not None:
            return inception.canonical_mixed6e(canonical, device)
    return inception.folded_mixed6e(FOLDED.require(cache=cache, given=folded_given, offline=True), device)


def weights_status(*, cache: Path, given: Sequence[Path] = ()) -> list[Status]:
    """Return, for `petbench doctor`, whether each extractor is ready; downloads nothing and does not import torch.

    Args:
        cache: petbench's cache folder.
        given: files of weights that the user names.
    """
    canonical, folded = _sort_given(given)
    fid = _status("fid", POOL3_ID, CANONICAL, cache, canonical)
    smaller = _status("fd_768", MIXED6E_ID, CANONICAL, cache, canonical)
    if not smaller.ready:
        smaller = _status("fd_768", FOLDED_MIXED6E_ID, FOLDED, cache, folded)
    return [fid, smaller, Status(RANDCONV_ID, "fd_randconv", ready=True, found="in the package")]


def _status(column: str, extractor: str, weights: WeightsFile, cache: Path, given: Path | None) -> Status:
    try:
        path = weights.find(cache=cache, given=given)
    except (DataError, WeightsUnavailableError) as error:
        return Status(extractor, column, ready=False, found=str(error), fix=weights.fix)
    if path is None:
        return Status(extractor, column, ready=False, found=f"no {weights.name}", fix=weights.fix)
    if importlib.util.find_spec("pytorch_fid") is None:
        return Status(extractor, column, ready=False, found="no pytorch-fid", fix="pip install pytorch-fid")
    return Status(extractor, column, ready=True, found=str(path))


def _sort_given(given: Sequence[Path]) -> tuple[Path | None, Path | None]:
    """Return the first (canonical, folded) of the files that were named: a `.npz` is the folded one."""
    canonical = next((path for path in given if path.suffix != ".npz"), None)
    return canonical, next((path for path in given if path.suffix == ".npz"), None)


def check_named_weights(given: Sequence[Path]) -> None:
    """Refuse files that are not the weights they are named as, before a training is spent that they cannot score.

    Raises:
        DataError: a named file is missing or has another hash.
    """
    for weights, path in zip((CANONICAL, FOLDED), _sort_given(given), strict=True):
        weights.named(path)
