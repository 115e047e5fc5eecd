"""Foreign text in a Plotly chart, which would read tags and entities in it."""


def literal(text: str, longest: int | None = None) -> str:
    """`text` as Plotly shows it, and cut to an axis's length.

    Quotes stay: Plotly knows few entities, and would show the others as they are written.

    >>> literal('<b>"x" & y</b>')
    '&lt;b&gt;"x" &amp; y&lt;/b&gt;'
    >>> literal("once upon a time", 10)
    'once upon…'
    """
    cut = text if longest is None or len(text) <= longest else f"{text[: longest - 1]}…"
    return cut.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
