"""A build whose process is killed leaves whole participants or none, and no process behind."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from petbench_datasets.images.nifti import read_image

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

BUILD = """
import sys
from pathlib import Path
from petbench_phantom.build import build_phantom
from petbench_phantom.spec import PROFILES

def say(description, done, total):
    print(f"{done:.3f}", flush=True)

if __name__ == "__main__":
    build_phantom(PROFILES["fdg-phantom-mini"], Path(sys.argv[1]), say)
"""


def test_a_killed_build_leaves_whole_participants_and_no_process(tmp_path: Path) -> None:
    folder = tmp_path / "dataset"
    script = tmp_path / "build.py"
    script.write_text(BUILD, encoding="utf-8")
    with subprocess.Popen([sys.executable, str(script), str(folder)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if float(line) > 0 and list(folder.glob("sub-*")):
                break
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
    _, alive = psutil.wait_procs(children, timeout=60)
    assert not alive
    assert list(folder.glob("sub-*"))
    for participant in folder.glob("sub-*"):
        assert len(list(participant.glob("pet/*.json"))) == 2
        for image in participant.glob("pet/*_pet.nii.gz"):
            assert read_image(image)[0].max() > 0
        assert list((folder / "derivatives").rglob(f"{participant.name}*_dseg.nii.gz"))
