"""Knows where the time and the memory of a computation go: by call, by Function, by layer, and in a picture."""

from __future__ import annotations

from .record import Call
from .report import Profile, profile
from .table import Row, Table

__all__ = ["Call", "Profile", "Row", "Table", "profile"]
