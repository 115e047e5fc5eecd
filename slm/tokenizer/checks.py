"""What a vocabulary must be, so that every text has ids and all engines give the same ones."""

from collections.abc import Mapping, Sequence

from tokenizers import models

from slm.errors import TokenizerError
from slm.tokenizer.bpe import N_BYTES
from slm.tokenizer.definition import Definition, spell


def number_special_tokens(
    vocab: Mapping[bytes, int], special_tokens: Sequence[str] | Mapping[str, int]
) -> dict[str, int]:
    """Ids for the special tokens: as given, as in the vocabulary, or the next free ones.

    Raises: TokenizerError for a name that stands twice.
    """
    if isinstance(special_tokens, Mapping):
        return dict(special_tokens)
    require_names(special_tokens)
    names: dict[str, int] = {}
    free = max(vocab.values(), default=-1) + 1
    for name in special_tokens:
        names[name] = vocab.get(name.encode(), free)
        free += names[name] == free
    return names


def require_names(special_tokens: Sequence[str]) -> None:
    """Raises: TokenizerError for a name that stands twice, or a string in place of a list."""
    if isinstance(special_tokens, str) or len(set(special_tokens)) < len(special_tokens):
        raise TokenizerError(
            f"special_tokens is {special_tokens!r}; give a list in which no name stands twice."
        )


def require_sound(definition: Definition) -> None:
    """Raises: TokenizerError with everything that does not fit."""
    problems = _problems(definition) or _unreachable(definition)
    if problems:
        raise TokenizerError("This vocabulary cannot be used: " + "; ".join(problems) + ".")
    require_distinct(definition.vocab, definition.special_tokens)


def require_distinct(vocab: Mapping[bytes, int], names: Mapping[str, int]) -> None:
    """Raises: TokenizerError for a special token that ordinary text could give too."""
    ordinary = {spell(piece) for piece in vocab}
    for name in names:
        if not name or name in ordinary:
            raise TokenizerError(
                f"The special token {name!r} is also a piece of ordinary text; "
                "choose one that text will not hold, such as <|end|>."
            )


def _problems(definition: Definition) -> list[str]:
    """What keeps the vocabulary from encoding every text, in words."""
    vocab, merges = definition.vocab, definition.merges
    problems: list[str] = []
    missing = [value for value in range(N_BYTES) if bytes([value]) not in vocab]
    if missing:
        problems.append(f"{len(missing)} of the 256 bytes are missing, the first is {missing[0]}")
    ids = [*vocab.values(), *definition.special_tokens.values()]
    if len(set(ids)) != len(ids) or min(ids, default=0) < 0:
        problems.append("ids are negative or used twice")
    known = {bytes([value]) for value in range(N_BYTES)}
    for number, (left, right) in enumerate(merges):
        joined = left + right
        if left not in known or right not in known:
            problems.append(f"merge {number} joins {left!r} and {right!r} before both are made")
        elif joined not in vocab:
            problems.append(f"merge {number} makes {joined!r}, which has no id")
        elif joined in known:
            problems.append(f"merge {number} makes {joined!r} a second time")
        else:
            known.add(joined)
            continue
        break
    else:
        strays = [piece for piece in vocab if piece not in known]
        if strays:
            problems.append(f"{len(strays)} tokens are made by no merge, such as {strays[0]!r}")
    return problems


def _unreachable(definition: Definition) -> list[str]:
    """Merges that can never happen, because earlier ones cut their text otherwise.

    Where there is none, joining by the rank of the result (the engine's way) and
    by the rank of the pair (the definition's way) come to the same.
    """
    vocab = {spell(piece): token_id for piece, token_id in definition.vocab.items()}
    pairs = [(spell(left), spell(right)) for left, right in definition.merges]
    model = models.BPE(vocab, pairs)
    for left, right in pairs:
        found = [token.value for token in model.tokenize(left + right)]
        if found != [left + right]:
            return [f"{left + right!r} is never made, earlier merges cut it into {found}"]
    return []
