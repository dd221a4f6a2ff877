"""The folder that a method's process works in: the only place that it shares with the run's process."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from petbench.errors import PetbenchError, PluginError
from petbench.methods.predicted_file import read_predicted

if TYPE_CHECKING:
    from pathlib import Path

    from petbench.contract import Volume
    from petbench.home import Home
    from petbench.runs.folder import RunFolder


@dataclass(frozen=True, slots=True)
class JobFolder:
    """One run's folder outside petbench's home: no folder above it holds a plan, a dataset or a leaderboard.

    What is taken from it was left there by a stranger's code: a link or a pipe in a file's place is never followed.

    Attributes:
        path: of the folder, whether it is there yet or not.
    """

    path: Path

    @classmethod
    def of(cls, home: Home, folder: RunFolder) -> JobFolder:
        """Return the folder that the method of a run works in."""
        return cls(home.jobs / folder.path.name)

    @property
    def training(self) -> Path:
        """The method's own folder, kept when a run resumes."""
        return self.path / "training"

    @property
    def model(self) -> Path:
        """The trained state."""
        return self.path / "state.pt"

    @property
    def images(self) -> Path:
        """Scans to predict from."""
        return self.path / "images"

    @property
    def predictions(self) -> Path:
        """Predicted volumes."""
        return self.path / "predictions"

    def predicted(self, number: int, sample: int = 0) -> Path:
        """Return the file of what was predicted from it, or of a sample of that; samples count from 1."""
        return self.predictions / (f"{number:06d}_sample-{sample}.npy" if sample else f"{number:06d}.npy")

    def prepare(self, training: Path) -> None:
        """Make the folder, with what an earlier part of the run left in `training`, which is moved.

        Raises:
            PetbenchError: the folder cannot be made.
        """
        try:
            for folder in (self.images, self.predictions):
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir(parents=True)
        except PermissionError as error:
            raise PetbenchError(
                f"{self.path} cannot be made ({error.strerror}): methods work beside petbench's home, where no path "
                "leads to it; choose a home beside which you may write, with PETBENCH_HOME"
            ) from None
        if training.is_dir() and not self.training.exists():
            _move(training, self.training)
        self.training.mkdir(exist_ok=True)

    def give_back(self, training: Path) -> None:
        """Move what the method leaves to `training`, regular files and folders alone, and remove the rest."""
        if self.training.is_dir() and not self.training.is_symlink():
            _keep_plain_files(self.training)
            shutil.rmtree(training, ignore_errors=True)
            _move(self.training, training)
        self.delete()

    def delete(self) -> None:
        """Remove the folder with everything in it, as a kill leaves it."""
        shutil.rmtree(self.path, ignore_errors=True)

    def take_model(self, target: Path) -> None:
        """Move the trained state to `target`.

        Raises:
            PluginError: there is no such file.
        """
        if not _is_plain(self.model):
            raise PluginError("the method's process said that it had saved its model, and there is none")
        _move(self.model, target)

    def lend_model(self, source: Path) -> None:
        """Copy a trained state into the folder."""
        self.model.unlink(missing_ok=True)
        shutil.copyfile(source, self.model)

    def take_prediction(self, number: int, shape: tuple[int, ...], whose: str, sample: int = 0) -> Volume:
        """Read a predicted volume and remove its file.

        Args:
            number: of the early volume that it was predicted from.
            shape: that it must have, (z, y, x).
            whose: names it in messages.
            sample: which of its samples; 0 for the prediction itself.

        Returns:
            Its voxels as float32; not yet known to be finite.

        Raises:
            PluginError: it is no volume of real numbers in this shape.
        """
        path = self.predicted(number, sample)
        volume = read_predicted(path, shape, whose)
        path.unlink(missing_ok=True)
        return volume


def _is_plain(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _keep_plain_files(folder: Path) -> None:
    """Remove links, pipes and devices, so that nothing that reads the folder later follows them."""
    waiting = [folder]
    while waiting:
        for path in waiting.pop().iterdir():
            mode = path.lstat().st_mode
            if stat.S_ISDIR(mode):
                waiting.append(path)
            elif not stat.S_ISREG(mode):
                path.unlink(missing_ok=True)


def _move(source: Path, target: Path) -> None:
    """Rename, or copy where the target is on another disk: wholly or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        partial = target.with_name(f".partial-{os.getpid()}-{target.name}")
        if source.is_dir():
            shutil.copytree(source, partial, symlinks=True)
        else:
            shutil.copyfile(source, partial, follow_symlinks=False)
        partial.rename(target)
        shutil.rmtree(source) if source.is_dir() else source.unlink()
