"""A run of the codec track, made by hand."""

from typing import Any

from benchmark.records import CLEAN, Cell, CodecOutcome, Run, RunHeader, Shard, ShardResult
from benchmark.threat import Access

CELLS = (
    Cell(CLEAN, Access.NONE),
    Cell("noise", Access.NOISE, "noise", norm="linf", radius=4),
    Cell("rate-2", Access.VANILLA, "pgd", norm="linf", radius=2, objective="rate"),
    Cell("rate-4", Access.VANILLA, "pgd", norm="linf", radius=4, objective="rate"),
    Cell("mse-4", Access.VANILLA, "pgd", norm="linf", radius=4, objective="mse"),
    Cell("mse-8", Access.VANILLA, "pgd", norm="linf", radius=8, objective="mse"),
)


def outcome(cell: str, image: str, bits: float | None, psnr: float | None, **other: Any) -> Any:
    """What is not said is as of a deterministic codec on a picture of 100 pixels."""
    mse = None if psnr is None else 10 ** (-psnr / 10)
    content: dict[str, Any] = {
        "cell": cell,
        "image": image,
        "pixels": 100,
        "status": "decoded",
        "reason": "",
        "bits": bits,
        "bits_worst": None if bits is None else int(bits),
        "likelihood_bits": bits,
        "mse": mse,
        "psnr": psnr,
        "psnr_worst": psnr,
        "ms_ssim": 0.9,
        "lpips": None,
        "clean_mse": mse,
        "clean_psnr": psnr,
        "clean_psnr_worst": psnr,
        "clean_ms_ssim": 0.9,
        "clean_lpips": None,
        "rd_loss": None if bits is None else bits / 100,
        "rd_loss_worst": None,
        "input_mse": 0.0 if cell == CLEAN else 1e-4,
        "input_psnr": None if cell == CLEAN else 40.0,
        "linf": 0 if cell == CLEAN else 4,
        "gradient_steps": 0 if cell == CLEAN else 50,
        "queries": 0 if cell == CLEAN else 51,
        "png_sha256": "p" * 64,
        "draws": 1,
        "failures": 0,
        "encode_seconds": 0.010,
        "decode_seconds": 0.030,
    }
    return CodecOutcome(**content | other)


OUTCOMES = (
    outcome(CLEAN, "a", 100, 40.0),
    outcome(CLEAN, "b", 300, 30.0),
    outcome("noise", "a", 110, 39.0),
    outcome("noise", "b", 330, 29.0),
    outcome("rate-2", "a", 160, 39.5),
    outcome("rate-2", "b", 330, 29.5),
    outcome("rate-4", "a", 150, 39.0),
    outcome("rate-4", "b", 600, 29.0),
    outcome("mse-4", "a", 110, 36.0),
    outcome("mse-4", "b", 300, 24.0),
    outcome("mse-8", "a", 110, 30.0),
    outcome("mse-8", "b", 300, 15.0),
)


def run(*changed: CodecOutcome, cells: tuple[Cell, ...] = CELLS, outcomes: Any = OUTCOMES) -> Run:
    """The run; `changed` outcomes stand in the place of those of the same cell and image."""
    new = {(one.cell, one.image): one for one in changed}
    kept = tuple(new.pop((one.cell, one.image), one) for one in outcomes)
    header = RunHeader(
        key="k",
        submission="s",
        variant="v",
        title="S",
        kind="codec",
        parameters={},
        submission_hash="h",
        protocol="p",
        protocol_hash="h",
        protocol_content={},
        dataset="d",
        dataset_fingerprint="f",
        images=2,
        unofficial_reason=None,
        classifiers=(),
        cells=cells,
        environment={},
        track="codec",
    )
    result = ShardResult(Shard("", 0, 2), (), 1.0, 0.08, {}, (*kept, *new.values()))
    return Run(1, header, "2026-11-20T12:00:00+00:00", "completed", "", (result,))
