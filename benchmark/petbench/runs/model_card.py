"""The card beside a predicted image: which model predicted it, what it was trained on, its scores, and its limits."""

from __future__ import annotations

import dataclasses
import json
from collections import defaultdict
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from petbench.plans.tasks import planned_task
from petbench_datasets.bids.names import person_of
from petbench_datasets.files import write_text
from petbench_datasets.images.windows import in_words
from petbench_leaderboard.cells import people
from petbench_leaderboard.records import COST_FIELDS, PlannedRun
from petbench_leaderboard.report.columns import direction, heading
from petbench_leaderboard.report.formatting import number
from petbench_leaderboard.run_groups import REGIONS, column_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from petbench.plans.run_plan import RunPlan
    from petbench_leaderboard.board import Column
    from petbench_leaderboard.records import RunRow
    from petbench_leaderboard.score_records import ScoreRow


def card_paths(output: Path) -> tuple[Path, Path]:
    """Return where the card of `output` lies: Markdown for people, JSON for scripts."""
    stem = output.name.removesuffix(".gz").removesuffix(".nii")
    return output.with_name(f"{stem}.card.md"), output.with_name(f"{stem}.card.json")


def model_card(row: RunRow, plan: RunPlan, scores: Iterable[ScoreRow], image: Mapping[str, Any]) -> dict[str, Any]:
    """Return the card as JSON values.

    Args:
        row: of the run.
        plan: of the run.
        scores: of the run's test participants.
        image: what was predicted from what; its warnings become limits.
    """
    facts = plan.to_dict()
    return {
        "use": "research only; a predicted image is no measurement and no basis for a diagnosis or treatment",
        "image": {name: value for name, value in image.items() if name != "warnings"},
        "run": {"id": row.id, "uid": row.uid, "identity": plan.identity}
        | {field.name: facts[field.name] for field in dataclasses.fields(PlannedRun)}
        | {name: getattr(row, name) for name in ("device", *COST_FIELDS)},
        "scores": _summaries(scores),
        "limits": [*_limits(plan), *image.get("warnings", ())],
    }


def write_card(output: Path, card: Mapping[str, Any]) -> tuple[Path, Path]:
    """Write the card beside `output` and return its two paths."""
    markdown, data = card_paths(output)
    write_text(data, json.dumps(card, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    write_text(markdown, _markdown(card))
    return markdown, data


def _summaries(scores: Iterable[ScoreRow]) -> list[dict[str, Any]]:
    """Return mean and range over the test participants of each metric and region, and what belongs to all of them.

    A participant's sessions are one value, their mean.
    """
    found: dict[Column, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for score in scores:
        if score.value is not None:
            found[column_of(score)][person_of(score.participant or "")].append(score.value)
    groups = {column: [fmean(sessions) for sessions in each.values()] for column, each in found.items()}
    return [
        {
            "metric": column.metric, "region": column.region, "convention_id": column.convention_id,
            "unit": column.unit, "heading": heading(column), "better": direction(column),
            "decimals": column.facts.decimals, "shown": column.facts.shown and column.region in REGIONS,
            "mean": fmean(values), "lowest": min(values), "highest": max(values), "participants": len(values),
        }
        for column, values in sorted(groups.items(), key=lambda item: (item[0].facts.place, item[0]))
    ]  # fmt: skip


def _limits(plan: RunPlan) -> list[str]:
    task = planned_task(plan)
    early, delayed = (in_words(window) for window in (task.early_seconds, task.delayed_seconds))
    participants = len(people(plan.test_participants))
    return [
        "for research: not a medical device, not for diagnosis, staging, treatment or dosimetry of a patient",
        f"predicts the image of {delayed} from that of {early} after the injection of {task.subject}, and no other",
        _scanners(plan),
        f"scored on {participants} participants of the same dataset, and on no other scanner, reconstruction or people",
        "a lesion may be missing, weakened or invented in a predicted image; look at the early image beside it",
    ]


def _scanners(plan: RunPlan) -> str:
    """Say which scanners the training dataset comes from, as far as its files are here and say so."""
    from petbench_datasets.bids.scan import merged_sidecar, pet_images

    root = Path(plan.dataset_folder)
    found = set()
    for folder in sorted(root.glob("sub-*")):
        for image in pet_images(root, folder.name):
            content, _ = merged_sidecar(image, root)
            names = (str(content.get(key) or "") for key in ("Manufacturer", "ManufacturersModelName"))
            found.add(" ".join(name for name in names if name))
    known = sorted(found - {""})
    if not known:
        return f"trained on the dataset {plan.dataset}, whose scanner is not known here"
    return f"trained on the dataset {plan.dataset}, measured with: {', '.join(known)}"


def _markdown(card: Mapping[str, Any]) -> str:
    image, run = card["image"], card["run"]
    seconds = run["train_seconds"] or 0.0
    lines = [
        f"# Predicted by {run['method']}, not measured",
        "",
        f"**{card['use'].capitalize()}.**",
        "",
        f"`{image['output']}` was predicted from `{image['scan']}`, in {image['unit_in_words']}.",
        "",
        f"The scan has {image['grid']}, the model worked on {image['model_grid']}.",
        f"{image['activity_outside_percent']:.2f} % of the scan's activity lies outside that field; 0 stands there.",
        "",
        "## Model",
        "",
        *_table(
            ("what", "value"),
            [
                ("run", f"{run['id']} (`{run['identity'][:16]}`)"),
                ("method", f"{run['method']} of {run['distribution']} {run['version']}, preset {run['preset']}"),
                ("supervision", run["supervision"]),
                ("given beside the early image", ", ".join(run["inputs"]) or "nothing"),
                ("task", run["task"]),
                ("dataset", f"{run['dataset']} (`{run['fingerprint'][:16]}`)"),
                ("split, fold, seed", f"{run['split']}, {run['fold']}, {run['seed']}"),
                ("training", f"{run['budget']}, {run['precision']}, {seconds:.0f} s on {run['device']}"),
                ("parameters", f"{run['parameter_count'] or 0:,}"),
                ("protocol", run["protocol"]),
            ],
        ),
        "",
        f"## Scores on {len(people(run['test_participants']))} test participants",
        "",
        *_table(
            ("metric", "mean", "lowest to highest", "better", "convention"),
            [
                (
                    score["heading"], number(score["mean"], score["decimals"]),
                    " to ".join(number(score[end], score["decimals"]) for end in ("lowest", "highest")),
                    score["better"], f"`{score['convention_id']}`",
                )
                for score in card["scores"]
                if score["shown"]
            ],
        ),
        "",
        "All scores, organ by organ, are in the JSON file beside this one.",
        "",
        "## Limits of use",
        "",
        *(f"- {limit}" for limit in card["limits"]),
        "",
    ]  # fmt: skip
    return "\n".join(lines)


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    cells = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in cells]
