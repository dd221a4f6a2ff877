"""One run logged to TensorBoard, MLflow and Weights & Biases at once, and read back by each one's own program."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.plugins.tracked import OLD_CALLS_OF_MLFLOW, curves, wandb_records

from petbench_trackers import values

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command import Petbench

pytestmark = pytest.mark.slow


@pytest.mark.filterwarnings(OLD_CALLS_OF_MLFLOW)
def test_what_one_run_logs_to_all_three_is_read_back_by_each_and_names_no_participant(
    petbench: Petbench, body_dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("tensorboard", "mlflow", "wandb"):
        pytest.importorskip(module)
    for variable in ("MLFLOW_TRACKING_URI", "WANDB_MODE", "WANDB_DIR"):
        monkeypatch.delenv(variable, raising=False)
    result = petbench(
        "run", "-m", "pix2pix", "-d", body_dataset, "--budget", "images=400", "--json",
        *("--set", "batch_size=8", "--set", "width=8", "--set", "discriminator_width=8", "--set", "validations=2"),
        *("--log-to", "tensorboard", "--log-to", "mlflow", "--log-to", "wandb"),
        variables={"PETBENCH_OBSERVER_SECONDS": "200", "WANDB_API_KEY": "f" * 40},
    )  # fmt: skip
    assert "observer" not in result.stderr
    row = json.loads(result.stdout)
    (folder,) = (petbench.home / "runs").iterdir()
    log = [json.loads(line) for line in (folder / "training" / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    validated = {line["images"]: line["mae_suv"] for line in log if line["event"] == "validation"}
    assert len(validated) == 2
    psnr = next(s["value"] for s in row["scores"] if (s["metric"], s["region"]) == ("psnr_body_suv20", "body"))
    kept = petbench.home / "observers"

    (board,) = (kept / "tensorboard").iterdir()
    read, found = curves(board)
    assert found["validation/mae_suv"] == pytest.approx(validated)
    assert found["score/psnr_body_suv20/body"] == pytest.approx({400: psnr})
    assert read.Images(values.EXAMPLE)[-1].step == 400

    import mlflow

    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{kept}/mlflow/mlflow.db")
    (experiment,) = client.search_experiments(filter_string="name = 'petbench'")
    (run,) = client.search_runs([experiment.experiment_id])
    history = client.get_metric_history(run.info.run_id, "validation/mae_suv")
    assert {each.step: each.value for each in history} == validated
    assert run.data.tags["petbench.identity"] == row["identity"]
    assert run.data.params["width"] == "8"
    assert len(client.list_artifacts(run.info.run_id, "images")) >= 1

    records = wandb_records(kept / "wandb")
    logged = [{tuple(item.nested_key) or (item.key,): item.value_json for item in record.history.item}
              for record in records if record.HasField("history")]  # fmt: skip
    curve = {json.loads(each[("images",)]): json.loads(each[("validation/mae_suv",)])
             for each in logged if ("validation/mae_suv",) in each}  # fmt: skip
    assert curve == validated
    assert any(values.EXAMPLE in key[0] for each in logged for key in each)
    started = next(record.run for record in records if record.HasField("run"))
    assert (started.host, started.git.commit) == ("", "")
    assert (
        json.loads(next(item.value_json for item in started.config.update if item.key == "identity")) == row["identity"]
    )
    summaries = {item.key: item.value_json for record in records if record.HasField("summary")
                 for item in record.summary.update}  # fmt: skip
    assert json.loads(summaries["score/psnr_body_suv20/body"]) == psnr

    for path in kept.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"sub-0" not in content, path
            assert b"f" * 40 not in content, path
