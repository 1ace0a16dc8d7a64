"""How the loops are compiled."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compiled by numba when it is first called, without the interpreter's lock.

    Machine code is kept beside the package or in the user's cache; where neither can be written (a container without a
    home, say) it is made again in every process.
    """
    try:
        made: Any = numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # numba found no place for its cache
        made = numba.njit(nogil=True)(function)
    return cast(Function, made)
