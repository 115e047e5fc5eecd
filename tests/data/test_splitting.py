"""The split is a property of the text."""

from slm.data.splitting import split_of


def test_a_document_keeps_its_split_when_the_corpus_grows():
    before = {f"text {i}": split_of(f"text {i}", 0.1) for i in range(100)}
    after = {f"text {i}": split_of(f"text {i}", 0.1) for i in range(1_000)}
    assert before.items() <= after.items()


def test_about_the_asked_fraction_validates():
    n_val = sum(split_of(f"text {i}", 0.1) == "val" for i in range(10_000))
    assert abs(n_val - 1_000) < 4 * (10_000 * 0.1 * 0.9) ** 0.5  # four standard deviations


def test_a_larger_fraction_only_adds_to_validation():
    texts = [f"text {i}" for i in range(500)]
    small = {text for text in texts if split_of(text, 0.1) == "val"}
    large = {text for text in texts if split_of(text, 0.3) == "val"}
    assert small < large
