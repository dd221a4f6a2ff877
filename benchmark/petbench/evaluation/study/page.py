"""The study as a page of documentation: which metric finds the known order, and with how many participants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench.evaluation.study.degradations import LOTTERY_COMMON, LOTTERY_OWN

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from petbench.evaluation.study.metric_study import MetricResult, MetricStudy

_INTRODUCTION = """\
# Choosing the ranking metric

Each metric of protocol {protocol} is given predictions whose order is known: copies of the best one, made worse step by
step, of {count} participants of {dataset} (`{fingerprint}`). The best one is {best}. A metric to rank by finds the
order (τ near 1), separates neighbouring steps with few participants, and does not follow the bladder, which no method
can be expected to predict: every copy has a bladder of its own, wrong by a log-normal factor of {common:.0f} % that all
copies of a participant share and of {own:.0f} % that they do not.
"""
_TRUTH = "the noise-free truth at the resolution that comes closest to the real delayed image"
_REAL = "the real delayed image itself, for want of a noise-free one: the first step of every family is then too easy"

_ORDER = """
## Does the metric find the order?

Kendall's τ-b between the known order and the metric's, the mean over participants: 1 is right, 0 is none, −1 is upside
down. *Mean* is over all families but the lottery.
"""
_SEPARATION = """
## How many participants does it take?

The part of {subsets:,} random subsets of n participants in which Wilcoxon's exact signed-rank test separates two
neighbouring steps at 5 %, in the right order: the mean over a family's steps, then over all families but the lottery.
"""
_BY_FAMILY = """
## Which differences are told apart?

The same for {size} participants, family by family.
"""


def study_page(study: MetricStudy, *, subsets: int, command: str) -> str:
    """Return the study as Markdown, with the command that made it."""
    names = [str(family["name"]) for family in study.families]
    found = [result for result in study.metrics if not result.reason]
    parts = [
        _INTRODUCTION.format(
            protocol=study.protocol,
            count=len(study.participants),
            dataset=study.dataset,
            fingerprint=study.fingerprint[:16],
            best=_TRUTH if study.simulated else _REAL,
            common=100.0 * LOTTERY_COMMON,
            own=100.0 * LOTTERY_OWN,
        ),
        *_table(("family", "what is worse", "steps"), [_family(family) for family in study.families], left=2),
        _ORDER,
        *_table(
            ("metric", "mean", *names),
            [
                (_name(result), _number(result.mean_tau), *(_number(result.tau[name]) for name in names))
                for result in found
            ],
        ),
    ]
    if study.sizes:
        rows = [(_name(result), *(_part(result.mean_separation[size]) for size in study.sizes)) for result in found]
        parts += [
            _SEPARATION.format(subsets=subsets),
            *_table(("metric", *(f"n = {size}" for size in study.sizes)), rows),
            _BY_FAMILY.format(size=_shown_size(study)),
            *_table(
                ("metric", *names),
                [
                    (_name(result), *(_part(result.separation[name][_shown_size(study)]) for name in names))
                    for result in found
                ],
            ),
        ]
    without = [f"- `{result.metric}`: {result.reason}" for result in study.metrics if result.reason]
    if without:
        parts += ["\n## Without a result\n", *without]
    parts += ["\n## How this page was made\n", "```console", f"$ {command}", "```"]
    return "\n".join(parts) + "\n"


def _shown_size(study: MetricStudy) -> int:
    """Return the largest number of participants of up to 16, the test participants of the cohort of comparisons."""
    return max(size for size in study.sizes if size <= 16)


def _family(family: object) -> tuple[str, str, str]:
    assert isinstance(family, dict)
    levels = ", ".join(f"{level:g}" for level in family["levels"])
    name = f"{family['name']} (lottery)" if family["lottery"] else str(family["name"])
    return name, str(family["what"]), levels


def _name(result: MetricResult) -> str:
    return f"`{result.metric}`"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}".replace("-", "−")


def _part(value: float) -> str:
    return f"{100.0 * value:.0f} %"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1) -> list[str]:
    rule = ["---"] * left + ["---:"] * (len(head) - left)
    return ["| " + " | ".join(cells) + " |" for cells in (head, rule, *rows)]
