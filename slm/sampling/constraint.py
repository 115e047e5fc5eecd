"""Constrained decoding: only tokens after which the text can still get the form asked for.

A regular expression or a JSON schema says which texts are meant. llguidance follows the text
byte by byte and tells for the whole vocabulary what may come next; all other tokens get
probability 0 before any filter acts. So a text that ends by itself has that form, whatever the
model has learned: what it says in that form is still the model's own.

Knows text and tokenizers; no model.

Source: Willard and Louf 2023 (Efficient Guided Generation for Large Language Models), §3.

Legend: V the model's vocabulary.
"""

import json
import re
import weakref
from collections.abc import Iterable

import llguidance
import numpy as np

from slm.errors import DataError, TokenizerError
from slm.sampling.distribution import Mask
from slm.tokenizer.protocol import TextTokenizer

LONGEST_REGEX = 2_000
LONGEST_SCHEMA = 20_000
_LIMITS = llguidance.LLParserLimits(max_lexer_states=10_000, verbose_errors=False)
_REASON = re.compile(r"^error: (.+)$", re.MULTILINE)
_NO_TOKEN = "NoExtension"
_COMPLEX = ("TooComplex", "too complex", "Current row", "limit", "fuel")


class Constraint:
    """Follows one text, token by token.

    allowed_V: the tokens that may come next; the end-of-text token among them where the text
    has its form already. whole: the text has its form, and nothing may follow.
    """

    def __init__(self, grammar: str, cut: TextTokenizer, vocab_size: int, eos_id: int | None):
        """Raises: DataError for a form that cannot be followed, or that only no text has."""
        self._matcher = llguidance.LLMatcher(_words_of(cut), grammar, log_level=0, limits=_LIMITS)
        self._n_text, self._eos_id = cut.vocab_size, eos_id
        self.allowed_V: Mask = np.zeros(vocab_size, np.bool_)
        self.whole = False
        self._look()
        if self.whole:
            raise DataError("Only the empty text has this form. Ask for at least one character.")

    def take(self, token: int) -> None:
        """The text goes on with this token, which is not its end.

        Raises: DataError for one that is not allowed, and where the form can no longer be had.
        """
        if not (0 <= token < self.allowed_V.size and self.allowed_V[token]):
            raise DataError("With this token the text can no longer get the form asked for.")
        self._matcher.consume_token(token)
        self._look()

    def _look(self) -> None:
        matcher = self._matcher
        self.allowed_V = np.zeros_like(self.allowed_V)
        if matcher.is_stopped() and not matcher.is_error():
            self.whole = True
            return
        bits = np.frombuffer(matcher.compute_bitmask(), np.uint8)
        if matcher.is_error():
            raise DataError(_problem_of(matcher.get_error()))
        may_come = np.unpackbits(bits, bitorder="little").astype(np.bool_)
        n_known = min(self._n_text, self.allowed_V.size)
        self.allowed_V[:n_known] = may_come[:n_known]
        may_end = bool(may_come[self._n_text])
        self.whole = may_end and not self.allowed_V.any()
        if may_end and self._eos_id is not None and not self.whole:
            self.allowed_V[self._eos_id] = True
        if not (may_end or self.allowed_V.any()):
            raise DataError(_problem_of(_NO_TOKEN))


def constraint_for(
    cut: TextTokenizer,
    vocab_size: int,
    *,
    regex: str = "",
    json_schema: str = "",
    eos_id: int | None = None,
    written: Iterable[int] = (),
) -> Constraint | None:
    """What holds a text to a regular expression or a JSON schema; None where neither is given.

    The whole text behind the prompt must match. JSON is written without blanks between its
    parts. vocab_size: logits that the model gives, which may be more than the tokenizer has
    tokens. written: ids behind the prompt that belong to the text already.

    Raises: DataError for a form that cannot be followed, with the reason.
    """
    if not (regex or json_schema):
        return None
    constraint = Constraint(grammar_of(regex, json_schema), cut, vocab_size, eos_id)
    for token in written:
        constraint.take(token)
    return constraint


def grammar_of(regex: str = "", json_schema: str = "") -> str:
    """The form as llguidance reads it.

    Raises: DataError for no regular expression, no JSON schema, or one with what is not known.
    """
    what = "regular expression" if regex else "JSON schema"
    form = _regex_rule(regex) if regex else f"start: %json {_schema(json_schema)}"
    # Where only one text can follow, llguidance would choose its tokens; the model shall.
    grammar = f'%llguidance {{"no_forcing": true}}\n{form}'
    if problem := llguidance.LLMatcher.validate_grammar(grammar, limits=_LIMITS):
        raise DataError(f"The {what} cannot be used: {_reason(problem)}.")
    return grammar


def _regex_rule(regex: str) -> str:
    """The expression between slashes, as its library spells it."""
    told = json.loads(llguidance.LLMatcher.grammar_from_regex(regex))
    return str(told["grammars"][0]["lark_grammar"])


def _schema(text: str) -> str:
    try:
        schema = json.loads(text)
    except (ValueError, RecursionError) as error:
        why = getattr(error, "msg", "it is nested too deeply")
        raise DataError(f"The JSON schema is no JSON: {why}.") from None
    if not isinstance(schema, dict):
        raise DataError("The JSON schema cannot be used: it must be an object, from { to }.")
    return json.dumps({**schema, "x-guidance": {"whitespace_flexible": False}})


class _Words:
    """A tokenizer's tokens as llguidance asks for them: all bytes, and one more that ends."""

    bos_token_id = None

    def __init__(self, cut: TextTokenizer) -> None:
        special = {*cut.special_tokens.values(), *(() if cut.eos_id is None else (cut.eos_id,))}
        self.tokens = [*(_bytes_of(cut, token) for token in range(cut.vocab_size)), b"<end>"]
        self.eos_token_id = cut.vocab_size
        self.special_token_ids = [*sorted(special), cut.vocab_size]
        self._cut = weakref.ref(cut)  # what is kept for a tokenizer must not keep it

    def __call__(self, text: str) -> list[int]:
        cut = self._cut()
        return [] if cut is None else cut.encode(text)


_KNOWN: "weakref.WeakKeyDictionary[TextTokenizer, llguidance.LLTokenizer]"
_KNOWN = weakref.WeakKeyDictionary()


def _words_of(cut: TextTokenizer) -> llguidance.LLTokenizer:
    """Made once for each tokenizer: 50,000 tokens take half a second."""
    found = _KNOWN.get(cut)
    if found is None:
        words = llguidance.TokenizerWrapper(_Words(cut))
        found = _KNOWN[cut] = llguidance.LLTokenizer(words)
    return found


def _bytes_of(cut: TextTokenizer, token: int) -> bytes:
    try:
        return cut.token_bytes(token)
    except TokenizerError:  # published vocabularies have gaps
        return b""


def _problem_of(error: str) -> str:
    """Why a text cannot go on."""
    if error.startswith(_NO_TOKEN):
        return (
            "No token can go on: the form asks for characters that this model's tokenizer cannot "
            "write, or no text has it. Ask for another form, or choose another model."
        )
    return f"This form cannot be followed: {_reason(error)}."


def _reason(problem: str) -> str:
    """Why, in one line of what llguidance or its reader of regular expressions says."""
    if any(word in problem for word in _COMPLEX):
        return "it is too complex; ask for a simpler form"
    found = _REASON.search(problem)
    line = found[1] if found else problem.strip().partition("\n")[0]
    return line[:200].rstrip(".")
