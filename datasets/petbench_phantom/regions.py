"""The measured regions: which labels make them up, and how the phantom is set for them to read out as they did.

These values were found by simulation of all eighteen participants of `fdg-phantom`.
"""

from __future__ import annotations

HEART_SUV = (4.12, 3.44)
"""Of muscle and blood together, early and delayed, for the reconstructed heart to have what was measured."""

REGIONS: dict[str, tuple[str, ...]] = {
    "Aorta": ("aorta",),
    "Vena cava": ("vena_cava",),
    "Brain": ("grey_matter", "white_matter", "basal_ganglia", "cerebellum"),
    "Gray matter": ("grey_matter", "basal_ganglia"),
    "Heart": ("myocardium", "heart_blood"),
    "Lungs": ("lungs",),
    "Liver": ("liver",),
    "Spleen": ("spleen",),
    "Kidneys": ("kidneys", "renal_pelvis"),
    "Pancreas": ("pancreas",),
    "Stomach": ("stomach",),
    "Small intestine": ("small_bowel",),
    "Colon": ("colon",),
    "Esophagus": ("oesophagus",),
    "Gallbladder": ("gallbladder",),
    "Thyroid": ("thyroid",),
    "Skeletal muscle": ("muscle",),
    "Subcutaneous fat": ("subcutaneous_fat",),
    "Visceral fat": ("visceral_fat",),
    "Vertebral column": ("vertebrae",),
    "Hip": ("hip",),
    "Ribs": ("ribs",),
    "Scapula": ("scapula",),
    "Clavicula": ("clavicle",),
    "Femur": ("femur",),
    "Humerus": ("humerus",),
    "Skull": ("skull",),
    "Spinal Cord": ("spinal_cord",),
    "Prostate": ("prostate",),
    "Urinary bladder": ("bladder",),
}
"""The measured regions and the labels that make each up. White matter is left out: its read-out is not
trusted; and the trachea, which is mostly the air that it holds."""

SPREADS: dict[str, tuple[float, float, float]] = {
    "Subcutaneous fat": (1.21, 1.27, 0.979),
    "Skeletal muscle": (1.16, 1.15, 0.930),
    "Visceral fat": (1.22, 1.72, 0.527),
    "Skull": (0.80, 1.60, 0.995),
    "Vertebral column": (1.25, 1.16, 0.936),
    "Ribs": (0.74, 1.10, 0.951),
    "Hip": (1.33, 1.31, 0.950),
    "Femur": (1.88, 1.77, 0.989),
    "Humerus": (2.20, 2.02, 0.989),
    "Scapula": (1.82, 1.49, 0.995),
    "Clavicula": (1.69, 1.54, 0.973),
    "Spinal Cord": (1.80, 1.60, 0.980),
    "Gray matter": (0.98, 1.00, 0.995),
    "Lungs": (1.22, 1.36, 0.923),
    "Liver": (1.07, 1.08, 0.939),
    "Gallbladder": (2.27, 2.30, 0.702),
    "Stomach": (1.16, 1.30, 0.888),
    "Spleen": (1.14, 1.03, 0.904),
    "Pancreas": (1.35, 1.27, 0.936),
    "Kidneys": (0.93, 0.92, 0.852),
    "Small intestine": (0.59, 1.16, -0.480),
    "Colon": (1.39, 1.25, 0.560),
    "Urinary bladder": (1.05, 1.01, 0.608),
    "Prostate": (1.07, 1.00, 0.851),
    "Thyroid": (0.96, 1.18, 0.995),
    "Esophagus": (0.81, 1.06, 0.807),
    "Trachea": (1.50, 1.50, 0.962),
    "Heart": (1.15, 1.10, 0.980),
}
"""What the phantom's own spread must be for the *reconstructed* region to vary as the measured one does: factors on
the early and delayed log standard deviation, and the correlation of log early with log delayed; (1, 1, measured) if
absent. Neighbours that spill in, and recovery that differs between bodies, make the difference. Found by simulation."""
