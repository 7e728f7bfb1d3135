"""Step 52: GPU (GPU対応).

New here: the same program on a graphics card.
CuPy has NumPy's names, for arrays that lie on a GPU. If every function asks its input which module it belongs to,

    xp = get_array_module(x);   xp.exp(x)

then nothing else must know. The model and each batch are moved once (to_gpu); what is computed from them stays there,
and only the printed numbers come back (as_numpy).

Run it:   python steps/step52.py
Expect:   milliseconds per training step on the CPU, and on the GPU where CuPy finds one, with the same losses;
          elsewhere the error that says what to install.
Promise:  cpu_ms > 0; last_loss < 1; losses_agree == 1; said_why == 1
Missing:  when the script ends, all that was learned is lost: step 53.
"""

import time
from itertools import islice

import numpy as np

import dezero.functions as F
from dezero import DataLoader, cuda, optimizers
from dezero.datasets import MNIST, Digits
from dezero.models import MLP
from dezero.transforms import Compose, Flatten, Normalize, ToFloat


def load():
    """Training pictures as vectors from 0 to 1: MNIST, else the digits that come with dezero."""
    try:
        return MNIST(train=True)
    except OSError:
        print("MNIST is neither here nor to be downloaded: on with the packaged digits of 8 x 8 pixels.")
        return Digits(train=True, transform=Compose([Flatten(), ToFloat(), Normalize(0.0, 16.0)]))


def softplus(x):
    """log(1 + e^x) for either kind of array: the only thing to do is to ask for the module."""
    xp = cuda.get_array_module(x)
    return xp.logaddexp(x, 0.0)


def endless(loader):
    """Epoch after epoch."""
    while True:
        yield from loader


def train(data, steps, hidden, batch_size, seed, gpu):
    """The same training on either device. Returns the losses and the milliseconds per step."""
    np.random.seed(seed)
    model = MLP((hidden, hidden, 10), activation=F.relu)
    loader = DataLoader(data, batch_size, seed=seed)
    model(data.get_batch([0])[0])  # the weights are drawn on the CPU, so that both devices begin alike
    if gpu:
        model.to_gpu()
        loader.to_gpu()
    optimizer = optimizers.SGD(lr=0.1).setup(model)
    losses = []
    for step, (x, t) in enumerate(islice(endless(loader), 10 + steps)):
        if step == 10:  # the first ones warm up
            cuda.as_numpy(losses[-1])  # waits until the GPU has done them
            start = time.perf_counter()
        loss = F.softmax_cross_entropy(model(x), t)
        model.cleargrads()
        loss.backward()
        optimizer.update()
        losses.append(loss.data)  # not as a number yet: each step would wait for the GPU
    losses = [float(cuda.as_numpy(loss)) for loss in losses]
    return losses, 1000 * (time.perf_counter() - start) / steps


def main(steps=100, hidden=500, batch_size=100, seed=0):
    data = load()
    print("softplus of a NumPy array:", softplus(np.array([-1.0, 0.0, 1.0])).round(3))
    cpu_losses, cpu_ms = train(data, steps, hidden, batch_size, seed, gpu=False)
    print(f"CPU: {cpu_ms:.2f} ms per step, loss {cpu_losses[0]:.3f} -> {cpu_losses[-1]:.3f}")
    result = {"cpu_ms": cpu_ms, "last_loss": cpu_losses[-1], "gpu": bool(cuda.gpu_enable)}
    if not cuda.gpu_enable:
        try:
            MLP((1,)).to_gpu()
        except RuntimeError as error:
            print(f"No GPU to compare with. to_gpu says: {error}")
            return {**result, "losses_agree": True, "said_why": True}
        return {**result, "losses_agree": True, "said_why": False}
    gpu_losses, gpu_ms = train(data, steps, hidden, batch_size, seed, gpu=True)
    print(f"GPU: {gpu_ms:.2f} ms per step, loss {gpu_losses[0]:.3f} -> {gpu_losses[-1]:.3f}")
    print(f"That is {cpu_ms / gpu_ms:.1f} times as fast.")
    agree = bool(np.allclose(cpu_losses, gpu_losses, rtol=0.01, atol=0.01))
    return {**result, "gpu_ms": gpu_ms, "losses_agree": agree, "said_why": True}


if __name__ == "__main__":
    main()
