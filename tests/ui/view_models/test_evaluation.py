import pytest

from slm.__main__ import main
from slm.lab.evaluation import EvaluateConfig
from ui.view_models.evaluation import comparison, documents_of, evaluate_argv, held_out_code


def figures(model=6.1, tokens=999):
    def one(perplexity):
        return {"perplexity": perplexity, "bits_per_byte": 1.5, "tokens": tokens}

    return {
        "model": one(model),
        "uniform": one(1024.0),
        "unigram": one(300.0),
        "bigram": one(17.2),
    }


def test_a_model_is_read_as_a_number_of_choices():
    view = comparison(figures(), 1000, "the held-out text")
    assert view.reading == "As unsure as choosing between 6.1 equally likely tokens."
    assert [rival.key for rival in view.rivals] == ["uniform", "unigram", "bigram", "model"]
    assert "leaves 17.2" in view.verdict and "1,024" in view.verdict


def test_all_tokens_but_the_first_are_all_that_can_be_measured():
    view = comparison(figures(tokens=999), 1000, "the held-out text")
    assert view.measured == "Measured on all 999 tokens of the held-out text."
    assert not view.partial


def test_a_first_look_says_how_much_it_saw():
    view = comparison(figures(tokens=999), 50_000, "the held-out text")
    assert view.measured == "Measured on the first 999 of 50,000 tokens of the held-out text."
    assert view.partial


def test_a_model_that_loses_to_the_bigram_is_told_to_train_on():
    assert "does not beat the bigram" in comparison(figures(model=20.0), None, "x").verdict
    assert "does not beat" not in comparison(figures(), None, "x").verdict


def test_without_baselines_the_model_stands_alone():
    view = comparison({"model": figures()["model"]}, None, "this text")
    assert [rival.key for rival in view.rivals] == ["model"] and view.verdict == ""


def test_bits_per_byte_are_offered_where_all_have_them():
    known = figures()
    assert comparison(known, None, "x").units == ("perplexity", "bits_per_byte")
    known["bigram"]["bits_per_byte"] = None
    assert comparison(known, None, "x").units == ("perplexity",)


def test_documents_end_at_the_end_of_text_token():
    text = str.__mul__
    assert documents_of([5, 6, 0, 7, 0, 8], 0, lambda ids: text("x", len(ids)), 9) == ("xx", "x")
    assert documents_of([5, 6, 0, 7, 0], 0, str, limit=1) == ("[5, 6]",)


def test_without_an_end_of_text_token_the_beginning_is_one_document():
    assert documents_of([1, 2], None, str, limit=9) == ("[1, 2]",)
    assert documents_of([], None, str, limit=9) == ()


def between(low, high):
    return {"low": low, "high": high, "level": 0.95}


def other(name="Other", more=0.1, low=0.05, high=0.15, **changes):
    apart = {"bits_per_byte": more, "interval": between(low, high)}
    known = {"perplexity": 7.0, "bits_per_byte": 1.6, "tokens": 999, "same_tokens": True}
    return {"name": name, "run": "r", "worse_by": apart, **known, **changes}


def test_a_trigram_is_what_has_to_be_beaten_where_there_is_one():
    known = figures(model=12.0) | {"trigram": figures()["bigram"] | {"perplexity": 11.0}}
    view = comparison(known, None, "x")
    assert [rival.key for rival in view.rivals][-2:] == ["trigram", "model"]
    assert "two tokens back (trigram) leaves 11.0, one token (bigram) 17.2" in view.verdict
    assert "does not beat the trigram" in view.verdict


def test_what_may_be_chance_is_no_reason_to_train_on():
    known = figures(model=20.0)
    known["bigram"]["worse_by"] = {"bits_per_byte": -0.1, "interval": None}
    assert "may be chance" in comparison(known, None, "x").verdict
    known["bigram"]["worse_by"] = {"bits_per_byte": -0.1, "interval": between(-0.2, -0.05)}
    assert "Train it for longer" in comparison(known, None, "x").verdict
    foreign = comparison(known | {"split": "text"}, None, "x").verdict
    assert "helps with this text no more than counting" in foreign


def test_intervals_are_told_with_what_they_were_drawn_over():
    known = figures() | {"text": {"documents": 129, "intervals_over": "documents"}}
    known["model"]["intervals"] = {
        "perplexity": between(5.5, 7.0),
        "bits_per_byte": between(1.4, 1.61),
    }
    view = comparison(known, None, "x")
    assert view.doubt == (
        "95% intervals: perplexity 5.5 to 7.0, bits per byte 1.40 to 1.61 "
        "(bootstrap over 129 documents)."
    )
    assert view.model.edges["perplexity"] == (5.5, 7.0)
    known["model"]["intervals"] = {"perplexity": None, "bits_per_byte": None}
    assert comparison(known, None, "x").doubt == "The text is too short for intervals."


@pytest.mark.parametrize(
    ("one", "sentence"),
    [
        (other(), "Other is 0.100 bits a byte worse (95% interval 0.050 to 0.150)."),
        (
            other(more=-0.1, low=-0.15, high=-0.05),
            "Other is 0.100 bits a byte better (95% interval 0.050 to 0.150).",
        ),
        (
            other(more=0.01, low=-0.02, high=0.04),
            "Other is 0.010 bits a byte worse, which may be chance "
            "(95% interval -0.020 to +0.040).",
        ),
        (other(more=0.0, low=0.0, high=0.0), "Other predicts just the same."),
        (
            other(worse_by={"bits_per_byte": 0.2, "interval": None}),
            "Other is 0.200 bits a byte worse.",
        ),
    ],
)
def test_another_model_is_told_with_whether_the_difference_is_sure(one, sentence):
    assert comparison(figures() | {"others": [one]}, None, "x").beside == (sentence,)


def test_models_of_different_tokens_are_compared_in_bits_alone():
    view = comparison(figures() | {"others": [other(same_tokens=False)]}, None, "x")
    assert view.units == ("bits_per_byte",) and not view.same_tokens
    assert [rival.label for rival in view.rivals][-2:] == ["Other", "This model"]


def test_the_command_of_a_job_measures_what_the_page_asked_for(tiny_workspace, capsys):
    (run,) = tiny_workspace.runs.list()
    config = EvaluateConfig(text="--dash, \n and “quotes”", stride=3, against=(run.id,))
    argv = evaluate_argv(run, config)
    assert argv[:3] == ["evaluate", "--run", run.id]
    assert main([*argv, "--workspace", str(tiny_workspace.root), "--json"]) == 0
    assert '"stride": 3' in capsys.readouterr().out
    assert evaluate_argv(run, EvaluateConfig()) == ["evaluate", "--run", run.id]


def test_code_lines_are_python(tiny_workspace):
    (run,) = tiny_workspace.runs.list()
    config = EvaluateConfig(text='a "text"\n', against=("b",))
    compile(held_out_code(run, config), "lines", "exec")
