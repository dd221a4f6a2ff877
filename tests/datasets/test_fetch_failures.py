"""What a fetch says when something fails: one line, nothing half-written that passes for whole, and a way to go on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.datasets.hub_stand_in import read_folder
from tests.datasets.test_fetch import FETCH, bytes_of

from petbench_datasets.dataset.reader import open_dataset

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.datasets.hub_stand_in import Hub

    Invoke = Callable[..., tuple[int, str]]

STEM = "train/{0}/ses-quadra/pet/{0}_ses-quadra_trc-18FFDG_rec-acdynPSF_pet"
IMAGE = STEM.format("sub-001") + ".nii.gz"


def line_of(said: str) -> str:
    """Return the one line of the error, once there is no traceback."""
    assert "Traceback" not in said
    errors = [line for line in said.splitlines() if line.startswith("error:")]
    assert len(errors) == 1, said
    return errors[0]


def test_a_file_with_a_wrong_hash_is_fetched_again(hub: Hub, invoke: Invoke, tmp_path: Path) -> None:
    hub.corrupt[IMAGE] = 1
    code, said = invoke(*FETCH, "--to", tmp_path / "mhc", "--participants", "sub-001")
    assert code == 0, said
    assert [path for path, _ in hub.asked].count(IMAGE) == 2


@pytest.mark.parametrize("path", [IMAGE, STEM.format("sub-001") + ".json"])
def test_a_file_that_is_wrong_twice_is_refused_by_name(hub: Hub, invoke: Invoke, tmp_path: Path, path: str) -> None:
    hub.corrupt[path] = 2
    code, said = invoke(*FETCH, "--to", tmp_path / "mhc", "--participants", 2)
    assert code == 1
    assert path in line_of(said)
    assert ("SHA-256" if path == IMAGE else "Git hash") in line_of(said)
    assert not any(Path(path).name in name for name in read_folder(tmp_path / "mhc"))
    assert open_dataset(tmp_path / "mhc").people == ("sub-000",)
    assert invoke(*FETCH, "--to", tmp_path / "mhc", "--participants", 2)[0] == 0


def test_an_answer_that_breaks_off_is_gone_on_with_from_its_last_byte(hub: Hub, invoke: Invoke, tmp_path: Path) -> None:
    hub.cut[IMAGE] = 5000
    code, said = invoke(*FETCH, "--to", tmp_path / "mhc", "--participants", "sub-001")
    assert code == 0, said
    assert [start for path, start in hub.asked if path == IMAGE] == [0, 5000]


def test_a_host_without_ranges_gives_the_same_cohort(hub: Hub, invoke: Invoke, tmp_path: Path) -> None:
    invoke(*FETCH, "--to", tmp_path / "undisturbed" / "mhc", "--participants", "sub-001")
    hub.ranges = False
    hub.cut[IMAGE] = 5000
    code, said = invoke(*FETCH, "--to", tmp_path / "mhc", "--participants", "sub-001")
    assert code == 0, said
    assert bytes_of(tmp_path / "mhc") == bytes_of(tmp_path / "undisturbed" / "mhc")


def test_a_host_that_goes_away_leaves_a_part_that_the_same_command_goes_on_with(
    hub: Hub, invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("petbench_datasets.fetching.download.WAITS_SECONDS", ())
    hub.cut[IMAGE] = 5000
    fetch = (*FETCH, "--to", tmp_path / "mhc", "--participants", "sub-001")
    code, said = invoke(*fetch)
    assert code == 1
    assert IMAGE in line_of(said)
    assert "goes on where it is" in said
    hub.asked.clear()
    code, said = invoke(*fetch, "--dry-run")
    assert hub.asked == []
    assert invoke(*fetch)[0] == 0
    assert [start for path, start in hub.asked if path == IMAGE] == [5000]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", None])
def test_a_host_that_is_away_is_named_in_one_line(
    hub: Hub, invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str | None
) -> None:
    hub.away = True
    if url:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", url)
    code, said = invoke(*FETCH, "--to", tmp_path / "mhc")
    assert code == 1
    assert "DEPICT-RH/Multimodal-HC" in line_of(said)
    assert "repeat the command later" in said
    assert not (tmp_path / "mhc").exists()


@pytest.mark.parametrize("token", ["", "hf_of_somebody_else"])
def test_without_a_login_it_says_where_to_accept_and_how_to_log_in(
    hub: Hub, invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    code, said = invoke(*FETCH, "--to", tmp_path / "mhc")
    assert code == 1
    assert f"{hub.url}/datasets/DEPICT-RH/Multimodal-HC" in line_of(said)
    assert ("hf auth login" in said) == (not token)
    assert not hub.asked


def test_terms_that_were_not_accepted_are_said_before_anything_is_downloaded(
    hub: Hub, invoke: Invoke, tmp_path: Path
) -> None:
    hub.accepted = False
    code, said = invoke(*FETCH, "--to", tmp_path / "mhc")
    assert code == 1
    assert "accept them at" in line_of(said)
    assert not hub.asked
    assert not (tmp_path / "mhc").exists()
    code, said = invoke("datasets", "fetch", "multimodal-hc", "--to", tmp_path / "mhc", "--dry-run")
    assert code == 0
    assert "accept them at" in said


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--participants", "sub-0001"], "no participant is called 'sub-0001'; did you mean 'sub-001'?"),
        (["--participants", "0"], "--participants 0"),
        (["--participants", "-3"], "--participants -3"),
        (["--reconstruction", "acdynPFS"], "did you mean 'acdynPSF'?"),
        (["--grid", "4,4"], "--grid '4,4' is not understood"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(
    hub: Hub, invoke: Invoke, tmp_path: Path, options: list[str], expected: str
) -> None:
    code, said = invoke(*FETCH, "--to", tmp_path / "mhc", *options)
    assert code == 2
    assert expected in line_of(said)
    assert not (tmp_path / "mhc").exists()


def test_a_cohort_by_another_name_is_refused(invoke: Invoke, tmp_path: Path) -> None:
    code, said = invoke("datasets", "fetch", "multimodal-ch", "--to", tmp_path / "x")
    assert code == 2
    assert "did you mean 'multimodal-hc'?" in line_of(said)
    code, said = invoke("datasets", "fetch", "fdg-phantom-mini", "--to", tmp_path / "x")
    assert code == 2
    assert "petbench datasets build fdg-phantom-mini" in line_of(said)
    code, said = invoke("datasets", "build", "multimodal-hc")
    assert code == 1
    assert "petbench datasets fetch multimodal-hc --to FOLDER" in line_of(said)


def test_nobody_there_to_be_asked_is_refused(hub: Hub, invoke: Invoke, tmp_path: Path) -> None:
    code, said = invoke("datasets", "fetch", "multimodal-hc", "--to", tmp_path / "mhc")
    assert code == 2
    assert "--yes" in line_of(said)
    assert not hub.asked


def test_a_client_that_is_not_installed_is_named_with_the_command_that_installs_it(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    code, said = invoke(*FETCH, "--to", tmp_path / "mhc")
    assert code == 1
    assert "huggingface_hub" in line_of(said)
    assert "pip install 'petbench[fetch]'" in said


def test_a_machine_that_is_said_to_be_offline_fetches_nothing(
    hub: Hub, invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PETBENCH_OFFLINE", "1")
    code, said = invoke(*FETCH, "--to", tmp_path / "mhc")
    assert code == 1
    assert "PETBENCH_OFFLINE" in line_of(said)
    assert not hub.asked


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--grid", "60,40,40"], "grid 'early', not '60,40,40'"),
        (["--reconstruction", "acdynOSEM"], "reconstruction 'acdynPSF', not 'acdynOSEM'"),
    ],
)
def test_a_cohort_that_was_fetched_otherwise_is_refused(
    hub: Hub, invoke: Invoke, tmp_path: Path, options: list[str], expected: str
) -> None:
    invoke(*FETCH, "--to", tmp_path / "mhc", "--participants", 1)
    before = read_folder(tmp_path / "mhc")
    code, said = invoke(*FETCH, "--to", tmp_path / "mhc", *options)
    assert code == 1
    assert expected in line_of(said)
    assert read_folder(tmp_path / "mhc") == before


def test_a_folder_with_something_else_is_refused(hub: Hub, invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "mhc").mkdir()
    (tmp_path / "mhc" / "thesis.tex").write_text("precious", encoding="utf-8")
    code, said = invoke(*FETCH, "--to", tmp_path / "mhc")
    assert code == 1
    assert "thesis.tex" in line_of(said)
    assert read_folder(tmp_path / "mhc") == {"thesis.tex": b"precious"}


def test_a_disk_that_is_too_small_is_said_before_anything_is_downloaded(
    hub: Hub, invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: shutil._ntuple_diskusage(10**6, 10**6 - 2000, 2000))
    code, said = invoke(*FETCH, "--to", tmp_path / "mhc")
    assert code == 1
    assert "the disk has 2 kB free" in line_of(said)
    assert not hub.asked


def test_one_who_cannot_be_used_is_left_out_and_the_others_come(hub: Hub, invoke: Invoke, tmp_path: Path) -> None:
    path = STEM.format("sub-001") + ".json"
    content: dict[str, Any] = json.loads(hub.files[path])
    del content["InjectedRadioactivity"]
    hub.files[path] = json.dumps(content).encode()
    code, said = invoke(*FETCH, "--to", tmp_path / "mhc")
    assert code == 1
    assert "left out: sub-001" in said
    assert "InjectedRadioactivity" in said
    assert open_dataset(tmp_path / "mhc").people == ("sub-000", "sub-004", "sub-015")
    hub.asked.clear()
    code, said = invoke(*FETCH, "--to", tmp_path / "mhc")
    assert code == 1
    assert "left out: sub-001" in said
    assert "none; 3 are there; 1 could not be used" in said
    assert hub.asked == []
    content["InjectedRadioactivity"] = 29.0
    hub.files[path] = json.dumps(content).encode()
    (tmp_path / "mhc" / ".fetch" / "left-out" / "sub-001.json").unlink()
    code, said = invoke(*FETCH, "--to", tmp_path / "mhc")
    assert code == 0, said
    assert len(open_dataset(tmp_path / "mhc").people) == 4


def test_ctrl_c_is_one_line_and_the_same_command_goes_on(
    hub: Hub, invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("petbench_datasets.fetching.cohort.make_images", interrupted)
        code, said = invoke(*FETCH, "--to", tmp_path / "mhc", "--participants", 1)
    assert code == 1
    assert "interrupted: 0 participants are there; the same command goes on" in line_of(said)
    hub.asked.clear()
    assert invoke(*FETCH, "--to", tmp_path / "mhc", "--participants", 1)[0] == 0
    assert not hub.asked


def test_a_host_without_the_reconstruction_says_which_it_has(hub: Hub, invoke: Invoke, tmp_path: Path) -> None:
    hub.files = {path: data for path, data in hub.files.items() if "acdynOSEM" not in path}
    code, said = invoke(*FETCH, "--to", tmp_path / "mhc", "--reconstruction", "acdynOSEM")
    assert code == 1
    assert "the reconstructions there: acdynPSF, acstatPSF" in line_of(said)


def test_a_host_without_labels_gives_a_cohort_without_and_says_so(hub: Hub, invoke: Invoke, tmp_path: Path) -> None:
    hub.files = {path: data for path, data in hub.files.items() if "derivatives" not in path}
    code, said = invoke(*FETCH, "--to", tmp_path / "mhc", "--participants", 1)
    assert code == 0
    assert "the host has no organ labels" in said
    assert open_dataset(tmp_path / "mhc").labels("sub-000") is None
