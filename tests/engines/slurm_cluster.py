"""A real Slurm on this machine, for the tests: munge, a controller and one node, all on loopback and in one folder."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol", "srun")
NODE = "loop1"
_CONFIGURATION = """\
ClusterName=loop
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmdTimeout=10
SlurmdParameters=config_overrides
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,batch_sched_delay=1,sched_min_interval=0,bf_interval=1,defer_batch
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
KillWait=30
MailProg=/bin/true
GresTypes=gpu
NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={node_port} CPUs=2 RealMemory=8000 Gres=gpu:2
PartitionName=main Nodes=ALL Default=YES MaxTime=60 PriorityTier=1 PreemptMode=REQUEUE State=UP
PartitionName=urgent Nodes=ALL MaxTime=60 PriorityTier=10 PreemptMode=OFF State=UP
"""


def why_not() -> str:
    """Return why no Slurm can be started here; empty where it can."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"{missing[0]} is not installed"
    return "" if os.geteuid() == 0 else "Slurm's daemons are started as root"


def until(true: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    """Wait until something is true; fail when it does not become so."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.05)


@dataclass
class Cluster:
    """A Slurm of one node with two cores and two graphics cards, which are none.

    Attributes:
        folder: of all its files; a short path, since sockets have short names.
    """

    folder: Path
    _daemons: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def variables(self) -> Mapping[str, str]:
        """What makes Slurm's programs use this cluster."""
        return {"SLURM_CONF": str(self.folder / "slurm.conf")}

    def start(self) -> None:
        """Start everything, and wait until the node is idle."""
        for name in ("state", "spool", "log"):
            (self.folder / name).mkdir()
        self.folder.chmod(0o755)
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(1024))
        key.chmod(0o400)
        cards = [self.folder / "nvidia0", self.folder / "nvidia1"]
        for card, minor in zip(cards, (3, 5), strict=True):
            os.mknod(card, 0o666 | 0o020000, os.makedev(1, minor))
        (self.folder / "gres.conf").write_text(f"Name=gpu File={self.folder}/nvidia[0-1]\n", encoding="utf-8")
        text = _CONFIGURATION.format(
            folder=self.folder,
            host=socket.gethostname().partition(".")[0],
            node=NODE,
            controller_port=_free_port(),
            node_port=_free_port(),
        )
        (self.folder / "slurm.conf").write_text(text, encoding="utf-8")
        files = {"socket": "munge.socket", "pid-file": "munge.pid", "log-file": "munge.log", "seed-file": "munge.seed"}
        options = [f"--{option}={self.folder / name}" for option, name in {"key-file": "munge.key", **files}.items()]
        self._start("munged", "--foreground", "--force", *options)
        until(lambda: (self.folder / "munge.socket").exists(), "munge listens")
        self.start_controller()
        self.start_node()
        until(
            lambda: self._word("sinfo", "--noheader", "--partition=main", "--format=%t") == "idle", "the node is idle"
        )

    def start_controller(self) -> None:
        self._start("slurmctld", "-D")

    def start_node(self) -> None:
        self._start("slurmd", "-D", "-N", NODE)

    def stop_controller(self) -> None:
        self._stop("slurmctld")

    def kill_node(self) -> None:
        """Kill the node as a power cut does: its daemon, its steps, and every process of its jobs."""
        daemon = self._daemons.pop("slurmd")
        daemon.kill()
        for process in self.processes():
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        daemon.wait()

    def processes(self) -> list[psutil.Process]:
        """Return every process of this cluster's jobs, parents first."""
        mine: list[psutil.Process] = []
        for process in psutil.process_iter():
            try:
                environment = process.environ()
                name = process.name()
            except psutil.Error:
                continue
            of_a_job = environment.get("SLURM_CONF") == self.variables["SLURM_CONF"] and "SLURM_JOB_ID" in environment
            if of_a_job or (name == "slurmstepd" and str(self.folder) in " ".join(environment.values())):
                mine.append(process)
        return mine

    def ask(self, *command: str) -> str:
        """Run one of Slurm's programs and return what it prints."""
        return subprocess.run(
            command, env={**os.environ, **self.variables}, capture_output=True, text=True, check=True
        ).stdout

    def stop(self) -> None:
        """End all jobs and daemons."""
        subprocess.run(["scancel", "--user=root"], env={**os.environ, **self.variables}, check=False)
        for process in self.processes():
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        for name in list(self._daemons):
            self._stop(name)

    def _word(self, *command: str) -> str:
        asked = subprocess.run(command, env={**os.environ, **self.variables}, capture_output=True, text=True)
        return asked.stdout.strip()

    def _start(self, *command: str) -> None:
        output = (self.folder / f"{command[0]}.out").open("ab")
        self._daemons[command[0]] = subprocess.Popen(
            command, env={**os.environ, **self.variables}, stdout=output, stderr=output, stdin=subprocess.DEVNULL
        )
        output.close()

    def _stop(self, name: str) -> None:
        daemon = self._daemons.pop(name)
        daemon.send_signal(signal.SIGTERM)
        try:
            daemon.wait(timeout=10)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
