"""Step 58: VGG16 (代表的なCNN (VGG16)).

New here: a network that was built to win, layer by layer, and one that has already learned.
VGG16 is steps 55 to 57 repeated: convolutions of 3 x 3 with padding 1 keep the size, a pooling of 2 x 2 halves it, and
each time there are more channels to say what is there and fewer pixels to say where:

    224 x 224 x 3 -> 112 x 112 x 64 -> 56 x 56 x 128 -> 28 x 28 x 256 -> 14 x 14 x 512 -> 7 x 7 x 512 -> 1000 classes

Trained on a million photographs it is 553 MB of numbers. SqueezeNet does nearly as well with a hundredth of them.

Run it:   python steps/step58.py
Expect:   the shapes and parameters of the 16 layers; the graph of the model in step58.png; and what is on a
          photograph, if weights are there: vgg16.npz or squeezenet/squeezenet_v1.1.npz in the folder that
          DEZERO_DATA_DIR names or in ~/.dezero. Otherwise it says how to get them.
Promise:  params == 138357544; layers == 16; sizes_right == 1; drawn == 1; cat_or_no_weights == 1
Picture:  step58.png
Missing:  a photograph is seen at once, a melody is not; step 59 gives networks a memory.
"""

import os
import sys
from pathlib import Path

import numpy as np

import dezero
import dezero.functions as F
from dezero import test_mode
from dezero.datasets import ImageNet
from dezero.models import VGG16, SqueezeNet
from dezero.utils import cache_dir, get_conv_outsize

PHOTOGRAPH = Path(__file__).parent / "images" / "chelsea.jpg"
CATS = (281, 282, 283, 284, 285)  # ImageNet has five kinds of house cat


def vgg16_file():
    """Where the weights of VGG16 are, or None."""
    folders = [os.environ.get("DEZERO_DATA_DIR"), cache_dir]
    paths = [Path(folder).expanduser() / "vgg16.npz" for folder in folders if folder]
    return next((path for path in paths if path.is_file()), None)


def show_shapes(model, x):
    """Runs the model and prints what comes out of every layer. Returns the shapes."""
    shapes = {}
    print("layer     output                parameters")

    def note(layer, inputs, y):
        name = names[layer]
        shapes[name] = y.shape
        print(f"{name:8}  {y.shape!s:20}  {sum(p.size for p in layer.params()):>10,}")

    names = {layer: name for name, layer in model.named_layers() if name}
    handles = [layer.register_forward_hook(note) for layer in names]
    with dezero.no_grad(), test_mode():
        model(x)
    for handle in handles:
        handle.remove()
    return shapes


def expected_sizes():
    """The height and width that steps 55 to 57 foretell for each block."""
    sizes, size = [], 224
    for _ in range(5):
        size = get_conv_outsize(size, 3, 1, 1)
        sizes.append(size)
        size = get_conv_outsize(size, 2, 2, 0)
    return sizes


@test_mode()
def draw(model, x, path, show):
    """The graph of the model, a box for each layer; as DOT text where the program that draws is not installed."""
    try:
        model.plot(x, to_file=path, depth=1)
    except (ImportError, RuntimeError) as missing:
        print(missing)
        path = path.with_suffix(".dot")
        model.plot(x, to_file=path, depth=1)
    print(f"The graph of the model is in {path}.")
    if show and path.suffix == ".png":
        import matplotlib.pyplot as plt

        plt.imshow(plt.imread(path))
        plt.axis("off")
        plt.show()
    return path.stat().st_size > 0


def trained_network(vgg):
    """A network that has learned: VGG16 if its weights are there, SqueezeNet if its are, else None."""
    if vgg16_file() is not None:
        return vgg
    print("The weights of VGG16 are not here. VGG16(pretrained=True) downloads them, 553 MB.")
    try:
        return SqueezeNet(pretrained=True)
    except OSError as missing:
        print(f"Those of SqueezeNet neither. {missing}")
        return None


def class_names():
    try:
        return ImageNet.labels()
    except OSError:
        return {}


def classify(model):
    """The five likeliest classes of the photograph. Returns the number of the first."""
    from PIL import Image

    with Image.open(PHOTOGRAPH) as image:
        x = model.preprocess(image)[np.newaxis]  # (1, 3, H, W)
    with dezero.no_grad(), test_mode():
        p = F.softmax(model(x)).data[0]  # (1000,)
    names = class_names()
    print(f"{type(model).__name__} sees in {PHOTOGRAPH.name}:")
    for i in p.argsort()[::-1][:5]:
        print(f"  {p[i]:6.1%}  {names.get(int(i), f'class {i}')}")
    return int(p.argmax())


def main(seed=0, folder=".", show=False):
    np.random.seed(seed)
    vgg = VGG16(pretrained=vgg16_file() or False)
    x = np.zeros((1, 3, 224, 224), np.float32)
    shapes = show_shapes(vgg, x)
    params = sum(p.size for p in vgg.params())
    print(f"{params:,} parameters, {vgg.fc6.W.size / params:.0%} of them in the first linear layer")
    sizes_right = all(
        shapes[f"conv{block}_{i}"][2:] == (size, size)
        for block, size in enumerate(expected_sizes(), start=1)
        for i in ((1, 2) if block < 3 else (1, 2, 3))
    )
    print("the sizes are those of the formula:", sizes_right)
    drawn = draw(vgg, x, Path(folder) / "step58.png", show)
    model = trained_network(vgg)
    seen = None if model is None else classify(model)
    return {
        "params": params,
        "layers": len(shapes),
        "sizes_right": sizes_right,
        "drawn": drawn,
        "classified": seen is not None,
        "cat_or_no_weights": seen is None or seen in CATS,
    }


if __name__ == "__main__":
    main(show="--show" in sys.argv)
