"""`petbench datasets export`."""

from __future__ import annotations

from pathlib import Path

import click

from petbench.cli.options import complete_dataset, task_option


@click.command()
@click.argument("dataset", shell_complete=complete_dataset)
@click.option("--out", "-o", required=True, type=click.Path(file_okay=False, path_type=Path), help="New folder.")
@click.option(
    "--as", "form", type=click.Choice(["bids", "nifti", "dicom"]), default="bids", show_default=True, help="Format."
)
@click.option(
    "--without-test-targets",
    is_flag=True,
    help="Copy without the delayed images of the test participants, so that only you can score predictions of them.",
)
@click.option(
    "--split",
    default="holdout",
    show_default=True,
    help="With --without-test-targets: the split whose test participants are meant.",
)
@task_option
def export(dataset: str, *, out: Path, form: str, without_test_targets: bool, split: str, task: str) -> None:
    """Write the pairs of DATASET as BIDS-PET, as NIfTI in SUV with a table, or as DICOM series.

    With --without-test-targets the files are copied as they are, but the delayed images of the test participants are
    left out. Submitters train and predict with the copy, and send you a submission. `petbench verify` and `petbench
    leaderboard accept` score it with your full dataset, whose fingerprint the copy has.

    \b
    petbench datasets export fdg-phantom-mini --as nifti --out for-others
    petbench datasets export ~/my-dataset --without-test-targets --out for-submitters
    """
    from petbench.cli.console import open_named
    from petbench.errors import UsageError
    from petbench.terminal import progress_bar
    from petbench_datasets.exporters.dicom import export_dicom
    from petbench_datasets.exporters.images import export_bids, export_nifti

    if without_test_targets and form != "bids":
        raise UsageError("--without-test-targets copies a BIDS-PET dataset; leave out --as")
    named, _ = open_named(dataset, task=task)
    if without_test_targets:
        from petbench_datasets.exporters.without_targets import export_without_targets

        with progress_bar() as progress:
            hidden, left_out = export_without_targets(named.dataset, split, out, progress)
        click.echo(f"{named.name}: copied to {out} without the delayed images of {', '.join(hidden)}")
        if left_out:
            click.echo(f"columns of participants.tsv that were left out: {', '.join(left_out)}")
        return
    write = {"bids": export_bids, "nifti": export_nifti, "dicom": export_dicom}[form]
    with progress_bar() as progress:
        write(named.dataset, out, progress)
    click.echo(f"{named.name}: {len(named.dataset.participants)} participants written to {out} as {form}")
