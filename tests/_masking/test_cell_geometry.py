import numpy as np

from sksoftinfo._masking.cell_geometry import cell_geometry


def test_geometry_where_no_cell_is_off_the_border():
    everything = np.array([[0, 31], [0, 31]])
    geometry = cell_geometry(np.arange(2), everything, 2, 32)
    assert (geometry.stride, geometry.receptive_field) == (16, 32)
    np.testing.assert_array_equal(geometry.centres, [7.5, 23.5])


def test_fields_of_units_that_are_off_have_some_geometry():
    """All edges coincide if the only active units see the same pixels."""
    extents = np.array([[0, 27], [4, 9], [4, 9], [4, 9]])
    geometry = cell_geometry(np.arange(4), extents, 4, 28)
    assert geometry.stride == 7
    assert np.isfinite(geometry.centres).all() and (np.diff(geometry.centres) > 0).all()
