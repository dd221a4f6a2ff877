"""`petbench report`: the leaderboard as a site to open, send or publish, and its figures for a paper."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click

from petbench.cli.options import name_on_the_board, only_task_option
from petbench.cli.session import session

if TYPE_CHECKING:
    from collections.abc import Callable

    from petbench.home import Home
    from petbench_datasets.progress import Progress
    from petbench_leaderboard.report.site.build import SiteOptions
    from petbench_leaderboard.store import Leaderboard


@click.command()
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), help="Folder of the site, or file of a figure or table."
)
@click.option("--dataset", "-d", callback=name_on_the_board, help="Only this dataset.")
@click.option("--split", help="Only this split.")
@only_task_option
@click.option("--where", help='Only rows that fulfil a condition, such as "psnr_body_suv20>30 and seed=0".')
@click.option("--title", help="Heading of the first page.")
@click.option(
    "--serve", is_flag=True, help="Serve the site to this machine alone, kept up to date while runs are in progress."
)
@click.option("--figure", type=click.IntRange(1, 4), help="1 box plots, 2 significance, 3 rank stability, 4 Pareto.")
@click.option("--table", type=click.IntRange(1, 3), help="1 leaderboard, 2 participant by participant, 3 comparisons.")
def report(
    *,
    output: Path | None,
    dataset: str | None,
    split: str | None,
    task: str | None,
    where: str | None,
    title: str | None,
    serve: bool,
    figure: int | None,
    table: int | None,
) -> None:
    """Write the leaderboard as a site: the ranking, a page a run, and a slice viewer a participant.

    The site works from a double-click: no server, no network. With --figure or --table, one piece for a paper is
    written instead, in the format of the file's ending: .pdf .svg .png, or .tex .md .csv.

    \b
    petbench report -o site
    petbench report --serve
    petbench report --figure 1 -o figure.pdf --dataset fdg-phantom-mini
    """
    from petbench.errors import UsageError
    from petbench_leaderboard.report.site.build import SiteOptions

    home, store = session().home, session().leaderboard
    options = SiteOptions(dataset=dataset, split=split, task=task, where=where)
    if title:
        options = dataclasses.replace(options, title=title)
    _check_names(store, options)
    if serve:
        _serve(store, home, options)
        return
    if output is None:
        raise UsageError("-o is missing: name the folder of the site, or the file of a figure or table")
    if figure or table:
        _piece(options, figure, table, output)
        return
    from petbench.terminal import progress_bar, say

    with progress_bar() as progress:
        page = _write(
            store, home, options, output, progress, lambda path: say(f"to read already: {path}; its other pages follow")
        )
    click.echo(f"open {page}")


def _check_names(store: Leaderboard, options: SiteOptions) -> None:
    """Refuse at once what the leaderboard has nothing of: a server would say it only when somebody looks."""
    from petbench_leaderboard.row_selection import board_entries

    board_entries(store, dataset=options.dataset, split=options.split, task=options.task)
    store.runs(where=options.where, limit=1)


def _write(
    store: Leaderboard,
    home: Home,
    options: SiteOptions,
    folder: Path,
    progress: Progress,
    first: Callable[[Path], object],
) -> Path:
    from petbench.runs.site_sources import HomeSources
    from petbench_leaderboard.report.site.build import write_site

    sources = HomeSources(home, store)
    page = write_site(store, sources, folder, options=options, progress=progress, first=first)
    for line in sources.left_out:
        click.echo(f"{click.style('note:', fg='yellow')} no picture of it: {line}", err=True)
    return page


def _serve(store: Leaderboard, home: Home, options: SiteOptions) -> None:
    """Serve the site until Ctrl-C, kept up to date while runs go on."""
    import tempfile

    from petbench.runs.site_sources import HomeSources
    from petbench_leaderboard.report.site.live import LiveSite
    from petbench_leaderboard.report.site.serve import make_server

    with tempfile.TemporaryDirectory(prefix="petbench-site-") as name:
        folder = Path(name)
        site = LiveSite(store, HomeSources(home, store), folder, options)
        server = make_server(folder, state=site.state, write=site.write, draw=site.draw, write_page=site.write_page)
        with server:
            click.echo(f"http://{server.server_address[0]!s}:{server.server_address[1]}/  (Ctrl-C ends)")
            try:
                server.serve_forever()
            except KeyboardInterrupt:
                click.echo("ended", err=True)


def _piece(options: SiteOptions, figure: int | None, table: int | None, path: Path) -> None:
    """Write one figure or table of the one board that was asked for."""
    from petbench.api.boards import leaderboard
    from petbench.errors import UsageError
    from petbench_leaderboard.report.publication.figures import export_figure
    from petbench_leaderboard.report.publication.tables import export_table

    found = leaderboard(
        dataset=options.dataset, split=options.split, task=options.task, where=options.where, session=session()
    )
    board = found.board
    if figure and table:
        raise UsageError("give --figure or --table, not both")
    if figure:
        export_figure(board, figure, path)
    elif table:
        export_table(board, table, path)
    click.echo(str(path))
