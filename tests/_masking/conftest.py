"""Little images and a network of them, once for all tests of this folder, which change neither."""

import pytest

from tests.helpers.images import digits_beside_nothing, small_net


@pytest.fixture(scope="session")
def small():
    return digits_beside_nothing()


@pytest.fixture(scope="session")
def net(small):
    return small_net(*small)
