"""Calibration never changes which of two margins is the riskier."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sentinel_core.artifacts.calibrate import calibrate, calibrated_log_odds
from sentinel_core.artifacts.calibration import Affine, Beta, PiecewiseLinear

slopes = st.floats(0.01, 10)
offsets = st.floats(-5, 5)
steps = st.lists(st.tuples(st.floats(0.1, 5), st.floats(0.1, 5)), min_size=1, max_size=8)


@st.composite
def piecewise(draw):
    points = np.cumsum([(draw(offsets), draw(offsets)), *draw(steps)], axis=0)
    return PiecewiseLinear(points=tuple(map(tuple, points.tolist())))


calibrations = (
    st.builds(Affine, a=slopes, b=offsets)
    | st.builds(Beta, a=slopes, b=slopes, c=offsets)
    | piecewise()
)


@given(calibration=calibrations)
def test_log_odds_strictly_increase_with_the_margin(calibration):
    margins = np.linspace(-30, 30, 2001)
    assert (np.diff(calibrated_log_odds(calibration, margins)) > 0).all()


@given(calibration=calibrations, margin=st.floats(-1e4, 1e4))
def test_probabilities_stay_within_0_and_1(calibration, margin):
    (probability,) = calibrate(calibration, np.array([margin])).tolist()
    assert 0.0 <= probability <= 1.0


@given(calibration=piecewise())
def test_a_piecewise_map_goes_through_its_points(calibration):
    margins, expected = np.array(calibration.points).T
    np.testing.assert_allclose(calibrated_log_odds(calibration, margins), expected, atol=1e-9)


@given(margin=st.floats(-30, 30))
def test_beta_with_unit_shape_changes_nothing(margin):
    unchanged = calibrated_log_odds(Beta(a=1.0, b=1.0, c=0.0), np.array([margin]))
    np.testing.assert_allclose(unchanged, [margin], atol=1e-12)
