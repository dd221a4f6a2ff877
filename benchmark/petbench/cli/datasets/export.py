"""`petbench datasets export`."""

from __future__ import annotations

from pathlib import Path

import click

from petbench.cli.options import complete_dataset


@click.command()
@click.argument("dataset", shell_complete=complete_dataset)
@click.option("--out", "-o", required=True, type=click.Path(file_okay=False, path_type=Path), help="New folder.")
@click.option(
    "--as", "form", type=click.Choice(["bids", "nifti", "dicom"]), default="bids", show_default=True, help="Format."
)
def export(dataset: str, *, out: Path, form: str) -> None:
    """Write the pairs of DATASET as BIDS-PET, as NIfTI in SUV with a table, or as DICOM series."""
    from petbench.cli.console import open_named, progress_bar
    from petbench_datasets.dicom_export import export_dicom
    from petbench_datasets.exporting import export_bids, export_nifti

    named, _ = open_named(dataset)
    write = {"bids": export_bids, "nifti": export_nifti, "dicom": export_dicom}[form]
    with progress_bar() as progress:
        write(named.cohort, out, progress)
    click.echo(f"{named.name}: {len(named.cohort.participants)} participants written to {out} as {form}")
