"""The process that runs an ONNX graph as anybody would, with ONNX Runtime and `tokenizers`.

`python -m slm.exchange.onnx_child FOLDER TASK`: TASK is a folder with `task.json`; the answers are
put beside it, as `reload_child.py` puts them. No PyTorch and no model of ours is in it.
"""

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from slm import children

_FILE = "model.onnx"
_INPUT = "input_ids"


def answer(folder: Path, task_folder: Path) -> dict[str, Any]:
    """What ONNX Runtime makes of the graph; logits go to files, a row at a time."""
    import tokenizers
    from safetensors.numpy import save_file

    runtime: Any = importlib.import_module("onnxruntime")  # optional: nothing to check types by
    task = json.loads((task_folder / "task.json").read_text("utf-8"))
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    session = runtime.InferenceSession(str(folder / _FILE), providers=["CPUExecutionProvider"])
    for number, row in enumerate(task["rows"]):
        logits_TV = session.run(None, {_INPUT: np.array([row])})[0][0]
        save_file({"logits": logits_TV}, task_folder / f"logits-{number}.safetensors")
    texts = task["texts"]
    bare = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
    return {
        "program": f"ONNX Runtime {runtime.__version__}",
        "ids": [tokenizer.encode(text).ids for text in texts],
        "bare_ids": bare,
        "decoded": [tokenizer.decode(ids, skip_special_tokens=False) for ids in bare],
        "written": [_written(session, prompt, task) for prompt in task["prompts"]],
    }


def _written(session: Any, prompt: list[int], task: dict[str, Any]) -> list[int]:
    """The likeliest continuation; the whole text is read again for every token."""
    ids = list(prompt)
    while len(ids) < len(prompt) + task["new_tokens"]:
        last_V = session.run(None, {_INPUT: np.array([ids])})[0][0, -1]
        ids.append(int(last_V.argmax()))
        if ids[-1] == task["eos_id"]:
            break
    return ids[len(prompt) :]


def main() -> int:
    children.end_with_parent()
    folder, task_folder = Path(sys.argv[1]), Path(sys.argv[2])
    try:
        told = answer(folder, task_folder)
    except (OSError, ValueError, LookupError, TypeError, ImportError, RuntimeError) as error:
        told = {"error": f"{type(error).__name__}: {error}"[:2_000]}
    (task_folder / "answer.json").write_text(json.dumps(told), "utf-8")
    sys.stdout.flush()
    os._exit(0)  # without waiting for the thread that listens


if __name__ == "__main__":
    sys.exit(main())
