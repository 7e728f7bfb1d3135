"""Knows what a reader of the book types in steps 23 to 42: programs of our own, with the book's names and calls."""

from __future__ import annotations

# So opens a script that lies in a folder beside the package and is run without an installation.
GUARD = """\
if '__file__' in globals():
    import os, sys
    sys.path.append(os.path.join(os.path.dirname(__file__), '..'))
"""

READERS: dict[int, str] = {}

READERS[23] = """
import numpy as np
from dezero import Variable

x = Variable(np.array(2.0))
y = (x + 1) ** 3
y.backward()
print(y)
print(x.grad)
assert str(y) == 'variable(27.0)'
assert float(x.grad) == 27.0
"""

READERS[24] = """
import numpy as np
from dezero import Variable

def sphere(x, y):
    z = x ** 2 + y ** 2
    return z

def matyas(x, y):
    z = 0.26 * (x ** 2 + y ** 2) - 0.48 * x * y
    return z

def goldstein(x, y):
    z = (1 + (x + y + 1)**2 * (19 - 14*x + 3*x**2 - 14*y + 6*x*y + 3*y**2)) * \\
        (30 + (2*x - 3*y)**2 * (18 - 32*x + 12*x**2 + 48*y - 36*x*y + 27*y**2))
    return z

for f in (sphere, matyas, goldstein):
    x = Variable(np.array(1.0))
    y = Variable(np.array(1.0))
    z = f(x, y)
    z.backward()
    print(f.__name__, x.grad, y.grad)

assert (float(x.grad), float(y.grad)) == (-5376.0, 8064.0)
"""

READERS[25] = """
import subprocess

with open('sample.dot', 'w') as f:
    f.write('''
    digraph g {
        x [label="x", color=orange, style=filled]
        f [label="Exp", color=lightblue, style=filled, shape=box]
        y [label="y", color=orange, style=filled]
        x -> f
        f -> y
    }
    ''')
subprocess.run('dot sample.dot -T png -o sample.png', shell=True, check=True)
print('sample.png')
"""

READERS[26] = """
import numpy as np
from dezero import Variable
from dezero.utils import get_dot_graph, plot_dot_graph

x0 = Variable(np.array(1.0))
x1 = Variable(np.array(1.0))
y = x0 * x1 + x0
x0.name = 'x0'
x1.name = 'x1'
y.name = 'y'
txt = get_dot_graph(y, verbose=False)
print(txt)
with open('sample.dot', 'w') as o:
    o.write(txt)
plot_dot_graph(y, verbose=False, to_file='product.png')
"""

READERS[27] = """
import math
import numpy as np
from dezero import Variable, Function
from dezero.utils import plot_dot_graph

class Sin(Function):
    def forward(self, x):
        y = np.sin(x)
        return y

    def backward(self, gy):
        x = self.inputs[0].data
        gx = gy * np.cos(x)
        return gx

def sin(x):
    return Sin()(x)

def my_sin(x, threshold=1e-150):
    y = 0
    for i in range(100000):
        c = (-1) ** i / math.factorial(2 * i + 1)
        t = c * x ** (2 * i + 1)
        y = y + t
        if abs(t.data) < threshold:
            break
    return y

x = Variable(np.array(np.pi / 4))
y = sin(x)
y.backward()
print(y.data, x.grad)
expected = float(x.grad)

for threshold in (1e-4, 1e-150):
    x = Variable(np.array(np.pi / 4))
    y = my_sin(x, threshold)
    y.backward()
    print(y.data, x.grad)
assert abs(float(x.grad) - expected) < 1e-12

x.name = 'x'
y = my_sin(x, 1e-4)
y.name = 'y'
plot_dot_graph(y, verbose=False, to_file='my_sin.png')
"""

# In the book a gradient is still an array here, so it says x.data -= lr * x.grad; from step 33 on it is a Variable.
READERS[28] = """
import numpy as np
from dezero import Variable

def rosenbrock(x0, x1):
    y = 100 * (x1 - x0 ** 2) ** 2 + (x0 - 1) ** 2
    return y

x0 = Variable(np.array(0.0))
x1 = Variable(np.array(2.0))
lr = 0.001
iters = 300

for i in range(iters):
    if i % 100 == 0:
        print(x0, x1)
    y = rosenbrock(x0, x1)
    x0.cleargrad()
    x1.cleargrad()
    y.backward()
    x0.data -= lr * x0.grad
    x1.data -= lr * x1.grad

assert float(y.data) < 1.0
"""

READERS[29] = """
import numpy as np
from dezero import Variable

def f(x):
    y = x ** 4 - 2 * x ** 2
    return y

def gx2(x):
    return 12 * x ** 2 - 4

x = Variable(np.array(2.0))
iters = 10

for i in range(iters):
    print(i, x)
    y = f(x)
    x.cleargrad()
    y.backward()
    x.data -= x.grad / gx2(x.data)

assert abs(float(x.data) - 1) < 1e-9
"""

READERS[30] = """
import numpy as np
from dezero.core_simple import Variable, Function, as_array

class Cube(Function):
    def forward(self, x):
        y = x ** 3
        return y

    def backward(self, gy):
        x = self.inputs[0].data
        gx = 3 * x ** 2 * gy
        return gx

x = Variable(np.array(2.0))
y = Cube()(x)
y.backward()
print(type(x.grad), x.grad)
print(y.creator, y.generation)
assert isinstance(x.grad, np.ndarray) and x.grad == 12.0
assert y.creator.inputs[0] is x and y.creator.outputs[0]() is y
"""

READERS[31] = """
import numpy as np
import dezero.functions as F
from dezero import Variable
from dezero.utils import plot_dot_graph

# the backward pass of y = sin(x), written as a calculation of its own
x = Variable(np.array(1.0))
gy = Variable(np.array(1.0))
gx = gy * F.cos(x)
x.name = 'x'
gy.name = 'gy'
gx.name = 'gx'
gx.backward()
print(gx.data, x.grad)
plot_dot_graph(gx, verbose=False, to_file='gx.png')
assert float(x.grad.data) == -np.sin(1.0)
"""

READERS[32] = """
import numpy as np
import dezero
from dezero import Variable, Function
from dezero import using_config, no_grad
from dezero.core import Parameter, as_variable

class Mul(Function):
    def forward(self, x0, x1):
        y = x0 * x1
        return y

    def backward(self, gy):
        x0, x1 = self.inputs
        return gy * x1, gy * x0

def mul(x0, x1):
    return Mul()(x0, x1)

x = Variable(np.array(3.0))
y = mul(mul(x, x), x)
y.backward(retain_grad=False, create_graph=True)
gx = x.grad
x.cleargrad()
gx.backward()
print(gx, x.grad)
assert (float(gx.data), float(x.grad.data)) == (27.0, 18.0)
assert gx.creator is not None and x.grad.creator is None

with using_config('enable_backprop', False):
    assert mul(x, x).creator is None
with no_grad():
    assert mul(x, x).creator is None
"""

READERS[33] = """
import numpy as np
from dezero import Variable

def f(x):
    y = x ** 4 - 2 * x ** 2
    return y

x = Variable(np.array(2.0))
y = f(x)
y.backward(create_graph=True)
print(x.grad)

gx = x.grad
x.cleargrad()
gx.backward()
print(x.grad)
assert float(x.grad.data) == 44.0

x = Variable(np.array(2.0))
iters = 10

for i in range(iters):
    print(i, x)
    y = f(x)
    x.cleargrad()
    y.backward(create_graph=True)

    gx = x.grad
    x.cleargrad()
    gx.backward()
    gx2 = x.grad

    x.data -= gx.data / gx2.data

assert abs(float(x.data) - 1) < 1e-9
"""

READERS[34] = """
import numpy as np
import matplotlib.pyplot as plt
from dezero import Variable
import dezero.functions as F

x = Variable(np.linspace(-7, 7, 200))
y = F.sin(x)
y.backward(create_graph=True)

logs = [y.data]

for i in range(3):
    logs.append(x.grad.data)
    gx = x.grad
    x.cleargrad()
    gx.backward(create_graph=True)

labels = ["y=sin(x)", "y'", "y''", "y'''"]
for i, v in enumerate(logs):
    plt.plot(x.data, logs[i], label=labels[i])
plt.legend(loc='lower right')
plt.savefig('sin.png')
plt.show()

assert np.allclose(logs[2], -logs[0]) and np.allclose(logs[3], -logs[1])
print(len(logs))
"""

READERS[35] = """
import numpy as np
from dezero import Variable
from dezero.utils import plot_dot_graph
import dezero.functions as F

x = Variable(np.array(1.0))
y = F.tanh(x)
x.name = 'x'
y.name = 'y'
y.backward(create_graph=True)

iters = 2

for i in range(iters):
    gx = x.grad
    x.cleargrad()
    gx.backward(create_graph=True)

gx = x.grad
gx.name = 'gx' + str(iters + 1)
plot_dot_graph(gx, verbose=False, to_file='tanh.png')

t = np.tanh(1.0)
print(gx)
assert abs(float(gx.data) - (-2 + 8 * t ** 2 - 6 * t ** 4)) < 1e-12
"""

READERS[36] = """
import numpy as np
from dezero import Variable

x = Variable(np.array(2.0))
y = x ** 2
y.backward(create_graph=True)
gx = x.grad
x.cleargrad()

z = gx ** 3 + y
z.backward()
print(x.grad)
assert float(x.grad.data) == 100.0
"""

READERS[37] = """
import numpy as np
import dezero.functions as F
from dezero import Variable

x = Variable(np.array([[1, 2, 3], [4, 5, 6]]))
y = F.sin(x)
print(y)

x = Variable(np.array([[1., 2., 3.], [4., 5., 6.]]))
c = Variable(np.array([[10., 20., 30.], [40., 50., 60.]]))
t = x + c
y = F.sum(t)
y.backward(retain_grad=True)
print(y.grad)
print(t.grad)
print(x.grad)
print(c.grad)
assert x.grad.shape == x.shape and c.grad.shape == c.shape and (x.grad.data == 1).all()
"""

READERS[38] = """
import numpy as np
import dezero.functions as F
from dezero import Variable

x = Variable(np.array([[1, 2, 3], [4, 5, 6]]))
y = F.reshape(x, (6,))
y.backward(retain_grad=True)
print(x.grad)
assert x.grad.shape == (2, 3)

x = Variable(np.random.randn(1, 2, 3))
y = x.reshape((2, 3))
y = x.reshape(2, 3)
y = x.reshape([2, 3])
assert y.shape == (2, 3)

x = Variable(np.array([[1, 2, 3], [4, 5, 6]]))
y = F.transpose(x)
y.backward()
print(x.grad)

x = Variable(np.random.rand(2, 3))
y = x.transpose()
y = x.T
assert y.shape == (3, 2)
x = Variable(np.random.rand(1, 2, 3, 4))
assert x.transpose(1, 0, 3, 2).shape == F.transpose(x, (1, 0, 3, 2)).shape == (2, 1, 4, 3)
"""

READERS[39] = """
import numpy as np
from dezero import Variable
import dezero.functions as F

x = Variable(np.array([1, 2, 3, 4, 5, 6]))
y = F.sum(x)
y.backward()
print(y)
print(x.grad)

x = Variable(np.array([[1, 2, 3], [4, 5, 6]]))
y = F.sum(x, axis=0)
y.backward()
print(y)
print(x.grad)
assert y.data.tolist() == [5, 7, 9]

x = Variable(np.random.randn(2, 3, 4, 5))
y = x.sum(keepdims=True)
print(y.shape)
assert y.shape == (1, 1, 1, 1)
"""

READERS[40] = """
import numpy as np
from dezero import Variable
import dezero.functions as F

x0 = Variable(np.array([1, 2, 3]))
x1 = Variable(np.array([10]))
y = x0 + x1
print(y)

y.backward()
print(x1.grad)
assert x1.grad.data.tolist() == [3]

x = np.array([[1, 2, 3], [4, 5, 6]])
y = F.sum_to(x, (1, 3))
print(y)
y = F.sum_to(x, (2, 1))
print(y)
z = F.broadcast_to(y, (2, 3))
print(z)
assert z.data.tolist() == [[6, 6, 6], [15, 15, 15]]

from dezero.utils import sum_to
assert sum_to(x, (1, 3)).tolist() == [[5, 7, 9]]
"""

READERS[41] = """
import numpy as np
from dezero import Variable
import dezero.functions as F

x = Variable(np.random.randn(2, 3))
W = Variable(np.random.randn(3, 4))
y = F.matmul(x, W)
y.backward()
print(x.grad.shape)
print(W.grad.shape)
assert np.allclose(x.grad.data, np.ones((2, 4)) @ W.data.T)
assert np.allclose(W.grad.data, x.data.T @ np.ones((2, 4)))
"""

READERS[42] = """
import numpy as np
import matplotlib.pyplot as plt
from dezero import Variable
import dezero.functions as F

np.random.seed(0)
x = np.random.rand(100, 1)
y = 5 + 2 * x + np.random.rand(100, 1)
x, y = Variable(x), Variable(y)

W = Variable(np.zeros((1, 1)))
b = Variable(np.zeros(1))

def predict(x):
    y = F.matmul(x, W) + b
    return y

def mean_squared_error(x0, x1):
    diff = x0 - x1
    return F.sum(diff ** 2) / len(diff)

lr = 0.1
iters = 100

for i in range(iters):
    y_pred = predict(x)
    loss = mean_squared_error(y, y_pred)
    assert np.allclose(loss.data, F.mean_squared_error(y, y_pred).data)

    W.cleargrad()
    b.cleargrad()
    loss.backward()

    W.data -= lr * W.grad.data
    b.data -= lr * b.grad.data
    if i % 20 == 0:
        print(W, b, loss)

plt.scatter(x.data, y.data, s=10)
plt.xlabel('x')
plt.ylabel('y')
plt.plot(x.data, predict(x).data, color='r')
plt.savefig('line.png')
plt.show()
assert abs(float(W.data[0, 0]) - 2) < 0.3 and loss.data < 0.1
"""

READERS = {number: GUARD + program for number, program in READERS.items()}
