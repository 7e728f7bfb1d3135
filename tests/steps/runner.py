"""Knows how to run a step as the script it is, without a network, and to keep what its main() returned.

Run as ``python -W error runner.py path/to/step17.py result.json``.
"""

from __future__ import annotations

import ast
import json
import socket
import sys
import types
from pathlib import Path
from typing import Any


def refuse(*_: Any, **__: Any) -> Any:
    """In the place of what reaches the network."""
    raise OSError("there is no network in the tests")


def close_the_network() -> None:
    """From here on a connection fails at once, as on a machine that has none."""
    for name in ("connect", "connect_ex", "sendto"):
        setattr(socket.socket, name, refuse)
    for name in ("create_connection", "getaddrinfo", "gethostbyname"):
        setattr(socket, name, refuse)


def run_as_script(path: str) -> list[Any]:
    """Does what ``python path`` does. Returns what main() returned, once for each call.

    The last statement, ``if __name__ == "__main__": ...``, runs on its own, with a main() that also keeps its result.
    """
    body = ast.parse(Path(path).read_text(encoding="utf-8"), path).body
    module = types.ModuleType("__main__")
    module.__file__ = path
    sys.modules["__main__"] = module
    sys.argv, sys.path[0] = [path], str(Path(path).parent)
    names, returned = vars(module), []

    def keep(*args: Any, **kwargs: Any) -> Any:
        returned.append(main(*args, **kwargs))
        return returned[-1]

    exec(compile(ast.Module(body[:-1], []), path, "exec"), names)
    main, names["main"] = names["main"], keep
    exec(compile(ast.Module(body[-1:], []), path, "exec"), names)
    return returned


def plain(value: Any) -> Any:
    """What JSON does not know: a NumPy number as Python's, anything else as its text."""
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", 1) == 0 else repr(value)


if __name__ == "__main__":
    script, result = sys.argv[1:]
    close_the_network()
    returned = run_as_script(script)
    Path(result).write_text(json.dumps(returned, default=plain), encoding="utf-8")
