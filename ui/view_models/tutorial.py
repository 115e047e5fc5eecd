"""A chapter of the tutorial as the app shows it. Knows Markdown, not Streamlit.

The files are written for readers of the repository, where chapters link to each
other's files. In the app a chapter's page takes the place of its file.
"""

import re

_CHAPTER = re.compile(r"\[([^\]]+)\]\(\d_([a-z]+)\.md(?:#[\w-]*)?\)")
_OTHER_FILE = re.compile(r"\[([^\]]+)\]\([a-z_]+\.md(?:#[\w-]*)?\)")
_SMALLER_BY = "##"


def for_app(markdown: str) -> str:
    """The chapter with links that lead to pages of the app, and headings two sizes smaller.

    Links to the glossary and to the sources, which are no pages, become plain text.
    Code stays as it is.

    >>> for_app("# 1 Data\\nNext: [2 Tokenizer](2_tokenizer.md); see [sources](sources.md#data).")
    '### 1 Data\\nNext: [2 Tokenizer](tokenizer); see sources.'
    """
    lines, in_code = [], False
    for line in markdown.splitlines():
        if line.startswith("```"):
            in_code = not in_code
        elif not in_code:
            line = _OTHER_FILE.sub(r"\1", _CHAPTER.sub(r"[\1](\2)", line))
            line = _SMALLER_BY + line if line.startswith("#") else line
        lines.append(line)
    return "\n".join(lines)
