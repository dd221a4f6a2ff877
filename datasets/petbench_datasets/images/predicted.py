"""The mark of an image that a method predicted, so that no reader takes it for a measurement, petbench's least."""

PREDICTED = "Predicted, not measured"
"""The beginning of DICOM's DerivationDescription."""

PREDICTED_FIELD = "Predicted"
"""The field of a sidecar that only such an image has."""
