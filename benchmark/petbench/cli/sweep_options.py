"""The options that say which runs are meant, of every command that plans some, and what a file says beside them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from petbench.cli.options import (
    ISOLATED,
    SETTINGS,
    complete_dataset,
    complete_method,
    reconstruction_option,
    task_option,
)
from petbench.cli.session import session
from petbench.engine_settings import DEFAULTS
from petbench.methods.shared import MOST_PROCESSES
from petbench_leaderboard.records import MOST_SAMPLES, MOST_VIEWS
from petbench_leaderboard.tracks import TRACKS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from petbench.plans.sweep_request import SweepRequest

_AS_IN_THE_REQUEST = {"seed": "seeds", "fold": "folds", "compile_": "compile", "time_limit": "time_limit_seconds"}

_OPTIONS: Mapping[str, Callable[[Callable[..., Any]], Callable[..., Any]]] = {
    "methods": click.option(
        "--method",
        "-m",
        "methods",
        multiple=True,
        shell_complete=complete_method,
        help="Method to run; see `petbench methods`. May be repeated.",
    ),
    "config": click.option(
        "--config",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Sweep in a TOML file; options that are typed beside it come first.",
    ),
    "dataset": click.option(
        "--dataset",
        "-d",
        default="fdg-phantom-mini",
        show_default=True,
        shell_complete=complete_dataset,
        help="Dataset by name, or the folder of a BIDS-PET dataset.",
    ),
    "task": task_option,
    "reconstruction": reconstruction_option,
    "split": click.option(
        "--split", default="holdout", show_default=True, help="Split of the dataset's participants, or the file of one."
    ),
    "fold": click.option(
        "--fold", default="0", show_default=True, metavar="FOLDS", help="Fold of the split; or several: 0..3, all."
    ),
    "seed": click.option(
        "--seed",
        default="0",
        show_default=True,
        metavar="SEEDS",
        help="Seed of all random numbers; or several: 0,2,7, 0..4.",
    ),
    "preset": click.option(
        "--preset", help="Named set of parameters. Default: the one the method chooses for the dataset's size."
    ),
    "settings": click.option("--set", "settings", multiple=True, metavar="KEY=VALUES", help=SETTINGS),
    "budget": click.option(
        "--budget",
        metavar="images=N|seconds=S",
        help="Training to spend. Default: that of the dataset's track, or the preset's.",
    ),
    "track": click.option(
        "--track",
        type=click.Choice(list(TRACKS)),
        help="A track of the protocol: the budget that rows are compared under.",
    ),
    "device": click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:INDEX."),
    "processes": click.option(
        "--processes",
        type=click.IntRange(1, MOST_PROCESSES),
        metavar="N",
        help="Processes that share the training of each run, on CUDA each on a card of its own; on the CPU to try a "
        "method. Default: one a card of --gpus.",
    ),
    "precision": click.option(
        "--precision",
        type=click.Choice(["fp32", "bf16"]),
        default=DEFAULTS.precision,
        show_default=True,
        help="Arithmetic of the networks; losses are float32.",
    ),
    "compile_": click.option(
        "--compile",
        "compile_",
        type=click.Choice(["on", "off", "auto"]),
        default=DEFAULTS.compile,
        show_default=True,
        help="Whether the networks are compiled.",
    ),
    "cuda_graphs": click.option(
        "--cuda-graphs",
        type=click.Choice(["on", "off", "auto"]),
        default=DEFAULTS.cuda_graphs,
        show_default=True,
        help="Whether steps on CUDA are recorded once and replayed; auto: for methods that declare it.",
    ),
    "deterministic": click.option("--deterministic", is_flag=True, help="Allow only deterministic algorithms on CUDA."),
    "time_limit": click.option(
        "--time-limit",
        type=click.FloatRange(0, min_open=True),
        metavar="SECONDS",
        help="Stop a run that takes longer, with every process it has started, as `timed-out`. Default: none.",
    ),
    "isolated": click.option("--isolated", is_flag=True, help=ISOLATED),
    "tta": click.option(
        "--tta",
        type=click.IntRange(1, MOST_VIEWS),
        default=1,
        show_default=True,
        metavar="N",
        help="Test-time augmentation: predict N views of each scan, shifted by whole voxels, and average them. A row "
        "of its own with its full cost; the training is that of the same run without.",
    ),
    "ensemble": click.option(
        "--ensemble",
        type=click.Choice(["seeds", "folds", "all"]),
        help="Once all runs have ended, average what those of each method and settings predict, as a row of its own: "
        "the seeds of each fold, the folds that test the same participants, or all.",
    ),
    "keep_samples": click.option(
        "--keep-samples",
        type=click.IntRange(1, MOST_SAMPLES),
        metavar="K",
        help="Of a method that draws its predictions: keep K samples of each beside their mean, so that coverage and "
        "CRPS are scored.",
    ),
    "no_test": click.option(
        "--no-test",
        is_flag=True,
        help="Predict and score the validation participants alone: such a run takes no rank. Without it, the same "
        "command goes on with the trained model.",
    ),
}
"""By the names under which click hands them over."""


def sweep_options(*left_out: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command the options that say which runs are meant, in the order in which its help shows them.

    Args:
        left_out: names of those that it has not, or has in its own way.
    """

    def give(command: Callable[..., Any]) -> Callable[..., Any]:
        for name, option in reversed(list(_OPTIONS.items())):
            command = command if name in left_out else option(command)
        return command

    return give


def asked_for(values: Mapping[str, Any]) -> SweepRequest:
    """Return the sweep that the options of the present command and the file that they name ask for.

    Args:
        values: of the options, by their names; what was not typed is as the file says.

    Raises:
        UsageError: something in the file makes no sense, or no method is named.
    """
    from petbench.plans.sweep_file import SweepFile
    from petbench.plans.sweep_request import requested

    source = click.get_current_context().get_parameter_source
    typed = {name: value for name, value in values.items() if source(name) is not ParameterSource.DEFAULT}
    path = typed.pop("config", None)
    file = None if path is None else SweepFile.read(path)
    if file is not None:
        file.check(session().registry)
    return requested(file, {_AS_IN_THE_REQUEST.get(name, name): value for name, value in typed.items()})
