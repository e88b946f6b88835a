"""Loops, matrix product and torch compute the same convolution; pooling tolerates some shifts, not all."""

import numpy as np
import pytest
import torch
import torch.nn.functional as functional

from glassworks.foundations.convolution import VERTICAL_EDGE, conv2d, convolve, cross_correlate, max_pool


def test_a_vertical_edge_is_found_where_the_picture_changes():
    picture = np.zeros((5, 6))
    picture[:, 3:] = 1
    expected = [[0, -3, -3, 0]] * 3
    assert cross_correlate(picture, VERTICAL_EDGE).tolist() == expected
    assert conv2d(picture[None], VERTICAL_EDGE[None, None])[0].tolist() == expected


def test_frameworks_do_not_flip_the_kernel_and_mathematics_does():
    generator = np.random.default_rng(0)
    picture, kernel = generator.normal(size=(7, 8)), generator.normal(size=(3, 2))
    theirs = functional.conv2d(torch.tensor(picture)[None, None], torch.tensor(kernel)[None, None])[
        0, 0
    ].numpy()
    np.testing.assert_allclose(cross_correlate(picture, kernel), theirs, rtol=1e-10, atol=1e-12)
    assert not np.allclose(convolve(picture, kernel), theirs)
    flat = np.convolve(picture[0], kernel[0], mode="valid")  # NumPy's convolution flips, as mathematics does
    np.testing.assert_allclose(convolve(picture[:1], kernel[:1])[0], flat)


@pytest.mark.parametrize("stride, padding", [(1, 0), (1, 1), (2, 1), (3, 2)])
def test_the_matrix_product_equals_torch(stride, padding):
    generator = np.random.default_rng(1)
    picture, kernels = generator.normal(size=(3, 9, 11)), generator.normal(size=(4, 3, 3, 2))
    theirs = functional.conv2d(
        torch.tensor(picture)[None], torch.tensor(kernels), stride=stride, padding=padding
    )[0]
    ours = conv2d(picture, kernels, stride, padding)
    assert ours.shape == tuple(theirs.shape)
    np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-10, atol=1e-12)


def test_pooling_tolerates_a_shift_within_a_patch_and_sees_one_across_a_border():
    at_one, at_two = np.zeros((4, 4)), np.zeros((4, 4))
    at_one[0, 1] = at_two[0, 2] = 1
    assert max_pool(at_one).ravel().tolist() == [1, 0, 0, 0]
    assert max_pool(at_two).ravel().tolist() == [0, 1, 0, 0]
    at_zero = np.roll(at_one, -1, axis=1)
    assert (max_pool(at_zero) == max_pool(at_one)).all()


def test_pooling_equals_torch_and_leaves_out_the_rest():
    picture = np.random.default_rng(2).normal(size=(2, 7, 9))
    for size in (2, 3):
        theirs = functional.max_pool2d(torch.tensor(picture), size).numpy()
        assert (max_pool(picture, size) == theirs).all()


def test_mistakes_say_what_was_expected():
    picture, kernel = np.zeros((3, 5, 5)), np.zeros((1, 3, 3, 3))
    for action, words in (
        (lambda: conv2d(picture, np.zeros((1, 2, 3, 3))), "the same channels"),
        (lambda: conv2d(picture, np.zeros((1, 3, 7, 3))), "at least as large as the kernel, 7×3; got 5×5"),
        (lambda: conv2d(picture, kernel, stride=0), "stride of at least 1"),
        (lambda: max_pool(picture, 6), "at least 6×6 pixels; got 5×5"),
    ):
        with pytest.raises(ValueError, match=words):
            action()
