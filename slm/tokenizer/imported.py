"""Published tokenizers of any kind, read from their `tokenizer.json`, or `tokenizer.model`.

The `tokenizers` library does the work, so ids are those of the publisher. Here their
many ways of writing bytes down (byte letters, `▁`, `<0x0A>`, `##`) become bytes.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any, Self

import tokenizers

from slm import files
from slm.errors import TokenizerError, WorkspaceError
from slm.tokenizer.bpe import Merge
from slm.tokenizer.definition import TOKENIZER_FILE, library_errors, read_file, unspell
from slm.tokenizer.pieces import MODEL_FILE
from slm.tokenizer.protocol import Span, StreamDecoder, primed, well_formed
from slm.tokenizer.sentencepiece import load_definition

SETTINGS_FILE = "tokenizer_config.json"
_ENDS = ("<|endoftext|>", "</s>", "<|end_of_text|>", "<eos>", "[SEP]")
_BYTE_TOKEN = re.compile(r"<0x([0-9A-F]{2})>")


class ImportedTokenizer:
    """A tokenizer from elsewhere. What it does to text before it cuts (Unicode forms,
    letter case, a space in front) it goes on doing, so `decode` may differ from the text.
    """

    kind = "imported"

    def __init__(self, definition: str, settings: Mapping[str, Any] | None = None) -> None:
        """`definition` is the text of a tokenizer.json, `settings` a tokenizer_config.json.

        Raises: TokenizerError when it is none.
        """
        values = _parsed(definition)
        with library_errors("This tokenizer.json cannot be read"):
            self._engine = tokenizers.Tokenizer.from_str(definition)
            self._engine.encode_special_tokens = True  # text that spells one stays text
            self._engine.no_truncation()
            self._engine.no_padding()
            vocab = self._engine.get_vocab(with_added_tokens=True)
        self._definition, self._settings = definition, dict(settings or {})
        self._model: Mapping[str, Any] = values["model"]
        self._has_cutter = bool(values.get("pre_tokenizer"))
        # The library numbers a token anew whose written id is taken or leaves a gap.
        added = [t for t in values.get("added_tokens") or [] if t["content"] in vocab]
        self.special_tokens = {t["content"]: vocab[t["content"]] for t in added if t.get("special")}
        self.special_ids = frozenset(self.special_tokens.values())
        whole = {vocab[token["content"]] for token in added}
        parts = _parts(values.get("decoder"))
        self._drops_leading_space = _drops_leading_space(parts)
        kinds = {part.get("type") for part in parts}
        self._decoders = kinds
        self._bytes = {
            token_id: text.encode() if token_id in whole else _bytes_of(text, kinds)
            for text, token_id in vocab.items()
        }
        self._vocab_size = max(self._bytes, default=-1) + 1
        self._begin_id = self._read_begin_id()

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The tokenizer in a folder, with the settings that may stand beside it.

        Raises: TokenizerError when there is none, or it is damaged.
        """
        folder = Path(folder)
        settings = settings_beside(folder)
        if not (folder / TOKENIZER_FILE).is_file() and (folder / MODEL_FILE).is_file():
            return cls(*load_definition(folder, settings))
        if not (folder / TOKENIZER_FILE).is_file():
            raise TokenizerError(
                f"There is no {TOKENIZER_FILE} in {folder.name}; a published model's folder "
                "has one beside its weights."
            )
        read_file(folder)
        try:
            text = (folder / TOKENIZER_FILE).read_text("utf-8")
        except UnicodeDecodeError as error:
            raise TokenizerError(
                f"{TOKENIZER_FILE} is no UTF-8 text: byte {error.start:,} cannot be read. "
                "Fetch it again, or save it as UTF-8."
            ) from None
        return cls(text, settings)

    @property
    def vocab_size(self) -> int:
        """The largest id plus one."""
        return self._vocab_size

    @property
    def eos_id(self) -> int | None:
        """The id that ends a text: as the settings say, else by the usual names."""
        told = token_name(self._settings.get("eos_token"))
        names = [told] if told else list(_ENDS)
        return next((self.special_tokens[n] for n in names if n in self.special_tokens), None)

    @property
    def bos_id(self) -> int | None:
        """The id that such models expect before a text; `encode` does not add it."""
        return self.special_tokens.get(token_name(self._settings.get("bos_token")) or "")

    @property
    def begin_id(self) -> int | None:
        """The id that is put before every text, as the model was trained; `encode` does not.

        It is what the `tokenizer.json` adds in front by its post-processor. The settings beside
        it are not asked (add_bos_token), as the transformers library does not ask them either.
        """
        return self._begin_id

    def _read_begin_id(self) -> int | None:
        with library_errors("This tokenizer cannot encode the text"):
            around_nothing = self._engine.encode("", add_special_tokens=True).ids
            around_text = self._engine.encode("a", add_special_tokens=True).ids
        first = around_nothing[0] if around_nothing else None
        stands_before = around_text[:1] == [first]  # not one that only ends a text
        return first if stands_before and first in self.special_ids else None

    @cached_property
    def merges(self) -> tuple[Merge, ...]:
        """The merges of a BPE model in their order, uncounted; none for another model.

        Also none where a merge joins what was not made before it, since a beginning of
        such a list is no tokenizer. A token may be made by several merges.
        """
        if self._model.get("type") != "BPE" or self._model.get("continuing_subword_prefix"):
            return ()
        merges = []
        open_parts = {pair[0] + pair[1] for pair in self._pairs()}
        for left, right in self._pairs():
            if left in open_parts or right in open_parts:
                return ()
            open_parts.discard(left + right)
            sides = _bytes_of(left, self._decoders), _bytes_of(right, self._decoders)
            merges.append(Merge(sides, None, sides[0] + sides[1]))
        return tuple(merges)

    def _pairs(self) -> list[tuple[str, str]]:
        """The merges as they are spelled, old form ("left right") or new."""
        parts = [
            tuple(merge.split(" ")) if isinstance(merge, str) else tuple(merge)
            for merge in self._model.get("merges") or []
        ]
        return [(part[0], part[1]) for part in parts if len(part) == 2]

    def byte_chunks(self, text: str) -> list[bytes] | None:
        """The text as it is cut before bytes are joined; None where it is not bytes that are.

        Joined again they are the text as the tokenizer changed it, if it did.
        """
        if "ByteLevel" not in self._decoders or not self._has_cutter:
            return None
        with library_errors("This tokenizer cannot cut the text"):
            normalizer, cutter = self._engine.normalizer, self._engine.pre_tokenizer
            sound = well_formed(text)
            changed = normalizer.normalize_str(sound) if normalizer else sound
            pieces = cutter.pre_tokenize_str(changed) if cutter else [(changed, (0, 0))]
        try:
            return [unspell(piece) for piece, _ in pieces]
        except KeyError:
            return None

    def encode(self, text: str) -> list[int]:
        """The ids of the text, none added before or after."""
        return list(self._encoding(text).ids)

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of many texts, on all cores."""
        with library_errors("This tokenizer cannot encode the texts"):
            sound = [well_formed(text) for text in texts]
            encodings = self._engine.encode_batch(sound, add_special_tokens=False)
        return [list(encoding.ids) for encoding in encodings]

    def encode_with_spans(self, text: str) -> tuple[list[int], list[Span]]:
        """The ids, and for each the bytes of `well_formed(text)` that it stands for.

        Where the tokenizer changed the text, its own report of characters is used;
        of tokens that share a character the first gets all of it.
        """
        text = well_formed(text)
        encoding = self._encoding(text)
        ids = list(encoding.ids)
        pieces = [self._bytes[token_id] for token_id in ids]
        if b"".join(pieces) == text.encode():
            ends = list(accumulate(map(len, pieces)))
        else:
            byte_at = [0, *accumulate(len(character.encode()) for character in text)]
            ends = list(accumulate((byte_at[end] for _, end in encoding.offsets), max))
            ends[-1:] = byte_at[-1:] if ends else []
        return ids, list(zip([0, *ends], ends, strict=False))

    def decode(self, ids: Iterable[int]) -> str:
        """The text of the ids; a space that the tokenizer puts in front is taken off."""
        text = b"".join([self.token_bytes(token_id) for token_id in ids]).decode(errors="replace")
        return text.removeprefix(" ") if self._drops_leading_space else text

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes that a token stands for."""
        try:
            return self._bytes[token_id]
        except KeyError:
            raise TokenizerError(
                f"Id {token_id} is not in this vocabulary of {self.vocab_size:,} tokens; "
                "use the tokenizer that the ids were made with."
            ) from None

    def decoder(self, after: Iterable[int] = ()) -> StreamDecoder:
        """A decoder for a stream of ids that goes on after these."""
        stream = StreamDecoder(self.token_bytes, drops_leading_space=self._drops_leading_space)
        return primed(stream, after)

    def save(self, folder: Path) -> None:
        """Write `tokenizer.json` as it was published, and which tokens begin and end a text."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        files.write_bytes(folder / TOKENIZER_FILE, self._definition.encode())
        keep_marks(self._settings, folder)

    def _encoding(self, text: str) -> tokenizers.Encoding:
        with library_errors("This tokenizer cannot encode the text"):
            return self._engine.encode(well_formed(text), add_special_tokens=False)


def _parsed(definition: str) -> Mapping[str, Any]:
    """Raises: TokenizerError when the text is no JSON object with a model and proper tokens."""
    try:
        values = json.loads(definition)
        sound = isinstance(values["model"]["type"], str) and all(
            isinstance(token["content"], str) and isinstance(token["id"], int)
            for token in values.get("added_tokens") or []
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        sound = False
    if not sound:
        raise TokenizerError("This is no tokenizer.json. Give the one that stands beside a model.")
    return dict(values)


def _parts(decoder: Any) -> list[Mapping[str, Any]]:
    """The decoder's parts in order, those of a sequence one by one."""
    if not isinstance(decoder, Mapping):
        return []
    return list(decoder["decoders"]) if decoder.get("type") == "Sequence" else [decoder]


def _drops_leading_space(parts: Sequence[Mapping[str, Any]]) -> bool:
    """Whether decoding takes off the space that encoding put in front."""
    return any(
        (part.get("type") == "Strip" and part.get("content") == " " and part.get("start", 0) > 0)
        or (part.get("type") == "Metaspace" and part.get("prepend_scheme", "always") != "never")
        or part.get("type") == "WordPiece"
        for part in parts
    )


def _bytes_of(text: str, decoders: set[Any]) -> bytes:
    """A token's bytes from how the vocabulary spells it, by the decoders that read it."""
    if "ByteLevel" in decoders:
        try:
            return unspell(text)
        except KeyError:  # a vocabulary may hold words that no byte letters spell
            return text.encode()
    if "ByteFallback" in decoders and (found := _BYTE_TOKEN.fullmatch(text)):
        return bytes([int(found[1], 16)])
    if "WordPiece" in decoders:
        return (text[2:] if text.startswith("##") else " " + text).encode()
    if decoders & {"Metaspace", "Replace"}:
        return text.replace("▁", " ").encode()
    return text.encode()


def settings_beside(folder: Path) -> dict[str, Any]:
    """The `tokenizer_config.json` in `folder`; empty where there is none.

    Raises: TokenizerError when it is damaged.
    """
    path = Path(folder) / SETTINGS_FILE
    try:
        return files.read_json(path) if path.exists() else {}
    except WorkspaceError as error:
        raise TokenizerError(str(error)) from None


def keep_marks(settings: Mapping[str, Any], folder: Path) -> None:
    """Write down which tokens begin and end a text, where the settings say so."""
    names = {mark: token_name(settings.get(mark)) for mark in ("bos_token", "eos_token")}
    marks = {mark: name for mark, name in names.items() if name}
    if marks:
        kept = {"tokenizer_class": "PreTrainedTokenizerFast", **marks}
        files.write_json(folder / SETTINGS_FILE, kept)


def token_name(token: Any) -> str | None:
    """A special token's name; settings hold it bare, or in an object with its options."""
    name = token.get("content") if isinstance(token, Mapping) else token
    return name if isinstance(name, str) else None
