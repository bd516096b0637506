"""How right an answer is: golden figures by hand."""

import math

import pytest

from imprint.evaluation.scoring import LONG_ANSWER_WORDS, is_correct, normalize, score, token_f1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The **Port** is `8080`.", ["the", "port", "is", "8080"]),
        ("service.port, not service port!", ["service.port", "not", "service", "port"]),
        ("lora_r; --outputs DIR", ["lora_r", "outputs", "dir"]),
        ("http://x.example/a", ["http://x.example/a"]),
        ("  \n ", []),
        ("ﬁle ４２", ["file", "42"]),  # compatibility forms
        ("0.95 ≥ 9:30", ["0.95", "9:30"]),
        ("1,000 and 12'345,5 but 3.10", ["1000", "and", "12345.5", "but", "3.10"]),
        ("5.0 °C, −5 and a - b", ["5", "c", "-5", "and", "a", "b"]),
        ("٢٠٢٥", ["2025"]),
        ("首都是北京。", ["首", "都", "是", "北", "京"]),
    ],
)
def test_words_for_comparison(text: str, words: list[str]) -> None:
    assert normalize(text) == words


@pytest.mark.parametrize(
    ("expected", "given", "right"),
    [
        ("8080", "The port is 8080.", True),
        ("8080", "The port is 80801.", False),
        ("The default of port is 8080.", "the default of PORT is **8080**", True),
        ("The default of port is 8080.", "Well: the default of port is 8080, always.", True),
        ("The default of port is 8080.", "The default of port is 9090.", False),
        ("port 80", "80 port", False),
        ("service.port", "service port", False),
        ("22,5 derece", "Isı 22,5 derece olur.", True),
        ("22.5 degrees", "22,5 degrees", True),
        ("1000 crowns", "It costs 1,000 crowns.", True),
        ("version 3.1", "version 3.10", False),
        ("5", "-5", False),
        ("1 Euro", "Es kostet 1.000 Euro.", False),
        ("दिल्ली", "दुल्लू", False),
        ("दिल्ली", "राजधानी दिल्ली है।", True),
        ("北京", "首都是北京。", True),
        ("Iğdır", "ığdır", False),  # Unicode folds I to i: a Turkish small letter is another one
        ("yes", "", False),
        ("!!!", "", True),
        ("!!!", "no", False),
    ],
)
def test_a_short_answer_must_be_there_word_for_word(expected: str, given: str, right: bool) -> None:
    assert is_correct(expected, given) is right


def words(count: int) -> str:
    return " ".join(f"w{number}" for number in range(count))


@pytest.mark.parametrize(
    ("missing", "right"),
    [(0, True), (5, True), (9, False)],  # of 40: F1 1, 2·35/75 = 0.93, 2·31/71 = 0.87
)
def test_a_long_answer_must_match_to_nine_tenths(missing: int, right: bool) -> None:
    assert is_correct(words(40), words(40 - missing)) is right


def test_at_the_limit_an_answer_is_still_short() -> None:
    assert not is_correct(words(LONG_ANSWER_WORDS), words(LONG_ANSWER_WORDS - 1))
    assert is_correct(words(LONG_ANSWER_WORDS + 1), words(LONG_ANSWER_WORDS))


@pytest.mark.parametrize(
    ("expected", "given", "f1"),
    [
        ("a b c d", "a b c d", 1.0),
        ("a b c d", "d c b a", 1.0),
        ("a b c d", "a b x y", 0.5),
        ("a b", "a b c d e f", 0.5),
        ("a a b", "a b b", 2 / 3),
        ("a", "b", 0.0),
        ("a", "", 0.0),
        ("", "", 1.0),
    ],
)
def test_token_f1(expected: str, given: str, f1: float) -> None:
    assert token_f1(expected, given) == pytest.approx(f1)
    assert token_f1(given, expected) == pytest.approx(f1)


def test_figures_of_a_model() -> None:
    found = score(["a b", "c", "d"], ["a b", "c!", "x"], [True, False, True], nats=math.log(8), tokens=3)
    assert found.questions == 3
    assert found.accuracy == pytest.approx(2 / 3)
    assert found.token_f1 == pytest.approx(2 / 3)
    assert found.perplexity == pytest.approx(2.0)
    assert found.ended == pytest.approx(2 / 3)


@pytest.mark.parametrize(("nats", "tokens", "perplexity"), [(0.0, 0, 1.0), (1e9, 1, math.exp(50))])
def test_perplexity_stays_a_number(nats: float, tokens: int, perplexity: float) -> None:
    assert score(["a"], ["a"], [True], nats, tokens).perplexity == pytest.approx(perplexity)
