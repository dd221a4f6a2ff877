"""Every field of a BIDS-PET sidecar, and column of participants.tsv, that is read, and what is done without it.

Required and recommended are as BIDS 1.10 says; `-` are fields that converters write beside them.
"""

from __future__ import annotations

from petbench_datasets.evidence.fields import Field, Otherwise

R, S, O, U = Otherwise.REFUSED, Otherwise.NOT_IN_SUV, Otherwise.OTHERS, Otherwise.UNUSED  # noqa: E741
N = Otherwise.NOTED

# Two days: no scan of the nuclides here is further from its injection. Seconds since 1970 are more, and no times here.
_LONGEST_SECONDS = 172_800.0

_FIELDS = (
    Field("Units", "", "required", "what a voxel is", R),
    Field("TracerName", "", "required", "whether it is FDG", N),
    Field("TracerRadionuclide", "", "required", "decay; whether it is F-18", S),
    Field("RadionuclideHalfLife", "", "-", "decay", U, 1.0, 1e7, "s"),
    Field("InjectedRadioactivity", "", "required", "SUV; 100 kBq to 100 GBq", S),
    Field("InjectedRadioactivityUnits", "", "required", "SUV", S),
    Field("RadionuclideTotalDose", "", "-", "a witness of InjectedRadioactivity", U, 0.0, 1e11, "Bq or MBq"),
    Field("ModeOfAdministration", "", "required", "whether it was a bolus", U),
    Field("TimeZero", "", "required", "the clock of all times", U, wrong=U),
    Field("InjectionStart", "", "required", "the injection", S, -_LONGEST_SECONDS, _LONGEST_SECONDS, "s"),
    Field("InjectionEnd", "", "recommended", "whether it was a bolus", U, -_LONGEST_SECONDS, _LONGEST_SECONDS, "s"),
    Field("RadiopharmaceuticalStartTime", "", "-", "a witness of InjectionStart", U, wrong=U),
    Field("RadiopharmaceuticalStartDateTime", "", "-", "a witness of InjectionStart", U, wrong=U),
    Field(
        "ScanStart",
        "",
        "required",
        "whether FrameTimesStart is counted from TimeZero",
        U,
        -_LONGEST_SECONDS,
        _LONGEST_SECONDS,
        "s",
    ),
    Field("FrameTimesStart", "", "required", "when a frame began", R, -_LONGEST_SECONDS, _LONGEST_SECONDS, "s"),
    Field("FrameTimesStartUnits", "", "-", "its unit where it is not seconds", U),
    Field("FrameDuration", "", "required", "how long a frame was measured", R, 1e-3, _LONGEST_SECONDS, "s"),
    Field("FrameDurationUnits", "", "-", "its unit where it is not seconds", U),
    Field("ImageDecayCorrected", "", "required", "whether voxels are corrected for decay", S),
    Field(
        "ImageDecayCorrectionTime", "", "required", "the decay reference", S, -_LONGEST_SECONDS, _LONGEST_SECONDS, "s"
    ),
    Field("DecayCorrectionFactor", "", "recommended", "a witness of the decay reference", U, 1e-3, 1e6),
    Field("DecayFactor", "", "-", "a witness of the decay reference", U, 1e-3, 1e6),
    Field("AttenuationCorrection", "", "required", "whether corrected for attenuation", N),
    Field("CorrectedImage", "", "-", "whether corrected for attenuation", U),
    Field("PatientWeight", "", "-", "the weight, with participants.tsv", O, 0.0, 500_000.0, "kg or g"),
    Field("FrameOfReference", "", "-", "whether coordinates of two images can be compared", U),
    Field("FrameOfReferenceUID", "", "-", "the same, as converters write it; the other goes before it", U),
    Field("SeriesDescription", "", "-", "which of several series it is", U),
    Field("SourcePatient", "", "-", "whether two scans are of one person: a hash of the PatientID", U),
    Field("SourceStudy", "", "-", "which study it was: a hash of the StudyInstanceUID", U),
    Field("SourceInjectionDay", "", "-", "whether two scans are of one injection: a hash of person and day", U),
    Field(
        "body_weight",
        "",
        "recommended",
        "the weight: of sessions.tsv, else participants.tsv, in the unit of participants.json",
        O,
    ),
)

BIDS_FIELDS = {field.name: field for field in _FIELDS}
"""By name, in the order of the documentation's table."""
