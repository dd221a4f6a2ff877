"""An experiment of `petbench reproduce` whose runs and scores are invented: nothing is trained."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from tests.benchmark.conftest import write_body_dataset

from petbench.evaluation.catalogue import builtin_metrics
from petbench.evaluation.distribution import EXTRACTOR_METRICS
from petbench.home import Home
from petbench.registry import load_plugins
from petbench.reproduce.account import take_account
from petbench.reproduce.agenda import Agenda
from petbench.reproduce.experiment import RUN_SETS, Experiment, Planner
from petbench.reproduce.paper import METHODS, REFERENCES
from petbench.reproduce.profiles import RATES, REDUCED
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import Fold, Split, write_split
from petbench_datasets.progress import silent
from petbench_leaderboard.metric_facts import facts_of
from petbench_leaderboard.records import PlannedRun, RunRecord
from petbench_leaderboard.score_records import ScoreRecord

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from petbench.plans.run_plan import RunPlan
    from petbench.reproduce.account import Account
    from petbench_leaderboard.store import Leaderboard

SPLIT = "many"
TESTED = 8
SHOWN = ("psnr_body_suv20", "psnr_volume_max", "psnr_slice_volume_max", "mae_body_suv", "ssim_body_suv20")
FRECHET = EXTRACTOR_METRICS[-1].frechet
SPECS = {spec.name: spec for spec in builtin_metrics()}
BASE = {"psnr_body_suv20": 30.0, "psnr_volume_max": 43.0, "psnr_slice_volume_max": 53.0, "mae_body_suv": 0.27,
        "ssim_body_suv20": 0.9}  # fmt: skip
"""What the early image scores."""
FLOOR = 4.0


def write_tested_dataset(root: Path) -> Path:
    """Write a dataset with a split that tests eight participants."""
    write_body_dataset(root, count=TESTED + 3)
    names = open_dataset(root).participants
    fold = Fold(tuple(names[:2]), (names[2],), tuple(names[3:]))
    write_split(root, Split(SPLIT, open_dataset(root).fingerprint, (fold,)))
    return root


class Invented:
    """An experiment on that dataset, with runs and scores entered as a test wants them."""

    def __init__(self, dataset: Path, home: Path, store: Leaderboard, seeds: Sequence[int] = range(5)) -> None:
        self.experiment = Experiment(
            dataset=str(dataset), split=SPLIT, seeds=tuple(seeds), profile=REDUCED, device="cpu"
        )
        self.home, self.store = Home(home), store
        self.registry = load_plugins()
        self.planner = Planner(self.experiment, self.home, self.registry, silent)
        self.agenda = Agenda(self.planner, store, self.registry.metrics())
        self.participants = self.planner.places[0].split.test_participants

    def enter_grid(self, best: Mapping[str, int], failed: Mapping[str, Sequence[int]] | None = None) -> None:
        """Enter the grid of learning rates; `best` says which is the best on validation, by its place in the grid."""
        for method in METHODS:
            for cell in self.planner.rates(method):
                assert cell.rate is not None
                place = RATES.index(cell.rate)
                diverged = place in (failed or {}).get(method, ())
                score = 31.0 - abs(place - best[method])
                self.enter(cell.plan, {}, status="diverged" if diverged else "ok", validation=score)

    def enter_references(self, *made: tuple[str, float]) -> None:
        """Enter the references at the early image's scores, and `made` ones so many dB above."""
        for name in REFERENCES:
            for cell in self.agenda.reference(name):
                self.enter(cell.plan, self.table(0.0, 0), distance=80.0)
        plan = self.agenda.reference("identity")[0].plan
        for name, gain in made:
            self.enter(dataclasses.replace(plan, method=name), self.table(gain, 0), distance=0.1)

    def enter_set(
        self,
        name: Any,
        gains: Mapping[str, float],
        distances: Mapping[str, float] | None = None,
        *,
        seeds: Sequence[int] | None = None,
        failed: Mapping[str, Mapping[int, Any]] | None = None,
    ) -> None:
        """Enter the runs of a set: dB above the early image by method, and how some seeds failed."""
        for method in METHODS:
            for cell in self.agenda.run_set(name, method):
                seed = cell.plan.seed
                if seeds is not None and seed not in seeds:
                    continue
                status = (failed or {}).get(method, {}).get(seed, "ok")
                distance = (distances or {}).get(method, 20.0) + 0.1 * seed
                self.enter(cell.plan, self.table(gains[method], seed + 1), distance=distance, status=status)

    def enter_sets(self, gains: Mapping[str, float], distances: Mapping[str, float] | None = None) -> None:
        """Enter every set alike."""
        for name in RUN_SETS:
            self.enter_set(name, gains, distances)

    def table(self, gain: float, seed: int) -> dict[str, list[float]]:
        """Return scores of every participant, so many dB above the early image with a little noise."""
        random = np.random.default_rng(seed)
        found = {}
        for metric in SHOWN:
            scale = {"mae_body_suv": -0.03, "ssim_body_suv20": 0.01}.get(metric, 1.0)
            noise = random.normal(0.0, 0.05, TESTED) if seed else np.zeros(TESTED)
            people = np.linspace(-1.0, 1.0, TESTED)
            found[metric] = list(BASE[metric] + scale * (gain + noise + people))
        return found

    def enter(
        self,
        plan: RunPlan,
        table: Mapping[str, Sequence[float]],
        *,
        distance: float | None = None,
        status: Any = "ok",
        validation: float | None = None,
    ) -> int:
        """Enter one run in place of the same run before, with its scores."""
        known = {each.name: getattr(plan, each.name) for each in dataclasses.fields(PlannedRun)}
        same = self.store.find(plan.identity)
        run_id = same[0].id if same else self.store.plan(RunRecord(**known, identity=plan.identity))
        records = [
            ScoreRecord(
                participant=who, region=SPECS[metric].region, metric=metric,
                convention_id=SPECS[metric].convention_id, value=float(value), unit=SPECS[metric].unit,
                higher_is_better=SPECS[metric].higher_is_better, facts=facts_of(SPECS[metric]),
            )
            for metric, values in table.items()
            for who, value in zip(self.participants, values, strict=True)
        ]  # fmt: skip
        if distance is not None:
            records.append(
                ScoreRecord(
                    participant=None, region="volume", metric=FRECHET.name, convention_id="frechet@1", value=distance,
                    unit="", higher_is_better=False, extra={"floor": FLOOR}, facts=FRECHET.facts,
                )
            )  # fmt: skip
        if status == "ok":
            self.store.record_scores(run_id, records)
        self.store.update(run_id, status=status, images_seen=40_000, train_seconds=60.0, device="cpu")
        if validation is not None:
            metric = SPECS["psnr_body_suv20"]
            self.store.update(
                run_id,
                validation_score=validation,
                validation_metric=metric.name,
                validation_convention=metric.convention_id,
            )
        return run_id

    def account(self, folder: Path) -> Account:
        """Take account of what was entered."""
        return take_account(
            self.experiment, self.agenda, command="petbench reproduce", no_references={}, home=self.home,
            leaderboard=self.store, registry=self.registry, folder=folder,
        )  # fmt: skip
