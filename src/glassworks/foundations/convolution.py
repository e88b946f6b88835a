"""Convolution and pooling written out: first as the loops of the definition, then as one matrix product.

A small kernel slides over a picture; at each place the overlapping numbers are multiplied and summed.
Collecting the overlapped patches as rows turns all these sums into one matrix product, which is how
libraries make it fast. Max pooling keeps the largest number of each patch.

Frameworks call this convolution, but it is cross-correlation: the kernel is not flipped. A network learns
its kernels, so nothing is lost; `convolve` below is the flipped operation of mathematics.

Source: Dumoulin and Visin 2016, "A guide to convolution arithmetic for deep learning" (arXiv 1603.07285).
Change first: the kernel in `VERTICAL_EDGE`.

Axes: channels, height, width of a picture; out, channels, kernel height, kernel width of kernels.
"""

import numpy as np

VERTICAL_EDGE = np.array([[1.0, 0.0, -1.0]] * 3)  # bright left of dark gives positive numbers


def cross_correlate(picture: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """The definition for one channel, (height, width) and (kh, kw) -> (height-kh+1, width-kw+1)."""
    _check(picture[None], kernel[None, None], 1, 0)
    rows, columns = picture.shape[0] - kernel.shape[0] + 1, picture.shape[1] - kernel.shape[1] + 1
    out = np.zeros((rows, columns))
    for row in range(rows):
        for column in range(columns):
            for i in range(kernel.shape[0]):
                for j in range(kernel.shape[1]):
                    out[row, column] += picture[row + i, column + j] * kernel[i, j]
    return out


def convolve(picture: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Convolution as mathematics defines it: cross-correlation with the kernel turned by 180 degrees."""
    return cross_correlate(picture, kernel[::-1, ::-1])


def patches(picture: np.ndarray, size: tuple[int, int], stride: int = 1, padding: int = 0) -> np.ndarray:
    """Every patch the kernel sees, (channels, height, width) -> (places, channels * kh * kw), row by row."""
    padded = np.pad(picture, ((0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(
        padded, size, axis=(1, 2)
    )  # (c, rows, columns, kh, kw)
    windows = windows[:, ::stride, ::stride]  # (channels, rows, columns, kh, kw)
    return windows.transpose(1, 2, 0, 3, 4).reshape(windows.shape[1] * windows.shape[2], -1)


def conv2d(picture: np.ndarray, kernels: np.ndarray, stride: int = 1, padding: int = 0) -> np.ndarray:
    """All kernels at all places as one matrix product.

    picture: (channels, height, width); kernels: (out, channels, kh, kw); stride, padding: pixels
    Returns (out, rows, columns) with rows = (height + 2*padding - kh) // stride + 1.
    """
    _check(picture, kernels, stride, padding)
    out, _, high, wide = kernels.shape
    rows = (picture.shape[1] + 2 * padding - high) // stride + 1
    seen = patches(picture, (high, wide), stride, padding)  # (places, channels * kh * kw)
    answers = seen @ kernels.reshape(out, -1).T  # (places, out)
    return answers.T.reshape(out, rows, -1)


def max_pool(picture: np.ndarray, size: int = 2) -> np.ndarray:
    """Largest number of each size × size patch, (…, height, width) -> (…, height // size, width // size).

    A rest that fills no whole patch is left out. A feature that moves within its patch leaves the answer
    unchanged, one that crosses a border changes it: pooling makes a network more tolerant of shifts, but
    not immune.
    """
    *front, height, width = picture.shape
    if size < 1 or height < size or width < size:
        raise ValueError(
            f"max_pool: expected a picture of at least {size}×{size} pixels; got {height}×{width}"
        )
    whole = picture[..., : height // size * size, : width // size * size]
    return whole.reshape(*front, height // size, size, width // size, size).max(axis=(-3, -1))


def _check(picture: np.ndarray, kernels: np.ndarray, stride: int, padding: int) -> None:
    if picture.ndim != 3 or kernels.ndim != 4 or picture.shape[0] != kernels.shape[1]:
        raise ValueError(
            "expected a picture (channels, height, width) and kernels (out, the same channels, kh, kw); "
            f"got {picture.shape} and {kernels.shape}"
        )
    if stride < 1 or padding < 0:
        raise ValueError(f"expected a stride of at least 1 and no negative padding; got {stride}, {padding}")
    height, width = (size + 2 * padding for size in picture.shape[1:])
    if height < kernels.shape[2] or width < kernels.shape[3]:
        raise ValueError(
            f"expected a picture at least as large as the kernel, {kernels.shape[2]}×{kernels.shape[3]}; "
            f"got {height}×{width} with padding"
        )
