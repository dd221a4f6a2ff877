"""The validation of a simulated dataset as one page that people read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from petbench_datasets.files import write_text
from petbench_phantom.headroom_section import headroom_section, table
from petbench_phantom.noise import correlation_length_millimetres
from petbench_phantom.validation import IDENTITY_ERROR_IN_PEOPLE, MARKS, ONE_CONSTANT_ERROR_IN_PEOPLE
from petbench_phantom.validation_figures import write_figures

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from petbench_datasets.dataset.reader import Dataset
    from petbench_datasets.specs import Headroom
    from petbench_phantom.validation import Measurements, RegionCheck

_HOW = """\
## How the dataset is made, and what it is not

- **Anatomy.** Solids of the MIRD-5 / Cristy-Eckerman family (ORNL/TM-8381, 1987), scaled to sampled heights, weights
  (lean mass by Janmahasatian 2005) and organ volumes, bent by a smooth field of about 9 mm, and moved by about 3 mm
  between the frames. Small bowel lies in loops that nobody else has, the colon frames them, the cortex is folded; there
  are large vessels, ureters that hold urine in single stretches, joint capsules, tonsils, and muscles that worked in
  some people and not in others. Organs are smooth solids: no vessels within organs, no bowel contents, no fine bone.
- **Kinetics.** Two-tissue compartments with a population whole-blood input. For each participant and organ an early and
  a delayed SUV are sampled, and K1, vb and k3 solved for them; time within a frame then follows the compartments.
{sampling}
- **Activity adds up in `fdg-phantom-mini` alone.** Uptake and bodies are sampled apart, so that some people hold more
  activity than was injected and others less; how much, the top of this page says. In the mini, muscle, fat and joints
  take what organs, blood and urine leave, with one factor for both frames and at most three standard deviations of the
  muscle of people: nobody holds more than was injected. The other datasets keep the images that results rest on.
- **Means and spreads are calibrated.** SUV was measured in people on *reconstructed* images; the activity put in was
  chosen by simulation for the reconstructed region of `fdg-phantom` to agree (`organs.py` and `regions.py`). The table
  therefore shows that the dataset has the statistics of people; it is no independent prediction of them. Visceral fat,
  skull and spinal cord are mostly what their neighbours spill into them, here as there.
- **Scanner.** Gaussian resolution, attenuation, scatter as a wide smear of the trues, flat randoms, Poisson counts,
  decay. The default reconstruction is *2-D OSEM, slice by slice, of rebinned data* whose resolution is 3-D and whose
  noise is correlated along z, as rebinning correlates it; it is not fully 3-D. `fdg-phantom-3d` adds four oblique
  segments (tan 0.1 and 0.2, by shear along z) and reconstructs them together: OSEM that is truly 3-D, of five segments.
  `fdg-phantom-multibed` is seen bed by bed, each slab at its own time, with fewer counts; `petbench datasets build
  --help` says how to ask for either. Attenuation, scatter and randoms are known exactly to the reconstruction;
  resolution is not modelled in it; there is no time of flight, no dead time, no motion within a frame but breathing.
- **The same bits everywhere.** Random numbers are counter-based (Philox). The projector's weights and all images lie on
  binary lattices on which every sum is exact in double precision, so order, threads and compilers cannot matter;
  images are stored in whole Bq/mL. The fingerprint is committed, and checked after each build.
"""

_SAMPLING = {
    "matched": """\
- **Samples are matched, not independent.** So few independent samples miss a spread known to 20 % as often as not.
  Samples are stratified, then made to have the sample mean, variance and early-delayed correlation of the measured
  region. Such a dataset is more alike its population than a random one of its size. It shows what people look like;
  it cannot say how datasets of this size vary, and no interval over its participants means what it says: for that there
  is `fdg-phantom-60`. Organs are correlated by blood alone; a heavier body tends to a higher SUV in the brain.""",
    "independent": """\
- **Participants are drawn independently**, one after the other, from the population that `fdg-phantom` is matched to.
  This sample's means and spreads therefore miss those of people as any sample of its size does, and so may a mark
  above; intervals over its participants mean what they say. Voxels are coarse, so that small organs read out as their
  neighbourhood. Organs are correlated by blood alone; a heavier body tends to a higher SUV in the brain.""",
}


def write_page(
    validation: Measurements, dataset: Dataset, folder: Path, held_out: Headroom, everyone: Headroom
) -> Path:
    """Write `<dataset>-validation.md` and its figures into `folder`; return the page's path.

    Args:
        validation: what was measured.
        dataset: the images, for a figure of some of them.
        folder: made if need be.
        held_out: the headroom over the test participants of the split `holdout`.
        everyone: the headroom over all participants.
    """
    written = write_figures(validation, held_out, dataset, folder / "figures")
    figures = [path.relative_to(folder) for path in written]
    path = folder / f"{validation.dataset}-validation.md"
    lines = [
        f"# `{validation.dataset}` beside people",
        "",
        f"Made by `petbench datasets validate {validation.dataset} --page docs`.",
        "",
        _summary(validation),
        "",
        f"![coronal maximum projections, SUV 0 to 7]({figures[3]})",
        "",
        "## Uptake, region by region",
        "",
        "Measured: 80 healthy people, hedyPET (doi 10.57967/hf/9560), population aggregates only. Simulated: means of",
        "the reconstructed images in the labels of the delayed frame. Recovery: reconstructed over true mean.",
        "",
        *_region_table(validation.regions),
        "",
        f"![means]({figures[0]})",
        "",
        f"![spreads and correlations]({figures[1]})",
        "",
        "White matter is left out: its measured read-out is not trusted. So is the trachea: it is mostly air.",
        "",
        "## Organ volumes",
        "",
        "Millilitres, median ± SD; measured on CT and MR masks of the same people.",
        "",
        *_volume_table(validation),
        "",
        *headroom_section(held_out, everyone, str(figures[2])),
        "",
        _HOW.format(sampling=_SAMPLING[validation.sampling or "matched"]),
    ]
    write_text(path, "\n".join(lines))
    return path


def _summary(validation: Measurements) -> str:
    failed = [region.name for region in validation.regions if region.failures]
    result = (
        f"**Passes**: every region agrees with that of people ({MARKS})."
        if validation.passed
        else f"**Fails** in {', '.join(failed)} ({MARKS})."
    )
    people = ONE_CONSTANT_ERROR_IN_PEOPLE
    constant, identity = 100 * validation.one_constant_error, 100 * validation.identity_error
    facts = (
        f"participants: {validation.participants}; fingerprint `{validation.fingerprint[:16]}`",
        f"activity in the body over activity injected: {validation.balance_in_words()} (expected: 0.85 to 1)",
        f"noise in the liver, delayed frame: {100 * validation.liver_noise.variation:.1f} %; {_texture(validation)}",
        f"`delayed = constant x early`, one constant a region, errs by {constant:.1f} %, in people by {people}",
        f"`delayed = early` errs by {identity:.0f} %, in people by {IDENTITY_ERROR_IN_PEOPLE}",
    )
    return "\n".join([result, "", *(f"- {fact}" for fact in facts)])


def _texture(validation: Measurements) -> str:
    """Say how far neighbouring voxels share their noise, as the blur that would do the same to white noise."""
    noise, spacing = validation.liver_noise, validation.spacing_millimetres
    lengths = (
        correlation_length_millimetres(noise.along_z, spacing[0]),
        correlation_length_millimetres(noise.in_plane, spacing[1]),
    )
    return (
        f"neighbours are correlated by {noise.along_z:.2f} along z and {noise.in_plane:.2f} in plane, like white noise "
        f"after a Gaussian blur of {lengths[0]:.1f} and {lengths[1]:.1f} mm FWHM"
    )


def _region_table(regions: Sequence[RegionCheck]) -> list[str]:
    heads = ["region", "n", "early", "measured", "delayed", "measured", "delayed/early", "measured", "r", "measured"]
    heads += ["log SD early", "measured", "log SD delayed", "measured", "recovery", ""]
    rows = []
    for region in regions:
        wanted = region.measured
        rows.append(
            [
                region.name,
                str(region.people),
                f"{region.early:.2f}±{region.early_sd:.2f}",
                f"{wanted.early:.2f}±{wanted.early_sd:.2f}",
                f"{region.delayed:.2f}±{region.delayed_sd:.2f}",
                f"{wanted.delayed:.2f}±{wanted.delayed_sd:.2f}",
                f"{region.ratio:.2f}±{region.ratio_sd:.2f}",
                f"{wanted.ratio:.2f}",
                f"{region.correlation:.2f}",
                f"{wanted.correlation:.2f}",
                f"{region.early_log_sd:.3f}",
                f"{wanted.early_log_sd:.3f}",
                f"{region.delayed_log_sd:.3f}",
                f"{wanted.delayed_log_sd:.3f}",
                f"{region.recovery[0]:.2f}, {region.recovery[1]:.2f}",
                "; ".join(region.failures) or "pass",
            ]
        )
    return table(heads, rows)


def _volume_table(validation: Measurements) -> list[str]:
    rows = [
        [check.organ.replace("_", " "), check.sex, _spread(check.simulated), _spread(check.measured)]
        for check in validation.volumes
    ]
    return table(["organ", "sex", "simulated", "measured"], rows)


def _spread(pair: tuple[float, float]) -> str:
    digits = 0 if pair[0] >= 20 else 1
    return f"{pair[0]:.{digits}f} ± {pair[1]:.{digits}f}"
