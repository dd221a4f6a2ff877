"""Weight, height, age, dose and the activity in the image: each is a witness of the others."""

from __future__ import annotations

from petbench_datasets.errors import DataError

MOST_IN_VIEW = 1.1
"""A scan with more of the dose in view than this is questioned: calibration and body outline are not perfect."""

IMPOSSIBLE_IN_VIEW = 1.5
"""With more than this it is refused: scanners are calibrated within a tenth, so dose, unit or time is wrong."""

_BODY_MASS_INDEX = (8.0, 120.0)
_ADULT_YEARS = 18.0
_ADULT_KILOGRAMS = (20.0, 400.0)
_ADULT_METRES = (0.9, 2.6)


def require_body(
    subject: str,
    weight_kilograms: float | None,
    height_metres: float | None,
    age_years: float | None,
    height_said: str,
) -> None:
    """Raise where weight, height and age cannot be one person's; `height_said` is the height as the header has it.

    Raises:
        DataError: naming both values; swapped ones are called so.
    """
    if weight_kilograms is None:
        return
    said = f"PatientWeight is {weight_kilograms:g} kg"
    if height_metres is not None and not _fits(weight_kilograms, height_metres, age_years):
        # As written: a height of 70 "metres" was taken as 0.70 m before it came here.
        swapped = _fits(height_metres * 100.0, weight_kilograms, age_years)
        hint = "they look swapped; " if swapped else ""
        raise DataError(
            f"{subject}: {said} and PatientSize {height_said}{_years(age_years)}, which is nobody; "
            f"{hint}correct the wrong one, or give the weight with the import"
        )
    if _adult(age_years) and not _ADULT_KILOGRAMS[0] <= weight_kilograms <= _ADULT_KILOGRAMS[1]:
        raise DataError(f"{subject}: {said} and PatientAge {age_years:g} years, which is nobody; correct the wrong one")


def require_activity(subject: str, part_in_view: float, dose_field: str, dose_shown: str) -> None:
    """Raise where an image holds far more activity than was injected.

    Args:
        subject: how a message names the scan.
        part_in_view: decay-corrected activity in the image over the activity injected.
        dose_field: where the dose is from.
        dose_shown: the dose, for people.

    Raises:
        DataError: naming both.
    """
    if part_in_view > IMPOSSIBLE_IN_VIEW:
        raise DataError(
            f"{subject}: {dose_field} is {dose_shown}, but the image holds {100 * part_in_view:.0f} % of it; "
            "correct the dose with its unit, the times, or the scale of the image"
        )


def _fits(weight_kilograms: float, height_metres: float, age_years: float | None) -> bool:
    index = weight_kilograms / height_metres**2
    if _adult(age_years) and not _ADULT_METRES[0] <= height_metres <= _ADULT_METRES[1]:
        return False
    return _BODY_MASS_INDEX[0] <= index <= _BODY_MASS_INDEX[1]


def _adult(age_years: float | None) -> bool:
    return age_years is not None and age_years >= _ADULT_YEARS


def _years(age_years: float | None) -> str:
    return "" if age_years is None else f" at {age_years:g} years"
