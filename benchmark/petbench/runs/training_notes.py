"""What somebody who reads a run's scores must know of its training, from its log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.training.training_log import number_in, read_events

if TYPE_CHECKING:
    from petbench.runs.folder import RunFolder


def training_notes(folder: RunFolder) -> list[str]:
    """Return one line for each thing about a run's training that makes its scores other than they look."""
    events = [event for event in read_events(folder.losses) if event["event"] in ("data", "engine")]
    return [*_clipped(events), *_threads(events)]


def suv_clip(folder: RunFolder) -> float | None:
    """Return the SUV at which the intensity map of a run's model ends; None where it has none, or no log."""
    found = None
    for event in read_events(folder.losses):
        found = number_in(event, "suv_clip") or found
    return found


def _clipped(events: list[dict[str, object]]) -> list[str]:
    data = next((event for event in reversed(events) if event["event"] == "data" and "suv_clip" in event), None)
    if data is None:
        return []
    notes = []
    for window in ("early", "delayed"):
        maximum, clip, share = (
            number_in(data, name) for name in (f"maximum_{window}_suv", "suv_clip", f"clipped_{window}")
        )
        if maximum is not None and clip is not None and share is not None and maximum > clip:
            notes.append(
                f"the {window} training images reach SUV {maximum:.1f}, but the intensity map ends at {clip:g}: "
                f"{100 * share:.2g} % of their voxels were clipped; suv_clip=auto covers them"
            )
    return notes


def _threads(events: list[dict[str, object]]) -> list[str]:
    used = [str(event["threads_used"]) for event in events if event["event"] == "engine" and "threads_used" in event]
    if len(set(used)) < 2:
        return []
    return [f"it trained with {' and then '.join(dict.fromkeys(used))} threads: it ends otherwise than with one number"]
