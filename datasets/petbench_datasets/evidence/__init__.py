"""What a header says, weighed: the fields that are read, the witnesses to each number, what makes a scan unusable.

DICOM series, BIDS sidecars and tables of NIfTI files are judged by the same rules, so that none is let through where
another is refused.
"""
