"""Many texts written as one batch, a token each at every turn. No threads, no waiting here.

Each text has a row of one cache and keeps its own length, seed and settings. Texts come in
and go at any turn; a prompt is read in slices, so that those who are already writing wait for
a slice at most, and none for a whole prompt.

Sees ids, never text. B the rows that write, T ids of a slice, V vocabulary.
"""

from collections import deque
from collections.abc import Callable

import torch

from slm.errors import SlmError
from slm.model.graph_stepping import stepper_for
from slm.model.inference import diverged, inference
from slm.model.stepping import Stepper
from slm.model.transformer import Transformer
from slm.sampling.generate import Writing, draw
from slm.sampling.heads import finder_for
from slm.sampling.steps import Step

SLICE = 32  # ids read between two tokens of the others; a token of each costs about as much
SLICE_ALONE = 512  # while nobody writes
_ROUND = 128  # caches grow by so many positions


class Text:
    """One text of a batch: what it has read, and where its steps go.

    deliver is given each step, ended exactly once: with an error, or None for a text that
    is whole or was not wanted any more.
    """

    def __init__(
        self,
        prompt_ids: tuple[int, ...],
        writing: Writing,
        max_new_tokens: int,
        deliver: Callable[[Step], None],
        ended: Callable[[SlmError | None], None],
        unwanted: Callable[[], bool] = lambda: False,
    ) -> None:
        self.writing, self.left = writing, max_new_tokens
        self.deliver, self.ended, self.unwanted = deliver, ended, unwanted
        self.window = list(prompt_ids)
        self.n_read = 0  # of the window

    @property
    def unread(self) -> int:
        """Ids that the model has yet to see."""
        return len(self.window) - self.n_read

    def positions(self, context_length: int) -> int:
        """Positions of a cache that it will fill at most."""
        return min(context_length, len(self.window) + self.left)

    def make_room(self, context_length: int) -> None:
        """When the window is longer than the context: its last half is read again."""
        if len(self.window) > context_length:
            self.window = self.window[-max(1, context_length // 2) :]
            self.n_read = 0


class Batch:
    """Texts that are written together with one model, at most `seats` at once.

    Rows 0, 1, … of the cache belong to `writing`, the next one to the text whose prompt is
    being read, the first of `line`. The cache grows as texts need it, to at most
    `memory_bytes` (but one row at least). int8: as `slm.model.stepping.Stepper` has it.
    """

    def __init__(
        self,
        model: Transformer,
        seats: int = 32,
        memory_bytes: int = 2**29,
        *,
        int8: bool = False,
    ) -> None:
        config = model.config
        row_bytes = 2 * config.n_layers * config.kv_heads * config.head_width
        row_bytes *= config.context_length * model.dtype.itemsize
        self.seats = max(1, min(seats, memory_bytes // row_bytes))
        self.writing: list[Text] = []
        self.line: deque[Text] = deque()
        self._model, self._int8 = model, int8
        self._stepper: Stepper | None = None
        self._finder = finder_for(model.device)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.writing and not self.line

    def turn(self) -> None:
        """One slice of a prompt, if one waits and a row is free; then a token for each text."""
        with inference(self._model):
            self._let_go()
            self._read_prompts()
            if self.writing:
                self._write()

    def drop_cache(self) -> None:
        """Give the memory back; only an empty batch may."""
        assert self.is_empty
        self._stepper = None

    def _let_go(self) -> None:
        """Part with the texts that nobody wants any more."""
        for text in [text for text in self.line if text.unwanted()]:
            if text.n_read and self._stepper is not None:
                self._stepper.cache.wipe(len(self.writing))
            self.line.remove(text)
            text.ended(None)
        for row in reversed(range(len(self.writing))):
            if self.writing[row].unwanted():
                self._leave(row).ended(None)

    def _read_prompts(self) -> None:
        """All of a prompt but its last id, which the next step reads with the others' last ones."""
        budget = SLICE if self.writing else SLICE_ALONE
        while self.line and budget > 0 and len(self.writing) < self.seats:
            text = self.line[0]
            if text.left <= 0:
                self.line.popleft().ended(None)
                continue
            stepper = self._with_room_for(text)
            n_ids = min(budget, text.unread - 1)
            if n_ids:
                ids_T = torch.tensor(text.window[text.n_read : text.n_read + n_ids])
                row = stepper.cache.row(len(self.writing))
                self._model(ids_T[None].to(self._model.device), row, last_only=True)
                text.n_read += n_ids
                budget -= n_ids
            if text.unread > 1:
                return
            self.writing.append(self.line.popleft())

    def _write(self) -> None:
        stepper = self._stepper
        assert stepper is not None
        ids_B = torch.tensor([text.window[-1] for text in self.writing])
        logits_BV = stepper(ids_B.to(self._model.device))
        for text in self.writing:
            text.n_read += 1
        whole_B = logits_BV.amax(dim=-1).isfinite().tolist()  # the largest is NaN if any is
        texts = [text for text, whole in zip(self.writing, whole_B, strict=True) if whole]
        if len(texts) < len(whole_B):
            logits_BV = logits_BV[torch.tensor(whole_B)]
        steps = (
            iter(draw(logits_BV, [text.writing for text in texts], self._finder)) if texts else None
        )
        drawn = [next(steps) if steps and whole else None for whole in whole_B]
        for row in reversed(range(len(drawn))):  # the last row may move into one done with
            step = drawn[row]
            if step is None:
                self._fail(row, diverged("the logits of the next token are"))
            else:
                self._take(row, step)

    def _take(self, row: int, drawn: Step) -> None:
        """The text has a token more; it may end with it, or must be read again from its half."""
        text = self.writing[row]
        try:
            step = text.writing.take(drawn)
        except SlmError as error:  # of this text alone: the others go on
            self._leave(row).ended(error)
            return
        text.deliver(step)
        text.left -= 1
        text.window.append(step.id)
        if text.writing.ended or text.left <= 0:
            self._leave(row).ended(None)
            return
        text.make_room(self._model.config.context_length)
        if text.unread > 1:
            self._leave(row)
            self.line.insert(1 if self.line and self.line[0].n_read else 0, text)

    def _fail(self, row: int, error: SlmError) -> None:
        assert self._stepper is not None
        self._stepper.cache.wipe(row)
        self._leave(row).ended(error)

    def _leave(self, row: int) -> Text:
        """Close the gap: the last row moves here, and the row that is being read moves up."""
        assert self._stepper is not None
        cache, last = self._stepper.cache, len(self.writing) - 1
        text, self.writing[row] = self.writing[row], self.writing[last]
        self.writing.pop()
        cache.reset(row)
        cache.move(last, row)
        if last + 1 < cache.batch_size:
            cache.move(last + 1, last)
        return text

    def _with_room_for(self, text: Text) -> Stepper:
        """The stepper, its cache grown if the text needs another row or a longer one."""
        context_length = self._model.config.context_length
        rows, length = len(self.writing) + 1, text.positions(context_length)
        old = None if self._stepper is None else self._stepper.cache
        if old is not None and old.batch_size >= rows and old.max_length >= length:
            assert self._stepper is not None
            return self._stepper
        if old is not None:
            rows = old.batch_size if old.batch_size >= rows else 2 * old.batch_size
            length = max(old.max_length, length)
        length = min(context_length, -(-length // _ROUND) * _ROUND)
        cache = self._model.new_cache(min(rows, self.seats), length)
        if self._stepper is None or old is None:
            self._stepper = stepper_for(self._model, cache, int8=self._int8)
        else:
            cache.take_over(old)
            self._stepper.cache = cache
        return self._stepper
