"""Knows short programs as a reader of the book types them, steps 43 to 60: the names and calls that must go on working.

Each begins with the guard that readers paste at the top, ends with what must be true, and takes no longer than a
few seconds. ``NEEDS_MNIST`` are those that read the real MNIST files; the others need no files at all.
"""

from __future__ import annotations

GUARD = """\
if '__file__' in globals():
    import os, sys
    sys.path.append(os.path.join(os.path.dirname(__file__), '..'))
"""

NEEDS_MNIST = (51, 52, 53)

READERS = {
    43: """
import numpy as np
from dezero import Variable
import dezero.functions as F

np.random.seed(0)
x = np.random.rand(30, 1)
t = np.sin(2 * np.pi * x) + np.random.rand(30, 1)

W1, b1 = Variable(0.01 * np.random.randn(1, 6)), Variable(np.zeros(6))
W2, b2 = Variable(0.01 * np.random.randn(6, 1)), Variable(np.zeros(1))

def predict(x):
    h = F.sigmoid(F.linear(x, W1, b1))
    return F.linear(h, W2, b2)

first = None
for i in range(100):
    loss = F.mean_squared_error(t, predict(x))
    for v in (W1, b1, W2, b2):
        v.cleargrad()
    loss.backward()
    for v in (W1, b1, W2, b2):
        v.data -= 0.2 * v.grad.data
    first = first or float(loss.data)
    if i % 50 == 0:
        print(loss)
assert float(loss.data) < first
assert F.linear_simple(x, W1, b1).shape == (30, 6) and F.sigmoid_simple(x).shape == (30, 1)
""",
    44: """
import numpy as np
from dezero import Variable, Parameter
import dezero.functions as F
import dezero.layers as L

x, p = Variable(np.array(1.0)), Parameter(np.array(2.0))
assert isinstance(p, Parameter) and isinstance(x * p, Variable) and not isinstance(x, Parameter)

layer = L.Layer()
layer.p1 = Parameter(np.array(1))
layer.p2 = Parameter(np.array(2))
layer.p3 = Variable(np.array(3))
layer.p4 = 'test'
print(layer._params)
assert set(layer._params) == {'p1', 'p2'}

np.random.seed(0)
x = np.random.rand(30, 1)
t = np.sin(2 * np.pi * x)
l1, l2 = L.Linear(6), L.Linear(1)
assert l1.W.data is None

for i in range(50):
    loss = F.mean_squared_error(t, l2(F.sigmoid(l1(x))))
    l1.cleargrads()
    l2.cleargrads()
    loss.backward()
    for l in [l1, l2]:
        for p in l.params():
            p.data -= 0.2 * p.grad.data
assert l1.W.shape == (1, 6) and l1.inputs[0]().shape == (30, 1) and l2.outputs[0]() is not None
assert L.Linear(5, nobias=True, dtype=np.float64, in_size=3).b is None
""",
    45: """
import numpy as np
from dezero import Variable, Model
import dezero.layers as L
import dezero.functions as F
from dezero.models import MLP

class Three(Model):
    def __init__(self, hidden_size, out_size):
        super().__init__()
        self.l1 = L.Linear(hidden_size)
        self.l2 = L.Linear(hidden_size)
        self.l3 = L.Linear(out_size)

    def forward(self, x):
        y = F.sigmoid(self.l1(x))
        y = F.sigmoid(self.l2(y))
        return self.l3(y)

model = Three(7, 2)
x = Variable(np.random.randn(5, 4), name='x')
y = model(x)
assert y.shape == (5, 2) and len(list(model.params())) == 6
model.plot(x, to_file='three.dot')

F.sum(y).backward()
assert all(p.grad is not None for p in model.params())
model.cleargrads()
assert all(p.grad is None for p in model.params())

deep = MLP((10, 20, 30, 1), activation=F.relu)
print(deep(x))
assert deep(x).shape == (5, 1) and deep.l2.W.shape == (20, 30)
""",
    46: """
import numpy as np
from dezero import optimizers
from dezero.optimizers import SGD, MomentumSGD, Optimizer, WeightDecay, ClipGrad, FreezeParam
import dezero.functions as F
from dezero.models import MLP

np.random.seed(0)
x = np.random.rand(30, 1)
t = np.sin(2 * np.pi * x)

class HalfSGD(Optimizer):
    def __init__(self, lr=0.01):
        super().__init__()
        self.lr = lr

    def update_one(self, param):
        param.data -= 0.5 * self.lr * param.grad.data

for rule in (SGD(0.2), MomentumSGD(lr=0.1, momentum=0.8), HalfSGD(0.2), optimizers.AdaGrad(lr=0.1, eps=1e-8),
             optimizers.AdaDelta(rho=0.95, eps=1e-6), optimizers.Adam(alpha=0.01, beta1=0.9, beta2=0.999, eps=1e-8)):
    model = MLP((5, 1))
    optimizer = rule.setup(model)
    optimizer.add_hook(WeightDecay(1e-4))
    optimizer.add_hook(ClipGrad(5.0))
    optimizer.add_hook(lambda params: print(len(params)) if len(params) != 4 else None)
    losses = []
    for i in range(20):
        loss = F.mean_squared_error(t, model(x))
        model.cleargrads()
        loss.backward()
        optimizer.update()
        losses.append(float(loss.data))
    print(type(rule).__name__, losses[-1])
    assert losses[-1] < losses[0], type(rule)
assert 0 < optimizer.lr < 0.02

frozen = model.l0.W.data.copy()
optimizer = optimizers.SGD(0.1)
optimizer.setup(model)
optimizer.add_hook(FreezeParam(model.l0))
loss.backward()
optimizer.update()
assert (model.l0.W.data == frozen).all()
""",
    47: """
import numpy as np
np.random.seed(0)
from dezero import Variable, as_variable
import dezero.functions as F
from dezero.models import MLP

def softmax1d(x):
    x = as_variable(x)
    y = F.exp(x)
    return y / F.sum(y)

x = Variable(np.array([[1, 2, 3], [4, 5, 6]]))
assert F.get_item(x, 1).data.tolist() == [4, 5, 6]
assert x[:, 2].data.tolist() == [3, 6]
assert F.get_item(x, np.array([0, 0, 1])).shape == (3, 3)

x = Variable(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]))
y = x[1]
y.backward()
assert x.grad.data.tolist() == [[0, 0, 0], [1, 1, 1]]

model = MLP((10, 3))
p = softmax1d(model(np.array([[0.2, -0.4]])))
assert abs(float(p.data.sum()) - 1) < 1e-6

x = np.array([[0.2, -0.4], [0.3, 0.5], [1.3, -3.2], [2.1, 0.3]])
t = np.array([2, 0, 1, 0])
y = model(x)
a, b = F.softmax_cross_entropy_simple(y, t), F.softmax_cross_entropy(y, t)
assert abs(float(a.data) - float(b.data)) < 1e-5
assert np.allclose(F.softmax_simple(y).data, F.softmax(y, axis=1).data, atol=1e-6)
print(b)
""",
    48: """
import math
import numpy as np
import dezero
from dezero import optimizers
import dezero.functions as F
from dezero.models import MLP

np.random.seed(0)
x, t = dezero.datasets.get_spiral(train=True)
assert x.shape == (300, 2) and t.shape == (300,) and t.max() == 2

model = MLP((10, 3))
optimizer = optimizers.SGD(1.0).setup(model)
data_size, batch_size = len(x), 30
history = []
for epoch in range(5):
    index = np.random.permutation(data_size)
    sum_loss = 0
    for i in range(math.ceil(data_size / batch_size)):
        part = index[i * batch_size:(i + 1) * batch_size]
        loss = F.softmax_cross_entropy(model(x[part]), t[part])
        model.cleargrads()
        loss.backward()
        optimizer.update()
        sum_loss += float(loss.data) * len(part)
    history.append(sum_loss / data_size)
    print('epoch %d, loss %.2f' % (epoch + 1, history[-1]))
assert history[-1] < history[0]

with dezero.no_grad():
    score = model(np.c_[np.linspace(-1, 1, 20), np.linspace(-1, 1, 20)])
assert np.argmax(score.data, axis=1).shape == (20,)
""",
    49: """
import numpy as np
import dezero
from dezero import Dataset, transforms, optimizers
import dezero.functions as F
from dezero.models import MLP

class Numbers(Dataset):
    def prepare(self):
        self.data = np.arange(10.0)
        self.label = np.arange(10) % 2

class Big(Dataset):
    def __getitem__(self, index):
        return np.full(3, index), index % 3

    def __len__(self):
        return 1000000

f = transforms.Compose([transforms.Normalize(mean=0.0, std=2.0), transforms.AsType(np.float64)])
numbers = Numbers(train=False, transform=f, target_transform=lambda t: -t)
assert numbers[3] == (1.5, -1) and len(numbers) == 10 and not numbers.train
assert len(Big()) == 1000000 and Big()[7][1] == 1

train_set = dezero.datasets.Spiral(train=True)
print(train_set[0], len(train_set))
batch = [train_set[i] for i in [0, 1, 2, 3]]
x = np.array([example[0] for example in batch])
t = np.array([example[1] for example in batch])
model = MLP((10, 3))
optimizer = optimizers.SGD(1.0).setup(model)
loss = F.softmax_cross_entropy(model(x), t)
loss.backward()
optimizer.update()
assert x.shape == (4, 2)
""",
    50: """
import numpy as np
import dezero
import dezero.functions as F
from dezero import optimizers, DataLoader
from dezero.datasets import Spiral
from dezero.models import MLP

assert float(F.accuracy(np.array([[0.2, 0.8, 0], [0.1, 0.9, 0], [0.8, 0.1, 0.1]]), np.array([1, 2, 0])).data) > 0.66

train_set, test_set = Spiral(train=True), Spiral(train=False)
train_loader = DataLoader(train_set, 30)
test_loader = DataLoader(test_set, batch_size=30, shuffle=False)
assert train_loader.max_iter == 10 and train_loader.data_size == 300

model = MLP((10, 3))
optimizer = optimizers.SGD(1.0).setup(model)
for epoch in range(2):
    sum_loss, sum_acc = 0, 0
    for x, t in train_loader:
        y = model(x)
        loss = F.softmax_cross_entropy(y, t)
        acc = F.accuracy(y, t)
        model.cleargrads()
        loss.backward()
        optimizer.update()
        sum_loss += float(loss.data) * len(t)
        sum_acc += float(acc.data) * len(t)
    print('train loss: {:.4f}, accuracy: {:.4f}'.format(sum_loss / len(train_set), sum_acc / len(train_set)))
    sum_acc, count = 0, 0
    with dezero.no_grad():
        for x, t in test_loader:
            sum_acc += float(F.accuracy(model(x), t).data) * len(t)
            count += 1
    assert count == 10 and 0 <= sum_acc / len(test_set) <= 1
x, t = next(train_loader)
train_loader.reset()
assert x.shape == (30, 2)
""",
    51: """
import numpy as np
import dezero
import dezero.functions as F
from dezero import optimizers, DataLoader
from dezero.models import MLP
from dezero.transforms import Compose, Flatten, ToFloat, Normalize

test_set = dezero.datasets.MNIST(train=False, transform=None)
x, t = test_set[0]
assert (type(x), x.shape, int(t)) == (np.ndarray, (1, 28, 28), 7) and test_set.data.dtype == np.uint8

f = Compose([Flatten(), ToFloat(), Normalize(0., 255.)])
train_set = dezero.datasets.MNIST(train=False, transform=f)
loader = DataLoader(train_set, 100)
model = MLP((50, 50, 10), activation=F.relu)
optimizer = optimizers.Adam().setup(model)
optimizer.add_hook(optimizers.WeightDecay(1e-4))
losses = []
for x, t in loader:
    y = model(x)
    loss = F.softmax_cross_entropy(y, t)
    model.cleargrads()
    loss.backward()
    optimizer.update()
    losses.append(float(loss.data))
    if len(losses) == 30:
        break
print(losses[-1], float(F.accuracy(y, t).data))
assert losses[-1] < losses[0] and dezero.datasets.MNIST.labels()[3] == '3'
""",
    52: """
import time
import numpy as np
import dezero
import dezero.functions as F
from dezero import optimizers, DataLoader, cuda
from dezero.models import MLP

train_set = dezero.datasets.MNIST(train=False)
train_loader = DataLoader(train_set, 100, gpu=False)
model = MLP((50, 10), activation=F.relu)
optimizer = optimizers.Adam().setup(model)
if dezero.cuda.gpu_enable:
    train_loader.to_gpu()
    model.to_gpu()
else:
    train_loader.to_cpu()
    model.to_cpu()

start = time.time()
sum_loss = 0
for x, t in train_loader:
    loss = F.softmax_cross_entropy(model(x), t)
    model.cleargrads()
    loss.backward()
    optimizer.update()
    sum_loss += float(loss.data) * len(t)
    if train_loader.iteration == 20:
        break
print('loss {:.4f}, time {:.4f}[sec]'.format(sum_loss / 2000, time.time() - start))

xp = cuda.get_array_module(model.l0.W)
assert xp is cuda.get_array_module(x)
assert isinstance(cuda.as_numpy(loss.data), np.ndarray)
v = dezero.Variable(np.ones(3))
v.to_cpu()
""",
    53: """
import os
import numpy as np
import dezero
import dezero.functions as F
from dezero import optimizers, DataLoader
from dezero.models import MLP

train_set = dezero.datasets.MNIST(train=False)
results = []
for attempt in range(2):
    model = MLP((20, 10))
    optimizer = optimizers.SGD().setup(model)
    if os.path.exists('my_mlp.npz'):
        model.load_weights('my_mlp.npz')
    for x, t in DataLoader(train_set, 100, shuffle=False):
        loss = F.softmax_cross_entropy(model(x), t)
        results.append(float(loss.data))
        break
    if attempt == 0:
        model.save_weights('my_mlp.npz')
print(results)
assert results[0] == results[1]

with np.load('my_mlp.npz') as npfile:
    assert sorted(npfile.files) == ['l0/W', 'l0/b', 'l1/W', 'l1/b']
    assert npfile['l0/W'].shape == (784, 20)
""",
    54: """
import numpy as np
import dezero
from dezero import test_mode
import dezero.functions as F

x = np.ones(1000)
y = F.dropout(x)
assert set(np.unique(y.data)) == {0.0, 2.0}
y = F.dropout(x, dropout_ratio=0.2)
assert set(np.unique(y.data)) == {0.0, 1.25}
with test_mode():
    y = F.dropout(x)
    assert not dezero.Config.train
assert (y.data == x).all() and dezero.Config.train
with dezero.using_config('train', False):
    assert (F.dropout(x, 0.5).data == x).all()
print(y.data[:5])
""",
    55: """
from dezero.utils import get_conv_outsize, get_deconv_outsize

H, W = 4, 4
KH, KW = 3, 3
SH, SW = 1, 1
PH, PW = 1, 1
OH = get_conv_outsize(H, KH, SH, PH)
OW = get_conv_outsize(W, KW, SW, PW)
print(OH, OW)
assert (OH, OW) == (4, 4)
assert get_conv_outsize(input_size=7, kernel_size=5, stride=2, pad=0) == 2
assert get_deconv_outsize(size=4, k=3, s=2, p=1) == 7
""",
    56: """
import numpy as np
import dezero.functions as F
from dezero.utils import pair

assert pair(1) == (1, 1) and pair((3, 4)) == (3, 4)
N, C, H, W = 2, 3, 6, 8
x, kernels, b = np.random.randn(N, C, H, W), np.random.randn(5, C, 3, 3), np.random.randn(5)
y = F.conv2d(x, kernels, b, 1, 1)
print(y.shape)
assert y.shape == (N, 5, H, W)
by_hand = (np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))[1, :, 2:5, 4:7] * kernels[3]).sum() + b[3]
assert abs(y.data[1, 3, 2, 4] - by_hand) < 1e-6
""",
    57: """
import numpy as np
import dezero.functions as F
import dezero.functions_conv as C
import dezero.layers as L
from dezero import Variable
from dezero.functions_conv import im2col_array, col2im_array, conv2d_simple, pooling_simple

x1 = np.random.rand(1, 3, 7, 7)
assert F.im2col(x1, kernel_size=5, stride=1, pad=0, to_matrix=True).shape == (9, 75)
x2 = np.random.rand(10, 3, 7, 7)
assert F.im2col(x2, kernel_size=(5, 5), stride=(1, 1), pad=(0, 0), to_matrix=True).shape == (90, 75)
assert F.im2col(x2, 5, to_matrix=False).shape == (10, 3, 5, 5, 3, 3)
assert im2col_array(x1, (5, 5), 1, 0).shape == (9, 75)
assert col2im_array(np.ones((9, 75)), x1.shape, (5, 5), 1, 0).shape == x1.shape

x = Variable(np.random.randn(1, 5, 15, 15))
W = Variable(np.random.randn(8, 5, 3, 3))
y = F.conv2d(x, W, b=None, stride=1, pad=1)
y.backward()
print(y.shape, x.grad.shape)
assert y.shape == (1, 8, 15, 15) and x.grad.shape == (1, 5, 15, 15) and W.grad.shape == W.shape
assert np.allclose(conv2d_simple(x, W, None, 1, 1).data, y.data)
p = F.pooling(y, kernel_size=3, stride=2, pad=0)
assert p.shape == (1, 8, 7, 7) and np.allclose(pooling_simple(y, 3, 2, 0).data, p.data)
assert C.average_pooling(y, 3, 2).shape == p.shape and C.deconv2d(p, np.ones((8, 2, 3, 3)), None, 2).shape[1] == 2
conv = L.Conv2d(4, kernel_size=3, stride=2, pad=1)
assert conv(x.data.astype('f')).shape == (1, 4, 8, 8) and conv.W.shape == (4, 5, 3, 3)
""",
    58: """
import numpy as np
from PIL import Image
import dezero
import dezero.functions as F
import dezero.layers as L
from dezero import Model
from dezero.models import VGG16, ResNet50, SqueezeNet

img = Image.new('RGB', (80, 60), (255, 128, 0))
x = VGG16.preprocess(img)
assert type(x) is np.ndarray and x.shape == (3, 224, 224) and x.dtype == np.float32
x = VGG16.preprocess(img, size=(32, 32), dtype=np.float32)
x = x[np.newaxis]

class SmallVGG(Model):
    def __init__(self):
        super().__init__()
        self.conv1_1 = L.Conv2d(4, kernel_size=3, stride=1, pad=1)
        self.conv1_2 = L.Conv2d(4, kernel_size=3, stride=1, pad=1)
        self.fc6 = L.Linear(10)

    def forward(self, x):
        x = F.relu(self.conv1_1(x))
        x = F.relu(self.conv1_2(x))
        x = F.pooling(x, 2, 2)
        x = F.reshape(x, (x.shape[0], -1))
        return F.dropout(F.relu(self.fc6(x)))

model = SmallVGG()
with dezero.test_mode():
    y = model(x)
predict_id = np.argmax(y.data)
model.plot(x, to_file='small.dot')
print(predict_id)
assert y.shape == (1, 10) and 0 <= predict_id < 10 and callable(dezero.datasets.ImageNet.labels)
""",
    59: """
import numpy as np
import dezero
from dezero import Model
import dezero.functions as F
import dezero.layers as L

rnn = L.RNN(10)
x = np.random.rand(1, 1)
h = rnn(x)
assert h.shape == (1, 10)

class SimpleRNN(Model):
    def __init__(self, hidden_size, out_size):
        super().__init__()
        self.rnn = L.RNN(hidden_size)
        self.fc = L.Linear(out_size)

    def reset_state(self):
        self.rnn.reset_state()

    def __call__(self, x):
        return self.fc(self.rnn(x))

train_set = dezero.datasets.SinCurve(train=True)
model = SimpleRNN(8, 1)
optimizer = dezero.optimizers.Adam().setup(model)
losses = []
for epoch in range(2):
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
    print('| epoch %d | loss %f' % (epoch + 1, losses[-1]))
assert losses[1] < losses[0]

xs = np.cos(np.linspace(0, 4 * np.pi, 100))
model.reset_state()
pred_list = []
with dezero.no_grad():
    for x in xs:
        x = np.array(x).reshape(1, 1)
        pred_list.append(float(model(x).data[0, 0]))
assert len(pred_list) == 100
""",
    60: """
import numpy as np
import dezero
from dezero import Model
from dezero import SeqDataLoader
import dezero.functions as F
import dezero.layers as L

train_set = dezero.datasets.SinCurve(train=True)
dataloader = SeqDataLoader(train_set, batch_size=3)
x, t = next(dataloader)
assert x.shape == (3, 1) and (x[1] == train_set.data[333]).all()

class BetterRNN(Model):
    def __init__(self, hidden_size, out_size):
        super().__init__()
        self.rnn = L.LSTM(hidden_size)
        self.fc = L.Linear(out_size)

    def reset_state(self):
        self.rnn.reset_state()

    def __call__(self, x):
        y = self.rnn(x)
        return self.fc(y)

model = BetterRNN(10, 1)
dataloader = SeqDataLoader(train_set, batch_size=30)
optimizer = dezero.optimizers.Adam().setup(model)
losses = []
for epoch in range(10):
    model.reset_state()
    loss, count = 0, 0
    for x, t in dataloader:
        y = model(x)
        loss += F.mean_squared_error(y, t)
        count += 1
        if count % 30 == 0 or count == len(train_set) // 30:
            model.cleargrads()
            loss.backward()
            loss.unchain_backward()
            optimizer.update()
    losses.append(float(loss.data) / count)
    print('| epoch %d | loss %f' % (epoch + 1, losses[-1]))
assert losses[-1] < losses[0]
assert model.rnn.h.shape == (30, 10) and model.rnn.c.shape == (30, 10)
assert model.rnn.x2f.W.shape == (1, 10) and model.rnn.h2u.b is None
""",
}
READERS = {number: GUARD + program for number, program in READERS.items()}
