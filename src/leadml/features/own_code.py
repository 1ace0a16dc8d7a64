"""The user's Python: one function of one file, loaded from the very bytes that were digested.

What it raises is told in one line. What is stored (an extract, a model) names files by their digest and holds no code.
"""

import hashlib
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.abc import SourceLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
from ibis.expr import operations as ops

from leadml.errors import ConfigurationError
from leadml.features.spec import FeatureTables

BY_THE_CLOCK = (ops.TimestampNow, ops.DateNow, ops.Impure)


def digest(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


class HeldSource(SourceLoader):
    """A module of bytes that were read before: what runs is what was digested, and no cache is written beside it."""

    def __init__(self, path: Path, content: bytes) -> None:
        self.path, self.content = path, content

    def get_filename(self, fullname: str) -> str:
        """Where the module's lines are."""
        return str(self.path)

    def get_data(self, path: str | bytes) -> bytes:
        """The bytes, whatever is asked for: there is no cached form of them."""
        return self.content


@contextmanager
def told(name: str, path: Path) -> Iterator[None]:
    """What the user's code raises as one line, with the line of its own file where that can be told."""
    try:
        yield
    except ConfigurationError:
        raise
    except (Exception, SystemExit) as error:
        raise ConfigurationError(f"features.own.{name}: {place(error, path)}: {said(error)}") from error


def place(error: BaseException, path: Path) -> str:
    """The file, with the last of its lines that the error passed through."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f"{path} line {error.lineno}"
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
    return f"{path} line {lines[-1]}" if lines else str(path)


def said(error: BaseException) -> str:
    """The error's kind and its message, on one line."""
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{type(error).__name__}: {' '.join(text.split())}".rstrip(": ")


def load_function(name: str, path: Path, function: str, content: bytes) -> Callable[[FeatureTables], Any]:
    """The function of the file.

    Raises:
        ConfigurationError: the file raises while it is loaded, or has no such function.
    """
    module_name = f"leadml_own_{digest(content)[:12]}"
    with told(name, path):
        spec = spec_from_loader(module_name, HeldSource(path, content))
        if spec is None or spec.loader is None:
            raise ConfigurationError(f"features.own.{name}: {path} cannot be loaded")
        module = module_from_spec(spec)
        sys.modules[module_name] = module  # dataclasses look their module up while they are made
        try:
            spec.loader.exec_module(module)
        finally:
            del sys.modules[module_name]
    found = getattr(module, function, None)
    if not callable(found):  # any callable will do: what it returns is checked
        names = [n for n, v in vars(module).items() if callable(v) and getattr(v, "__module__", "") == module_name]
        raise ConfigurationError(
            f"features.own.{name}: {path} has no function {function}; it has: {', '.join(sorted(names)) or 'none'}"
        )
    return found


def call_function(name: str, path: Path, function: Callable[[FeatureTables], Any], tables: FeatureTables) -> ir.Table:
    """What the function returns, as an Ibis table.

    Raises:
        ConfigurationError: it raises, returns something else, or asks for the time of day or for chance.
    """
    with told(name, path):
        result = function(tables)
    if not isinstance(result, ir.Table):
        raise ConfigurationError(
            f"features.own.{name}: {path} {function.__name__} returned a {type(result).__name__}, not an Ibis table "
            "with the columns row and value"
        )
    moving = sorted({type(node).__name__ for node in result.op().find(BY_THE_CLOCK)})
    if moving:
        raise ConfigurationError(
            f"features.own.{name}: {path} uses {', '.join(moving)}, which is another value at every run; "
            "use snapshots.cutoff as the present"
        )
    return result
