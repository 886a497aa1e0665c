"""Several runs side by side, each by a worker of its own.

Where many workers share a run, each of them starts the submission's boxes, and a box imports for
seconds. Of many short runs that is most of the work.
"""

from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import ExitStack
from queue import SimpleQueue

from benchmark.errors import EngineError
from benchmark.records import Run
from leaderboard import evaluation, report
from leaderboard.cli.options import out
from leaderboard.engine.local import LocalEngine
from leaderboard.evaluation import Request
from leaderboard.store import Store


def evaluate_abreast(requests: Sequence[Request], store: Store, workers: int) -> list[Run]:
    """Completed runs in the order of the requests, so many at a time as there are workers."""
    idle: SimpleQueue[LocalEngine] = SimpleQueue()
    with ExitStack() as stack, report.progress_of_several(out) as begin:

        def run(request: Request) -> Run:
            engine = idle.get()
            try:
                update = begin(f"{request.submission.manifest.name}/{request.variant.id}")
                return evaluation.evaluate(request, store, engine, update)
            finally:
                idle.put(engine)

        pool = ThreadPoolExecutor(workers)
        stack.callback(pool.shutdown)
        for _ in range(workers):
            idle.put(stack.enter_context(LocalEngine(1, 1)))
        stack.callback(pool.shutdown, wait=False, cancel_futures=True)
        try:
            futures = [pool.submit(run, one) for one in requests]
            for done in wait(futures, return_when=FIRST_EXCEPTION).done:
                done.result()  # raises what failed, while others still run
            return [future.result() for future in futures]
        except KeyboardInterrupt:
            raise EngineError("interrupted; the same command goes on from there") from None
