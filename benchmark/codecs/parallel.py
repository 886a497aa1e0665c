"""The images of a batch in threads, which pay where a C library works with the interpreter free."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Given = TypeVar("Given")
Made = TypeVar("Made")


def in_order(function: Callable[[Given], Made], items: Iterable[Given]) -> list[Made]:
    """`function` of each item, in their order; in as many threads as torch may use."""
    given = list(items)
    workers = min(torch.get_num_threads(), len(given))
    if workers <= 1:
        return [function(item) for item in given]
    made: dict[int, Made] = {}
    places = iter(range(len(given)))

    def work() -> None:
        # Each takes the next item itself: handing out items one by one costs more.
        for place in places:
            made[place] = function(given[place])

    with ThreadPoolExecutor(workers) as pool:
        for future in [pool.submit(work) for _ in range(workers)]:
            future.result()
    return [made[place] for place in range(len(given))]
