"""Step 49: Datasets and transforms (Datasetクラスと前処理).

New here: Dataset, and transforms that prepare a sample on its way out.
A training loop needs two things of its data only: how many samples there are, and the one with number i.

    len(data)     data[i] -> (x, t)

Where they come from is the data set's business. A small one keeps arrays (prepare), a large one opens a file when
asked (__getitem__). What must be done to each sample, such as (x - mean) / std, is given along as a transform.

Run it:   python steps/step49.py
Expect:   a sample as it is and as transformed; a data set on disk that reads ten of its thousand files because ten
          were asked for; the spiral learned through its Dataset.
Promise:  samples == 300; mean < 0.00001; std_error < 0.00001; files == 1000; files_read == 10; accuracy >= 0.85
Missing:  the loop still gathers each batch by hand; step 50's DataLoader does that.
"""

import tempfile
from pathlib import Path

import numpy as np

import dezero.functions as F
from dezero import Dataset, optimizers
from dezero.datasets import Spiral
from dezero.models import MLP
from dezero.transforms import AsType, Compose, Normalize


class Files(Dataset):
    """Samples that lie in a folder, one file each. None is opened before somebody asks for it."""

    def __init__(self, folder):
        self.paths = sorted(Path(folder).glob("*.npy"))
        self.read = 0
        super().__init__()

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, i):
        self.read += 1
        return np.load(self.paths[i]), i % 10


def read_ten_files(files):
    """Makes a folder of samples and takes a batch of ten. Returns how many files there are and were read."""
    with tempfile.TemporaryDirectory() as folder:
        for i in range(files):
            np.save(Path(folder) / f"{i:04}.npy", np.full(16, i))
        data = Files(folder)
        batch = [data[i] for i in np.random.permutation(len(data))[:10]]
        print(f"{len(data)} files, {data.read} of them read for a batch of {len(batch)}")
        return len(data), data.read


def train(data, epochs, batch_size):
    """Step 48's loop, for any data set. Returns the share that is right in the last epoch."""
    model = MLP((10, 3))
    optimizer = optimizers.SGD(lr=1.0).setup(model)
    for _ in range(epochs):
        order = np.random.permutation(len(data))
        right = 0.0
        for start in range(0, len(data), batch_size):
            samples = [data[i] for i in order[start : start + batch_size]]
            x = np.array([x for x, t in samples])  # (B, 2)
            t = np.array([t for x, t in samples])  # (B,)
            y = model(x)
            loss = F.softmax_cross_entropy(y, t)
            model.cleargrads()
            loss.backward()
            optimizer.update()
            right += float(F.accuracy(y, t).data) * len(t)
    return right / len(data)


def main(files=1000, epochs=200, batch_size=30, seed=0):
    np.random.seed(seed)
    data = Spiral(train=True)
    x, t = data[0]
    print(f"{len(data)} samples; number 0 is the point {x} of class {t}")

    mean, std = data.data.mean(axis=0), data.data.std(axis=0)
    transform = Compose([lambda x: (x - mean) / std, AsType(np.float32)])  # any function of a sample will do
    scaled = Spiral(train=True, transform=transform)
    points = np.array([x for x, t in scaled])  # (300, 2)
    print(f"transformed, it is {scaled[0][0]}; all of them have mean {abs(points.mean(axis=0)).max():.1e}")

    halved = Compose([Normalize(mean=0.0, std=2.0), AsType(np.float64)])
    print(f"the package has the common ones: {halved(x)} {halved(x).dtype}")

    files, files_read = read_ten_files(files)
    accuracy = train(scaled, epochs, batch_size)
    print(f"trained on the transformed spiral: {accuracy:.1%} right in the last epoch")
    return {
        "samples": len(data),
        "mean": float(np.abs(points.mean(axis=0)).max()),
        "std_error": float(np.abs(points.std(axis=0) - 1).max()),
        "files": files,
        "files_read": files_read,
        "accuracy": accuracy,
    }


if __name__ == "__main__":
    main()
