"""Protocol 1: every constant that a score depends on. Changing one of them makes protocol 2.

Nothing below may be taken from a prediction, nor image by image from a target, except where a convention's
name says so (`volume_max`).
"""

from __future__ import annotations

from typing import Final

PROTOCOL: Final = 1

# The range of the fixed-range conventions (`…_suv20`): both images are clipped to it, and it is the data range.
RANGE_SUV: Final = 20.0

# A mean squared error below (range · 2⁻²⁴)² is finer than the float32 of the stored prediction resolves. It is raised
# to that value, so that a perfect copy scores 144.49 dB: finite, sortable and the same in every convention.
RELATIVE_ERROR_FLOOR: Final = 2.0**-24

# SSIM: a Gaussian window as in Wang et al. 2004, here in three dimensions, with biased (co)variances.
SSIM_SIGMA_VOXELS: Final = 1.5
SSIM_TRUNCATE: Final = 3.5
SSIM_K1: Final = 0.01
SSIM_K2: Final = 0.03

# Slices for the distribution metrics: axial, those with at least one voxel of the participant's body mask, which is
# made from real images; SUV clipped to this window, rounded to 8 bits.
SLICE_WINDOW_SUV: Final = (0.0, 10.0)
SLICE_LEVELS: Final = 255
SLICE_RULE: Final = f"axial-body/suv{SLICE_WINDOW_SUV[0]:g}-{SLICE_WINDOW_SUV[1]:g}/uint8@1"

# KID: the polynomial kernel of Bińkowski et al. 2018, (x·y/d + 1)³, and the bootstrap of its spread over participants.
KID_DEGREE: Final = 3
KID_BOOTSTRAPS: Final = 1000
KID_BOOTSTRAP_SEED: Final = 20180801

# SUVpeak: the largest mean over a sphere of 1 mL, centred on a voxel of the organ (PERCIST 1.0).
PEAK_SPHERE_MILLILITRES: Final = 1.0

# Lesions: a hot region is SUV >= 4 in the body; a lesion's core is where SUV >= 41 % of its real maximum.
HOT_SUV: Final = 4.0
LESION_CORE_FRACTION: Final = 0.41
LESION_BACKGROUND_MILLIMETRES: Final = 20.0

# The yardstick of organ bias: within-subject test–retest variation of SUV (Lodge, J Nucl Med 2017;58:523).
TEST_RETEST_PERCENT: Final = 10.0

# A prediction whose mean in the body is above this is no SUV image: the mean SUV of a body is about 1 by definition.
PLAUSIBLE_BODY_MEAN_SUV: Final = 50.0
