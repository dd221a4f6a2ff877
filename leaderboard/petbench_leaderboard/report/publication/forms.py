"""The forms of a table for a paper: LaTeX with booktabs, Markdown, CSV; and how texts are written there as they are."""

from __future__ import annotations

import csv
import io
import re

from petbench_leaderboard.exports import safe_cell
from petbench_leaderboard.report import formatting

_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    "−": r"$-$",
    "–": "--",
    "∞": r"$\infty$",
    "→": r"$\rightarrow$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "†": r"$\dagger$",
    "“": "``",
    "”": "''",
}


def as_markdown(title: str, head: list[str], rows: list[list[str]], *, texts: int) -> str:
    """Return a table in Markdown; its first `texts` columns stand on the left."""
    sides = [":---"] * texts + ["---:"] * (len(head) - texts)
    lines = [f"| {' | '.join(cells)} |" for cells in (head, sides, *rows)]
    return "\n".join([f"**{title}**", "", *lines, ""])


def as_latex(title: str, head: list[str], rows: list[list[str]], *, texts: int) -> str:
    r"""Return a `table` with booktabs' rules; its first `texts` columns stand on the left."""
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{title}}}",
        rf"\begin{{tabular}}{{{'l' * texts}{'r' * (len(head) - texts)}}}",
        r"\toprule",
        f"{' & '.join(head)} \\\\",
        r"\midrule",
        *(f"{' & '.join(cells)} \\\\" for cells in rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
        "",
    ]
    return "\n".join(lines)


def escape_markdown(text: str) -> str:
    """Return a text that Markdown shows as it is: names come from plugins."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|~#])", r"\\\1", " ".join(text.split()))


def escape_latex(text: str) -> str:
    """Return a text that LaTeX prints as it is."""
    return "".join(_LATEX.get(character, character) for character in " ".join(text.split()))


def as_text(
    title: str, head: list[str], rows: list[list[str | float | None]], kind: str, decimals: int, *, texts: int
) -> str:
    """Return a table as LaTeX, Markdown or CSV.

    Args:
        title: its caption; CSV has none.
        head: names of the columns.
        rows: texts, and numbers, None where there is none.
        kind: `.tex`, `.md` or `.csv`.
        decimals: of numbers; CSV has every digit.
        texts: how many of the first columns are texts, which stand on the left.
    """
    if kind == ".csv":
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([safe_cell(name) for name in head])
        writer.writerows([[safe_cell(value) for value in row] for row in rows])
        return text.getvalue()
    escape = escape_latex if kind == ".tex" else escape_markdown
    cells = [
        [escape(value if isinstance(value, str) else formatting.number(value, decimals)) for value in row]
        for row in rows
    ]
    heads = [escape(name) for name in head]
    table = as_latex if kind == ".tex" else as_markdown
    return table(escape(title), heads, cells, texts=texts)
