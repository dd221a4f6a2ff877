"""Names of pairs: a participant, or one session of a participant who was examined more than once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_SESSION = "_ses-"


def pair_name(participant: str, session: str = "") -> str:
    """Return `sub-01`, or `sub-01_ses-2` for the session `ses-2`."""
    return f"{participant}_{session}" if session else participant


def person_of(name: str) -> str:
    """Return whose pair it is: `sub-01` of `sub-01_ses-2`."""
    return name.partition(_SESSION)[0]


def session_of(name: str) -> str:
    """Return which session a pair is: `ses-2` of `sub-01_ses-2`; empty where it is of the whole participant."""
    person, mark, session = name.partition(_SESSION)
    return f"ses-{session}" if mark and person else ""


def pair_folder(root: Path, name: str) -> Path:
    """Return the folder that holds a pair's `pet/`."""
    return root / person_of(name) / session_of(name)


def session_of_image(path: Path) -> str:
    """Return the session that an image's name says, such as `ses-2`; empty where it says none."""
    return next((part for part in path.name.split("_") if part.startswith("ses-")), "")


def reconstruction_of_image(path: Path) -> str:
    """Return the label of an image's `rec-` entity, such as `acstatPSF`; empty where it has none."""
    return next((part.removeprefix("rec-") for part in path.name.split("_") if part.startswith("rec-")), "")
