"""Knows linear maps of the rows and the columns of images as one loop: a row of the image at a time."""

from __future__ import annotations

import numpy as np

from .jit import loop


@loop
def resample(x, row_places, row_weights, column_places, column_weights, y, wide, start, stop):
    """The rows from ``start`` to ``stop`` of ``y``, each of the rows of ``x`` at its places, then of their columns.

    Args:
        x, y: (A, H, Wd*B) and (A*OH, OW*B): each pixel has B numbers.
        row_places, row_weights: (T, OH).
        column_places, column_weights: (T, OW) of pixels where ``wide``, otherwise (T, OW*B) of numbers.
        wide: B, where a pixel is taken as one vector; otherwise 0.
        start, stop: Of all A*OH rows.
    """
    OH = row_places.shape[1]
    memory = np.empty(x.shape[2], x.dtype)
    for r in range(start, stop):
        image, o, out = x[r // OH], r % OH, y[r]
        is_row = len(row_places) == 1 and row_weights[0, o] == 1
        mixed = image[row_places[0, o]] if is_row else memory
        for t in range(0 if is_row else len(row_places)):
            seen, weight = image[row_places[t, o]], row_weights[t, o]
            if t == 0:
                for i in range(len(mixed)):
                    mixed[i] = weight * seen[i]
            else:
                for i in range(len(mixed)):
                    mixed[i] += weight * seen[i]
        for t in range(len(column_places)):
            places, weights = column_places[t], column_weights[t]
            if wide:
                for j in range(len(places)):
                    pixel, sums, weight = mixed[places[j] * wide :], out[j * wide : (j + 1) * wide], weights[j]
                    if t == 0:
                        for c in range(len(sums)):
                            sums[c] = weight * pixel[c]
                    else:
                        for c in range(len(sums)):
                            sums[c] += weight * pixel[c]
            elif t == 0:
                for j in range(len(places)):
                    out[j] = weights[j] * mixed[places[j]]
            else:
                for j in range(len(places)):
                    out[j] += weights[j] * mixed[places[j]]
