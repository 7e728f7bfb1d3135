from __future__ import annotations

import numpy as np
import pytest

from dezero import Variable
from dezero import functions as F

scores = np.array([[0.2, 0.8], [0.9, 0.1], [0.3, 0.7]])


@pytest.mark.parametrize("t", [np.array([1, 1, 1]), np.array([[1], [1], [1]], np.uint8)])
def test_accuracy_is_the_share_of_hits(t, xp):
    y = F.accuracy(xp.asarray(scores), xp.asarray(t))
    assert float(y) == pytest.approx(2 / 3) and y.shape == ()


def test_accuracy_takes_variables_and_has_no_gradient():
    y = F.accuracy(Variable(scores), Variable(np.array([1, 0, 1])))
    assert float(y) == 1.0 and not y.requires_grad


@pytest.mark.parametrize(("y", "n"), [(scores, 2), (scores, 4), (scores[:, 0], 3), (scores[:, :, None], 3)])
def test_accuracy_wants_rows_of_scores_and_one_label_for_each(y, n):
    with pytest.raises(ValueError, match=r"accuracy: scores \(N, C\) and N labels are wanted, got \(3,.* and \(\d,\)"):
        F.accuracy(y, np.ones(n, int))
