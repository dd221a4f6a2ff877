"""Rows of plain values as data frames of pandas and polars, which petbench itself does not need."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from petbench.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

Rows = Sequence[Mapping[str, Any]]


def to_pandas(rows: Rows) -> pd.DataFrame:
    """Return rows as a data frame of pandas, a column for each key in the order in which keys come.

    Raises:
        UsageError: pandas is not installed.
    """
    frame: pd.DataFrame = _package("pandas").DataFrame(columns_of(rows))
    return frame


def to_polars(rows: Rows) -> pl.DataFrame:
    """Return rows as a data frame of polars, with the columns that `to_pandas` gives.

    Raises:
        UsageError: polars is not installed.
    """
    frame: pl.DataFrame = _package("polars").DataFrame(columns_of(rows), infer_schema_length=None)
    return frame


def columns_of(rows: Rows) -> dict[str, list[Any]]:
    """Return the values by column, None where a row has none.

    A value that is itself a table of names is JSON, as in CSV, and a sequence a list; whole numbers are decimal
    numbers where others of their column are, so that each column has one type.
    """
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: _of_one_type([_plain(row.get(name)) for row in rows]) for name in names}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return json.dumps(value, sort_keys=True, default=str)
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value


def _of_one_type(values: list[Any]) -> list[Any]:
    if not any(isinstance(value, float) for value in values):
        return values
    return [float(value) if isinstance(value, int) and not isinstance(value, bool) else value for value in values]


def _package(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise UsageError(
            f"{name} is not installed; pip install {name}, or take to_dicts(), which needs it not"
        ) from None
