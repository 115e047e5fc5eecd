"""The walk's steps before the blocks (text to position) and behind them (growth to logits).

Words and rounding; the numbers are the walk's.
"""

import numpy as np

from slm.model.config import ModelConfig
from ui.texts import tr
from ui.view_models.walk import (
    Bars,
    Look,
    Step,
    Strips,
    Table,
    length,
    number,
    share,
)

INTO, OUT_OF = tr("Into the model"), tr("Out of the model")
_MODEL = "slm.model.transformer.Transformer"


def step_ids(config: ModelConfig) -> tuple[str, ...]:
    """The steps that a model of this family has, in order."""
    left_out = {"position"} if config.positions == "rotary" else {"turn"}
    every = (
        *("text", "embedding", "position", "norm", "project", "turn", "scores", "mask", "softmax"),
        *("mix", "output", "mlp_norm", "hidden", "down", "growth", "final_norm", "logits"),
        *("parts", "depth"),
    )
    return tuple(step for step in every if step not in left_out)


def beginning(look: Look) -> tuple[Step, ...]:
    """From text to the stream that the first block reads."""
    steps = [_text(look), _embedding(look)]
    if look.walk.position_TD is not None:
        steps.append(_position(look))
    return tuple(steps)


def ending(look: Look) -> tuple[Step, ...]:
    """From the stream that the last block leaves to the next token."""
    return (_growth(look), _final_norm(look), _logits(look), _parts(look), _depth(look))


def norm_formula(config: ModelConfig, before: str, after: str) -> str:
    """The norm of this family, with its real width and epsilon."""
    epsilon = f"{config.norm_eps:.0e}".replace("e-0", "e-").split("e-")
    small = f"10^{{-{epsilon[1]}}}" if epsilon[0] == "1" else f"{config.norm_eps:g}"
    mean = rf"\frac{{1}}{{{config.d_model}}} \sum_d"
    if config.norm == "rmsnorm":
        return tr(
            "{after} = \\frac{{{before}}}{{\\sqrt{{{mean} {before}_d^2 + {small}}}}} \\odot \\gamma"
        ).format(after=after, before=before, mean=mean, small=small)
    bias = r" + \beta" if config.bias == "all" else ""
    return tr(
        "{after} = \\frac{{{before} - \\mu}}{{\\sqrt{{{mean} ({before}_d - "
        "\\mu)^2 + {small}}}}} \\odot \\gamma{bias}"
    ).format(after=after, before=before, mean=mean, small=small, bias=bias)


def _text(look: Look) -> Step:
    config, n_tokens = look.config, len(look.tokens)
    rows = zip(range(n_tokens), look.tokens, look.walk.ids_T.tolist(), strict=True)
    return Step(
        id="text",
        group=INTO,
        title=tr("Text becomes tokens"),
        formula=(
            tr("i_0, …, i_{{{n_tokens}}} \\in \\{{0, …, {vocab_size}\\}}").format(
                n_tokens=n_tokens - 1, vocab_size=config.vocab_size - 1
            ),
        ),
        shape=tr("ids: {n_tokens}").format(n_tokens=n_tokens),
        why=tr(
            "The tokenizer cuts the text into pieces that it knows, and each piece has a number. "
            "From here on the model sees numbers alone."
        ),
        told=tr(
            "You follow token {token}, {here}, id {ids_t}. Click another token to follow that one."
        ).format(
            token=look.place.token, here=look.here, ids_t=int(look.walk.ids_T[look.place.token])
        ),
        source="slm.lab.looking.walkable_ids",
        line="ids = opened.tokenizer.encode(text)",
        pictures=(
            Table(
                tr("The text as tokens"),
                ("position", "token", "id"),
                tuple((str(at), token, str(token_id)) for at, token, token_id in rows),
            ),
        ),
    )


def _embedding(look: Look) -> Step:
    config, at = look.config, look.place.token
    token_D, token = look.walk.token_TD[at], int(look.walk.ids_T[at])
    rows = tuple(zip(look.tokens, look.walk.token_TD, strict=True))
    return Step(
        id="embedding",
        group=INTO,
        title=tr("The embedding"),
        formula=(
            rf"x_{{{at}}} = E_{{{token}}}",
            tr("E \\in \\mathbb{{R}}^{{{vocab_size} × {d_model}}}").format(
                vocab_size=config.vocab_size, d_model=config.d_model
            ),
        ),
        shape=tr("x: {n_tokens} × {d_model} (positions × width)").format(
            n_tokens=len(look.tokens), d_model=config.d_model
        ),
        why=tr(
            "Every token has a row of numbers in a learned table. What is alike for the model "
            "has rows that are alike. This is where the residual stream begins."
        ),
        told=tr(
            "{here} is row {token} of the table; its {d_model} numbers have length {token_d}."
        ).format(
            here=look.here, token=token, d_model=config.d_model, token_d=number(length(token_D))
        ),
        source=f"{_MODEL}.enter",
        line="stream_BTD = self.token_embedding(ids_BT)",
        pictures=(
            Strips(tr("The row of {here}").format(here=look.here), (("x", token_D),)),
            Strips(tr("Every token's row"), rows, picks=True),
        ),
    )


def _position(look: Look) -> Step:
    at, walk = look.place.token, look.walk
    assert walk.position_TD is not None
    return Step(
        id="position",
        group=INTO,
        title=tr("The position"),
        formula=(rf"x_{{{at}}} = E_{{{int(walk.ids_T[at])}}} + P_{{{at}}}",),
        shape=tr("P: {context_length} × {d_model} (positions × width)").format(
            context_length=look.config.context_length, d_model=look.config.d_model
        ),
        why=tr(
            "Attention by itself does not know which token came first. A learned vector for each "
            "position, added to the embedding, tells it."
        ),
        told=tr(
            "Position {at} adds a vector of length {position_td} to one of length {token_td}."
        ).format(
            at=at,
            position_td=number(length(walk.position_TD[at])),
            token_td=number(length(walk.token_TD[at])),
        ),
        source=f"{_MODEL}.enter",
        line="stream_BTD = stream_BTD + self.position_embedding.weight[positions]",
        pictures=(
            Strips(
                tr("Token and position"),
                (
                    ("token", walk.token_TD[at]),
                    ("position", walk.position_TD[at]),
                    ("sum", walk.stream_LTD[0, at]),
                ),
            ),
        ),
    )


def _growth(look: Look) -> Step:
    growth, n_layers = look.walk.growth(look.place.token), look.config.n_layers
    places = (
        "embedding",
        *(tr("after block {layer}").format(layer=layer) for layer in range(n_layers)),
    )
    shares = np.stack([growth.attention_share_L, growth.feed_forward_share_L], axis=1).ravel()
    writers = tuple(
        tr("block {layer} {part}").format(layer=layer, part=part)
        for layer in range(n_layers)
        for part in ("attention", "feed-fwd.")
    )
    stream_L = growth.stream_L
    return Step(
        id="growth",
        group=OUT_OF,
        title=tr("The stream, grown"),
        formula=(r"x^{(l+1)} = x^{(l)} + a^{(l)} + m^{(l)}",),
        shape=tr("{n_layers} lengths, {additions} additions").format(
            n_layers=n_layers + 1, additions=2 * n_layers
        ),
        why=tr(
            "No block replaces the stream: each part adds to it. How long an addition is, beside "
            "what it is added to, says how much that part changed at this position."
        ),
        told=tr("From length {stream_l} to {last} at {here}.").format(
            stream_l=number(stream_L[0]), last=number(stream_L[-1]), here=look.here
        ),
        source="slm.model.walk.Walk.growth",
        line="between_LD = stream_LD[:-1] + attention_LD",
        pictures=(
            Bars(
                tr("Length of the stream at {here}").format(here=look.here),
                places,
                stream_L,
                tuple(number(value) for value in stream_L),
            ),
            Bars(
                tr("Length of each addition, beside that of what it is added to"),
                writers,
                np.asarray(shares, dtype=np.float32),
                tuple(f"{value:.0%}" for value in shares),
            ),
        ),
    )


def _final_norm(look: Look) -> Step:
    at, walk = look.place.token, look.walk
    return Step(
        id="final_norm",
        group=OUT_OF,
        title=tr("The last norm"),
        formula=(norm_formula(look.config, "x", r"\hat{x}"),),
        shape=f"x̂: {len(look.tokens)} × {look.config.d_model}",
        why=tr(
            "The stream has grown from block to block. Before it is read out, a norm brings it to "
            "an even size, so that the logits do not depend on its length."
        ),
        told=tr("Length {stream_ltd} before, {final_td} after.").format(
            stream_ltd=number(length(walk.stream_LTD[-1, at])),
            final_td=number(length(walk.final_TD[at])),
        ),
        source=f"{_MODEL}.read_out",
        line="self.final_norm(stream_BTD)",
        pictures=(
            Strips(tr("Before"), (("x", walk.stream_LTD[-1, at]),)),
            Strips(tr("After"), (("x̂", walk.final_TD[at]),)),
        ),
    )


def _logits(look: Look) -> Step:
    config, best = look.config, look.reading.guesses[-1]
    table = "E" if config.tie_embeddings else "U"
    tied = (
        tr("The table is the embedding's, used once more.")
        if config.tie_embeddings
        else tr("The table is one of its own.")
    )
    chances = np.array([guess.probability for guess in best], dtype=np.float32)
    return Step(
        id="logits",
        group=OUT_OF,
        title=tr("The next token"),
        formula=(
            rf"z_i = {table}_i \cdot \hat{{x}}",
            rf"p_i = \frac{{e^{{z_i}}}}{{\sum_{{j=0}}^{{{config.vocab_size - 1}}} e^{{z_j}}}}",
        ),
        shape=tr("z: {vocab_size:,} logits at each position").format(vocab_size=config.vocab_size),
        why=tr(
            "Every token of the vocabulary gets a score: how well its row "
            "matches the stream. {tied} Softmax turns scores into "
            "probabilities that sum to 1."
        ).format(tied=tied),
        told=tr(
            "After {here} the model expects “{token}” with {probability} "
            "(logit {logit}). Here are the likeliest {n_best}; the other "
            "{vocab_size:,} share {sum}."
        ).format(
            here=look.here,
            token=look.name(best[0].token),
            probability=share(best[0].probability),
            logit=number(best[0].logit),
            n_best=len(best),
            vocab_size=config.vocab_size - len(best),
            sum=share(max(0.0, 1.0 - float(chances.sum()))),
        ),
        source=f"{_MODEL}.read_out",
        line="F.linear(normed_BTD, self.unembedding_weight)",
        pictures=(
            Bars(
                tr("What comes after {here}").format(here=look.here),
                tuple(look.name(guess.token) for guess in best),
                chances,
                tuple(
                    tr("{probability} · logit {logit}").format(
                        probability=share(g.probability), logit=number(g.logit)
                    )
                    for g in best
                ),
            ),
        ),
    )


def _parts(look: Look) -> Step:
    parts, n_layers = look.reading.parts, look.config.n_layers
    labels, values = ["embedding"], [parts.embedding]
    for layer in range(n_layers):
        labels += [
            tr("block {layer} attention").format(layer=layer),
            tr("block {layer} feed-fwd.").format(layer=layer),
        ]
        values += [float(parts.attention_L[layer]), float(parts.feed_forward_L[layer])]
    if parts.bias:
        labels, values = [*labels, tr("the norm's bias")], [*values, parts.bias]
    named = f"“{look.name(parts.token)}”"
    return Step(
        id="parts",
        group=OUT_OF,
        title=tr("Who wrote this answer"),
        formula=(
            r"z_i = \sum_{\text{parts}} \frac{\text{part} \odot \gamma}{\text{rms}(x)} \cdot E_i"
            if look.config.norm == "rmsnorm"
            else r"z_i = \sum_{\text{parts}} \frac{(\text{part} - \mu) \odot \gamma}{\sigma(x)} "
            r"\cdot U_i + \beta \cdot U_i",
        ),
        shape=tr("{n_labels} parts of one logit").format(n_labels=len(labels)),
        why=tr(
            "The stream is a sum, so the logit is one too: the embedding and each attention and "
            "feed-forward part have their share of it. A part below zero spoke against this token."
        ),
        told=tr("The logit of {named}, {logit}, is the sum of these {n_labels} parts.").format(
            named=named, logit=number(parts.logit), n_labels=len(labels)
        ),
        source="slm.model.readout.logit_parts",
        line="shares = (scaled_WD @ row_D).cpu().numpy()",
        pictures=(
            Bars(
                tr("Parts of the logit of {named}").format(named=named),
                tuple(labels),
                np.array(values, dtype=np.float32),
                tuple(number(value) for value in values),
            ),
        ),
    )


def _depth(look: Look) -> Step:
    depths = look.reading.guesses
    names = (
        "embedding",
        *(tr("after block {layer}").format(layer=layer) for layer in range(len(depths) - 1)),
    )
    rows = tuple(
        (name, *(f"{look.name(guess.token)}  {share(guess.probability)}" for guess in each[:3]))
        for name, each in zip(names, depths, strict=True)
    )
    answer = depths[-1][0].token
    settled = next(
        place
        for place in range(len(depths))
        if all(each[0].token == answer for each in depths[place:])
    )
    return Step(
        id="depth",
        group=OUT_OF,
        title=tr("The answer by depth"),
        formula=(r"p^{(l)} = \text{softmax}(E \, \text{norm}(x^{(l)}))",),
        shape=tr("{n_depths} readings of {vocab_size:,} probabilities").format(
            n_depths=len(depths), vocab_size=look.config.vocab_size
        ),
        why=tr(
            "The stream has the same meaning at every depth, so it can be read out early, as if "
            "the remaining blocks added nothing. Tied embeddings make the first reading the token "
            "itself, as nothing has been added to it yet."
        )
        if look.config.tie_embeddings
        else tr(
            "The stream has the same meaning at every depth, so it can be read out early, as if "
            "the remaining blocks added nothing."
        ),
        told=tr("“{answer}” is the first choice for good from “{names}” on.").format(
            answer=look.name(answer), names=names[settled]
        ),
        source="slm.model.readout.guesses_by_depth",
        line="logits_LV = _read_out(model, stream_LD)",
        pictures=(
            Table(
                tr("The likeliest next tokens"), (tr("read out"), "first", "second", "third"), rows
            ),
        ),
    )
