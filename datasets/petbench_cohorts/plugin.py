"""The cohorts by name. Nothing here imports a client: that waits until somebody fetches."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pluggy

from petbench_cohorts.tasks import FLT, NAF
from petbench_datasets.errors import DataError
from petbench_datasets.sources import Fetch
from petbench_datasets.specs import DatasetSpec

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from petbench_datasets.progress import Progress
    from petbench_datasets.sources import Source
    from petbench_datasets.tasks.task import Task

hookimpl = pluggy.HookimplMarker("petbench")

_IDC = "Imaging Data Commons"


@hookimpl
def petbench_datasets() -> Iterable[DatasetSpec]:
    """Register the cohorts."""
    return [
        _cohort(
            "multimodal-hc",
            "80 healthy people, FDG, total body, dynamic 0-70 min: the one public cohort with both windows",
            "CC-BY-4.0",
            "Hinge et al., Multimodal-HC (before: hedyPET), Rigshospitalet, doi 10.57967/hf/9560",
            Fetch(
                open=_multimodal_hc,
                host="Hugging Face, DEPICT-RH/Multimodal-HC",
                people=80,
                measured="FDG, Siemens Biograph Vision Quadra, 69 frames from 0 to 70 min, organs by TotalSegmentator",
                bytes_a_participant=3_900_000_000,
                bytes_kept=830_000_000,
                terms="the data user agreement that the data set's page shows",
                terms_url="https://huggingface.co/datasets/DEPICT-RH/Multimodal-HC",
                doi="10.57967/hf/9560",
                reconstructions=("acdynPSF", "acdynOSEM"),
                imports=("huggingface_hub",),
            ),
        ),
        _cohort(
            "acrin-flt-breast",
            "50 patients with breast cancer, FLT, one bed, dynamic about 0-60 min: a check of the general path",
            "CC-BY-3.0",
            "Kostakoglu et al., J Nucl Med 2015;56:1681; data doi 10.7937/k9/tcia.2017.ol20zmxg",
            Fetch(
                open=partial(_idc, "acrin_flt_breast", FLT),
                task=FLT,
                host=_IDC,
                people=50,
                measured="F-18 FLT, GE, Philips and Siemens scanners, 43 to 45 and more frames of one bed",
                bytes_a_participant=431_500_000,
                bytes_kept=8_000_000,
                doi="10.7937/k9/tcia.2017.ol20zmxg",
                imports=("idc_index_data", "duckdb"),
            ),
        ),
        _cohort(
            "naf-prostate",
            "9 patients with prostate cancer, F-18 NaF, three passes and a later one: a check of the general path",
            "CC-BY-3.0",
            "Kurdziel et al., NaF PROSTATE, The Cancer Imaging Archive 2015, doi 10.7937/k9/tcia.2015.isoqthko",
            Fetch(
                open=partial(_idc, "naf_prostate", NAF),
                task=NAF,
                host=_IDC,
                people=9,
                measured="F-18 NaF, total body, three passes and a later one a visit",
                bytes_a_participant=118_500_000,
                bytes_kept=300_000_000,
                doi="10.7937/k9/tcia.2015.isoqthko",
                imports=("idc_index_data", "duckdb"),
            ),
        ),
    ]


def _cohort(name: str, summary: str, licence: str, citation: str, fetch: Fetch) -> DatasetSpec:
    return DatasetSpec(
        name=name, summary=summary, build=partial(_not_built, name), licence=licence, citation=citation, fetch=fetch
    )


def _not_built(name: str, _folder: Path, _progress: Progress) -> None:
    raise DataError(
        f"{name} is fetched and not built: petbench datasets fetch {name} --to FOLDER, then name that FOLDER"
    )


def _multimodal_hc(reconstruction: str, revision: str) -> Source:
    from petbench_cohorts.multimodal_hc import MultimodalHC

    return MultimodalHC(reconstruction, revision)


def _idc(collection: str, task: Task, _reconstruction: str, revision: str) -> Source:
    from petbench_cohorts.idc import Collection

    return Collection(collection, revision, task)
