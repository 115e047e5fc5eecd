"""A model's chat template: a conversation as the text, and the ids, that it was trained to answer.

The template stands beside the tokenizer as `chat_template.jinja` (`slm.exchange.chat_template`
keeps it when a model is imported). It is rendered in a process of its own.

What people write is never read as a token that marks turns: `<|im_end|>` in a message is cut
into the tokens of its letters.
"""

import json
import re
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tokenizers

from slm import children
from slm.errors import DataError
from slm.exchange.chat_template import read_chat_template
from slm.serving.template_child import SECONDS
from slm.tokenizer.definition import TOKENIZER_FILE
from slm.tokenizer.imported import settings_beside, token_name
from slm.tokenizer.protocol import well_formed

_CHILD = (sys.executable, "-m", "slm.serving.template_child")
_MOST_ANSWER = 8 * 2**20
_PRIVATE = range(0xE000, 0xF8FF)  # code points that stand for nothing

Turns = Sequence[Mapping[str, str]]


class ChatTemplate:
    """Lays conversations out for one model. May be asked from many threads; close it at the end."""

    def __init__(self, template: str, folder: Path, child: Sequence[str] = _CHILD) -> None:
        """folder: the tokenizer's, whose `tokenizer.json` knows the tokens of the template.

        Raises: DataError for a template that cannot be read, or that lays out no conversation.
        """
        settings = settings_beside(folder)
        marks = {name: token_name(settings.get(name)) or "" for name in ("bos_token", "eos_token")}
        self._beginning = json.dumps({"template": template, "marks": marks})
        self._child = child
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        definition = (folder / TOKENIZER_FILE).read_text("utf-8")
        self._marked = _engine(definition, specials=True)
        self._plain = _engine(definition, specials=False)
        added = self._marked.get_added_tokens_decoder()
        self._special_ids = {token.content: place for place, token in added.items()}
        self._specials = re.compile(
            "|".join(map(re.escape, sorted(self._special_ids, key=len, reverse=True))) or r"(?!)"
        )
        self.ends_turn = self._find_end()

    def ids(self, turns: Turns) -> list[int]:
        """The tokens before the answer.

        Raises: DataError for a conversation that the template does not take.
        """
        spelled = any(self._specials.search(turn["content"]) for turn in turns)
        if not spelled:
            return list(
                self._marked.encode(well_formed(self.text(turns)), add_special_tokens=False).ids
            )
        said = "".join(turn["content"] for turn in turns)
        mark = next(chr(point) for point in _PRIVATE if chr(point) not in said)
        apart = [{**turn, "content": self._parted(turn["content"], mark)} for turn in turns]
        return self._piecewise(self.text(apart), mark)

    def text(self, turns: Turns, *, answer: bool = True) -> str:
        """The conversation as the template writes it; `answer`: with what opens the next turn.

        Raises: DataError as `ids`.
        """
        asked = {"messages": list(turns), "add_generation_prompt": answer}
        with self._lock:
            if self._process is None:
                self._start()
            told = self._asked(json.dumps(asked))
        if "error" in told:
            raise DataError(
                f"The model's chat template does not take this conversation: {told['error']}."
            )
        return str(told["text"])

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            self._child,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=children.environment({"OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}),
            text=True,
            encoding="utf-8",
        )
        told = self._asked(self._beginning)
        if "error" in told:
            self._end()
            raise DataError(f"The model's chat template is not usable: {told['error']}.")

    def _asked(self, line: str) -> dict[str, Any]:
        """What the child answers to a line, in bounded time."""
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None
        clock = threading.Timer(2 * SECONDS, process.kill)
        clock.start()
        try:
            process.stdin.write(line + "\n")
            process.stdin.flush()
            return dict(json.loads(process.stdout.readline(_MOST_ANSWER)))
        except (OSError, ValueError):  # it died, of time or of memory
            self._end()
            return {"error": f"it did not end within {SECONDS} s, or needs too much memory"}
        finally:
            clock.cancel()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:  # what was on its way to a process that is gone
                    continue

    def _parted(self, text: str, mark: str) -> str:
        """The text with a mark inside everything that spells a special token."""
        return self._specials.sub(lambda found: found[0][0] + mark + found[0][1:], text)

    def _piecewise(self, text: str, mark: str) -> list[int]:
        """Ids of what stands between the template's own special tokens, and theirs."""
        ids: list[int] = []
        at = 0
        for found in [*self._specials.finditer(text), None]:
            piece = text[at : None if found is None else found.start()].replace(mark, "")
            if piece:
                ids += self._plain.encode(well_formed(piece), add_special_tokens=False).ids
            if found is not None:
                ids.append(self._special_ids[found[0]])
                at = found.end()
        return ids

    def _find_end(self) -> str | None:
        """The token that the template writes behind an answer; models write it too."""
        talk = [{"role": "user", "content": "u"}, {"role": "assistant", "content": "\ue000"}]
        behind = self.text(talk, answer=False).partition("\ue000")[2]
        found = self._specials.search(behind)
        return None if found is None else found[0]


def load_template(folder: Path) -> ChatTemplate | None:
    """The chat template beside the tokenizer in the folder; None where there is none.

    Raises: DataError for one that cannot be used.
    """
    template = read_chat_template(folder)
    return None if template is None else ChatTemplate(template, folder)


def _engine(definition: str, *, specials: bool) -> tokenizers.Tokenizer:
    """specials: whether text that spells a special token becomes that token."""
    made = tokenizers.Tokenizer.from_str(definition)
    made.no_truncation()
    made.no_padding()
    made.encode_special_tokens = not specials
    return made
