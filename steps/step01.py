"""Step 1: A variable is a box (変数という「箱」).

New here: ``Variable``, a class that holds an array in ``data``, and nothing else yet.
A box and its content are two things: the content can be exchanged while the box stays the same, and everybody who
holds the box sees the new content. What we want in the end is dy/dx, and for that a result must remember where it
came from. An array cannot remember that; a box around it can.

Run it:   python steps/step01.py
Expect:   the box holds 1.0, then 2.0; arrays with 0, 1 and 2 axes all fit in.
Promise:  before == 1; after == 2; most_axes == 2
Missing:  nothing computes with boxes yet; step 2 brings functions from box to box.
"""

import numpy as np


class Variable:
    """A box for an array."""

    def __init__(self, data):
        self.data = data


def main():
    x = Variable(np.array(1.0))
    same_box = x
    before = float(x.data)
    x.data = np.array(2.0)
    after = float(same_box.data)
    print(f"the box held {before} and now holds {after}, under either of its names")

    boxes = [Variable(np.array(content)) for content in (1.0, [1.0, 2.0, 3.0], [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])]
    for box in boxes:
        print(f"an array with {box.data.ndim} axes, shape {box.data.shape}, fits too")
    return {"before": before, "after": after, "most_axes": max(box.data.ndim for box in boxes)}


if __name__ == "__main__":
    main()
