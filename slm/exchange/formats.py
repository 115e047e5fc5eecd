"""The forms in which a model can leave, in the order in which the Library offers them.

To add one: a module with a `Format` (see `outgoing.py`), whose heavy imports stand inside its
functions, and a line here. The Library's panel, the verb `export` and the tests of `FORMATS`
take it from this list.
"""

from slm.errors import ConfigError
from slm.exchange.adapter import ADAPTER
from slm.exchange.gguf_format import GGUF
from slm.exchange.hugging_face import HUGGING_FACE
from slm.exchange.notebook_format import NOTEBOOK_AND_SCRIPT
from slm.exchange.onnx_format import ONNX
from slm.exchange.outgoing import Format

FORMATS: tuple[Format, ...] = (HUGGING_FACE, GGUF, ONNX, ADAPTER, NOTEBOOK_AND_SCRIPT)


def format_named(key: str) -> Format:
    """The format of that key.

    Raises: ConfigError that lists those there are.
    """
    for each in FORMATS:
        if each.key == key:
            return each
    known = ", ".join(each.key for each in FORMATS)
    raise ConfigError(f"There is no format {key!r}; there are: {known}.")
