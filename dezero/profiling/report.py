"""Knows a profile: a record of calls that can be printed as a table and drawn as a picture."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from ..core import Variable
from ..graph import Picture
from ..graph.look import PAGE
from ..graph.render import make_picture
from ..graph.structure import Graph
from .picture import Heat
from .record import Record
from .table import Table, ms, sum_up


class Profile(Record):
    """Records every call of a Function inside a ``with`` block. Made by ``dezero.profile()``, which says it all.

    Attributes:
        calls: A ``Call`` for each, in the order in which they ended: one made inside another comes first.
    """

    def __repr__(self) -> str:
        return f"Profile({len(self.calls)} calls, {ms(self._wall())} ms)"

    def table(
        self, sort: str = "total", top: int | None = None, by: str = "function", depth: int | None = None
    ) -> Table:
        """Sums up the calls: a row for each class of Functions or each layer, one for all, and what was spent outside.

        The columns are those of ``Row``. ``held`` is what the graph keeps of the outputs; what a Function keeps
        besides them (a mask, say) is not in it, nor are outputs under ``no_grad()``, which nobody needs later.

        By layer, a row counts what the layer itself ran, and not the layers in it: the rows sum up to all.

        Args:
            sort: ``"total"``, ``"forward"``, ``"backward"``, ``"count"`` or ``"held"``, the largest first; or
                ``"function"``, by name; or ``"layer"``, in the order in which they were first called.
            top: How many rows at most; the others become one. All, where None.
            by: ``"function"``; or ``"layer"``, where the profile was given a model.
            depth: By layer: what is deeper than this many levels counts for the layer around it that is not; 0 is
                the whole model. All are rows of their own where None.

        Raises:
            ValueError: There is no such column, ``top`` is below 1, ``depth`` is below 0 or does not go with ``by``,
                or the profile follows no layers.

        Example:
            >>> model, x, t = models.MLP((3, 2)), np.ones((4, 2), np.float32), np.array([0, 1, 1, 0])
            >>> with dezero.profile(layers=model) as p:
            ...     F.softmax_cross_entropy(model(x), t).backward()
            >>> print(p.table())  # doctest: +SKIP
            function             count  forward ms  backward ms  total ms   share   held
            ----------------------------------------------------------------------------
            SoftmaxCrossEntropy      1       0.070        0.055     0.125   39.6%    4 B
            Linear                   2       0.050        0.058     0.108   34.2%   80 B
            Sigmoid                  1       0.019        0.015     0.034   10.8%   48 B
            ----------------------------------------------------------------------------
            all Functions            4       0.139        0.128     0.267   84.5%  132 B
            outside                                                 0.049   15.5%
            wall time                                               0.316  100.0%
            >>> [(row.function, row.count, row.held) for row in p.table(sort="held").rows]
            [('Linear', 2, 80), ('Sigmoid', 1, 48), ('SoftmaxCrossEntropy', 1, 4)]
            >>> [(row.name, row.kind, row.held) for row in p.table(by="layer", sort="layer").rows]
            [('l0', 'Linear', 48), ('', 'MLP', 48), ('l1', 'Linear', 32), (None, None, 4)]
        """
        if by == "layer":
            self._need_layers("table", 'by="layer"')
        return sum_up(self.calls, self._wall(), by, sort, top, depth)

    def plot(self, output: Any, to_file: Any = "profile.png", verbose: bool = True, **options: Any) -> Picture | None:
        """Draws the Functions that led to ``output`` in the look of a network, the more time one took, the redder.

        A box says its time, its share of what is in the picture, and both phases. Calls of Functions that are not in
        the picture count for the one that made them. Where the profile was given a model, Functions stand in the
        boxes of their layers, and ``depth`` folds these.

        Args:
            output: Variable, or a list or tuple of them; computed while the profile ran.
            to_file: Path of the picture; its ending says the kind, as for ``plot_dot_graph``: html for a page that
                shows the times of each node. None for no file.
            verbose: Also show shapes.
            **options: What else to show, those of ``graph.Look``: ``depth=1``, ``parameters=False``.

        Returns:
            Where ``to_file`` is None, a ``Picture``, which a notebook shows.

        Raises:
            TypeError: ``output`` is something else, or an option is unknown.
            ValueError: An option is out of range, or needs layers and the profile follows none.
            Exception: As ``plot_dot_graph``: unknown ending, missing folder, no ``dot``.

        Example:
            >>> model = models.MLP((3, 2))
            >>> with dezero.profile(layers=model) as p:
            ...     y = model(np.ones((4, 2), np.float32))
            >>> p.plot(y, to_file="profile.dot", depth=1)
            >>> (tmp / "profile.dot").exists()
            True
        """
        outputs = output if isinstance(output, (list, tuple)) else [output]
        for y in outputs:
            if not isinstance(y, Variable):
                raise TypeError(f"plot draws a Variable, or a list of them, got {type(y).__name__}.")
        asked = {"limit": PAGE, "layers": True} | options | {"compact": True}
        if asked["layers"] in (True, False):
            asked["layers"] = self._owners(outputs) if asked["layers"] and self._layers is not None else None
        if asked.get("depth") is not None and asked["layers"] is None:
            self._need_layers("plot", f"depth={asked['depth']!r}")
        kind = None if to_file is None else os.path.splitext(os.fsdecode(to_file))[1][1:].lower()
        picture = make_picture(outputs, verbose, asked, "plot", marks=partial(Heat, calls=self.calls), kind=kind)
        if to_file is None:
            return picture
        picture.save(to_file)
        return None

    def _owners(self, outputs: Any) -> Any:
        graph = Graph()
        graph.grow(outputs)
        return self._layers.owners(node.subject for node in graph.functions())  # type: ignore[union-attr]

    def _need_layers(self, who: str, what: str) -> None:
        if self._layers is None:
            raise ValueError(f"{who}: {what} needs layers, but this profile follows none. Use profile(layers=model).")


def profile(clock: Callable[[], float] = time.perf_counter, *, layers: Any = None) -> Profile:
    """Records where time and memory go inside a ``with`` block: every call of a Function, and its layer.

    ``p.table()`` prints what was found, ``p.plot(y)`` colours the graph by it, ``p.calls`` has it call by call. With
    ``layers=model``, ``p.table(by="layer")`` says it of each layer, and the picture has its boxes.

    - Times are a call's own. That of the Functions it calls is theirs, so the sum counts nothing twice; the rest of
      the block (optimizer, data, Python between the calls, the profile's bookkeeping) is ``outside``.
    - Forward time is that of calling a Function, backward time that of carrying gradients from its outputs to its
      inputs, adding them up included, and including whatever Functions its ``backward`` makes use of.
    - A walk that is recorded (``create_graph=True``) makes a graph of its own. What it calls are forward calls of
      *those* Functions; what is left is backward time of the Function that is differentiated. The walk through the
      gradient's graph then is backward time of both.
    - The backward of a Function belongs to the layer that its forward ran in.
    - On a GPU the host waits for the device before and after each call, so that a time is that of its kernels and of
      starting them. The program is slower while it is watched, most where kernels are small. The first call also
      compiles its kernels: profile a second one.
    - Only the thread that entered the block is recorded. Blocks nest, each with a profile of its own; a profile
      entered again adds up. A call that raises is not recorded.
    - A profile that does not run costs nothing. One that does keeps its list of calls and the model it was given, but
      no graph and no array. Enter it around many steps rather than at each: entering makes Python forget what it
      cached about Functions.

    Args:
        clock: Gives the time in seconds.
        layers: The Layer or Model that is called in the block, to know which layer each call belongs to.

    Raises:
        TypeError: ``layers`` is no Layer.

    Example:
        >>> x = Variable(np.ones((2, 3)))
        >>> with dezero.profile() as p:
        ...     F.sum(F.exp(x)).backward()
        >>> [(call.function, call.phase, call.shapes) for call in p.calls]
        [('Exp', 'forward', ((2, 3),)), ('Sum', 'forward', ((),)),
         ('Sum', 'backward', ((2, 3),)), ('Exp', 'backward', ((2, 3),))]
    """
    return Profile(clock, layers)
