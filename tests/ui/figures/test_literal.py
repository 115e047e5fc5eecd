"""No chart of Plotly's takes foreign text for markup."""

import json

import numpy as np
import pytest

from tests.browser.payloads import PAYLOADS
from ui.figures import attention_compare, comparison, data, evaluation, grids, slices, vocabulary
from ui.figures.literal import literal
from ui.view_models.attention_compare import LossChange
from ui.view_models.comparison import Grid
from ui.view_models.evaluation import OTHER, Rival
from ui.view_models.explore_pictures import Bar
from ui.view_models.slices import Bar as Slice
from ui.view_models.vocabulary import Points

TEXTS = tuple(payload.text[:90].encode("utf-8", "replace").decode() for payload in PAYLOADS)
ONES = np.ones(len(TEXTS))


def _points():
    ids = np.arange(len(TEXTS))
    return Points(ids + 1, ids + 1, ids, TEXTS, ids + 1, ids, TEXTS, 3)


def _grid():
    one = tuple("1" for _ in TEXTS)
    values = tuple(1.0 for _ in TEXTS)
    return Grid(TEXTS, TEXTS, (values,) * len(TEXTS), (one,) * len(TEXTS), (one,) * len(TEXTS),
                "bytes", True)  # fmt: skip


CHARTS = {
    "loss bars": lambda: attention_compare.loss_bars(LossChange(TEXTS, ONES, ONES, "")),
    "tokenizers": lambda: comparison.heat_map(_grid()),
    "words": lambda: data.rank_frequency([(n + 1, 1, text) for n, text in enumerate(TEXTS)]),
    "bars": lambda: data.bars([Bar(text, 1.0, "") for text in TEXTS], "times"),
    "rivals": lambda: evaluation.rivals_chart(
        [Rival(OTHER, text, 2.0, 1.0) for text in TEXTS], "perplexity"
    ),
    "grid": lambda: grids.curves(
        [{"series": text, "x": text, "value": 1.0} for text in TEXTS], "share"
    ),
    "slices": lambda: slices.slices_chart(
        [Slice(text, text, 1.0, 1, 0.1) for text in TEXTS], 1.0, "", flat=True
    ),
    "vocabulary": lambda: vocabulary.frequencies(_points(), by="rank"),
}


def _strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            if not (isinstance(key, str) and key in {"template", "meta"}):
                yield from _strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)


@pytest.mark.parametrize("chart", CHARTS)
def test_a_chart_holds_no_tag_that_somebody_wrote(chart):
    told = list(_strings(json.loads(CHARTS[chart]().to_json())))
    without_ours = [text.replace("<br>", "") for text in told]
    clicks = [text for text in without_ours if text.startswith("find=")]  # read by us alone
    tagged = [
        text
        for text in without_ours
        if "<" in text.replace("<extra>", "").replace("</extra>", "") and text not in clicks
    ]
    assert tagged == []
    assert any(literal(TEXTS[0])[:10] in text for text in told), "the texts are in it"


def test_quotes_stay_as_they_are_since_the_chart_would_not_know_their_entities():
    assert literal("'\"") == "'\""
