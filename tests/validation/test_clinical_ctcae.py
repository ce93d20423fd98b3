"""Laboratory grades against the text of CTCAE 5.0 and 6.0."""

import pytest

from equipoise.clinical import derive_ctcae_grade

SOURCE_5 = "CTCAE 5.0 (2017), as transcribed in admiral, ncictcaev5.json"
SOURCE_6 = "CTCAE 6.0 (2025), as transcribed in admiral, ncictcaev6.json"

# Term, lower limit of normal, then the highest value of each grade from 0 on that lies on its edge.
# "<LLN - 1.5" is grade 1 down to 1.5 itself; grade 2 starts below 1.5.
FALLING_5 = [
    ("hemoglobin", 12, [(12, 0), (11.9, 1), (10, 1), (9.9, 2), (8, 2), (7.9, 3), (3, 3)]),
    ("leukocytes", 4, [(4, 0), (3.9, 1), (3, 1), (2.9, 2), (2, 2), (1.9, 3), (1, 3), (0.9, 4)]),
    (
        "neutrophils",
        1.8,
        [(1.8, 0), (1.79, 1), (1.5, 1), (1.49, 2), (1, 2), (0.99, 3), (0.5, 3), (0.49, 4)],
    ),
    (
        "lymphocytes",
        1,
        [(1, 0), (0.99, 1), (0.8, 1), (0.79, 2), (0.5, 2), (0.49, 3), (0.2, 3), (0.19, 4)],
    ),
    (
        "platelets",
        150,
        [(150, 0), (149, 1), (75, 1), (74, 2), (50, 2), (49, 3), (25, 3), (24, 4)],
    ),
]
FALLING_6 = [
    *FALLING_5[:2],
    (
        "neutrophils",
        1.8,
        [
            (1.79, 0),
            (1.5, 0),
            (1.49, 1),
            (1, 1),
            (0.99, 2),
            (0.5, 2),
            (0.49, 3),
            (0.1, 3),
            (0.09, 4),
        ],
    ),
    (
        "platelets",
        150,
        [(150, 0), (149, 1), (75, 1), (74, 2), (50, 2), (49, 3), (10, 3), (9, 4)],
    ),
]
# Term, baseline and its status, then values by grade; the upper limit of normal is 100.
NORMAL_ENZYME = [(100, 0), (101, 1), (300, 1), (301, 2), (500, 2), (501, 3), (2000, 3), (2001, 4)]
NORMAL_BILIRUBIN = [
    (100, 0),
    (101, 1),
    (150, 1),
    (151, 2),
    (300, 2),
    (301, 3),
    (1000, 3),
    (1001, 4),
]
RISING_5 = [
    ("alt", 50, "normal", NORMAL_ENZYME),
    ("ast", 50, "low", NORMAL_ENZYME),
    (
        "ast",
        200,
        "high",
        [(299, 0), (300, 1), (600, 1), (601, 2), (1000, 2), (1001, 3), (4000, 3), (4001, 4)],
    ),
    ("bilirubin", 50, "normal", NORMAL_BILIRUBIN),
    (
        "bilirubin",
        200,
        "high",
        [(200, 0), (201, 1), (300, 1), (301, 2), (600, 2), (601, 3), (2000, 3), (2001, 4)],
    ),
    # Creatinine: the worse of the limit and the baseline.
    (
        "creatinine",
        100,
        "normal",
        [(100, 0), (101, 1), (150, 1), (151, 2), (300, 2), (301, 3), (600, 3), (601, 4)],
    ),
    (
        "creatinine",
        60,
        "normal",
        [(90, 0), (91, 2), (180, 2), (181, 3), (600, 3), (601, 4)],
    ),
]
RISING_6 = [
    ("alt", 50, "normal", NORMAL_ENZYME),
    ("ast", 50, "low", NORMAL_ENZYME),
    (
        "alt",
        200,
        "high",
        [(199, 0), (200, 1), (300, 1), (301, 2), (400, 2), (401, 3), (800, 3), (801, 4)],
    ),
    ("bilirubin", 50, "normal", NORMAL_BILIRUBIN),
    (
        "bilirubin",
        200,
        "high",
        [(199, 0), (200, 1), (300, 1), (301, 2), (500, 2), (501, 3), (2000, 3), (2001, 4)],
    ),
    # The baseline of creatinine counts only where it was below the lower limit of normal.
    (
        "creatinine",
        60,
        "normal",
        [(100, 0), (101, 1), (150, 1), (151, 2), (300, 2), (301, 3), (600, 3), (601, 4)],
    ),
    ("creatinine", 40, "low", [(60, 0), (60.1, 2), (120, 2), (120.1, 3), (600, 3), (601, 4)]),
]


def check_falling(version: str, term: str, limit: float, cases: list[tuple[float, int]]) -> None:
    found = [
        (value, derive_ctcae_grade(version=version, term=term, value=value, limit=limit))
        for value, _ in cases
    ]
    assert found == cases


def check_rising(version: str, row: tuple[str, float, str, list[tuple[float, int]]]) -> None:
    term, baseline, status, cases = row
    found = [
        (
            value,
            derive_ctcae_grade(
                version=version,
                term=term,
                value=value,
                limit=100,
                baseline=baseline,
                baseline_status=status,
            ),
        )
        for value, _ in cases
    ]
    assert found == cases


@pytest.mark.evidence(kind="published", source=SOURCE_5)
@pytest.mark.parametrize(("term", "limit", "cases"), FALLING_5)
def test_low_values_of_version_5(term: str, limit: float, cases: list[tuple[float, int]]) -> None:
    """Each edge of each grade, on both of its sides."""
    check_falling("5.0", term, limit, cases)


@pytest.mark.evidence(kind="published", source=SOURCE_6)
@pytest.mark.parametrize(("term", "limit", "cases"), FALLING_6)
def test_low_values_of_version_6(term: str, limit: float, cases: list[tuple[float, int]]) -> None:
    """Neutrophils lost the lower limit of normal and moved by a grade, platelets at the end."""
    check_falling("6.0", term, limit, cases)


@pytest.mark.evidence(kind="published", source=SOURCE_5)
@pytest.mark.parametrize("row", RISING_5, ids=lambda row: f"{row[0]}-{row[2]}")
def test_high_values_of_version_5(row: tuple[str, float, str, list[tuple[float, int]]]) -> None:
    """Multiples of the limit if the baseline was normal, otherwise of the baseline."""
    check_rising("5.0", row)


@pytest.mark.evidence(kind="published", source=SOURCE_6)
@pytest.mark.parametrize("row", RISING_6, ids=lambda row: f"{row[0]}-{row[2]}")
def test_high_values_of_version_6(row: tuple[str, float, str, list[tuple[float, int]]]) -> None:
    """A raised baseline is judged by smaller multiples than in version 5.0."""
    check_rising("6.0", row)


@pytest.mark.evidence(kind="published", source=f"{SOURCE_5}; {SOURCE_6}")
def test_the_same_neutrophils_are_a_grade_apart() -> None:
    """0.9 × 10⁹/L: grade 3 in version 5.0, grade 2 in version 6.0."""
    grades = [
        derive_ctcae_grade(version=version, term="neutrophils", value=0.9, limit=1.8)
        for version in ("5.0", "6.0")
    ]

    assert grades == [3, 2]
