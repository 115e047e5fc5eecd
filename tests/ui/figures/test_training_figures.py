"""What the curves of the Training page plot."""

from ui.figures.training import comparison, loss, small


def test_the_loss_spans_the_whole_run_from_its_first_step():
    spec = loss(400)
    assert spec["layer"][0]["encoding"]["x"]["scale"]["domain"] == [0, 400]
    assert len(spec["layer"]) == 2


def test_the_baseline_is_one_line_with_its_number():
    rule, label = loss(400, bigram_nats=2.859)["layer"][2:]
    assert rule["encoding"]["y"]["datum"] == 2.859 and rule["data"] == {"values": [{}]}
    assert label["mark"]["text"].endswith("2.86")


def test_a_run_keeps_its_colour():
    scale = comparison("step", {"b": "#111111", "a": "#222222"})["encoding"]["color"]["scale"]
    assert scale == {"domain": ["b", "a"], "range": ["#111111", "#222222"]}


def test_small_curves_may_be_logarithmic():
    assert small("norm", 10, log_y=True)["encoding"]["y"]["scale"]["type"] == "log"
