"""Knows GPT: a stack of transformer blocks that guesses the next token of a text."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from ..config import no_grad, test_mode
from ..core import Variable
from ..cuda import as_numpy, get_array_module
from ..functions.dropout import check_ratio, dropout
from ..functions.linalg import linear
from ..functions.shape import transpose
from ..initializers import normal
from ..layers.embedding import EmbedID
from ..layers.normalization import LayerNorm
from ..layers.transformer import TransformerBlock
from ..layers.weights import array_module_of, positive_integer
from .base import Model
from .pretrained import load_pretrained


class GPT(Model):
    """A language model in the layout of GPT-2, of any size.

    ::

        x      = wte[ids] + wpe[0 .. T - 1]      the token, and where it is
        x      = h/0(x), h/1(x), ...             causal TransformerBlocks
        logits = ln_f(x) wte^T                   how much each token looks like the next

    The weights of the result are those of the token embedding: one parameter, used twice. All ``W`` start as
    N(0, 0.02^2), those whose result is added to x as N(0, 0.02^2 / (2 n_layers)), all ``b`` as zeros.

    Args:
        vocab_size: Number of tokens V.
        context_length: The longest text it can read, in tokens.
        width: Number of features E of a position.
        n_layers: Number of blocks.
        n_heads: Number of attention heads in each; they divide ``width``.
        dropout: Share that drops in train mode: of the sum of the embeddings, of the attention weights, and of what a
            block adds.
        dtype: Floating point type of the weights.
        pretrained: Path of a weight file to start from, written by ``save_weights``; False for none. There are no
            published weights in this format, so True is an error.

    Attributes:
        SIZES: The published sizes by name: ``GPT(**GPT.SIZES["gpt2"])``. There are ``gpt2`` (124 million parameters),
            ``gpt2_medium`` (355), ``gpt2_large`` (774) and ``gpt2_xl`` (1558).

    Raises:
        ValueError: A size is no integer above 0, ``n_heads`` does not divide ``width``, or the file does not fit.
        FileNotFoundError: ``pretrained`` is True, or there is no such file.

    Example:
        >>> model = GPT(vocab_size=10, context_length=8, width=16, n_layers=2, n_heads=2)
        >>> model(np.array([[1, 2, 3]])).shape
        (1, 3, 10)
        >>> model.generate(np.array([[1, 2, 3]]), 4).shape
        (1, 7)

    Source: Radford et al., Language models are unsupervised multitask learners, 2019.
    """

    SIZES: ClassVar[dict[str, dict[str, int]]] = {
        name: {"vocab_size": 50257, "context_length": 1024, "width": width, "n_layers": n_layers, "n_heads": n_heads}
        for name, width, n_layers, n_heads in (
            ("gpt2", 768, 12, 12),
            ("gpt2_medium", 1024, 24, 16),
            ("gpt2_large", 1280, 36, 20),
            ("gpt2_xl", 1600, 48, 25),
        )
    }

    def __init__(
        self,
        vocab_size: int,
        context_length: int,
        width: int,
        n_layers: int,
        n_heads: int,
        dropout: float = 0.1,
        dtype: Any = np.float32,
        pretrained: Any = False,
    ):
        super().__init__()
        check_ratio(dropout, "GPT", "dropout")
        self.vocab_size = positive_integer(vocab_size, "vocab_size", "GPT")
        self.context_length = positive_integer(context_length, "context_length", "GPT")
        self.width = positive_integer(width, "width", "GPT")
        self.n_layers = positive_integer(n_layers, "n_layers", "GPT")
        self.n_heads = positive_integer(n_heads, "n_heads", "GPT")
        self.dropout = dropout
        init = normal(0.02)
        self.wte = EmbedID(vocab_size, width, dtype, W_init=init)
        self.wpe = EmbedID(context_length, width, dtype, W_init=init)
        self.h = [
            TransformerBlock(
                n_heads,
                width,
                causal=True,
                dropout=dropout,
                dtype=dtype,
                W_init=init,
                residual_init=normal(0.02 / math.sqrt(2 * n_layers)),
            )
            for _ in range(n_layers)
        ]
        self.ln_f = LayerNorm(width, dtype=dtype)
        load_pretrained(self, pretrained, "GPT")

    def forward(self, ids: Any) -> Variable:
        """Says for each position how likely each token comes next.

        Args:
            ids: Tokens from 0 to V - 1, Variable or array (N, T) of integers, T up to ``context_length``.

        Returns:
            Logits, Variable (N, T, V): those at position t are of the token at t + 1, and depend on the tokens up to
            t alone. ``F.softmax_cross_entropy(logits.reshape(-1, V), next_ids.reshape(-1))`` is the loss to train by.

        Raises:
            ValueError: ``ids`` is not (N, T), or longer than the context.
            TypeError: ``ids`` holds no integers.
            IndexError: A token is out of range.
        """
        return self._logits(self.features(ids))

    def features(self, ids: Any) -> Variable:
        """What the blocks make of each position, normalized: ids (N, T) -> (N, T, E)."""
        array_module_of(ids, "GPT")
        if ids.ndim != 2:
            raise ValueError(f"GPT: ids (N, T) are wanted, got {tuple(ids.shape)}.")
        length = ids.shape[1]
        if length > self.context_length:
            raise ValueError(f"GPT: {length} tokens are more than the context of {self.context_length}. Cut the text.")
        positions = get_array_module(self.wpe.W).arange(length)
        x = dropout(self.wte(ids) + self.wpe(positions), self.dropout)  # (N, T, E)
        for block in self.h:
            x = block(x)
        return self.ln_f(x)

    def _logits(self, x: Variable) -> Variable:
        return linear(x, transpose(self.wte.W))

    def generate(
        self, ids: Any, n_tokens: int, temperature: float = 1.0, top_k: int | None = None, rng: Any = None
    ) -> Any:
        """Writes on: draws one token after the other, each from what the model says comes next.

        Runs in test mode and records no graph. Of a text longer than the context it reads the end.

        Args:
            ids: The texts so far, Variable or array (N, T) of integers, T at least 1.
            n_tokens: How many tokens to add to each.
            temperature: Divides the logits: below 1 likely tokens are drawn more often, above 1 less. 0 takes the
                likeliest always.
            top_k: Draw from that many of the likeliest tokens only; from all where None.
            rng: NumPy generator to draw from (``np.random.default_rng(seed)``); NumPy's global one where None.

        Returns:
            Array (N, T + n_tokens), on the device of ``ids`` and of its dtype.

        Raises:
            ValueError: ``ids`` is not (N, T) with a token at least, or an argument is out of range.
        """
        xp = array_module_of(ids, "GPT.generate")
        ids = ids.data if isinstance(ids, Variable) else ids
        if ids.ndim != 2 or not ids.shape[1]:
            raise ValueError(f"GPT.generate: ids (N, T) of a token at least are wanted, got {tuple(ids.shape)}.")
        if not (isinstance(n_tokens, (int, np.integer)) and n_tokens >= 0):
            raise ValueError(f"GPT.generate: n_tokens must be an integer of 0 or more, got {n_tokens!r}.")
        if not temperature >= 0:
            raise ValueError(f"GPT.generate: temperature must be 0 or more, got {temperature!r}.")
        k = self.vocab_size if top_k is None else min(positive_integer(top_k, "top_k", "GPT.generate"), self.vocab_size)
        with no_grad(), test_mode():
            for _ in range(n_tokens):
                x = self.features(ids[:, -self.context_length :])
                logits = as_numpy(self._logits(x[:, -1]))  # (N, V)
                drawn = _draw(logits.astype(np.float64), temperature, k, rng)
                ids = xp.concatenate([ids, xp.asarray(drawn[:, None].astype(ids.dtype))], axis=1)
        return ids


def _draw(logits: np.ndarray, temperature: float, k: int, rng: Any) -> np.ndarray:
    """One token for each row of (N, V) logits, from the k likeliest."""
    if temperature == 0:
        return logits.argmax(axis=1)
    if k < logits.shape[1]:
        unlikely = np.argpartition(logits, -k, axis=1)[:, :-k]
        np.put_along_axis(logits, unlikely, -np.inf, axis=1)
    p = np.exp((logits - logits.max(axis=1, keepdims=True)) / temperature)
    total = p.cumsum(axis=1)
    points = (np.random if rng is None else rng).random(len(p))[:, None] * total[:, -1:]
    points = np.minimum(points, np.nextafter(total[:, -1:], 0))  # which rounding up may have reached
    return (total <= points).sum(axis=1)
