"""Muon for convolutions: a step's update is nearly orthogonal, and all else is AdamW's."""

import keras
import numpy as np

from models.training.optimizers import ConvolutionMuon


def test_a_kernel_moves_by_a_matrix_whose_singular_values_are_alike_and_a_bias_by_the_rate():
    kernel, bias = (
        keras.Variable(np.zeros((3, 3, 4, 5), np.float32)),
        keras.Variable(np.zeros(5, np.float32)),
    )
    optimizer = ConvolutionMuon(0.1, adam_lr_ratio=0.5)
    optimizer.build([kernel, bias])
    gradient = np.random.default_rng(0).normal(size=kernel.shape).astype(np.float32) ** 3
    optimizer.apply([gradient, np.array([1, -2, 3, -4, 5], np.float32)], [kernel, bias])
    moved = np.linalg.svd(kernel.numpy().reshape(36, 5), compute_uv=False)
    assert moved.max() / moved.min() < 2
    before = np.linalg.svd(gradient.reshape(36, 5), compute_uv=False)
    assert before.max() / before.min() > 2
    assert 0.6 < moved.mean() / (0.1 * 0.2 * 6) < 1.3  # rate, rms_rate, the root of the longer side
    np.testing.assert_allclose(bias, [-0.05, 0.05, -0.05, 0.05, -0.05], rtol=1e-3)
