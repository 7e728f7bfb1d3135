"""Writes the page of what is proven: ``PYTHONPATH=tests python -m registry``."""

from .page import write

write()
