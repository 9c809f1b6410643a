"""A single thread for long computations: they run one after the other and never on the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, ParamSpec, TypeVar

__all__ = ["in_compute_thread"]

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")

_executor: Final = ThreadPoolExecutor(1, "compute_thread")


async def in_compute_thread(
    function: Callable[_Arguments, _Result], *args: _Arguments.args, **kwargs: _Arguments.kwargs
) -> _Result:
    return await asyncio.get_running_loop().run_in_executor(_executor, partial(function, *args, **kwargs))
