"""Samples of a method that draws its predictions, kept beside their mean and scored; refused where there are none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import nibabel as untyped_nibabel
import numpy as np
import pytest
from tests.benchmark.installed import install_module

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.command import Petbench

nibabel: Any = untyped_nibabel

DRAWERS = """
    import numpy as np
    from petbench import MethodSpec, SamplingParameters, StepMethod, StepParameters, hookimpl

    class Drawn(StepParameters, SamplingParameters):
        pass

    def steps(parameters):
        import torch

        class Steps(StepMethod):
            draws = True
            def __init__(self, parameters):
                super().__init__(parameters)
                self.factor = torch.nn.Parameter(torch.ones(()))
            def training_step(self, batch):
                return {"l1": (self.factor * batch.early - batch.delayed).abs().mean()}
            def translate(self, scans):
                return (scans.early + 0.02 * torch.rand_like(scans.early)).clamp(-1, 1)

        return Steps(parameters)

    class Verbs:
        def __init__(self, parameters):
            self.number = parameters.samples
        def fit(self, data, run):
            pass
        def samples(self, scan):
            for number in range(self.number):
                yield scan.early * np.float32(0.8 + 0.1 * number)
        def predict(self, scan):
            return np.mean([sample for sample in self.samples(scan)], axis=0, dtype=np.float32)
        def state_dict(self):
            return {}
        def load_state_dict(self, state):
            pass

    class Few(Verbs):
        def samples(self, scan):
            yield scan.early

    class Odd(Verbs):
        def samples(self, scan):
            yield scan.early[1:]

    @hookimpl
    def petbench_methods():
        return [
            MethodSpec(name="steps", summary="draws", build=steps, parameters=Drawn),
            MethodSpec(name="verbs", summary="draws", build=Verbs, parameters=SamplingParameters),
            MethodSpec(name="few", summary="gives one", build=Few, parameters=SamplingParameters),
            MethodSpec(name="odd", summary="gives none", build=Odd, parameters=SamplingParameters),
        ]
"""


@pytest.fixture
def drawers(tmp_path: Path) -> Mapping[str, str]:
    return install_module(tmp_path / "site", "drawers", DRAWERS)


def of(petbench: Petbench, run: Mapping[str, Any], name: str) -> Any:
    folder = petbench.home / "runs" / f"{run['method']}-{run['uid']}" / "predictions"
    return np.asarray(nibabel.load(folder / name).dataobj, dtype=np.float64)


def crps(run: Mapping[str, Any]) -> list[tuple[float | None, Any]]:
    return [(s["value"], s["extra"]) for s in run["scores"] if s["metric"] == "crps_body_suv" and s["participant"]]


@pytest.mark.slow
def test_samples_lie_beside_their_mean_are_scored_and_are_added_to_a_run_that_kept_none(
    petbench: Petbench, body_dataset: Path, drawers: Mapping[str, str]
) -> None:
    command = ("run", "--method", "steps", "--dataset", body_dataset, "--budget", "images=16", "--set", "samples=3")
    plain = json.loads(petbench(*command, "--json", variables=drawers).stdout)
    assert crps(plain) == []
    (planned,) = json.loads(petbench("plan", *command[1:], "--keep-samples", "3", "--json", variables=drawers).stdout)[
        "runs"
    ]
    assert (planned["state"], planned["run"]) == ("trained", 1)
    kept = json.loads(petbench(*command, "--keep-samples", "3", "--json", variables=drawers).stdout)
    assert (kept["id"], kept["identity"], kept["keep_samples"]) == (1, plain["identity"], 3)
    for cost in ("train_seconds", "images_seen"):
        assert kept[cost] == plain[cost], "it was not trained again"
    samples = [of(petbench, kept, f"sub-04_sample-{number}.nii.gz") for number in (1, 2, 3)]
    assert np.allclose(np.mean(samples, axis=0), of(petbench, kept, "sub-04.nii.gz"), atol=1e-5)
    assert not np.array_equal(samples[0], samples[1])
    ((value, extra),) = crps(kept)
    assert value is not None
    assert extra == {"samples": 3}
    folder = petbench.home / "runs" / f"steps-{kept['uid']}"
    assert sorted(path.name for path in (folder / "validation").iterdir()) == ["sub-03.nii.gz"]
    again = json.loads(petbench(*command, "--keep-samples", "2", "--json", variables=drawers).stdout)
    assert (again["keep_samples"], len(crps(again))) == (3, 1), "more than are asked for are there"
    file = folder / "predictions" / "sub-04_sample-2.nii.gz"
    image = nibabel.load(file)
    nibabel.save(nibabel.Nifti1Image(image.get_fdata().astype(np.float32) + 1, image.affine, image.header), file)
    said = petbench("score", "--runs", "1", variables=drawers, code=1)
    assert f"{file.name}: is not the prediction that the run wrote there" in said.stderr


@pytest.mark.slow
def test_a_method_that_writes_the_four_verbs_gives_samples_of_its_own_and_the_first_are_kept(
    petbench: Petbench, body_dataset: Path, drawers: Mapping[str, str]
) -> None:
    command = ("run", "--method", "verbs", "--dataset", body_dataset, "--set", "samples=4", "--keep-samples", "2")
    run = json.loads(petbench(*command, "--json", variables=drawers).stdout)
    first, second = (of(petbench, run, f"sub-04_sample-{number}.nii.gz") for number in (1, 2))
    assert np.allclose(second * 0.8, first * 0.9, atol=1e-5)
    assert not list(petbench.home.glob("runs/*/predictions/*_sample-3*"))
    assert len(crps(run)) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "keep", "said"),
    [
        ("few", 2, "few drew 1 samples, and 2 are to be kept"),
        ("odd", 1, "sample 1 of the prediction of odd has"),
    ],
)
def test_samples_that_are_too_few_or_no_volumes_fail_the_run_in_words(
    petbench: Petbench, body_dataset: Path, drawers: Mapping[str, str], method: str, keep: int, said: str
) -> None:
    command = ("run", "--method", method, "--dataset", body_dataset, "--set", "samples=2", "--keep-samples", str(keep))
    assert said in petbench(*command, variables=drawers, code=1).stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("unet", "--keep-samples", "2"), "--keep-samples: unet draws no samples; leave the option out"),
        (("steps", "--keep-samples", "5", "--set", "samples=4"), "--keep-samples 5: steps draws samples=4; keep at"),
        (("steps", "--keep-samples", "1", "--tta", "2"), "--keep-samples keeps samples of one view; leave out --tta 2"),
        (("steps", "--keep-samples", "0"), "0 is not in the range 1<=x<=1000"),
    ],
)
def test_samples_that_nobody_draws_are_refused_before_anything_is_trained(
    petbench: Petbench, body_dataset: Path, drawers: Mapping[str, str], words: tuple[str, ...], said: str
) -> None:
    result = petbench("run", "--dataset", body_dataset, "--method", *words, variables=drawers, code=2)
    assert said in " ".join(result.stderr.replace("│", " ").split())
    assert petbench.json("runs", "list") == []
