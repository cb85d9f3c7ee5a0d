import pytest

from sksoftinfo._utils import bars_of_bounds

plt = pytest.importorskip("matplotlib.pyplot")


@pytest.mark.parametrize(
    "bounds, ends, widths, n_arrows",
    [
        ([0.5, -0.1], [-0.2, 0.6], [0.5, -0.1], 0),
        ([0.5, -0.3], [-0.4, 0.6], [0.5, -0.3], 0),
        ([-60.0, -70.0], [-0.1, 0.6], [-0.5, -0.5], 2),
        ([0.5, -60.0], [-0.7, 0.6], [0.5, -0.7], 1),
    ],
)
def test_bars_far_below_zero_are_cut_off_with_an_arrow(bounds, ends, widths, n_arrows):
    figure, axis = plt.subplots()
    bars = bars_of_bounds(axis, [0, 1], bounds, ends, 1.0)
    assert [bar.get_width() for bar in bars] == widths
    assert len(axis.lines) == n_arrows
    for line in axis.lines:
        assert line.get_xdata() == [min(widths)] and bounds[line.get_ydata()[0]] < min(widths)
    plt.close(figure)
