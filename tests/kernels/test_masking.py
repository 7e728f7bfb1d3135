"""Masking: some elements stay, zeros take the place of the others."""

from __future__ import annotations

import numpy as np
import pytest

from dezero.cuda import as_numpy
from dezero.kernels.masking import keep_where


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int32])
def test_what_is_not_kept_is_zero_whatever_it_was(xp, dtype):
    bad = [1, 2] if dtype is np.int32 else [np.nan, np.inf]
    x = xp.asarray(np.array([*bad, -3, 4], dtype))
    kept = keep_where(xp.asarray(np.array([False, False, True, False])), x)
    assert kept.dtype == dtype
    assert as_numpy(kept).tolist() == [0, 0, -3, 0]
