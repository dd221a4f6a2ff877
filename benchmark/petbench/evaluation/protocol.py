"""Protocol 2: every constant that a score depends on. Changing one of them makes protocol 3.

Nothing below may be taken from a prediction, nor image by image from a target, except where a convention's
name says so (`volume_max`). What depends on the tracer is none of it: organs that clear, thresholds of uptake and what
ranks are the task's (`petbench_datasets.tasks.task.Task`).
"""

from __future__ import annotations

from typing import Final

PROTOCOL: Final = 2

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

# A Fréchet distance fits a covariance to each set: with no more slices than features it has no full rank, and two
# samples of one distribution lie far apart (Inception pool3, 2048 features: 208 at 50 slices, 86 at 400). The kernel
# distance is unbiased at every number; 50 slices are the fewest for which its spread is known to be small beside what
# it measures (pool3: 0.002 beside 0.19 between photographs and orchids).
KERNEL_LEAST_SLICES: Final = 50

# The urinary tract: urine, whose activity depends on when the participant drank and voided, which no early image shows.
# On simulated datasets the squared error of the early image stops growing 20 mm from the bladder: blur ends there.
# The kidneys stay in: their cortex is tissue, most of their uptake follows from the early image, and with 20 mm around
# them parts of the liver, the spleen and the spine would go.
URINARY_TRACT: Final = frozenset(
    {
        *("bladder", "urinary_bladder", "renal_pelvis", "renal_pelvis_left", "renal_pelvis_right"),
        *("ureter", "ureters", "ureter_left", "ureter_right", "urethra"),
    }
)
BLADDERS: Final = frozenset({"bladder", "urinary_bladder"})
URINARY_MARGIN_MILLIMETRES: Final = 20.0

# A lesion's background is what lies this near it.
LESION_BACKGROUND_MILLIMETRES: Final = 20.0

# Focal uptake: voxels above the local level of their own image by each of these, in regions of at least this volume.
# The local level is the largest median of the organs within this reach; the spread is their largest robust SD. With a
# reach of 25 mm, two noise realisations of one image differ by 2 mL in a simulated body, and what blurs over from hot
# organs is no finding; with 20 mm it is 8 mL, with 30 mm lesions beside hot organs begin to be lost.
FOCAL_REACH_MILLIMETRES: Final = 25.0
FOCAL_PART: Final = 0.5
FOCAL_SPREADS: Final = 4.0
FOCAL_SUV: Final = 0.5
FOCAL_MILLILITRES: Final = 1.0

# Sensitivity is counted by a lesion's contrast, the real maximum over the mean of its surroundings.
CONTRAST_EDGES: Final = (1.5, 2.0, 3.0)

# Several samples of one prediction: the central interval that should hold 90 % of the real voxels.
SAMPLE_INTERVAL: Final = 0.9

# The yardstick of organ bias: within-subject test–retest variation of SUV (Lodge, J Nucl Med 2017;58:523).
TEST_RETEST_PERCENT: Final = 10.0

# A prediction whose mean in the body is above this is no SUV image: the mean SUV of a body is about 1 by definition.
PLAUSIBLE_BODY_MEAN_SUV: Final = 50.0
