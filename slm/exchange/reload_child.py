"""The process that opens an export as anybody would, with transformers and no model of ours.

`python -m slm.exchange.reload_child FOLDER TASK`: TASK is a folder with `task.json`, and gets the
answers: `answer.json`, and `logits-<i>.safetensors` for each row of ids.

    task.json    {"texts": [text], "rows": [[id]], "prompts": [[id]], "new_tokens": n}
    answer.json  {"transformers", "torch", "model", "tokenizer", "missing": [tensor],
                  "unexpected": [tensor], "ids": [[id]], "bare_ids": [[id]], "decoded": [text],
                  "plain_ids": [[id]], "plain_decoded": [text], "written": [[id]]},
                 or {"error": what went wrong}
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from slm import children

_REFUSALS = (
    *(OSError, ValueError, LookupError, TypeError, AttributeError),
    *(ImportError, RuntimeError, AssertionError),
)
"""What the library raises for a folder that it cannot open. Another error ends this process,
whose last words are then told."""


def answer(folder: Path, task_folder: Path) -> dict[str, Any]:
    """What transformers makes of the folder; logits go to files, a row at a time."""
    import torch
    import transformers
    from safetensors.torch import save_file

    task = json.loads((task_folder / "task.json").read_text("utf-8"))
    auto: Any = transformers
    tokenizer = auto.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model, loading = auto.AutoModelForCausalLM.from_pretrained(
        folder, local_files_only=True, dtype=torch.float32, output_loading_info=True
    )
    model.eval()
    plain = auto.PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)
    bare = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in task["texts"]]
    with torch.inference_mode():
        for number, row in enumerate(task["rows"]):
            logits_TV = model(torch.tensor([row])).logits[0].contiguous()
            save_file({"logits": logits_TV}, task_folder / f"logits-{number}.safetensors")
        written = [_written(model, prompt, task["new_tokens"]) for prompt in task["prompts"]]
    return {
        "transformers": transformers.__version__,
        "torch": torch.__version__,
        "model": type(model).__name__,
        "tokenizer": type(tokenizer).__name__,
        "missing": sorted(loading["missing_keys"]),
        "unexpected": sorted(loading["unexpected_keys"]),
        "ids": [tokenizer(text)["input_ids"] for text in task["texts"]],
        "bare_ids": bare,
        "decoded": [tokenizer.decode(ids, skip_special_tokens=False) for ids in bare],
        "plain_ids": [plain(text)["input_ids"] for text in task["texts"]],
        "plain_decoded": [plain.decode(plain(text)["input_ids"]) for text in task["texts"]],
        "written": written,
    }


def _written(model: Any, prompt: list[int], new_tokens: int) -> list[int]:
    """The likeliest continuation, by the library's own `generate`, without the prompt."""
    import torch
    import transformers

    ends = model.generation_config.eos_token_id
    auto: Any = transformers
    plain = auto.GenerationConfig(
        do_sample=False, max_new_tokens=new_tokens, eos_token_id=ends, pad_token_id=0
    )
    model.generation_config = plain  # what the folder suggests would fill what is not said here
    ids_BT = torch.tensor([prompt])
    found = model.generate(ids_BT, attention_mask=torch.ones_like(ids_BT))
    whole: list[int] = found[0].tolist()
    return whole[len(prompt) :]


def main() -> int:
    children.end_with_parent()
    folder, task_folder = Path(sys.argv[1]), Path(sys.argv[2])
    try:
        told = answer(folder, task_folder)
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        ImportError,
        RuntimeError,
    ) as e:
        told = {"error": f"{type(e).__name__}: {e}"[:2_000]}
    (task_folder / "answer.json").write_text(json.dumps(told), "utf-8")
    sys.stdout.flush()
    os._exit(0)  # without waiting for the thread that listens


if __name__ == "__main__":
    sys.exit(main())
