"""The experiment as far as it is done: everything that the page and a script are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from petbench.errors import PetbenchError, UsageError
from petbench.reproduce import cohort, curves, departure, figure
from petbench.reproduce.contrast import differ
from petbench.reproduce.made_references import stored_references
from petbench.reproduce.page_files import PageFiles
from petbench.reproduce.paper import BETTER, METHODS, OTHER, REFERENCES
from petbench.reproduce.profiles import COMPLETE_SEEDS
from petbench.reproduce.results import gather
from petbench.reproduce.words import NAMES, PAGE_ORDER, TITLES
from petbench.runs.reference_rows import PREDICTABLE
from petbench.runs.site_sources import files_of
from petbench_leaderboard.board import IDENTITY_METHOD

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from petbench.home import Home
    from petbench.registry import Registry
    from petbench.reproduce.agenda import Agenda
    from petbench.reproduce.contrast import Difference
    from petbench.reproduce.curves import Curve
    from petbench.reproduce.departure import Departure
    from petbench.reproduce.experiment import Experiment
    from petbench.reproduce.figure import Shown
    from petbench.reproduce.profiles import RunSet
    from petbench.reproduce.results import Line, Results
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.store import Leaderboard

NOTHING_COMPARED = "no set has a seed of both methods yet"
ELSEWHERE = "the images of these runs are not on this machine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What is known of the experiment.

    Attributes:
        experiment: what was asked for.
        files: of the page.
        command: what was typed, every choice written out.
        results: all scores.
        headline: the set that the page begins with: the first whose seeds have all ended, else the first that has a
            seed of both methods; None while there is none.
        differences: pix2pix minus CycleGAN, of each set that has a seed of both.
        over_identity: CycleGAN minus the early image itself, likewise.
        departures: how far images have left the early ones, by set and method.
        no_departures: why there are none of them; empty where there are.
        curves: validation of the converged runs.
        reference_errors: validation errors of references, by name.
        curves_shown: the figure of the curves in words; empty where there is none.
        figure: what Figure 2 shows; None where there is none.
        no_figure: why not.
        missing: runs that are asked for, or for a complete page needed, and not there.
        no_references: why references that the harness makes itself have no rows, by their names.
        seconds: what each run took from its first phase to its last, by its number.
        data: what a run's log says of its training data: slices, and where the intensity map ends; empty where no log
            is here.
        cohort: which images these are.
        other_commands: for datasets that were made in another way.
    """

    experiment: Experiment
    files: PageFiles
    command: str
    results: Results
    headline: RunSet | None
    differences: Mapping[RunSet, Sequence[Difference]]
    over_identity: Mapping[RunSet, Sequence[Difference]]
    departures: Mapping[tuple[RunSet, str], Departure]
    no_departures: str
    curves: Sequence[Curve]
    reference_errors: Mapping[str, float]
    curves_shown: str
    figure: Shown | None
    no_figure: str
    missing: Sequence[str]
    no_references: Mapping[str, str]
    seconds: Mapping[int, float]
    data: Mapping[str, Any]
    cohort: Sequence[str]
    other_commands: Sequence[str]


def take_account(
    experiment: Experiment,
    agenda: Agenda,
    *,
    command: str,
    no_references: Mapping[str, str],
    home: Home,
    leaderboard: Leaderboard,
    registry: Registry,
    folder: Path,
) -> Account:
    """Measure what there is and write the figures into `folder`.

    Args:
        experiment: what was asked for.
        agenda: of its runs.
        command: what was typed.
        no_references: why references that the harness makes itself cannot be made, by their names.
        home: where run folders are.
        leaderboard: where scores and phases are.
        registry: the installed plugins.
        folder: of the page.

    Raises:
        PetbenchError: not one run of a method is there.
    """
    place = agenda.places[0]
    files = PageFiles.of(folder, experiment.profile, place.name)
    results = gather(agenda, stored_references(agenda.places, leaderboard), leaderboard)
    trained = [run for run in results.runs if run.method in METHODS]
    if not trained:
        raise PetbenchError("no run of pix2pix or CycleGAN is on the leaderboard yet: there is nothing to write up")
    compared = [name for name in PAGE_ORDER if all(results.sets[name][method].seeds for method in METHODS)]
    whole = [name for name in compared if all(results.sets[name][method].is_complete for method in METHODS)]
    headline = next(iter(whole or compared), None)
    departures, no_departures = _departures(results, compared, home)
    found = curves.read_curves(results.sets["converged"], home)
    errors = curves.final_errors(results.references, home)
    shown = curves.write_curves(found, errors, files.curves) if found else ""
    figure_2, no_figure = _figure(results, headline, home, files)
    return Account(
        experiment=experiment,
        files=files,
        command=command,
        results=results,
        headline=headline,
        differences={
            name: _between(results, results.sets[name][BETTER], results.sets[name][OTHER]) for name in compared
        },
        over_identity={
            name: _between(results, results.sets[name][OTHER], identity)
            for name in compared
            if (identity := results.reference(IDENTITY_METHOD)) is not None
        },
        departures=departures,
        no_departures=no_departures,
        curves=found,
        reference_errors=errors,
        curves_shown=shown,
        figure=figure_2,
        no_figure=no_figure,
        missing=_missing(results, experiment, no_references),
        no_references=no_references,
        seconds={run.id: sum(phase.seconds for phase in leaderboard.phases(run.id)) for run in results.runs},
        data=next((data for run in trained if (data := _training_data(run, home))), {}),
        cohort=cohort.describe(place.name, place.dataset.sampling, registry.datasets()),
        other_commands=cohort.others(place.name, experiment.split, registry.datasets()),
    )  # fmt: skip


def _between(results: Results, first: Line, second: Line) -> list[Difference]:
    return [differ(first, second, results.columns[metric], results.participants) for metric in results.metrics]


def _departures(
    results: Results, compared: Sequence[RunSet], home: Home
) -> tuple[dict[tuple[RunSet, str], Departure], str]:
    found: dict[tuple[RunSet, str], Departure] = {}
    try:
        for name in compared:
            for method in METHODS:
                one = departure.measure_departure(results.sets[name][method], results.participants, home)
                if one is not None:
                    found[name, method] = one
    except UsageError:  # as of rows that were merged from another leaderboard
        return {}, ELSEWHERE
    return found, "" if found else NOTHING_COMPARED


def _figure(results: Results, name: RunSet | None, home: Home, files: PageFiles) -> tuple[Shown | None, str]:
    if name is None:
        return None, NOTHING_COMPARED
    chosen = figure.choose(results, name)
    if chosen is None:
        return None, "no seed is common to both methods, or the early image is not scored yet"
    lines = [results.sets[name][method] for method in METHODS]
    try:
        return figure.write_figure(lines, *chosen, home, files.figure_2), ""
    except UsageError:
        return None, ELSEWHERE


def _missing(results: Results, experiment: Experiment, no_references: Mapping[str, str]) -> list[str]:
    """Say what is not there that a complete page has."""
    found = []
    without = [name for name in REFERENCES if results.reference(name) is None]
    if without:
        found.append(f"references: {', '.join(without)}")
    if results.reference(PREDICTABLE) is None and PREDICTABLE not in no_references:
        found.append(f"reference: {PREDICTABLE}")
    for method, choice in results.choices.items():
        left = [f"{trial.rate:g}" for trial in choice.trials if not trial.has_ended]
        if left:
            found.append(f"learning rates of {NAMES[method]}: {', '.join(left)}")
    for name in PAGE_ORDER:
        for method in METHODS:
            line = results.sets[name][method]
            if line.missing:
                seeds = ", ".join(map(str, line.missing))
                found.append(f"{TITLES[name]}, {NAMES[method]}: seed{'s' if len(line.missing) > 1 else ''} {seeds}")
    if len(experiment.seeds) < COMPLETE_SEEDS:
        found.append(f"more seeds: {len(experiment.seeds)} asked for, {COMPLETE_SEEDS} make the page complete")
    return found


def _training_data(run: RunRow, home: Home) -> Mapping[str, Any]:
    """Return what a run's log says of the data that it was trained on."""
    return next((event for event in files_of(run, home).events if event.get("event") == "data"), {})
