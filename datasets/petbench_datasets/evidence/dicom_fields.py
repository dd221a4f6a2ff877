"""Every element of a DICOM PET header that is read, with its type in the standard and what is done without it.

Types are those of the PET Image object, DICOM PS3.3 A.21 and C.8.9; `private` are vendors' own.
"""

from __future__ import annotations

from petbench_datasets.evidence.fields import Field, Otherwise

R, S, O, N, U = Otherwise.REFUSED, Otherwise.NOT_IN_SUV, Otherwise.OTHERS, Otherwise.NOTED, Otherwise.UNUSED  # noqa: E741

_DAY_MILLISECONDS = 86_400_000.0
_LONGEST_UID = 1e5

_ELEMENTS = (
    Field("SOPInstanceUID", "(0008,0018)", "1", "whether a file is a copy of another", U),
    Field("SeriesInstanceUID", "(0020,000E)", "1", "which slices are one series", R),
    Field("StudyInstanceUID", "(0020,000D)", "1", "which slices are one series", U),
    Field("PatientID", "(0010,0020)", "2", "which series are one participant", U),
    Field("PatientSex", "(0010,0040)", "2", "participants.tsv; SUV by lean or ideal mass", U),
    Field("PatientAge", "(0010,1010)", "3", "participants.tsv; whether weight and height fit", U),
    Field(
        "PatientSize",
        "(0010,1020)",
        "3",
        "SUV by lean mass or surface; whether the weight fits",
        U,
        0.2,
        260.0,
        "m or cm",
        wrong=U,
    ),
    Field("PatientWeight", "(0010,1030)", "3", "SUV", S, 0.0, 500_000.0, "kg or g"),
    Field("SeriesDate", "(0008,0021)", "1", "the decay reference", O, wrong=O),
    Field("SeriesTime", "(0008,0031)", "1", "the decay reference", O, wrong=O),
    Field("AcquisitionDate", "(0008,0022)", "2", "when a slice was measured", O, wrong=O),
    Field("AcquisitionTime", "(0008,0032)", "2", "when a slice was measured", O, wrong=O),
    Field("AcquisitionDateTime", "(0008,002A)", "3", "when a slice was measured", O, wrong=O),
    Field("StudyDate", "(0008,0020)", "2", "the date where the series has none", O, wrong=O),
    Field("TimezoneOffsetFromUTC", "(0008,0201)", "3", "the clock of date-times with an offset", U, wrong=U),
    Field("SeriesType", "(0054,1000)", "1", "whether gated, or a projection", U),
    Field("DerivationDescription", "(0008,2111)", "3", "whether a method predicted it", U),
    Field("CountsSource", "(0054,1002)", "1", "whether it shows the tracer", U, choices=("EMISSION",)),
    Field("Units", "(0054,1001)", "1", "what a voxel is", R, choices=("BQML", "GML", "CM2ML", "CNTS", "CPS")),
    Field(
        "SUVType",
        "(0054,1006)",
        "3",
        "by what an SUV is normalised; BW where missing, as the standard says",
        U,
        choices=("BW", "LBM", "LBMJAMES128", "LBMJANMA", "IBW", "BSA"),
    ),
    Field("CorrectedImage", "(0028,0051)", "2", "whether corrected for attenuation and decay", R),
    Field("AttenuationCorrectionMethod", "(0054,1101)", "3", "whether it contradicts CorrectedImage", U),
    Field("ReconstructionMethod", "(0054,1103)", "3", "the sidecar", U),
    Field("DecayCorrection", "(0054,1102)", "1", "to when voxels are corrected", S, choices=("START", "ADMIN", "NONE")),
    Field("DecayFactor", "(0054,1321)", "1C", "the decay reference; 1 says nothing", O, 1e-3, 1e6),
    Field("DoseCalibrationFactor", "(0054,1322)", "1C", "Bq/mL of counts a second", O, 1e-9, 1e12),
    Field(
        "FrameReferenceTime",
        "(0054,1300)",
        "1",
        "the decay reference, starts of beds and frames; 0 says nothing",
        O,
        0.0,
        10 * _DAY_MILLISECONDS,
        "ms",
    ),
    Field("ActualFrameDuration", "(0018,1242)", "1", "how long a slice was measured", R, 1.0, _DAY_MILLISECONDS, "ms"),
    Field("NumberOfSlices", "(0054,0081)", "1", "whether slices are missing", N, 1.0, 65_535.0),
    Field("ImageIndex", "(0054,1330)", "1", "whether NumberOfSlices counts one bed alone", U, 1.0, 1e9, wrong=U),
    Field("TemporalPositionIdentifier", "(0020,0100)", "3", "the order of frames", U, -1e9, 1e9),
    Field("InstanceNumber", "(0020,0013)", "2", "the order of slices at one place and time", U, -1e9, 1e10, wrong=U),
    Field("FrameOfReferenceUID", "(0020,0052)", "1", "whether coordinates of two series can be compared", U),
    Field("ImagePositionPatient", "(0020,0032)", "1", "where a slice lies", R, -_LONGEST_UID, _LONGEST_UID, "mm"),
    Field(
        "ImageOrientationPatient",
        "(0020,0037)",
        "1",
        "how a slice lies: two unit vectors at right angles",
        R,
        -1.001,
        1.001,
    ),
    Field("PixelSpacing", "(0028,0030)", "1", "the size of a voxel", R, 0.05, 100.0, "mm"),
    Field(
        "SliceThickness",
        "(0018,0050)",
        "2",
        "the height of a voxel, where there is one slice alone",
        U,
        0.05,
        1000.0,
        "mm",
        wrong=U,
    ),
    Field("Rows", "(0028,0010)", "1", "the matrix, with the size of the file", R, 1.0, 65_535.0),
    Field("Columns", "(0028,0011)", "1", "the matrix, with the size of the file", R, 1.0, 65_535.0),
    Field("SamplesPerPixel", "(0028,0002)", "1", "whether it is a picture in colours", R, 1.0, 1.0),
    Field(
        "PhotometricInterpretation",
        "(0028,0004)",
        "1",
        "whether it is a picture in colours",
        R,
        choices=("MONOCHROME2",),
    ),
    Field("BitsAllocated", "(0028,0100)", "1", "the pixels", R, choices=("8", "16", "32")),
    Field("BitsStored", "(0028,0101)", "1", "the pixels; no more than BitsAllocated", R, 1.0, 32.0),
    Field("HighBit", "(0028,0102)", "1", "the pixels; BitsStored less 1", R, 0.0, 31.0),
    Field("PixelRepresentation", "(0028,0103)", "1", "the pixels' sign", R, choices=("0", "1")),
    Field("RescaleSlope", "(0028,1053)", "1", "what a pixel's step is", R, 1e-15, 1e6),
    Field("RescaleIntercept", "(0028,1052)", "1", "what pixel value 0 is", R, -1e9, 1e9),
    Field("Radiopharmaceutical", "(0018,0031)", "3", "the tracer", U),
    Field("RadiopharmaceuticalStartTime", "(0018,1072)", "3", "the injection", O, wrong=O),
    Field("RadiopharmaceuticalStartDateTime", "(0018,1078)", "3", "the injection", O, wrong=O),
    Field("RadiopharmaceuticalStopTime", "(0018,1073)", "3", "whether it was an infusion", U, wrong=U),
    Field("RadiopharmaceuticalStopDateTime", "(0018,1079)", "3", "whether it was an infusion", U, wrong=U),
    Field("RadionuclideTotalDose", "(0018,1074)", "3", "SUV; below 10000 it is in MBq", S, 0.0, 1e11, "Bq"),
    Field("RadionuclideHalfLife", "(0018,1075)", "3", "decay; the nuclide where it is not named", O, 1.0, 1e7, "s"),
    Field("RadionuclideCodeSequence", "(0054,0300)", "2", "the nuclide", O),
    Field("PhilipsSUVFactor", "(7053,1000)", "private", "SUV of counts", O, 1e-12, 1e6),
    Field("PhilipsActivityFactor", "(7053,1009)", "private", "Bq/mL of counts", O, 1e-12, 1e9),
    Field("GEScanDateTime", "(0009,100D)", "private", "the decay reference", O, wrong=O),
    Field("SiemensScanDateTime", "(0071,1022)", "private", "the decay reference", O, wrong=O),
)

DICOM_FIELDS = {field.name: field for field in _ELEMENTS}
"""By keyword, in the order of the documentation's table."""
