"""Published printed classifiers for the data sets that the literature shares: facts to compare with, and citations.

Nothing of them is computed here. Figures are for the circuit alone, on the authors' own split and test vectors.
"""

from dataclasses import dataclass

PAPERS = {
    "ICCAD23": "Afentaki et al., Bespoke Approximation of Multiplication-Accumulation and Activation Targeting "
    "Printed Multilayer Perceptrons, ICCAD 2023",
    "DATE24": "Afentaki et al., Embedding Hardware Approximations in Discrete Genetic-based Training for Printed "
    "MLPs, DATE 2024",
    "TC23": "Armeniakos et al., Co-Design of Approximate Multilayer Perceptron for Ultra-Resource Constrained "
    "Printed Circuits, IEEE Transactions on Computers 2023 (the point of 1 % loss)",
    "LES24": "Printed multilayer perceptrons with converter co-design, IEEE Embedded Systems Letters 2024",
    "TNN25": "Mrazek et al., Arbitrary Precision Printed Ternary Neural Networks with Holistic Evolutionary "
    "Approximation, 2025 (white wine at 3-bit inputs)",
    "exact": "Exact bespoke multilayer perceptrons, as reported for comparison in the literature above",
}

HOW_MEASURED = (
    "Published designs are the authors' own Verilog, mapped again with yosys and ABC to the same open EGFET cells "
    "(best of several scripts) and simulated on the authors' test vectors, unless marked “as reported”. They "
    "stand on another split of the same data, so compare them by tens of percent of area, not by tenths of a "
    "point of accuracy."
)


@dataclass(frozen=True)
class Published:
    """One published design: accuracy as a fraction, area in cm2, static power in mW by supply voltage.

    reported: the figures are the authors' own and were not measured again.
    """

    source: str
    accuracy: float
    area_cm2: float
    static_power_mw: dict[str, float | None]
    reported: bool = False


# Rows that each table should have, so that another table of the same name is not compared with the wrong papers.
_ROWS = {
    "breast_cancer": 683,
    "cardio": 2126,
    "pendigits": 10992,
    "redwine": 1599,
    "whitewine": 4898,
    "balance_scale": 625,
    "seeds": 210,
    "vertebral_3c": 310,
}

_ALIASES = {"penbased": "pendigits", "pendigits_keel": "pendigits", "balance": "balance_scale"}

# source, accuracy in percent, area in cm2, static power in mW at 1.0 V and at 0.6 V
_MEASURED: dict[str, list[tuple[str, float, float, float, float]]] = {
    "breast_cancer": [
        ("ICCAD23", 94.63, 2.958, 9.54, 3.02),
        ("DATE24", 94.2, 0.033, 0.104, 0.033),
        ("LES24", 97.07, 1.974, 6.17, 1.94),
    ],
    "cardio": [
        ("ICCAD23", 86.21, 6.961, 22.37, 7.09),
        ("DATE24", 87.32, 0.979, 3.09, 0.984),
        ("TC23", 87.93, 5.0, 15.7, 4.94),
        ("LES24", 87.15, 7.872, 26.89, 8.59),
    ],
    "pendigits": [
        ("ICCAD23", 89.08, 15.953, 49.67, 15.58),
        ("DATE24", 90.09, 12.956, 43.54, 13.92),
    ],
    "redwine": [
        ("ICCAD23", 56.67, 2.37, 7.63, 2.42),
        ("DATE24", 51.88, 0.0344, 0.1, 0.033),
        ("TC23", 55.0, 0.788, 2.51, 0.79),
    ],
    "whitewine": [
        ("ICCAD23", 52.65, 6.247, 21.26, 6.78),
        ("DATE24", 51.43, 0.14, 0.432, 0.138),
        ("TC23", 52.11, 2.35, 7.46, 2.35),
    ],
    "balance_scale": [("LES24", 93.62, 0.328, 1.08, 0.34)],
    "seeds": [("LES24", 93.65, 1.698, 5.32, 1.68)],
    "vertebral_3c": [("LES24", 89.25, 1.51, 4.8, 1.5), ("LES24", 83.87, 1.27, 4.0, 1.26)],
}

# source, accuracy in percent, area in cm2, static power in mW at 0.6 V, whether it is the authors' own figure
_TERNARY = [
    ("TNN25", 52.52, 0.29, 0.29, False),
    ("TNN25", 52.99, 0.499, 0.47, False),
    ("TNN25", 44.83, 0.006, 0.003, True),
    ("TNN25", 52.31, 0.06, 0.056, True),
]

# accuracy in percent, area in cm2, power in mW, all as reported
_EXACT = {
    "cardio": (88.09, 33.4, 97.3),
    "pendigits": (94.0, 67.0, 213.0),
    "redwine": (56.67, 17.6, 53.3),
    "whitewine": (53.74, 31.2, 98.4),
}


def published(dataset: str, rows: int) -> list[Published]:
    """The published designs for a data set of this name and about this many rows in all; often none.

    A table counts as the known one within 5 % of its rows: duplicates and gaps are dropped differently by each.
    """
    key = dataset.strip().lower().replace("-", "_").replace(" ", "_")
    key = _ALIASES.get(key, key)
    if key not in _ROWS or abs(rows - _ROWS[key]) > 0.05 * _ROWS[key]:
        return []
    found = [
        Published(source, percent / 100, area, {"1.0": at_1_0, "0.6": at_0_6})
        for source, percent, area, at_1_0, at_0_6 in _MEASURED[key]
    ]
    if key == "whitewine":
        found += [
            Published(source, percent / 100, area, {"1.0": None, "0.6": power}, reported)
            for source, percent, area, power, reported in _TERNARY
        ]
    if key in _EXACT:
        percent, area, power = _EXACT[key]
        found.append(Published("exact", percent / 100, area, {"1.0": power, "0.6": None}, True))
    return sorted(found, key=lambda item: (item.area_cm2, item.source))
