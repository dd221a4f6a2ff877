"""What reads the files of trackers in tests: the trackers' own programs."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

OLD_CALLS_OF_MLFLOW = "ignore::DeprecationWarning"
"""MLflow calls what SQLAlchemy and others will drop; that is for MLflow to repair."""


def curves(folder: Path) -> tuple[Any, dict[str, dict[int, float]]]:
    """Return what reads a TensorBoard run, and each curve, by image number."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(folder), size_guidance={"tensors": 0, "images": 0, "scalars": 0})
    read.Reload()
    return read, {tag: {each.step: each.value for each in read.Scalars(tag)} for tag in read.Tags()["scalars"]}


def wandb_records(folder: Path) -> list[Any]:
    """Return the records of the offline run in a folder, as `wandb sync` reads them."""
    messages, datastore = map(
        importlib.import_module, ("wandb.proto.wandb_internal_pb2", "wandb.sdk.internal.datastore")
    )
    (file,) = folder.glob("wandb/offline-run-*/run-*.wandb")
    store = datastore.DataStore()
    store.open_for_scan(str(file))
    records = []
    while (data := store.scan_data()) is not None:
        record = messages.Record()
        record.ParseFromString(data)
        records.append(record)
    store._fp.close()
    return records
