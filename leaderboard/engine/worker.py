"""The process that holds torch: reads jobs and shards from standard input, answers on its output.

Started through `leaderboard.sandbox.starting`. Ends when its input ends, so no worker outlives the
driver that started it.
"""

import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import IO, Any

import torch

from benchmark import datasets
from benchmark import protocol as protocols
from benchmark.challenge import challenge_cell, judge_pictures
from benchmark.codec_track.evaluate import CodecHarness, Source, Subject
from benchmark.defense import Plugin
from benchmark.errors import SqueezebenchError
from benchmark.evaluate import Declared, Harness
from benchmark.fitting import Fitting
from benchmark.memory import give_back, keep_freed
from benchmark.places import cache_folder
from benchmark.precision import precision_on
from benchmark.protocol import CodecProtocol, DatasetSpec, Protocol
from benchmark.records import ClassifierRecord, Shard
from benchmark.step_times import measure, measure_codec
from benchmark.threat import Norm, ThreatModel
from leaderboard.engine.found import classifier_of, device_of, opened_of, sample_of
from leaderboard.engine.memory import fitting_of, forget_peaks, hold, peaks
from leaderboard.engine.plugin import plugins_of
from leaderboard.engine.wire import (
    Job,
    Opened,
    handed_in_from,
    job_from,
    job_of_source,
    result_to,
)
from leaderboard.sandbox.blame import blame
from leaderboard.sandbox.plugins import Boxes, InProcess
from leaderboard.sandbox.starting import started

CPU_SHORT = "can't allocate memory"
"""What torch says when the system gives it none."""


class Worker:
    """Answers requests, one after the other. Classifiers and pictures stay loaded between jobs."""

    def __init__(self) -> None:
        """Nothing is open yet."""
        self._open: Callable[[], Harness | CodecHarness] | None = None
        self._admitted: Harness | CodecHarness | None = None
        self._plugins: list[Boxes | InProcess] = []
        self._fitting = Fitting()
        self._operations: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "open": self.open,
            "admit": self.admit,
            "shard": self.shard,
            "probe": self.probe,
            "challenge": self.challenge,
            "dataset": self.dataset,
            "machine": self.machine,
        }

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """The reply to one request; a failure is a reply too."""
        try:
            return {"ok": self._operations[request["operation"]](request["content"])}
        except SqueezebenchError as problem:
            return {
                "error": str(problem),
                "exit_code": problem.exit_code,
                "status": problem.status,
            }
        except Exception as problem:  # noqa: BLE001 (a plugin may raise anything)
            traceback.print_exc()
            return {"error": blame(problem), "exit_code": 1, "status": _status(problem)}

    def open(self, content: dict[str, Any]) -> dict[str, Any]:
        """Make a job's pictures and classifiers ready; the submission's code is not run yet."""
        job = job_from(content)
        protocol = protocols.of_content(job.protocol)
        device = device_of(job.device)
        hold(device, sandboxed=job.sandboxed)
        self.close()
        self._fitting = fitting_of(device, job.entry, job.parameters, job.sandboxed)
        if isinstance(protocol, CodecProtocol):
            opened, self._open = self._codec_track(job, protocol, device)
        else:
            opened, self._open = self._classifier_track(job, protocol, device)
        return asdict(opened)

    def admit(self, _: dict[str, Any]) -> dict[str, Any]:
        """Make the open job's defense; the cells that it admits."""
        if self._open is None:
            raise SqueezebenchError("a worker was asked for cells before a job was opened")
        self._admitted = self._open()
        return {"cells": [asdict(cell) for cell in self._admitted.cells]}

    def close(self) -> None:
        """End the open job, and the boxes that its submission is in."""
        self._open, self._admitted = None, None
        while self._plugins:
            self._plugins.pop().stop()
        give_back()

    def _maker(self, job: Job, device: torch.device) -> Callable[[], Plugin]:
        """What makes the plugins of a job, until the worker is closed."""
        plugins = plugins_of(job, device.type, torch.get_num_threads())
        self._plugins.append(plugins)
        return plugins.make

    def _classifier_track(
        self, job: Job, protocol: Protocol, device: torch.device
    ) -> tuple[Opened, Callable[[], Harness]]:
        """What is there of a protocol, and how to begin with the submission."""
        beside = tuple(job.beside)
        loaded = {
            spec.name: classifier_of(spec.model_dump_json(by_alias=True), beside, str(device))
            for spec in protocol.classifiers
        }
        sample = sample_of(protocol.dataset.model_dump_json(), beside)
        crafting = precision_on(device, job.precision)
        records = tuple(
            ClassifierRecord(c.name, c.identity, c.recipe.crop, c.recipe.crop, len(c.numbers))
            for c in loaded.values()
        )
        make = self._maker(job, device)
        return opened_of(job, protocol, sample, records, device, crafting), lambda: Harness(
            protocol,
            sample,
            loaded,
            make,
            Declared(job.gradient, job.randomized),
            cache_folder("transfer"),
            precision=crafting,
            fitting=self._fitting,
        )

    def _codec_track(
        self, job: Job, protocol: CodecProtocol, device: torch.device
    ) -> tuple[Opened, Callable[[], CodecHarness]]:
        """As `_classifier_track`. Codecs are attacked in fp32, for they code in it."""
        sample = sample_of(protocol.dataset.model_dump_json(), tuple(job.beside))
        subject = Subject(self._maker(job, device), job.gradient, job.entry)
        sources = {
            # The project's own codecs need no box, and the pictures crafted on them are kept.
            one.entry: Source(
                self._maker(replace(job_of_source(job, one), sandboxed=False), device), one.identity
            )
            for one in job.sources
        }
        return opened_of(job, protocol, sample, (), device, "fp32"), lambda: CodecHarness(
            protocol, sample, subject, sources, cache_folder("transfer"), device, self._fitting
        )

    def shard(self, content: dict[str, Any]) -> dict[str, Any]:
        """Evaluate one shard of the open job."""
        forget_peaks()
        refused = len(self._fitting.refused)
        result = self._harness().evaluate(Shard(**content))
        result.diagnostics.update(peaks())
        if refused < len(self._fitting.refused):
            result.diagnostics["device_refusals"] = len(self._fitting.refused) - refused
        return result_to(result)

    def probe(self, content: dict[str, Any]) -> dict[str, Any]:
        """What the attacks of the open job take here, on its first pictures."""
        harness = self._harness()
        forget_peaks()
        if isinstance(harness, CodecHarness):
            found = measure_codec(harness, content["batch"], content["images"])
        else:
            found = measure(harness, content["classifiers"], content["batch"], content["images"])
        return asdict(found) | {name.removesuffix("_max"): n for name, n in peaks().items()}

    def challenge(self, content: dict[str, Any]) -> dict[str, Any]:
        """Judge pictures that somebody handed in against the open job."""
        harness, given = self._harness(), handed_in_from(content)
        if not isinstance(harness, Harness):
            raise SqueezebenchError("a challenge needs a classifier; the codec track has none")
        cell = challenge_cell(ThreatModel(Norm(given.norm), given.radius), given.sha256)
        joined = torch.frombuffer(bytearray(b"".join(given.pixels)), dtype=torch.uint8)
        pixels = joined.view(-1, 3, *given.size)
        judged = judge_pictures(harness, given.classifier, cell, given.positions, pixels)
        return judged._asdict() | {"outcomes": [one._asdict() for one in judged.outcomes]}

    def _harness(self) -> Harness | CodecHarness:
        if self._admitted is None:
            raise SqueezebenchError("a worker was asked for figures before a defense was admitted")
        return self._admitted

    def dataset(self, content: dict[str, Any]) -> dict[str, Any]:
        """How many pictures a dataset has here, and its fingerprint."""
        sample = datasets.fingerprinted(datasets.find(DatasetSpec(**content)))
        return {"pictures": len(sample.pictures), "fingerprint": sample.fingerprint}

    def machine(self, content: dict[str, Any]) -> dict[str, Any]:
        """What torch finds on this machine, and the datasets that have a name."""
        count = torch.cuda.device_count()
        names = [torch.cuda.get_device_name(i) for i in range(count)]
        return {
            "torch": torch.__version__,
            "devices": names,
            "cores": os.cpu_count(),
            "datasets": list(datasets.DATASETS),
        }


def _status(problem: BaseException) -> str:
    """What a run is called that ended so; on a CPU torch has no class of its own for it."""
    short = isinstance(problem, MemoryError | torch.OutOfMemoryError)
    short |= isinstance(problem, RuntimeError) and CPU_SHORT in str(problem)
    return "out-of-memory" if short else SqueezebenchError.status


def serve(requests: IO[str], replies: IO[str]) -> None:
    """Answer requests until there are no more."""
    worker = Worker()
    for line in requests:
        replies.write(json.dumps(worker.answer(json.loads(line))) + "\n")
        replies.flush()
    worker.close()


def main() -> None:
    """Serve on the standard streams; whatever a plugin prints goes to standard error instead."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    started()
    keep_freed()
    torch.set_num_threads(int(sys.argv[1]))
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.deterministic = True
    serve(sys.stdin, replies)
