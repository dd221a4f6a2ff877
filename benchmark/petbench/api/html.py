"""What a notebook shows of an object: headings, tables and notes, every text escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def table(caption: str, headings: Sequence[str], rows: Iterable[Sequence[object]], notes: Iterable[str] = ()) -> str:
    """Return a table as HTML; names come from plugins and files, so no text of it is markup.

    Args:
        caption: stands above it.
        headings: of the columns; none where they are all empty.
        rows: of cells, each a text or a number as it is to be read; a line break in it stays one.
        notes: lines below it.
    """
    head = "".join(f"<th>{_cell(heading)}</th>" for heading in headings)
    body = "".join(f"<tr>{''.join(f'<td>{_cell(each)}</td>' for each in row)}</tr>" for row in rows)
    below = "".join(f"<div><small>{escape(note)}</small></div>" for note in notes if note)
    return (
        f"<div><div><strong>{escape(caption)}</strong></div>"
        f"<table>{f'<thead><tr>{head}</tr></thead>' if any(headings) else ''}<tbody>{body}</tbody></table>{below}</div>"
    )


def _cell(value: object) -> str:
    return escape("" if value is None else str(value)).replace("\n", "<br>")
