"""Colours and gradients by hand."""

import numpy as np
import pytest

pytest.importorskip("torch")

from scale.evaluation.baselines import colours_and_gradients


def test_a_plain_image_is_one_colour_without_gradients() -> None:
    red = np.zeros((16, 16, 3), np.float32)
    red[..., 0] = 1.0
    found = colours_and_gradients(red)
    assert found.shape == (64 + 9 * 4,)
    assert np.flatnonzero(found).tolist() == [3 * 16]
    assert found[3 * 16] == 1.0


def test_stripes_have_gradients_across_them() -> None:
    upright = np.zeros((16, 16, 3), np.float32)
    upright[:, ::4] = 1.0
    across, down = (colours_and_gradients(image)[64:].reshape(4, 9) for image in (upright, upright.transpose(1, 0, 2)))
    assert set(np.flatnonzero(across.sum(axis=0))) == {0}  # brightness changes from left to right
    assert set(np.flatnonzero(down.sum(axis=0))) == {4}
    assert np.linalg.norm(across) == pytest.approx(1)
