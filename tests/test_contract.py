"""The API that readers of the book write against: every name, and code as they type it."""

from __future__ import annotations

import inspect
import math
import subprocess
import sys

import numpy as np
import pytest

import dezero
import dezero.functions as F
import dezero.layers as L
from dezero import Config, DataLoader, Function, Model, Parameter, SeqDataLoader, Variable, as_variable, optimizers
from dezero.models import MLP, Sequential
from dezero.utils import get_dot_graph

NAMES = {
    "dezero": """Variable Parameter Function Config using_config no_grad test_mode as_array as_variable
        setup_variable Layer Model Dataset DataLoader SeqDataLoader functions functions_conv layers
        models optimizers datasets dataloaders transforms utils cuda core core_simple __version__""",
    "core_simple": """Variable Function Config using_config no_grad as_array as_variable setup_variable add mul neg sub
        rsub div rdiv pow""",
    "cuda": "gpu_enable cupy get_array_module as_numpy as_cupy",
    "functions": """add mul neg sub rsub div rdiv pow sin cos tanh exp log reshape transpose get_item expand_dims
        flatten sum sum_to broadcast_to average mean matmul linear linear_simple sigmoid
        sigmoid_simple relu softmax softmax_simple log_softmax leaky_relu mean_squared_error
        mean_squared_error_simple softmax_cross_entropy softmax_cross_entropy_simple
        sigmoid_cross_entropy binary_cross_entropy accuracy dropout batch_norm batch_nrom embed_id
        max min clip im2col col2im conv2d conv2d_simple deconv2d pooling pooling_simple
        average_pooling im2col_array col2im_array Add Mul Neg Sub Div Pow Sin Cos Tanh Exp Log
        Reshape Transpose GetItem Sum SumTo BroadcastTo MatMul Linear Sigmoid ReLU Softmax
        LogSoftmax LeakyReLU MeanSquaredError SoftmaxCrossEntropy BatchNorm Max Min Clip Im2col
        Col2im Conv2d Deconv2d Pooling AveragePooling""",
    "functions_conv": """im2col col2im conv2d conv2d_simple deconv2d pooling pooling_simple average_pooling im2col_array
        col2im_array""",
    "layers": "Layer Linear Conv2d Deconv2d RNN LSTM EmbedID BatchNorm",
    "models": "Model Sequential MLP VGG16 ResNet ResNet50 ResNet101 ResNet152 SqueezeNet",
    "optimizers": "Optimizer SGD MomentumSGD AdaGrad AdaDelta Adam WeightDecay ClipGrad FreezeParam",
    "datasets": """Dataset get_spiral Spiral MNIST CIFAR10 CIFAR100 ImageNet SinCurve Shakespear Shakespeare
        load_cache_npz save_cache_npz""",
    "dataloaders": "DataLoader SeqDataLoader",
    "transforms": """Compose Convert Resize CenterCrop ToArray ToPIL RandomHorizontalFlip Normalize Flatten AsType
        ToFloat ToInt""",
    "utils": """get_dot_graph plot_dot_graph sum_to reshape_sum_backward logsumexp max_backward_shape gradient_check
        numerical_grad array_equal array_allclose get_file cache_dir get_conv_outsize
        get_deconv_outsize pair""",
}

SIGNATURES = {
    F.softmax: "x axis=1",
    F.leaky_relu: "x slope=0.2",
    F.sum: "x axis=None keepdims=False",
    F.average: "x axis=None keepdims=False",
    F.linear: "x W b=None",
    F.dropout: "x dropout_ratio=0.5",
    F.batch_norm: "x gamma beta mean var decay=0.9 eps=2e-05",
    F.im2col: "x kernel_size stride=1 pad=0 to_matrix=True",
    F.col2im: "x input_shape kernel_size stride=1 pad=0 to_matrix=True",
    F.conv2d: "x W b=None stride=1 pad=0",
    F.deconv2d: "x W b=None stride=1 pad=0 outsize=None",
    F.pooling: "x kernel_size stride=1 pad=0",
    F.average_pooling: "x kernel_size stride=1 pad=0",
    F.im2col_array: "img kernel_size stride pad to_matrix=True",
    F.col2im_array: "col img_shape kernel_size stride pad to_matrix=True",
    L.Conv2d: "out_channels kernel_size stride=1 pad=0 nobias=False dtype=float32 in_channels=None",
    L.Deconv2d: "out_channels kernel_size stride=1 pad=0 nobias=False dtype=float32 in_channels=None",
    L.Linear: "out_size nobias=False dtype=float32 in_size=None",
    L.RNN: "hidden_size in_size=None",
    L.LSTM: "hidden_size in_size=None",
    L.EmbedID: "in_size out_size",
    dezero.models.MLP: "fc_output_sizes activation=sigmoid",
    dezero.models.VGG16: "pretrained=False",
    dezero.models.VGG16.preprocess: "image size=(224,224) dtype=float32",
    dezero.models.ResNet: "n_layers=152 pretrained=False",
    dezero.models.ResNet50: "pretrained=False",
    dezero.models.SqueezeNet: "pretrained=False",
    optimizers.SGD: "lr=0.01",
    optimizers.MomentumSGD: "lr=0.01 momentum=0.9",
    optimizers.AdaGrad: "lr=0.001 eps=1e-08",
    optimizers.AdaDelta: "rho=0.95 eps=1e-06",
    optimizers.Adam: "alpha=0.001 beta1=0.9 beta2=0.999 eps=1e-08",
    DataLoader: "dataset batch_size shuffle=True gpu=False",
    SeqDataLoader: "dataset batch_size gpu=False",
    dezero.utils.get_dot_graph: "output verbose=True",
    dezero.utils.plot_dot_graph: "output verbose=True to_file=graph.png",
    dezero.utils.gradient_check: "f x args rtol=0.0001 atol=1e-05",
    Variable.backward: "self retain_grad=False create_graph=False",
}


@pytest.mark.parametrize(("module", "name"), [(m, n) for m, names in NAMES.items() for n in names.split()])
def test_every_name_is_reached_after_a_bare_import(module, name):
    where = dezero if module == "dezero" else getattr(dezero, module)
    assert hasattr(where, name)


def test_a_bare_import_in_a_new_process_is_enough():
    code = (
        "import dezero; print(dezero.functions.conv2d.__name__, dezero.utils.pair(1), dezero.core_simple.add.__name__)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).split() == ["conv2d", "(1,", "1)", "add"]


@pytest.mark.parametrize(("function", "expected"), SIGNATURES.items(), ids=lambda x: getattr(x, "__qualname__", ""))
def test_positional_parameters_keep_name_order_and_default(function, expected):
    def text(p):
        default = str(getattr(p.default, "__name__", p.default)).replace(" ", "")
        return p.name if p.default is p.empty else f"{p.name}={default}"

    given = [text(p) for p in inspect.signature(function).parameters.values() if p.kind is not p.VAR_KEYWORD]
    assert given[: len(expected.split())] == expected.split()


def test_config_is_read_and_assigned_directly():
    assert Config.enable_backprop is True and Config.train is True


def test_a_users_function_in_the_books_style():
    class Sin(Function):
        def forward(self, x):
            y = np.sin(x)
            return y

        def backward(self, gy):
            (x,) = self.inputs
            gx = gy * cos(x)
            return gx

    class Cos(Function):
        def forward(self, x):
            return np.cos(x)

        def backward(self, gy):
            (x,) = self.inputs
            return gy * -sin(x)

    def sin(x):
        return Sin()(x)

    def cos(x):
        return Cos()(x)

    x = Variable(np.array(1.0))
    y = sin(x)
    y.backward(create_graph=True)
    for i in range(3):
        gx = x.grad
        x.cleargrad()
        gx.backward(create_graph=True)
        np.testing.assert_allclose(x.grad.data, np.sin(1.0 + (i + 2) * math.pi / 2))


def test_newtons_method_in_the_books_style():
    def f(x):
        return x**4 - 2 * x**2

    x = Variable(np.array(2.0))
    for _ in range(10):
        y = f(x)
        x.cleargrad()
        y.backward(create_graph=True)
        gx = x.grad
        x.cleargrad()
        gx.backward()
        gx2 = x.grad
        x.data -= gx.data / gx2.data
    assert float(x.data) == pytest.approx(1.0)


def test_linear_regression_in_the_books_style():
    np.random.seed(0)
    x = np.random.rand(100, 1)
    y = 5 + 2 * x + np.random.rand(100, 1)
    x, y = Variable(x), Variable(y)
    W, b = Variable(np.zeros((1, 1))), Variable(np.zeros(1))
    for _ in range(100):
        y_pred = F.matmul(x, W) + b
        loss = F.mean_squared_error(y, y_pred)
        W.cleargrad()
        b.cleargrad()
        loss.backward()
        W.data -= 0.1 * W.grad.data
        b.data -= 0.1 * b.grad.data
    assert float(loss) < 0.1 and abs(float(W.data[0, 0]) - 2) < 0.3


def test_a_two_layer_net_in_the_books_style():
    class TwoLayerNet(Model):
        def __init__(self, hidden_size, out_size):
            super().__init__()
            self.l1 = L.Linear(hidden_size)
            self.l2 = L.Linear(out_size)

        def forward(self, x):
            y = F.sigmoid(self.l1(x))
            y = self.l2(y)
            return y

    np.random.seed(0)
    x = np.random.rand(100, 1)
    y = np.sin(2 * np.pi * x) + np.random.rand(100, 1)
    model = TwoLayerNet(10, 1)
    for _ in range(300):
        y_pred = model(x)
        loss = F.mean_squared_error(y, y_pred)
        model.cleargrads()
        loss.backward()
        for p in model.params():
            p.data -= 0.2 * p.grad.data
    assert float(loss.data) < 0.5
    assert model.l1.W.dtype == np.float32


def test_the_spiral_is_learnt_in_the_books_style():
    np.random.seed(0)
    x, t = dezero.datasets.get_spiral(train=True)
    model = MLP((10, 3))
    optimizer = optimizers.SGD(1.0).setup(model)
    data_size, batch_size = len(x), 30
    for _epoch in range(60):
        index = np.random.permutation(data_size)
        for i in range(math.ceil(data_size / batch_size)):
            batch_index = index[i * batch_size : (i + 1) * batch_size]
            y = model(x[batch_index])
            loss = F.softmax_cross_entropy(y, t[batch_index])
            model.cleargrads()
            loss.backward()
            optimizer.update()
    assert float(F.accuracy(model(x), t).data) > 0.6


def test_a_users_optimizer_and_hook_in_the_books_style():
    class Momentum(dezero.optimizers.Optimizer):
        def __init__(self, lr=0.01, momentum=0.9):
            super().__init__()
            self.lr = lr
            self.momentum = momentum
            self.vs = {}

        def update_one(self, param):
            v_key = id(param)
            if v_key not in self.vs:
                self.vs[v_key] = np.zeros_like(param.data)
            v = self.vs[v_key]
            v *= self.momentum
            v -= self.lr * param.grad.data
            param.data += v

    seen = []
    model = Sequential(L.Linear(4), F.tanh, L.Linear(1))
    optimizer = Momentum(0.1).setup(model)
    optimizer.add_hook(lambda params: seen.append(len(params)))
    optimizer.add_hook(optimizers.WeightDecay(1e-4))
    x = np.random.rand(5, 2).astype(np.float32)
    first = None
    for _ in range(20):
        loss = F.mean_squared_error(model(x), np.ones((5, 1), np.float32))
        model.cleargrads()
        loss.backward()
        optimizer.update()
        first = first or float(loss)
    assert float(loss) < first and set(seen) == {4}


def test_truncated_backpropagation_in_the_books_style():
    class SimpleRNN(Model):
        def __init__(self, hidden_size, out_size):
            super().__init__()
            self.rnn = L.RNN(hidden_size)
            self.fc = L.Linear(out_size)

        def reset_state(self):
            self.rnn.reset_state()

        def forward(self, x):
            return self.fc(self.rnn(x))

    np.random.seed(0)
    train_set = dezero.datasets.SinCurve(train=True)
    model = SimpleRNN(20, 1)
    optimizer = dezero.optimizers.Adam().setup(model)
    losses = []
    for _epoch in range(2):
        model.reset_state()
        loss, count = 0, 0
        for x, t in train_set:
            x = x.reshape(1, 1)
            y = model(x)
            loss += F.mean_squared_error(y, t)
            count += 1
            if count % 30 == 0 or count == len(train_set):
                model.cleargrads()
                loss.backward()
                loss.unchain_backward()
                optimizer.update()
        losses.append(float(loss.data) / count)
    assert losses[1] < losses[0]


def test_the_names_of_a_graph_in_the_books_style():
    x0, x1 = Variable(np.array(1.0)), Variable(np.array(1.0))
    y = x0 + x1
    x0.name, x1.name, y.name = "x0", "x1", "y"
    text = get_dot_graph(y, verbose=False)
    assert "digraph" in text and "Add" in text and "orange" in text and "lightblue" in text
    assert all(name in text for name in ("x0", "x1", "y"))


def test_dropout_under_test_mode_in_the_books_style():
    x = np.ones(5)
    with dezero.test_mode():
        y = F.dropout(x)
    assert y.data.tolist() == [1.0] * 5


def test_weights_are_saved_and_loaded_in_the_books_style(tmp_path):
    path = str(tmp_path / "my_mlp.npz")
    model = MLP((10, 3))
    model(np.zeros((1, 2), np.float32))
    model.save_weights(path)
    with np.load(path) as weights:
        assert sorted(weights.files) == ["l0/W", "l0/b", "l1/W", "l1/b"] and weights["l0/W"].shape == (2, 10)
    other = MLP((10, 3))
    other.load_weights(path)
    assert (other.l1.W.data == model.l1.W.data).all()


def test_parameters_and_layers_register_as_in_the_book():
    layer = dezero.Layer()
    layer.p1 = Parameter(np.array(1))
    layer.p2 = Parameter(np.array(2))
    layer.p3 = Variable(np.array(3))
    layer.p4 = "test"
    assert list(layer._params) == ["p1", "p2"]
    assert as_variable(np.array(1.0)).data == 1.0
