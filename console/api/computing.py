"""Work that only computes: beside the event loop and one piece after the other, so that whoever asks for much of it
makes nobody wait who asks for something else."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, ParamSpec, TypeVar

__all__ = ["computed"]

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")

_one_at_a_time: Final = ThreadPoolExecutor(1, "computing")


async def computed(
    function: Callable[_Arguments, _Result], *args: _Arguments.args, **kwargs: _Arguments.kwargs
) -> _Result:
    return await asyncio.get_running_loop().run_in_executor(_one_at_a_time, partial(function, *args, **kwargs))
