"""The blinding indices against published output, an R computation, and repeated sampling."""

import numpy as np
import pytest

from equipoise.analysis.blinding import Guesses, estimate_bang, estimate_james


@pytest.mark.requirement("F28")
@pytest.mark.evidence(
    "published", "output of JuliaHealth/BlindingIndex.jl for [48 22; 4 30; 330 319], from R BI"
)
def test_the_example_of_the_programs_of_others() -> None:
    """James 0.896 (0.011), 0.875 to 0.918; Bang 0.115 (0.018) and 0.022 (0.019)."""
    treated, control = Guesses(48, 4, 330), Guesses(22, 30, 319)
    james = estimate_james(treated, control)
    active, placebo = estimate_bang(48, 4, 330), estimate_bang(30, 22, 319)

    for index, value, error, low, high in (
        (james, 0.896, 0.011, 0.875, 0.918),
        (active, 0.115, 0.018, 0.08, 0.15),
        (placebo, 0.022, 0.019, -0.016, 0.06),
    ):
        assert index.value is not None and index.error is not None and index.interval is not None
        assert index.value == pytest.approx(value, abs=5.1e-4)
        assert index.error == pytest.approx(error, abs=5.1e-4)
        assert index.interval[0] == pytest.approx(low, abs=6e-4)
        assert index.interval[1] == pytest.approx(high, abs=6e-4)


@pytest.mark.requirement("F28")
@pytest.mark.evidence(
    "other program", "R: James's formula as it is printed, its slope by differences"
)
@pytest.mark.parametrize(
    ("counts", "value", "error"),
    [
        ((48, 4, 330, 22, 30, 319), 0.8964143426295, 0.0109175770074),
        ((5, 1, 6, 2, 2, 2), 0.625603864734, 0.114868713350),
        ((9, 8, 1, 7, 9, 3), 0.5131415819489, 0.0820269610759),
    ],
)
def test_r_says_the_same(counts: tuple[int, ...], value: float, error: float) -> None:
    """As tests/data/james.R printed it."""
    ours = estimate_james(Guesses(*counts[:3]), Guesses(*counts[3:]))

    assert ours.value == pytest.approx(value, rel=1e-6)
    assert ours.error == pytest.approx(error, rel=1e-4)


@pytest.mark.evidence("simulation", "the spread of the index over 4,000 samples of one multinomial")
def test_the_error_is_the_spread_of_repeated_samples() -> None:
    shares = np.array([0.25, 0.10, 0.15, 0.12, 0.18, 0.20])
    drawn = np.random.default_rng(7).multinomial(400, shares, size=4000)
    values = [estimate_james(Guesses(*row[:3]), Guesses(*row[3:])).value for row in drawn]
    expected = estimate_james(Guesses(*(shares[:3] * 1e6)), Guesses(*(shares[3:] * 1e6)))
    assert expected.error is not None

    assert np.std(values) == pytest.approx(expected.error * np.sqrt(1e6 / 400), rel=0.05)


@pytest.mark.parametrize(
    ("treated", "control", "james", "bang"),
    [
        ((10, 0, 0), (0, 10, 0), 0.0, 1.0),
        ((0, 0, 10), (0, 0, 10), 1.0, 0.0),
        ((5, 5, 0), (5, 5, 0), 0.5, 0.0),
        ((0, 10, 0), (10, 0, 0), 1.0, -1.0),
    ],
)
def test_the_ends_of_the_scales(
    treated: tuple[int, ...], control: tuple[int, ...], james: float, bang: float
) -> None:
    """All right, nobody knows, chance, all wrong."""
    assert estimate_james(Guesses(*treated), Guesses(*control)).value == pytest.approx(james)
    assert estimate_bang(*treated).value == pytest.approx(bang)


def test_what_cannot_be_computed_is_nothing() -> None:
    """Nobody asked; everybody gives one answer, so that chance gives no disagreement."""
    nobody = Guesses(0, 0, 0)

    assert estimate_james(nobody, nobody).interval is None
    assert estimate_bang(0, 0, 0).value is None
    assert estimate_james(Guesses(3, 0, 0), nobody).value is None
