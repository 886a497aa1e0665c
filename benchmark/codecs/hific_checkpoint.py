"""HiFiC's weights: files of our own, and the one-time conversion of its torch port's checkpoints.

    python -m benchmark.codecs.hific_checkpoint hific_low.pt hific_low.safetensors

A checkpoint of the port is a pickle of about 2 GB that also holds a discriminator and the states of
three optimizers. No code in it is run. What is kept is encoder, generator and hyperprior under the
port's names, and of its settings the two that change the arithmetic.
"""

import argparse
import pickle
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from benchmark.codecs.hific import CONDITIONALS, HificModel, Shape
from benchmark.codecs.parameters import fill, listed
from benchmark.errors import DataError, SqueezebenchError

KEPT = ("Encoder", "Generator", "Hyperprior")
DENSITY = "Hyperprior.hyperlatent_likelihood."
LAYERS = {"H": "matrices", "b": "biases", "a": "factors"}
"""The density's parameters as the port calls them, and as compressai does."""
UNREADABLE = (
    pickle.UnpicklingError,
    SafetensorError,
    OSError,
    EOFError,
    KeyError,
    RuntimeError,
    ValueError,
)


def model_of(
    tensors: Mapping[str, Tensor], likelihood: str, normalized: bool, source: object = "the weights"
) -> HificModel:
    """The model whose weights are `tensors`, by the port's names; its widths are read off them."""
    sizes = {name: tensor.shape[0] for name, tensor in tensors.items() if tensor.ndim}
    blocks = {name.split(".")[1] for name in tensors if name.startswith("Generator.resblock_")}
    try:
        shape = Shape(
            filters=tuple(sizes[f"Encoder.conv_block{i}.1.weight"] for i in range(1, 6)),
            latents=sizes["Encoder.conv_block_out.1.weight"],
            hyperlatents=sizes["Hyperprior.analysis_net.conv1.weight"],
            blocks=len(blocks),
            likelihood=likelihood,
            normalized=normalized,
        )
    except KeyError as missing:
        raise DataError(
            f"{source} has no tensor {missing}, expected the weights of a HiFiC model; convert a "
            f"checkpoint of the port with python -m benchmark.codecs.hific_checkpoint"
        ) from missing
    model = HificModel(shape)
    fill(model, {_ours(name): tensor for name, tensor in tensors.items()}, source)
    model.eval()
    return model


def _ours(name: str) -> str:
    found = re.fullmatch(re.escape(DENSITY) + r"([Hab])_(\d+)", name)
    return f"{DENSITY}{LAYERS[found[1]]}.{found[2]}" if found else name


def _theirs(name: str) -> str:
    found = re.fullmatch(re.escape(DENSITY) + r"(\w+)\.(\d+)", name)
    letters = {ours: letter for letter, ours in LAYERS.items()}
    return f"{DENSITY}{letters[found[1]]}_{found[2]}" if found else name


def save(model: HificModel, path: Path) -> None:
    """Write the weights of `model` as `load` reads them. The tables are computed, not stored."""
    tensors = {
        _theirs(name): parameter.detach().contiguous()
        for name, parameter in model.named_parameters()
    }
    shape = model.made_as
    _write(tensors, shape.likelihood, shape.normalized, path)


def _write(tensors: dict[str, Tensor], likelihood: str, normalized: bool, path: Path) -> None:
    settings = {"likelihood": likelihood, "normalized": str(normalized).lower()}
    save_file(tensors, path, metadata=settings)


def load(path: Path) -> HificModel:
    """The model in a file that `save` or `convert` wrote."""
    try:
        with safe_open(path, framework="pt") as opened:
            settings = opened.metadata() or {}
        tensors = load_file(path)
    except UNREADABLE as problem:
        raise DataError(f"{path} is no readable safetensors file: {problem}") from problem
    likelihood, normalized = settings.get("likelihood"), settings.get("normalized")
    if likelihood not in CONDITIONALS or normalized not in ("true", "false"):
        raise DataError(
            f"{path} says likelihood {likelihood!r} and normalized {normalized!r}, expected "
            f"{' or '.join(CONDITIONALS)} and 'true' or 'false'; convert the checkpoint again"
        )
    return model_of(tensors, likelihood, normalized == "true", path)


def convert(source: Path, target: Path) -> str:
    """Convert the port's checkpoint `source` into `target`; what was kept and left out, in words.

    The weights are checked against the architecture before anything is written.
    """
    state, settings = _checkpoint(source)
    likelihood, normalized = settings["likelihood_type"], settings["normalize_input_image"]
    kept = {
        name: tensor.contiguous() for name, tensor in state.items() if name.split(".")[0] in KEPT
    }
    model = model_of(kept, likelihood, normalized, source)
    if model.made_as.blocks != settings["n_residual_blocks"]:
        raise DataError(
            f"{source} has {model.made_as.blocks} residual blocks, expected the "
            f"{settings['n_residual_blocks']} that its settings say; fetch the file again"
        )
    _write(kept, likelihood, normalized, target)
    count = sum(tensor.numel() for tensor in kept.values())
    others = sorted({name.split(".")[0] for name in state} - set(KEPT))
    return (
        f"{target}: {len(kept)} tensors, {count:,} parameters, {likelihood} likelihood, images in "
        f"{'[-1, 1]' if normalized else '[0, 1]'}; left out: {', '.join(others) or 'nothing'}"
    )


def _checkpoint(source: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the settings of a checkpoint of the port."""
    content = _unpickled(source)
    state = content.get("model_state_dict") if isinstance(content, dict) else None
    if not isinstance(state, dict) or "args" not in content:
        raise DataError(
            f"{source} holds {listed(sorted(map(str, content)))}, expected `model_state_dict` and "
            f"`args` among others, as the port saves them"
            if isinstance(content, dict)
            else f"{source} holds a {type(content).__name__}, expected a checkpoint of the port"
        )
    args = content["args"]
    settings = dict(vars(args) if isinstance(args, argparse.Namespace) else args)
    asked = {"likelihood_type": str, "normalize_input_image": bool, "n_residual_blocks": int}
    for name, kind in asked.items():
        if not isinstance(settings.get(name), kind):
            raise DataError(
                f"{source} was trained with {name} {settings.get(name)!r}, expected a "
                f"{kind.__name__}; only checkpoints that say so can be converted"
            )
    unlike = {"use_latent_mixture_model": True, "sample_noise": True, "use_channel_norm": False}
    for name, value in unlike.items():
        if settings.get(name) is value:
            raise DataError(f"{source} was trained with {name} {value}, which is not built here")
    return {name.removeprefix("module."): tensor for name, tensor in state.items()}, settings


def _unpickled(source: Path) -> Any:
    # A namespace holds attributes and runs nothing.
    try:
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(source, map_location="cpu", weights_only=True)
    except UNREADABLE as problem:
        code = re.search(r"GLOBAL (\S+)", str(problem))
        reason = f"it calls {code[1]}" if code else str(problem).splitlines()[0]
        raise DataError(
            f"{source} cannot be read without running code that it brings: {reason}; expected "
            f"tensors and plain settings alone"
            if code
            else f"{source} is no readable checkpoint: {reason}"
        ) from problem


def main(given: Sequence[str] | None = None) -> int:
    """Convert one checkpoint; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmark.codecs.hific_checkpoint")
    parser.add_argument("source", type=Path, help="checkpoint of the port, such as hific_low.pt")
    parser.add_argument("target", type=Path, help="safetensors file to write")
    arguments = parser.parse_args(given)
    try:
        said = convert(arguments.source, arguments.target)
    except SqueezebenchError as problem:
        sys.stderr.write(f"squeezebench: {problem}\n")
        return problem.exit_code
    sys.stdout.write(said + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
