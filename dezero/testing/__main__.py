"""Prints what is proven of every function: ``python -m dezero.testing``."""

from . import PROVEN


def main() -> None:
    """Prints the page."""
    print(PROVEN.read_text(encoding="utf-8"), end="")


if __name__ == "__main__":
    main()
