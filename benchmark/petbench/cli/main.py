"""The command `petbench`: its verbs and how failures leave it."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from typing import Any

import click

import petbench
from petbench.cli.conventions import conventions
from petbench.cli.datasets import datasets
from petbench.cli.doctor import doctor
from petbench.cli.ensemble import ensemble
from petbench.cli.evaluate import evaluate
from petbench.cli.export_png import export_png
from petbench.cli.leaderboard import leaderboard
from petbench.cli.leaderboard_log import remove, show_log
from petbench.cli.maintenance import backup, check, prune, upgrade
from petbench.cli.methods import methods
from petbench.cli.plan import plan
from petbench.cli.plugin import plugin
from petbench.cli.predict import predict
from petbench.cli.report import report
from petbench.cli.reproduce import reproduce
from petbench.cli.run import run
from petbench.cli.runs import runs
from petbench.cli.score import score
from petbench.cli.scores import scores
from petbench.cli.session import begin
from petbench.cli.study import study
from petbench.cli.submit import submit
from petbench.cli.tasks import tasks
from petbench.cli.tune import tune
from petbench.cli.verify import accept, verify
from petbench.errors import PetbenchError

_VERBS = (
    run,
    leaderboard,
    report,
    runs,
    scores,
    predict,
    score,
    evaluate,
    ensemble,
    plan,
    tune,
    reproduce,
    submit,
    verify,
    plugin,
    methods,
    datasets,
    tasks,
    export_png,
    conventions,
    study,
    doctor,
)


class PetbenchGroup(click.Group):
    """A group whose verbs keep their order, and whose expected failures are one line and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the verbs in the order in which a newcomer meets them."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb; turn an expected failure into one line on standard error."""
        try:
            return super().invoke(ctx)
        except PetbenchError as error:
            click.echo(f"{click.style('error:', fg='red', bold=True)} {error}", err=True)
            ctx.exit(error.exit_code)
        except BrokenPipeError:  # the reader went away, as in `petbench scores export | head`; see `main`
            raise
        except OSError as error:
            # A full disk or a read-only folder is the user's to fix; a traceback would not help.
            if error.filename is None and error.errno is None:
                raise
            where = f": {error.filename}" if error.filename else ""
            message = f"{error.strerror or error}{where}; free or choose another place and repeat the command"
            click.echo(f"{click.style('error:', fg='red', bold=True)} {message}", err=True)
            ctx.exit(1)


@click.group(
    cls=PetbenchGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Research use only: nothing that petbench prints or predicts is fit for diagnosis.",
)
@click.version_option(petbench.__version__, prog_name="petbench")
@click.option(
    "--db",
    metavar="URL",
    help="The leaderboard, a file or any SQLAlchemy URL, in place of $PETBENCH_DB or the file in petbench's home.",
)
@click.pass_context
def cli(ctx: click.Context, /, *, db: str | None) -> None:
    """Compare methods that predict the delayed PET image (42-63 min) from an early one (7-21 min).

    \b
    petbench run --method pix2pix     train, predict, score and record one method
    petbench leaderboard              see its rank
    petbench report -o board          look at its images
    """
    begin(ctx, db=db)


for _verb in _VERBS:
    cli.add_command(_verb)
for _verb in (accept, backup, check, prune, remove, show_log, upgrade):
    leaderboard.add_command(_verb)


def main() -> None:
    """Start petbench from a shell."""
    try:
        cli(prog_name="petbench")
    except BrokenPipeError:  # the reader of a pipe went away, as in `petbench runs list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except SystemExit as leaving:
        _leave_threads_of_plugins(leaving.code)
        raise


def _leave_threads_of_plugins(code: object) -> None:
    """End now where a plugin has started a thread that Python would wait for: the command has done its work."""
    if any(not thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread()):
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))
