"""The process that runs a GGUF file in llama.cpp, with no model of ours.

`python -m slm.exchange.gguf_child FILE TASK`: TASK is a folder with `task.json`; the answers are
put beside it, as `reload_child.py` puts them. llama.cpp ends its process where a file is not to
its liking, and maps the file into memory: two reasons for a process of its own.
"""

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from slm import children

_REFUSALS = (OSError, ValueError, LookupError, TypeError, ImportError, RuntimeError)
_FLOAT32 = 0  # GGML_TYPE_F32: keys and values as exact as the rest
_ROOM = 1


def answer(path: Path, task_folder: Path) -> dict[str, Any]:
    """What llama.cpp makes of the file; logits go to files, a row at a time."""
    from safetensors.numpy import save_file

    llama_cpp: Any = importlib.import_module("llama_cpp")  # optional: nothing to check types by
    task = json.loads((task_folder / "task.json").read_text("utf-8"))
    longest = max(map(len, [*task["rows"], *task["prompts"]]))
    model = llama_cpp.Llama(
        str(path),
        n_ctx=longest + task["new_tokens"] + _ROOM,
        logits_all=True,
        type_k=_FLOAT32,
        type_v=_FLOAT32,
        n_threads=os.cpu_count(),
        verbose=False,
    )
    for number, row in enumerate(task["rows"]):
        model.reset()
        model.eval(row)
        logits_TV = np.array(model.scores[: len(row)], np.float32)
        save_file({"logits": logits_TV}, task_folder / f"logits-{number}.safetensors")
    texts = [text.encode() for text in task["texts"]]
    whole = [model.tokenize(text, add_bos=True, special=False) for text in texts]
    bare = [model.tokenize(text, add_bos=False, special=False) for text in texts]
    told = {
        "program": f"llama.cpp (llama-cpp-python {llama_cpp.__version__})",
        "architecture": model.metadata["general.architecture"],
        "ids": whole,
        "bare_ids": bare,
        "decoded": [model.detokenize(ids).decode(errors="replace") for ids in whole],
        "written": [_written(model, prompt, task) for prompt in task["prompts"]],
    }
    model.close()
    return told


def _written(model: Any, prompt: list[int], task: dict[str, Any]) -> list[int]:
    """The likeliest continuation, by the library's own `generate`."""
    ids: list[int] = []
    model.reset()
    for token_id in model.generate(prompt, temp=0.0, top_k=1, repeat_penalty=1.0):
        ids.append(int(token_id))
        if len(ids) == task["new_tokens"] or token_id == task["eos_id"]:
            break
    return ids


def main() -> int:
    children.end_with_parent()
    path, task_folder = Path(sys.argv[1]), Path(sys.argv[2])
    try:
        told = answer(path, task_folder)
    except _REFUSALS as error:
        told = {"error": f"{type(error).__name__}: {error}"[:2_000]}
    (task_folder / "answer.json").write_text(json.dumps(told), "utf-8")
    sys.stdout.flush()
    os._exit(0)  # without waiting for the thread that listens


if __name__ == "__main__":
    sys.exit(main())
