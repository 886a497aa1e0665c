"""What the harness measured of one image through one codec."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CodecOutcome:
    """One image under one cell through one codec, as the harness measured it.

    `pixels` are the image's own, no padding. `bits` are those of the real stream, headers and all,
    `likelihood_bits` what the codec's own model says, None if it has none.

    `mse` (in [0, 1]^2), `psnr` (dB), `ms_ssim` and `lpips` compare what was decoded with what was
    coded, the attacked source; those that begin with `clean_` compare it with the clean source.
    `psnr` is None where both are equal and `mse` therefore 0; `ms_ssim` where the picture is too
    small; `lpips` where the protocol does not ask for it. `rd_loss` is
    `trade_off * 255^2 * mse + bits / pixels`, None if the codec names no trade-off.
    `input_mse` and `input_psnr` compare the attacked source with the clean one; the latter is None
    where nothing was changed. `linf` is in grey levels. `gradient_steps` and `queries` count
    backward and forward passes of the codec that the attack spent on this image.

    A randomized codec codes each picture `draws` times: the figures are means, those that end in
    `_worst` the worst draw. `failures` of the draws did not compress or decompress; `status` is
    `decoded` if none, else `failed`, and `reason` says what went wrong first. Figures are those of
    the other draws, None if there are none. Seconds are those of one draw.
    """

    cell: str
    image: str
    pixels: int
    status: str
    reason: str
    bits: float | None
    bits_worst: int | None
    likelihood_bits: float | None
    mse: float | None
    psnr: float | None
    psnr_worst: float | None
    ms_ssim: float | None
    lpips: float | None
    clean_mse: float | None
    clean_psnr: float | None
    clean_psnr_worst: float | None
    clean_ms_ssim: float | None
    clean_lpips: float | None
    rd_loss: float | None
    rd_loss_worst: float | None
    input_mse: float
    input_psnr: float | None
    linf: int
    gradient_steps: int
    queries: int
    png_sha256: str
    draws: int
    failures: int
    encode_seconds: float | None
    decode_seconds: float | None
