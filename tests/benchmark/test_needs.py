"""A method is given what it named and nothing else, wherever it runs; where a dataset lacks it, the run is declined."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.benchmark.installed import install_module, write_information
from tests.benchmark.labelled_bodies import labelled_bodies

from petbench import MethodSpec
from petbench.contract import API_VERSION
from petbench.errors import DataError
from petbench.plans.planner import Place, Request, plan_on
from petbench.plans.run_plan import identity_of
from petbench.registry import load_plugins
from petbench.runs.planned import open_planned
from petbench.scan import NEEDS
from petbench.testing.images import SmallData
from petbench_datasets.dataset.reader import open_dataset
from petbench_datasets.dataset.split import load_split
from petbench_datasets.images.nifti_writer import write_image

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command import Petbench

    from petbench.plans.run_plan import RunPlan

GIVEN = ("weight", "sex", "age", "times", "ct", "labels")

ASKS = """
    import dataclasses
    import json
    from pathlib import Path
    from petbench import MethodSpec, StepMethod, StepParameters, hookimpl

    def told(scan):
        fields = {field.name: getattr(scan, field.name) for field in dataclasses.fields(scan)}
        fields.pop("early")
        shown = {"ct": lambda ct: [str(ct.dtype), float(ct.min())]}
        shown["labels"] = lambda labels: [str(labels.dtype), int(labels.max())]
        return {name: shown.get(name, lambda it: it)(it) for name, it in fields.items() if it is not None}

    class Asks:
        def fit(self, data, run):
            self.seen = json.dumps([told(scan) for scan in data.scans()])
            (run.folder / "seen.json").write_text(self.seen)
        def predict(self, scan):
            assert told(scan).keys() == json.loads(self.seen)[0].keys()
            return scan.early * (0.5 + 0.5 * (scan.labels > 0)).astype("float32")
        def state_dict(self):
            return {"seen": self.seen}
        def load_state_dict(self, state):
            self.seen = state["seen"]

    def steps(parameters):
        import torch

        class Steps(StepMethod):
            def __init__(self, parameters):
                super().__init__(parameters)
                self.network = torch.nn.Conv2d(2, 1, 1)
            def training_step(self, batch):
                assert set(batch.inputs) == {"labels", "weight"}
                assert float(batch.inputs["weight"].min()) == 70.0
                return {"l1": (self.translate(batch) - batch.delayed).abs().mean()}
            def translate(self, scans):
                return self.network(torch.cat([scans.early, scans.inputs["labels"].float()], dim=1))

        return Steps(parameters)

    @hookimpl
    def petbench_methods():
        needs = GIVEN
        return [
            MethodSpec(name="asks", summary="s", build=lambda _: Asks(), needs=needs),
            MethodSpec(name="asks-elsewhere", summary="s", build=lambda _: Asks(), needs=needs, environment="venv"),
            MethodSpec(name="steps", summary="s", build=steps, needs=("labels", "weight"), parameters=StepParameters),
            MethodSpec(name="steps-elsewhere", summary="s", build=steps, needs=("labels", "weight"),
                       parameters=StepParameters, environment="venv"),
            MethodSpec(name="dynamic", summary="s", build=lambda _: Asks(), needs=("frames", "labels")),
        ]
"""


@pytest.fixture
def asking(tmp_path: Path) -> dict[str, str]:
    return install_module(tmp_path / "site", "asking", ASKS.replace("GIVEN", repr(GIVEN)))


@pytest.fixture
def bodies(body_dataset: Path, tmp_path: Path) -> Path:
    return labelled_bodies(body_dataset, tmp_path / "bodies")


@pytest.mark.slow
@pytest.mark.parametrize("method", ["asks", "asks-elsewhere"])
def test_a_method_is_given_what_it_named_and_nothing_else_in_whichever_process_it_runs(
    method: str, petbench: Petbench, bodies: Path, asking: dict[str, str]
) -> None:
    row = json.loads(petbench("run", "-m", method, "-d", bodies, "--json", variables=asking).stdout)
    assert row["status"] == "ok", row["error_message"]
    assert list(row["inputs"]) == list(GIVEN)
    (path,) = (petbench.home / "runs").glob(f"{method}-*/training/**/seen.json")
    seen = json.loads(path.read_text(encoding="utf-8"))
    assert [one["age_years"] for one in seen] == [50.0, 51.0]
    for one in seen:
        assert one == {
            "weight_kg": 70.0, "sex": "female", "age_years": one["age_years"], "early_minutes": [7.0, 21.0],
            "delayed_minutes": [42.0, 63.0], "ct": ["float32", -1000.0], "labels": ["int16", 2],
            "label_names": {"1": "liver", "2": "brain"},
        }  # fmt: skip
    assert "with age, ct, labels, sex, times, weight" in petbench("leaderboard", "--markdown", variables=asking).stdout


@pytest.mark.slow
def test_a_method_trained_step_by_step_learns_the_same_bits_from_its_inputs_here_and_elsewhere(
    petbench: Petbench, bodies: Path, asking: dict[str, str]
) -> None:
    common = ("-d", bodies, "--budget", "images=64", "--precision", "fp32", "--set", "batch_size=4", "--json")
    found = [
        json.loads(petbench("run", "-m", method, *common, variables=asking).stdout)
        for method in ("steps", "steps-elsewhere")
    ]
    assert [row["status"] for row in found] == ["ok", "ok"], [row["error_message"] for row in found]
    here, there = ({score["metric"]: score["value"] for score in row["scores"]} for row in found)
    assert here == there
    assert found[0]["validation_score"] == found[1]["validation_score"]


@pytest.mark.slow
def test_where_a_dataset_lacks_what_a_method_needs_the_run_is_skipped_and_no_failure(
    petbench: Petbench, body_dataset: Path, tmp_path: Path, asking: dict[str, str]
) -> None:
    bodies = labelled_bodies(body_dataset, tmp_path / "bodies", without=("sub-04",))
    plan = json.loads(petbench("plan", "-m", "dynamic", "-d", bodies, "--json", variables=asking).stdout)
    assert [(run["state"], run["seconds"]) for run in plan["runs"]] == [("skipped", 0.0)]
    assert plan["to_run"] == 0
    alone = petbench("run", "-m", "dynamic", "-d", bodies, code=3, variables=asking)
    reason = "dynamic needs frames: no frames of sub-01, sub-02, sub-03 and 1 more: the early image was reconstructed"
    assert "run 1 skipped: " in alone.stderr
    assert reason in alone.stderr.replace("\n", " ")
    assert "dynamic needs labels: no labels of sub-04: there are no organ labels" in alone.stderr.replace("\n", " ")
    several = petbench("run", "-m", "dynamic", "-m", "identity", "-d", bodies, variables=asking)
    assert "2 runs: 1 ran, 1 skipped" in several.stderr
    rows = json.loads(petbench("runs", "list", "--json", variables=asking).stdout)
    assert [(row["method"], row["status"], row["fault"]) for row in rows] == [
        ("identity", "ok", None), ("dynamic", "skipped", None),
    ]  # fmt: skip
    assert reason in rows[1]["error_message"]
    boards = json.loads(petbench("leaderboard", "--json", variables=asking).stdout)
    assert [row["method"] for row in boards[0]["rows"]] == ["identity"]
    assert [(run["method"], run["status"]) for run in boards[0]["unscored"]] == [("dynamic", "skipped")]
    petbench("run", "-m", "dynamic", "-m", "asks", "-d", bodies, code=3, variables=asking)


@pytest.mark.slow
def test_predict_takes_what_a_method_needs_from_the_dataset_or_from_options_and_else_asks_in_one_line(
    petbench: Petbench, bodies: Path, tmp_path: Path
) -> None:
    petbench("run", "-m", "organ-regression", "-d", bodies)
    scan = bodies / "sub-04" / "pet" / "sub-04_trc-18FFDG_rec-early_pet.nii.gz"
    inside = petbench.json("predict", "1", scan, "-o", tmp_path / "inside.nii.gz")
    assert inside["mean_suv"] > 0
    card = json.loads((tmp_path / "inside.card.json").read_text(encoding="utf-8"))
    assert list(card["run"]["inputs"]) == ["labels"]
    assert "| given beside the early image | labels |" in (tmp_path / "inside.card.md").read_text(encoding="utf-8")
    (tmp_path / "alone").mkdir()
    lone = tmp_path / "alone" / "early_pet.nii.gz"
    shutil.copy(scan, lone)
    content = json.loads(scan.with_name(scan.name.replace(".nii.gz", ".json")).read_text(encoding="utf-8"))
    (tmp_path / "alone" / "early_pet.json").write_text(json.dumps(content | {"PatientWeight": 70.0}))
    refused = petbench.refusal("predict", "1", lone, "-o", tmp_path / "x.nii.gz")
    assert "organ-regression needs labels: " in refused
    assert "comes with no file of organ labels; give it with --labels FILE" in refused
    dataset = open_dataset(bodies)
    labels, _ = dataset.labels("sub-04") or (None, None)
    assert labels is not None
    # Another program's numbers: organs go by their names.
    other = tmp_path / "other" / "organs.nii.gz"
    write_image(other, (10 * labels).astype(np.int16), dataset.grid("sub-04"), dtype=np.int16)
    other.with_name("organs.tsv").write_text("index\tname\n10\tliver\n20\tbrain\n30\tspleen\n")
    outside = petbench.json("predict", "1", lone, "-o", tmp_path / "outside.nii.gz", "--labels", other)
    assert outside["mean_suv"] == pytest.approx(inside["mean_suv"], rel=1e-5)
    assert outside["maximum_suv"] == pytest.approx(inside["maximum_suv"], rel=1e-5)
    other.with_name("organs.json").write_text('{"DerivedFrom": ["delayed"]}')
    refused = petbench.refusal("predict", "1", lone, "-o", tmp_path / "y.nii.gz", "--labels", other)
    assert "made from a delayed image" in refused
    assert not (tmp_path / "y.nii.gz").exists()


def planned(root: Path, method: str = "organ-regression") -> RunPlan:
    dataset = open_dataset(root)
    place = Place("bodies", dataset, load_split(dataset, "holdout"))
    return plan_on(Request(method=method), place, load_plugins())


def test_what_an_input_holds_is_part_of_a_run_s_identity_and_no_input_changes_none(
    bodies: Path, body_dataset: Path
) -> None:
    before = planned(bodies)
    assert before.needs == ("labels",)
    assert before.declined == ""
    plain = planned(bodies, "identity")
    facts = plain.to_dict()
    del facts["inputs"]  # as plans of before were
    assert plain.inputs == {}
    assert plain.identity == identity_of(facts) == planned(body_dataset, "identity").identity
    dataset = open_dataset(bodies)
    labels, _ = dataset.labels("sub-01") or (None, None)
    assert labels is not None
    labels[0, 0, 0] = 2
    path = bodies / "derivatives" / "drawn" / "sub-01" / "anat" / "sub-01_desc-organs_dseg.nii.gz"
    write_image(path, labels, dataset.grid("sub-01"), dtype=np.int16)
    after = planned(bodies)
    assert after.identity != before.identity
    assert after.record().run_group != before.record().run_group
    assert planned(bodies, "identity").identity == plain.identity
    with pytest.raises(DataError, match="the labels of its participants have changed since the run was planned"):
        open_planned(before)


@pytest.mark.parametrize("made_from", ["delayed", "nobody-knows"])
def test_labels_of_a_delayed_image_decline_the_run(body_dataset: Path, tmp_path: Path, made_from: str) -> None:
    plan = planned(labelled_bodies(body_dataset, tmp_path / "bodies", made_from=made_from))
    assert plan.declined.startswith("organ-regression needs labels: no labels of sub-01, sub-02, sub-03 and 1 more")
    assert f"made from: {made_from}" in plan.declined


@pytest.mark.parametrize(
    ("needs", "message"),
    [
        ("('weight', 'wieght')", "has needs 'wieght'; give a tuple of: spacing, weight"),
        ("'weight'", "has needs 'weight'; give a tuple"),
    ],
)
def test_a_need_that_petbench_has_no_word_for_is_refused_when_the_plugin_is_loaded(
    needs: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"needy_{abs(hash(needs))}"
    write_information(tmp_path, name, "1.0", {name: name})
    (tmp_path / f"{name}.py").write_text(
        "from petbench import MethodSpec, hookimpl\n\n@hookimpl\ndef petbench_methods():\n"
        f"    return [MethodSpec(name='needy', summary='s', build=print, needs={needs})]\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    (plugin,) = (each for each in load_plugins().plugins if each.name == name)
    assert message in (plugin.error or "")


def test_the_small_participants_of_the_checks_answer_every_need() -> None:
    for needs in ((), *((need,) for need in NEEDS), NEEDS):
        assert all(scan.inputs == needs for scan in SmallData("unpaired", 3, needs).scans())
    assert MethodSpec(name="m", summary="s").needs == ()
    assert API_VERSION == 2


def test_info_says_what_methods_may_ask_for_and_what_is_missing_of_whom(petbench: Petbench, bodies: Path) -> None:
    inputs: dict[str, Any] = petbench.json("datasets", "info", bodies)["inputs"]
    assert [name for name, why in inputs.items() if why] == ["frames"]
    assert "as one frame" in inputs["frames"]
    shown = petbench("datasets", "info", bodies).stdout
    assert "methods may ask for: spacing, weight, dose, sex, height, age, times, ct, labels" in shown
