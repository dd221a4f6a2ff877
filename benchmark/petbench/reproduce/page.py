"""The results as one page that people read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from petbench.reproduce import differences, runs_table, tables, verdicts
from petbench.reproduce.departure import describe
from petbench.reproduce.paper import BETTER, METHODS, OTHER, REPORTED_GAP_DECIBELS
from petbench.reproduce.profiles import COMPLETE_SEEDS, LARGER_RATES, RATE_SEED, RATES
from petbench.reproduce.results import PSNR_CONVENTIONS
from petbench.reproduce.words import NAMES, TITLES, seed_count, seeds_of
from petbench.runs.reference_rows import PREDICTABLE, REPEAT_SCAN
from petbench_datasets.files import write_text
from petbench_leaderboard.board import IDENTITY_METHOD
from petbench_leaderboard.report.columns import heading
from petbench_leaderboard.report.formatting import budget, counted, number

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from petbench.reproduce.account import Account
    from petbench.reproduce.profiles import RunSet
    from petbench.reproduce.results import Results


def write_page(account: Account) -> Path:
    """Write the page and return its path."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("petbench.reproduce"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - the page is Markdown
    )
    path = account.files.page
    words = _words(account)
    settings = differences.values(account.results, account.experiment, account.data)
    words["differences"] = environment.get_template("differences.md.jinja").render(settings).strip()
    write_text(path, environment.get_template("reproduction.md.jinja").render(words))
    return path


def conclusion(account: Account) -> str:
    """Return the sentence that the page begins with."""
    if account.headline is None:
        return "Nothing is compared yet: no set has a seed of both methods."
    of_set = account.differences[account.headline]
    return verdicts.against_the_paper(NAMES[BETTER], NAMES[OTHER], of_set)


def _words(account: Account) -> dict[str, Any]:
    """Return everything that the template asks for."""
    results, experiment = account.results, account.experiment
    profile = experiment.profile
    test_rates, test_rate_notes = tables.by_rate(results)
    table_2, notes = tables.table_2(results)
    titles = {name: f"{TITLES[name]}, {_seeds(results, name, METHODS)}" for name in account.differences}
    of_cyclegan = {name: f"{TITLES[name]}, {_seeds(results, name, [OTHER])}" for name in account.over_identity}
    difference_table, difference_notes = tables.differences(account.differences, titles)
    identity_table, identity_notes = tables.differences(account.over_identity, of_cyclegan, paper=False)
    runs = results.runs
    return {
        "dataset": runs[0].dataset,
        "split": runs[0].split,
        "profile": profile.name,
        "cuda": any(str(run.device).startswith("cuda") for run in runs),
        "seeds": seed_count(len(experiment.seeds)),
        "seed_list": ", ".join(map(str, experiment.seeds)),
        "complete_seeds": COMPLETE_SEEDS,
        "participants": counted(len(results.participants), "test participant"),
        "missing": account.missing,
        "failures": _failures(results),
        "headline": TITLES[account.headline] if account.headline else "",
        "conclusion": conclusion(account),
        "gaps": _gaps(account),
        "reported_gap": number(REPORTED_GAP_DECIBELS, 1, sign=True),
        "verdicts": _verdicts(account),
        "one_seed": any(
            len(results.sets[name][method].seeds) == 1 for name in account.differences for method in METHODS
        ),
        "room": _room(account),
        "command": account.command,
        "cohort": account.cohort,
        "other_commands": account.other_commands,
        "other_pages": account.files.others(),
        "sets": {TITLES[name]: _about_set(name, account) for name in account.differences},
        "table_2": table_2,
        "columns": tables.about_columns(results),
        "reported": tables.reported(),
        "references": {line.name for line in results.references},
        "predictable": PREDICTABLE,
        "repeat_scan": REPEAT_SCAN,
        "no_references": account.no_references,
        "notes": notes,
        "difference_table": difference_table,
        "difference_notes": difference_notes,
        "participant_table": tables.by_participant(results.ranking, account.differences, titles, results.participants),
        "seed_table": tables.by_seed(results),
        "ranking": heading(results.columns[results.ranking]) if results.ranking else "",
        "departure_table": tables.departures(account.departures) if account.departures else "",
        "departure_sentences": [
            f"{_upper(TITLES[name])}: {describe(NAMES[method], found)}"
            for (name, method), found in account.departures.items()
            if method == OTHER
        ],
        "no_departures": account.no_departures,
        "identity_table": identity_table if account.over_identity else "",
        "identity_notes": identity_notes,
        "identity_verdicts": [
            f"{_upper(TITLES[name])}: {verdicts.who_is_ahead(NAMES[OTHER], 'the early image', of_set)}"
            for name, of_set in account.over_identity.items()
        ],
        "rate_table": tables.rates(results.choices),
        "test_rates": test_rates,
        "test_rate_notes": test_rate_notes,
        "larger_rates": ", ".join(f"{rate:g}" for rate in LARGER_RATES if any(of == rate for of, _ in results.rates)),
        "at_the_edge": " and ".join(
            NAMES[method] for method, choice in results.choices.items() if choice.rate == max(RATES)
        ),
        "rate_metric": _rate_metric(results),
        "rate_seed": RATE_SEED,
        "grid": ", ".join(f"{rate:g}" for rate in RATES),
        "rate_sentences": _rate_sentences(results),
        "equal_images": budget(profile.budgets["equal-images"]),
        "most_images": budget(profile.budgets["converged"]),
        "patience": profile.until_converged["patience"],
        "validations": profile.until_converged["validations"],
        "curves": account.files.link(account.files.curves) if account.curves_shown else "",
        "curves_shown": account.curves_shown,
        "convergence_table": tables.convergence(account.curves),
        "unconverged": sum(curve.ended_by == "budget" for curve in account.curves),
        "equal_seconds": _equal_seconds(results),
        "figure": account.files.link(account.files.figure_2),
        "shown": account.figure,
        "no_figure": account.no_figure,
        "run_table": runs_table.table(results, account.seconds),
        **runs_table.facts(runs, account.seconds),
    }


def _gaps(account: Account) -> str:
    """Write the differences of the headline in the conventions of PSNR: `+1.53, +0.92, +1.10`."""
    of_set = account.differences[account.headline] if account.headline else []
    found = [one.mean for one in of_set if one.column.metric in PSNR_CONVENTIONS]
    return ", ".join(number(mean, 2, sign=True) for mean in found) if None not in found else ""


def _verdicts(account: Account) -> list[str]:
    """Say what each set allows, with how many seeds."""
    found = []
    for name, of_set in account.differences.items():
        words = verdicts.who_is_ahead(NAMES[BETTER], NAMES[OTHER], of_set)
        found.append(f"**{_upper(TITLES[name])}** ({_seeds(account.results, name, METHODS)}): {words}")
    return found


def _seeds(results: Results, name: RunSet, methods: Sequence[str]) -> str:
    """Say how many seeds the numbers of a set are over."""
    counts = {method: seeds_of(results.sets[name][method]) for method in methods}
    if len(set(counts.values())) == 1:
        return next(iter(counts.values()))
    return "; ".join(f"{NAMES[method]} {said}" for method, said in counts.items())


def _room(account: Account) -> list[str]:
    """Say how large a gap the dataset allows, from its rows."""
    results = account.results
    identity, predictable = results.reference(IDENTITY_METHOD), results.reference(PREDICTABLE)
    if identity is None or predictable is None:
        return []
    rooms: dict[str, float] = {}
    gains: dict[str, float | None] = {}
    other = results.sets[account.headline][OTHER] if account.headline else None
    for metric in PSNR_CONVENTIONS:
        zero, top = (line.cells[metric].mean if metric in line.cells else None for line in (identity, predictable))
        if zero is None or top is None:
            continue
        name = results.columns[metric].facts.detail or heading(results.columns[metric])
        rooms[name] = top - zero
        mean = other.cells[metric].mean if other is not None and metric in other.cells else None
        gains[name] = None if mean is None else mean - zero
    where = TITLES[account.headline] if account.headline else ""
    return verdicts.room(rooms, REPORTED_GAP_DECIBELS, gains, where) if rooms else []


def _about_set(name: RunSet, account: Account) -> str:
    """Say how the runs of a set were trained."""
    profile = account.experiment.profile
    if name == "converged":
        return (
            f"a constant rate, until {profile.until_converged['patience']} validations in a row bring no improvement, "
            f"at most {budget(profile.budgets[name])}; the weights of the lowest validation error predict"
        )
    return f"{budget(profile.budgets[name])} of training, the rate falling to 0 at its end"


def _failures(results: Results) -> list[str]:
    """Name the runs that did not end well."""
    return [
        f"run {run.id}, `{run.method}` seed {run.seed} fold {run.fold}: {run.status}"
        + (f" ({run.error_message})" if run.error_message else "")
        for run in results.runs
        if run.status not in ("ok", "planned", "running", "interrupted")
    ]


def _rate_metric(results: Results) -> str:
    metric = next((choice.metric for choice in results.choices.values() if choice.metric), None)
    return f"{metric.label or metric.name} ({metric.detail}), {metric.unit}" if metric else ""


def _rate_sentences(results: Results) -> list[str]:
    found = []
    for method, choice in results.choices.items():
        if choice.rate is not None:
            found.append(f"{NAMES[method]} is compared at {choice.rate:g}.")
        elif choice.is_decided:
            found.append(f"{NAMES[method]} ended well at no rate of the grid: it is not compared.")
        else:
            found.append(f"The rate of {NAMES[method]} is not chosen yet.")
    return found


def _equal_seconds(results: Results) -> str:
    """Say how many images each method saw in the same time."""
    said = []
    for method in METHODS:
        seen = [run.images_seen for run in results.sets["equal-seconds"][method].finished if run.images_seen]
        if seen:
            low, high = min(seen), max(seen)
            span = f"{low:,}" if low == high else f"{low:,} to {high:,}"
            said.append(f"{NAMES[method]} saw {span} images ({seed_count(len(seen))})")
    return ", ".join(said)


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
