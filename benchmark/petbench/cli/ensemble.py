"""`petbench ensemble`: the mean of several runs as a row of its own."""

from __future__ import annotations

import click

from petbench.cli.session import session


@click.command()
@click.argument("runs", metavar="RUN RUN...", nargs=-1, required=True, type=int)
@click.option("--as", "name", default="", help="What the row is called. Default: the method's name and -ensemble.")
@click.option("--json", "as_json", is_flag=True, help="Print the row and its scores as JSON.")
def ensemble(*, runs: tuple[int, ...], name: str, as_json: bool) -> None:
    """Average what the runs RUN predict, score the mean, and enter it as a row of its own.

    Members are runs of any methods that ended well here and test the same participants: seeds of one method, folds that
    differ in who validates, or different methods. Nothing is trained or predicted again; the row bears the members'
    training, seconds a volume and parameters together. Their spread is scored as uncertainty. petbench predict takes
    the row's number as any other and lets every member predict.

    \b
    petbench run --method unet --seed 0..4
    petbench ensemble 1 2 3 4 5
    petbench predict 6 scan.nii.gz -o delayed.nii.gz
    """
    from petbench.api.scoring import enter_ensemble
    from petbench.cli.result import print_result

    here = session()
    row = enter_ensemble(runs, name=name, session=here).row
    print_result(here.leaderboard, row, here.home, known=False, as_json=as_json)
