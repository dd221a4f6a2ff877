"""What 80 healthy people measured: SUV early and delayed, spread, correlation and rate constants, organ by organ.

Population aggregates computed from the public read-outs of hedyPET (Rigshospitalet; 40 women, 40 men, 18-99 years;
Siemens Vision Quadra, FDG; data set doi 10.57967/hf/9560). Only these aggregates are used. Windows: 7-21 and
42-63 min. Rates: two-tissue fits to the mean curves with the whole-blood input of `input_function`, good to 3 %.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """One measured region.

    Attributes:
        early, early_sd: SUV mean over people and its standard deviation, 7-21 min.
        delayed, delayed_sd: the same, 42-63 min.
        ratio: mean delayed/early.
        correlation: of early with delayed SUV over people.
        early_log_sd, delayed_log_sd: standard deviation of log SUV over people.
        blood_slope: slope of log delayed SUV on log aorta SUV.
        early_residual, delayed_residual: standard deviation of log SUV left by the blood.
        residual_correlation: of those two residuals.
    """

    early: float
    early_sd: float
    delayed: float
    delayed_sd: float
    ratio: float
    correlation: float
    early_log_sd: float
    delayed_log_sd: float
    blood_slope: float
    early_residual: float
    delayed_residual: float
    residual_correlation: float


TARGETS: dict[str, Target] = {
    "Aorta": Target(3.5022, 0.4376, 2.1429, 0.2757, 0.6123, 0.9167, 0.1228, 0.1284, 1.0, 0.0, 0.0, -0.3192),
    "Brain": Target(4.2274, 0.766, 6.7362, 1.3092, 1.5918, 0.9646, 0.1782, 0.1909, 0.7144, 0.1166, 0.1674, 0.9049),
    "Clavicula": Target(0.8136, 0.1584, 0.7588, 0.1583, 0.9322, 0.9569, 0.1948, 0.2043, 0.7666, 0.1711, 0.179, 0.953),
    "Colon": Target(1.0267, 0.206, 1.2917, 0.4834, 1.2526, 0.5806, 0.2061, 0.3447, 0.3774, 0.2027, 0.3412, 0.633),
    "Esophagus": Target(2.1754, 0.3363, 1.8483, 0.2714, 0.8523, 0.8912, 0.1492, 0.1463, 0.8795, 0.0801, 0.093, 0.8246),
    "Femur": Target(0.5499, 0.1512, 0.5669, 0.1828, 1.0214, 0.9877, 0.2616, 0.298, 1.1117, 0.2162, 0.2616, 0.9535),
    "Gallbladder": Target(
        1.0584, 0.2822, 1.1051, 0.3675, 1.0499, 0.727, 0.2703, 0.3398, 0.6419, 0.2677, 0.3296, 0.7488
    ),
    "Gray matter": Target(
        4.9865, 0.9661, 8.1019, 1.6903, 1.6224, 0.9653, 0.1922, 0.2073, 0.7139, 0.131, 0.1859, 0.9083
    ),
    "Heart": Target(3.6157, 0.6982, 2.9219, 1.1165, 0.7882, 0.9059, 0.1831, 0.3372, 0.3223, 0.1443, 0.3346, 0.9582),
    "Hip": Target(1.0171, 0.1883, 1.0883, 0.2338, 1.0663, 0.96, 0.1836, 0.21, 0.8073, 0.1475, 0.1826, 0.918),
    "Humerus": Target(0.5042, 0.1316, 0.5133, 0.1555, 1.0111, 0.9878, 0.2415, 0.2698, 1.3079, 0.1814, 0.2111, 0.9443),
    "Kidneys": Target(4.8121, 1.1172, 3.2551, 0.5015, 0.6909, 0.8144, 0.2189, 0.1503, 0.6042, 0.1752, 0.1287, 0.7642),
    "Liver": Target(3.7045, 0.5271, 2.4376, 0.3522, 0.6587, 0.9327, 0.1407, 0.1442, 0.9688, 0.0675, 0.0728, 0.9483),
    "Lungs": Target(1.0239, 0.2548, 0.7072, 0.1826, 0.6918, 0.9482, 0.2423, 0.2491, 1.2331, 0.1574, 0.1922, 0.926),
    "Pancreas": Target(1.9905, 0.3156, 1.5893, 0.2469, 0.7999, 0.9281, 0.1658, 0.1664, 0.326, 0.1513, 0.1611, 0.9374),
    "Prostate": Target(3.1429, 1.1197, 5.85, 4.9571, 1.719, 0.774, 0.3115, 0.6908, -0.5939, 0.2897, 0.6883, 0.7636),
    "Ribs": Target(1.1083, 0.1321, 0.9947, 0.128, 0.8974, 0.9257, 0.117, 0.1269, 0.6771, 0.0772, 0.0924, 0.8408),
    "Scapula": Target(0.8097, 0.1083, 0.7843, 0.1186, 0.9672, 0.9696, 0.1303, 0.1446, 0.7817, 0.0837, 0.104, 0.8687),
    "Skeletal muscle": Target(
        0.7728, 0.09, 0.7044, 0.0891, 0.9111, 0.9411, 0.1148, 0.1247, 0.6639, 0.0874, 0.091, 0.7881
    ),
    "Skull": Target(1.3666, 0.2459, 1.7025, 0.3887, 1.238, 0.9465, 0.1788, 0.2264, 0.6131, 0.1371, 0.2123, 0.9178),
    "Small intestine": Target(
        1.95, 0.2826, 2.4056, 1.0019, 1.2252, 0.4516, 0.1453, 0.3938, 0.1247, 0.1289, 0.3935, 0.5293
    ),
    "Spinal Cord": Target(0.9377, 0.1627, 1.176, 0.1887, 1.258, 0.9585, 0.1674, 0.1569, 0.8223, 0.1144, 0.116, 0.9112),
    "Spleen": Target(2.5939, 0.3412, 1.898, 0.245, 0.733, 0.9203, 0.1314, 0.1285, 0.7575, 0.0641, 0.084, 0.8475),
    "Stomach": Target(1.7099, 0.3513, 1.5722, 0.3632, 0.9226, 0.8533, 0.207, 0.2198, 0.4778, 0.2023, 0.211, 0.8412),
    "Subcutaneous fat": Target(
        0.5443, 0.12, 0.4427, 0.0941, 0.8146, 0.9694, 0.2003, 0.2012, -0.1648, 0.1933, 0.2001, 0.9596
    ),
    "Thyroid": Target(1.7157, 0.2879, 1.3088, 0.2643, 0.7625, 0.8853, 0.1605, 0.1802, 0.5899, 0.1366, 0.1634, 0.8514),
    "Trachea": Target(0.8258, 0.2653, 0.7448, 0.2276, 0.9056, 0.978, 0.2813, 0.2756, 1.1927, 0.2199, 0.2291, 0.9633),
    "Urinary bladder": Target(
        16.6658, 9.0956, 29.1336, 17.5376, 1.9329, 0.6043, 0.5458, 0.5284, 0.4837, 0.5182, 0.5247, 0.6192
    ),
    "Vena cava": Target(3.383, 0.4126, 1.9829, 0.2377, 0.5873, 0.874, 0.1181, 0.1195, 0.8743, 0.036, 0.0408, 0.6817),
    "Vertebral column": Target(
        1.36, 0.2225, 1.4271, 0.2504, 1.0492, 0.9407, 0.161, 0.1719, 0.7677, 0.1184, 0.1408, 0.8857
    ),
    "Visceral fat": Target(
        1.2766, 0.2182, 1.3583, 0.325, 1.065, 0.6622, 0.1639, 0.2326, 0.1902, 0.1634, 0.2313, 0.7132
    ),
    "White matter": Target(
        1.382, 0.3112, 1.7504, 0.3158, 1.2983, 0.7915, 0.2381, 0.1783, 0.9194, 0.2101, 0.1336, 0.6003
    ),
}
