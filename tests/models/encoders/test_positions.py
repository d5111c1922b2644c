"""Position embeddings at another image size."""

import numpy as np

from models.encoders.positions import interpolate_positions


def test_the_class_token_stays_and_equal_sides_change_nothing():
    positions = np.random.default_rng(0).normal(size=(1, 1 + 9, 4)).astype(np.float32)
    np.testing.assert_allclose(interpolate_positions(positions, 3), positions, atol=1e-6)
    np.testing.assert_array_equal(interpolate_positions(positions, 5)[:, 0], positions[:, 0])


def test_values_between_two_places_are_those_of_the_cubic_kernel():
    """Halfway, the kernel of sharpness −0.75 has the weights −3/32, 19/32, 19/32, −3/32."""
    grid = np.zeros((4, 4, 1), np.float32)
    grid[:, 2] = 32
    positions = np.concatenate([np.zeros((1, 1, 1)), grid.reshape(1, 16, 1)], axis=1)
    found = interpolate_positions(positions, 2).reshape(-1)[1:].reshape(2, 2)
    # The new places lie at the old ones 0.5 and 2.5.
    np.testing.assert_allclose(found, [[-3, 19], [-3, 19]], atol=1e-5)
