"""Position embeddings of a Vision Transformer at another image size."""

import numpy as np

SHARPNESS = -0.75  # of the cubic kernel, as PyTorch has it; Pillow and TensorFlow have −0.5


def interpolate_positions(positions: np.ndarray, side: int) -> np.ndarray:
    """Return position embeddings (1, 1 + side², D) by those of another side, (1, 1 + L, D).

    The first is that of the class token and stays. The others are interpolated by bicubic
    convolution (Keys 1981), without smoothing, as PyTorch does it and hence DINOv2.
    """
    depth = positions.shape[-1]
    old_side = round((positions.shape[1] - 1) ** 0.5)
    grid = positions[0, 1:].reshape(old_side, old_side, depth)
    weights = _make_cubic_weights(old_side, side)  # (side, old side)
    grid = np.einsum("yr,rcd,xc->yxd", weights, grid, weights)
    return np.concatenate([positions[:, :1], grid.reshape(1, side * side, depth)], axis=1)


def _make_cubic_weights(old: int, new: int) -> np.ndarray:
    """Return (new, old): the share of each old place in each new one; edges are repeated."""
    weights = np.zeros((new, old), np.float32)
    for place in range(new):
        centre = (place + 0.5) * old / new - 0.5
        first = int(np.floor(centre)) - 1
        for neighbour in range(first, first + 4):
            column = min(max(neighbour, 0), old - 1)
            weights[place, column] += _weigh_by_distance(abs(centre - neighbour))
    return weights


def _weigh_by_distance(distance: float) -> float:
    """Return the cubic kernel's value at a distance of 0 to 2 places."""
    if distance <= 1:
        return (SHARPNESS + 2) * distance**3 - (SHARPNESS + 3) * distance**2 + 1
    return SHARPNESS * (distance**3 - 5 * distance**2 + 8 * distance - 4)
