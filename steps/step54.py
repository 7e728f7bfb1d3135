"""Step 54: Dropout and test mode (Dropoutとテストモード).

New here: dropout, and the difference between learning and being asked.
A large network can learn a few samples by heart, mistakes included. Dropout sets a random half of the hidden values
to zero at each training step, so that none can count on the others. What stays is doubled, so the mean is the same:

    y = x * mask / (1 - r),   each mask value 0 with probability r, else 1

When the network is asked, nothing may drop: in test_mode() dropout hands x through.

Run it:   python steps/step54.py
Expect:   dropout by hand keeps the mean; in test mode the answer no longer varies; of 1000 pictures with a quarter of
          the labels wrong, dropout learns fewer by heart and reads more test pictures right.
Promise:  mean_error < 0.02; dropped_error < 0.02; train_mode_spread > 0; test_mode_spread == 0; gain > 0.01;
          by_heart_ratio < 0.9
Missing:  all pixels are alike to these networks, wherever they lie; steps 55 to 57 use the neighbourhood.
"""

import numpy as np

import dezero
import dezero.functions as F
import dezero.layers as L
from dezero import Config, Model, optimizers, test_mode
from dezero.datasets import MNIST, Digits
from dezero.transforms import Compose, Flatten, Normalize, ToFloat


def load():
    """Training and test pictures as vectors from 0 to 1: MNIST, else the digits that come with dezero."""
    try:
        return MNIST(train=True), MNIST(train=False)
    except OSError:
        print("MNIST is neither here nor to be downloaded: on with the packaged digits of 8 x 8 pixels.")
        vector = Compose([Flatten(), ToFloat(), Normalize(0.0, 16.0)])
        return Digits(train=True, transform=vector), Digits(train=False, transform=vector)


def dropout(x, ratio=0.5):
    """What F.dropout does."""
    if not Config.train:
        return x
    mask = np.random.rand(*x.shape) > ratio
    return x * mask / (1 - ratio)


class Net(Model):
    def __init__(self, hidden, ratio):
        super().__init__()
        self.ratio = ratio
        self.l1 = L.Linear(hidden)
        self.l2 = L.Linear(hidden)
        self.l3 = L.Linear(10)

    def forward(self, x):
        x = F.dropout(F.relu(self.l1(x)), self.ratio)
        x = F.dropout(F.relu(self.l2(x)), self.ratio)
        return self.l3(x)


def with_mistakes(t, share, rng):
    """The labels, a share of them replaced by others; and which ones."""
    t, wrong = t.copy(), rng.permutation(len(t))[: int(share * len(t))]
    t[wrong] = (t[wrong] + rng.integers(1, 10, len(wrong))) % 10
    return t, wrong


def train(model, x, t, epochs, batch_size):
    optimizer = optimizers.Adam(alpha=0.002).setup(model)
    for _ in range(epochs):
        order = np.random.permutation(len(x))
        for start in range(0, len(x), batch_size):
            batch = order[start : start + batch_size]
            loss = F.softmax_cross_entropy(model(x[batch]), t[batch])
            model.cleargrads()
            loss.backward()
            optimizer.update()


def answers(model, x):
    with dezero.no_grad(), test_mode():
        return model(x).data.argmax(axis=1)


def spread(model, x):
    """How much the answer to one question varies over ten calls."""
    with dezero.no_grad():
        answers = np.array([model(x).data for _ in range(10)])
    return float((answers.max(axis=0) - answers.min(axis=0)).max())


def main(pictures=1000, hidden=200, epochs=None, batch_size=100, seed=0):
    np.random.seed(seed)
    y = dropout(np.ones(100000))
    zeros = float((y == 0).mean())
    print(f"dropout by hand: of 100,000 ones {zeros:.1%} are zero, the others {y.max()}, the mean {y.mean():.3f}")
    with test_mode():
        print("in test mode:   ", dropout(np.ones(5)))

    train_set, test_set = load()
    x, right = train_set.get_batch(np.arange(pictures))
    x_test, t_test = test_set.get_batch(np.arange(len(test_set)))
    t, wrong = with_mistakes(right, 0.25, np.random.default_rng(seed))
    epochs = epochs or (20 if x.shape[1] == 784 else 40)  # more pixels are learned by heart sooner
    accuracy, by_heart = {}, {}
    for ratio in (0.0, 0.5):
        model = Net(hidden, ratio)
        train(model, x, t, epochs, batch_size)
        accuracy[ratio] = float((answers(model, x_test) == t_test).mean())
        by_heart[ratio] = float((answers(model, x[wrong]) == t[wrong]).mean())
        print(
            f"dropout {ratio}: {by_heart[ratio]:.1%} of the wrong labels by heart, test accuracy {accuracy[ratio]:.1%}"
        )

    loose = spread(model, x[:1])
    with test_mode():
        firm = spread(model, x[:1])
    print(f"ten calls with one picture vary by {loose:.2f} in train mode, by {firm:.2f} in test mode")
    return {
        "mean_error": abs(float(y.mean()) - 1),
        "dropped_error": abs(zeros - 0.5),
        "train_mode_spread": loose,
        "test_mode_spread": firm,
        "gain": accuracy[0.5] - accuracy[0.0],
        "by_heart_ratio": by_heart[0.5] / by_heart[0.0],
        "mnist": isinstance(train_set, MNIST),
    }


if __name__ == "__main__":
    main()
