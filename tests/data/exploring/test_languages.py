"""The same guesses as py3langid's own, many documents at a time."""

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from slm.data.exploring import languages
from slm.data.exploring.languages import languages_of

TEXTS = [
    "The quick brown fox jumps over the lazy dog and runs away into the forest.",
    "Der schnelle braune Fuchs springt über den faulen Hund und läuft in den Wald.",
    "Le renard brun saute par-dessus le chien paresseux et court dans la forêt.",
    "Быстрая коричневая лиса прыгает через ленивую собаку и бежит в лес.",
    "素早い茶色の狐はのろまな犬を飛び越えて、森の中へ走って行きました。",
    "ΕΝΑ ΜΕΓΑΛΟ ΚΑΦΕ ΑΛΟΓΟ ΤΡΕΧΕΙ ΣΤΟ ΔΑΣΟΣ ΚΑΙ ΠΗΔΑ ΤΟΝ ΣΚΥΛΟ",
    "for i in range(10): print(i, end=' ') # a loop that prints numbers",
] * 3


def test_guesses_are_those_of_py3langid():
    own = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    expected = []
    for text in TEXTS:
        language, sure = own.classify(text)
        expected.append(language if sure >= languages.MIN_CONFIDENCE else "und")
    assert languages_of(TEXTS) == expected
    assert expected[:6] == ["en", "de", "fr", "ru", "ja", "el"]


def test_short_texts_and_numbers_are_unknown():
    assert languages_of(["Hello", "", "12345 67890 " * 20]) == ["und"] * 3


def test_only_the_beginning_is_read():
    assert languages_of([TEXTS[0] * 20 + TEXTS[3] * 500]) == ["en"]
