"""Runs on a real Slurm, which is started for them: what it kills, preempts and forgets costs no run and no bit."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.engines.gated import Command, Lab, same_bits
from tests.engines.slurm_cluster import NODE, Cluster, until

pytestmark = pytest.mark.slow


def end(command: Command, slurm: Cluster) -> str:
    """Wait for a command, and let jobs that were requeued start at once: Slurm holds them for two minutes."""

    def has_ended() -> bool:
        for line in slurm.ask("squeue", "--noheader", "--format=%A %r", "--states=PENDING").splitlines():
            job, _, reason = line.partition(" ")
            if reason == "BeginTime":
                slurm.ask("scontrol", "update", f"JobId={job}", "StartTime=now")
        return command.process.poll() is not None

    until(has_ended, "the command ends", seconds=180)
    return command.end()


def test_two_cells_run_at_once_each_with_a_card_of_its_own_and_no_row_names_a_machine(
    lab: Lab, slurm: Cluster, tmp_path: Path
) -> None:
    command = lab.begin("--seed", "0,1", "--on", "slurm", "--gpus", "1", "--memory", "0.5", "--minutes", "10")
    lab.gate.wait_for(2)
    lab.gate.open()
    said = command.end()
    assert "2 runs: 2 ran" in said
    assert f"seed 1: running on {NODE}" in said
    rows = lab.listed()
    assert [row["status"] for row in rows] == ["ok", "ok"]
    assert sorted(row["ran_on"]["places"][0]["gpus"] for row in rows) == ["0", "1"]
    assert all(row["ran_on"]["nodes"] == [NODE] and row["ran_on"]["tries"] == 1 for row in rows)
    # The environment is the node's: its method's process says how many threads it has.
    assert all(row["machine"]["threads"] == 1 and row["environment"] for row in rows)
    exported = tmp_path / "runs.jsonl"
    lab.command("leaderboard", "export", str(exported)).end()
    assert exported.stat().st_size > 1000
    assert NODE not in exported.read_text(encoding="utf-8")
    made = lab.scores(2)
    assert {key[0] for key in made} == {"test", "validation"}
    lab.spoil_scores(2)
    lab.command("score", "--runs", "2", "--on", "slurm").end()
    assert lab.scores(2) == made
    assert [row["ran_on"]["tries"] for row in lab.listed()] == [1, 1]


def test_a_run_that_is_preempted_is_requeued_and_resumes_to_the_same_bits(
    lab: Lab, slurm: Cluster, undisturbed: Lab
) -> None:
    command = lab.begin("--on", "slurm")
    lab.gate.wait_for(1)
    slurm.ask("sbatch", "--parsable", "--partition=urgent", "--cpus-per-task=2", "--output=/dev/null", "--wrap=true")
    node_log = next(lab.home.glob("runs/*/node.log"))
    until(lambda: "writing a checkpoint" in node_log.read_text(encoding="utf-8"), "the run is asked to stop")
    lab.gate.open_to_stop()
    end(command, slurm)
    (row,) = lab.rows()
    assert row.status == "ok"
    assert lab.listed()[0]["ran_on"]["tries"] == 2
    assert _parts_of_training(lab) == [2]
    assert same_bits(lab, undisturbed, row, undisturbed.rows()[0])


def test_a_run_all_of_whose_processes_are_killed_is_submitted_again_and_has_the_same_bits(
    lab: Lab, slurm: Cluster, undisturbed: Lab
) -> None:
    command = lab.begin("--on", "slurm")
    lab.gate.wait_for(1)
    for process in slurm.processes():
        if process.name() != "slurmstepd":
            process.kill()
    lab.gate.open()
    said = command.end()
    assert "submitted again" in said
    (row,) = lab.rows()
    assert row.status == "ok"
    assert lab.listed()[0]["ran_on"]["tries"] == 2
    assert same_bits(lab, undisturbed, row, undisturbed.rows()[0])


def test_a_run_whose_node_dies_is_made_when_the_node_is_back(lab: Lab, slurm: Cluster) -> None:
    command = lab.begin("--on", "slurm")
    lab.gate.wait_for(1)
    slurm.kill_node()
    lab.gate.open()
    slurm.start_node()
    end(command, slurm)
    (row,) = lab.rows()
    assert row.status == "ok"
    assert lab.listed()[0]["ran_on"]["tries"] == 2


def test_the_same_command_attaches_after_its_death_and_while_nobody_answers_all_is_as_last_known(
    lab: Lab, slurm: Cluster
) -> None:
    first = lab.begin("--seed", "0,1", "--on", "slurm")
    lab.gate.wait_for(2)
    first.process.kill()
    first.end(code=-9)
    assert [row.status for row in lab.rows()] == ["running", "running"]

    refused = lab.begin("--seed", "0").end(code=1)  # here, while the engine has it
    assert "is the same run and with slurm" in refused

    second = lab.begin("--seed", "0,1", "--on", "slurm")
    second.says("2 of them went on already with slurm: attached, nothing is started twice")
    second.says(f"running on {NODE}", times=2)
    slurm.stop_controller()
    second.says("no answer from the engine")
    assert [row.status for row in lab.rows()] == ["running", "running"]
    slurm.start_controller()
    lab.gate.open()
    second.end()
    assert [row.status for row in lab.rows()] == ["ok", "ok"]
    assert [row["ran_on"]["tries"] for row in lab.listed()] == [1, 1]


def test_ctrl_c_cancels_what_waits_and_asks_what_runs_for_a_checkpoint_from_which_the_same_command_goes_on(
    lab: Lab, slurm: Cluster
) -> None:
    asked = ("--seed", "0,1", "--on", "slurm", "--at-once", "1")
    command = lab.begin(*asked)
    lab.gate.wait_for(1)
    command.says("running on")
    command.interrupt()
    command.says("cancelled what waits")
    node_log = next(lab.home.glob("runs/*/node.log"))
    until(lambda: "writing a checkpoint" in node_log.read_text(encoding="utf-8"), "the run is asked to stop")
    lab.gate.open_to_stop()
    command.end(code=130)
    assert [row.status for row in lab.rows()] == ["interrupted", "interrupted"]
    assert not slurm.ask("squeue", "--noheader", "--states=PENDING,RUNNING").strip()

    lab.begin(*asked, "--detach").end()
    lab.command("runs", "collect", "--wait").end()
    assert [row.status for row in lab.rows()] == ["ok", "ok"]
    assert _parts_of_training(lab) == [1, 2]


def test_other_code_on_the_node_ends_a_run_before_any_training_with_one_line(lab: Lab, slurm: Cluster) -> None:
    lab.begin("--on", "slurm", "--detach", "--engine-option", "begin=now+1hour").end()
    slurm.ask("scancel", "--user=root")
    (folder,) = lab.home.glob("runs/*")
    module = lab.folder / "site" / "gated.py"
    module.write_text(module.read_text(encoding="utf-8") + "\n# another version\n", encoding="utf-8")
    node = [sys.executable, "-m", "petbench.engines.node", str(folder)]
    subprocess.run(node, env=lab.variables, check=True, capture_output=True)
    assert not (folder / "training").exists()
    lab.command("runs", "collect").end(code=1)
    (row,) = lab.rows()
    assert (row.status, row.fault) == ("interrupted", "machine")
    assert "its code (gated.py)" in (row.error_message or "")
    assert "\n" not in (row.error_message or "")


def test_images_that_differ_from_the_planned_ones_end_a_run_before_any_training(
    lab: Lab, slurm: Cluster, tmp_path: Path
) -> None:
    lab.dataset = shutil.copytree(lab.dataset, tmp_path / "changed")
    lab.begin("--on", "slurm", "--detach", "--engine-option", "begin=now+1hour").end()
    slurm.ask("scancel", "--user=root")
    (folder,) = lab.home.glob("runs/*")
    image = next(lab.dataset.glob("sub-01/pet/*early*.nii.gz"))
    shutil.copy(next(lab.dataset.glob("sub-02/pet/*early*.nii.gz")), image)
    node = [sys.executable, "-m", "petbench.engines.node", str(folder)]
    subprocess.run(node, env=lab.variables, check=True, capture_output=True)
    lab.command("runs", "collect").end(code=1)
    (row,) = lab.rows()
    assert (row.status, row.fault, row.images_seen) == ("failed", "data", None)
    assert "the images have changed since the run was planned" in (row.error_message or "")


def test_slurm_says_in_one_line_what_it_refuses(lab: Lab) -> None:
    said = lab.begin("--on", "slurm", "--engine-option", "partition=nowhere").end(code=1)
    assert said.count("error: sbatch: ") == 1
    assert "invalid partition" in said.lower()
    lab.given = {**lab.given, "PATH": str(Path(sys.executable).parent)}
    assert "error: sbatch is not on this machine" in lab.begin("--on", "slurm").end(code=1)


def _parts_of_training(lab: Lab) -> list[int]:
    """Return in how many parts each run was trained; one that begins afresh has a log of one part."""
    logs = [path.read_text(encoding="utf-8") for path in lab.home.glob("runs/*/training/log.jsonl")]
    return sorted(sum(json.loads(line)["event"] == "engine" for line in log.splitlines()) for log in logs)
