"""A model as an ONNX graph: ids in, logits out, for any number of texts and any length.

PyTorch writes the graph down by following tensors whose sizes are symbols, and ONNX Runtime and
others run it with no PyTorch. There is no key-value cache in it: who writes with it reads the
whole text again for every token.

B batch, T position, D width, V vocabulary.
"""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from slm import files
from slm.errors import ConfigError
from slm.model.self_attention import visibility
from slm.model.transformer import Transformer

FILE = "model.onnx"
INPUT, OUTPUT = "input_ids", "logits"
PACKAGES = ("onnx", "onnxscript")
INSTALL = "pip install onnx onnxscript onnxruntime"
_ONE_FILE_BYTES = 2**30  # the format's own limit for a file without another beside it is 2 GB
_EXAMPLE = (2, 3)  # texts and tokens of the ids that are followed; neither is kept


class _Reading(nn.Module):
    """The model's forward pass with nothing in it that depends on how long a text is."""

    def __init__(self, model: Transformer) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor) -> Tensor:
        """Logits (B, T, V) of ids (B, T)."""
        model, length = self.model, input_ids.shape[1]
        stream_BTD = model.token_embedding(input_ids)
        if model.position_embedding is not None:
            stream_BTD = stream_BTD + model.position_embedding.weight[:length]
        turns = None
        if model.cosine is not None and model.sine is not None:
            turns = model.cosine[:length], model.sine[:length]
        visible_TT = visibility(torch.arange(length), length, model.config.window)
        for layer, block in enumerate(model.blocks):
            stream_BTD = block(stream_BTD, turns, visible_TT, layer)
        return model.read_out(stream_BTD)


def require_packages() -> None:
    """Raises: ConfigError that names what is to be installed."""
    if any(find_spec(name) is None for name in PACKAGES):
        raise ConfigError(
            "Writing ONNX takes two packages that are not installed here, and its proof a third. "
            f"To have them: {INSTALL}"
        )


def write_onnx(model: Transformer, path: Path) -> None:
    """Write the graph with its weights, in float32; large weights go to a file beside it.

    Raises: ConfigError where the packages for it are not installed; WorkspaceError when the disk
        is full or refuses.
    """
    require_packages()
    n_bytes = 4 * sum(weight.numel() for weight in model.state_dict().values())
    files.require_space(path.parent, n_bytes, "The export")
    plain = in_float32(model)
    ids_BT = torch.zeros(_EXAMPLE, dtype=torch.long)
    longest = model.config.context_length
    dim = torch.export.Dim
    length = dim("length", min=1, max=longest) if longest > 1 else dim.STATIC
    with _quietly(), torch.no_grad():
        program: Any = torch.onnx.export(
            _Reading(plain).eval(),
            (ids_BT[:, :longest],),
            dynamo=True,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({0: dim("batch", min=1), 1: length},),
            verbose=False,
        )
    _forget_sources(program.model)
    with files.disk_errors(path):
        program.save(path, external_data=n_bytes > _ONE_FILE_BYTES)


def in_float32(model: Transformer) -> Transformer:
    """The model itself, or one with its numbers in float32, which hold them exactly."""
    if model.dtype == torch.float32:
        return model
    with torch.device("meta"):
        plain = Transformer(model.config)
    weights = {name: weight.float() for name, weight in model.state_dict().items()}
    plain.load_state_dict(weights, assign=True)
    plain.cosine, plain.sine = model.cosine, model.sine
    return plain.eval()


def _forget_sources(graph_model: Any) -> None:
    """Take out which line of which file on this machine each step came from."""
    for node in graph_model.graph.all_nodes():
        node.metadata_props.clear()
        node.doc_string = None
    graph_model.graph.doc_string = None


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Without the exporter's remarks on every step that it takes."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", *PACKAGES, "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
