"""Step 53: Saving and loading (モデルの保存と読み込み).

New here: weights in a file, and training that goes on where it was.
A model is its parameters, and each has a name, the path that leads to it. So a file is a list of names and arrays,
NumPy's .npz, and loading puts each array where its name says:

    {"l0/W": array, "l0/b": array, "l1/W": array, ...}

Adam remembers something of each parameter as well. To go on as if nothing had happened, that must come along.

Run it:   python steps/step53.py
Expect:   a fresh model with loaded weights predicts the same, and its loss goes on where it was, to the last bit;
          without Adam's memory only nearly so; not loaded, it begins again. The losses go to step53.png, the
          weights to step53_model.npz, Adam's memory to step53_adam.npz.
Promise:  same_predictions == 1; difference == 0; forgetful_difference > 0; first_after_loading < 0.6;
          from_scratch > 1.5; refused == 1
Picture:  step53.png
Missing:  a large network learns small data by heart; step 54 hinders it.
"""

import sys
from pathlib import Path

import numpy as np

import dezero.functions as F
from dezero import DataLoader, optimizers
from dezero.datasets import MNIST, Digits
from dezero.models import MLP
from dezero.serialization import load_npz, save_npz
from dezero.transforms import Compose, Flatten, Normalize, ToFloat


def load():
    """Training pictures as vectors from 0 to 1: MNIST, else the digits that come with dezero."""
    try:
        return MNIST(train=True)
    except OSError:
        print("MNIST is neither here nor to be downloaded: on with the packaged digits of 8 x 8 pixels.")
        return Digits(train=True, transform=Compose([Flatten(), ToFloat(), Normalize(0.0, 16.0)]))


def new_model(hidden):
    model = MLP((hidden, 10), activation=F.relu)
    return model, optimizers.Adam().setup(model)


def train(model, optimizer, data, steps, seed):
    """Some steps, on batches that the seed decides. Returns their losses."""
    loader = DataLoader(data, 100, seed=seed, drop_last=True)
    losses = []
    while len(losses) < steps:
        for x, t in loader:
            loss = F.softmax_cross_entropy(model(x), t)
            model.cleargrads()
            loss.backward()
            optimizer.update()
            losses.append(float(loss.data))
            if len(losses) == steps:
                break
    return losses


def draw(before, after, path, show):
    import matplotlib

    if not show:
        matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(8, 4.2), layout="constrained")
    steps = np.arange(len(before))
    ax.plot(steps, before, color="#555555", lw=1.4, label="before")
    styles = {"loaded": ("#1f5fa8", 3.0), "without Adam's memory": ("#e07b00", 1.0), "not loaded": ("#c62828", 1.4)}
    for name, (color, width) in styles.items():
        ax.plot(steps + len(before), after[name], color=color, lw=width, label=name)
    ax.axvline(len(before), color="#555555", lw=1, ls=":")
    ax.set(xlabel="step", ylabel="loss", ylim=(0, None), title="Saved at the dotted line, and gone on in a new model")
    ax.legend(frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)
    if show:
        plt.show()
    plt.close(figure)


def main(steps=150, hidden=100, seed=0, folder=".", show=False):
    np.random.seed(seed)
    data, folder = load(), Path(folder)
    model_file, adam_file = folder / "step53_model.npz", folder / "step53_adam.npz"

    model, adam = new_model(hidden)
    before = train(model, adam, data, steps, seed)
    model.save_weights(model_file)
    save_npz(adam_file, adam.state_dict())
    with np.load(model_file) as file:
        print(f"{model_file}:", {name: file[name].shape for name in file.files})
    x, _ = next(DataLoader(data, 100, shuffle=False))
    then = model(x).data

    loaded, loaded_adam = new_model(hidden)
    loaded.load_weights(model_file)
    loaded_adam.load_state_dict(load_npz(adam_file))
    same = bool((loaded(x).data == then).all())
    print("the loaded model predicts the same:", same)

    forgetful, forgetful_adam = new_model(hidden)
    forgetful.load_weights(model_file)
    runs = {
        "never stopped": (model, adam),
        "loaded": (loaded, loaded_adam),
        "without Adam's memory": (forgetful, forgetful_adam),
        "not loaded": new_model(hidden),
    }
    after = {name: train(*run, data, steps, seed + 1) for name, run in runs.items()}
    print(f"loss before: {before[0]:.3f} ... {before[-1]:.3f}")
    for name, losses in after.items():
        print(f"{name:22} {losses[0]:.6f} ... {losses[-1]:.6f}")
    straight = np.array(after["never stopped"])
    difference = float(np.abs(straight - after["loaded"]).max())
    forgetful_difference = float(np.abs(straight - after["without Adam's memory"]).max())

    try:
        MLP((hidden, hidden, 10)).load_weights(model_file)
        refused = False
    except ValueError as error:
        print("Another network does not take it:", " ".join(str(error).split()))
        refused = True
    path = folder / "step53.png"
    draw(before, after, path, show)
    print(f"The picture is in {path}.")
    return {
        "same_predictions": same,
        "difference": difference,
        "forgetful_difference": forgetful_difference,
        "first_after_loading": after["loaded"][0],
        "from_scratch": after["not loaded"][0],
        "refused": refused,
    }


if __name__ == "__main__":
    main(show="--show" in sys.argv)
