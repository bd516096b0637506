"""General prompts, chosen by language, and which of the base's answers are worth keeping."""

from importlib import resources

import pytest
import yaml

from imprint.dataset.answers import Reply
from imprint.dataset.replaying import Replayed, read_replies, replay_requests

FOLDER = resources.files("imprint.dataset") / "replay"
OTHERS = ("tr", "de", "es", "fr", "pt", "ta", "ar", "zh", "hi")


def prompts(language: str) -> list[str]:
    return yaml.safe_load((FOLDER / f"{language}.yaml").read_text(encoding="utf-8"))


def chosen(count: int, weights: dict[str, float], seed: int = 1) -> list[str]:
    return [request.prompt for request in replay_requests(count, weights, seed)]


@pytest.mark.parametrize("language", ["en", *OTHERS])
def test_the_prompts_that_ship_are_texts_each_once(language: str) -> None:
    every = prompts(language)
    assert len(every) >= (240 if language == "en" else 10)
    assert all(isinstance(prompt, str) and prompt == prompt.strip() and len(prompt) < 200 for prompt in every)
    assert len(set(every)) == len(every)


def test_the_same_arguments_choose_the_same_prompts() -> None:
    assert chosen(50, {"en": 3, "tr": 1}) == chosen(50, {"tr": 1, "en": 3})
    assert chosen(50, {"en": 3, "tr": 1}) != chosen(50, {"en": 3, "tr": 1}, seed=2)


@pytest.mark.parametrize(
    ("count", "weights", "german", "english"),
    [
        (20, {"en": 1}, 0, 20),
        (20, {"en": 3, "de": 1}, 5, 15),
        (20, {"de": 1}, 10, 10),  # all that there are
        (20, {"xx": 1, "../en": 1}, 0, 20),
        (20, {"de": 1, "xx": 3}, 5, 15),
        (4, {"en": 0, "de": 1}, 4, 0),
        (1000, {"en": 1, "de": 1}, 10, 242),
        (0, {"en": 1}, 0, 0),
        (20, {}, 0, 20),
    ],
)
def test_languages_have_their_shares_and_english_the_rest(
    count: int, weights: dict[str, float], german: int, english: int
) -> None:
    found = chosen(count, weights)
    assert len(set(found)) == len(found) == german + english
    assert len(set(found) & set(prompts("de"))) == german


def test_never_more_than_asked_for() -> None:
    assert len(chosen(7, dict.fromkeys(OTHERS, 1.0))) == 7


def reply(text: str, finished: bool = True) -> Reply:
    return Reply(text=text, finished=finished, prompt_tokens=1, completion_tokens=1)


def test_only_whole_answers_without_loops_are_kept() -> None:
    replies = [
        reply(" Hello to you. "),
        reply(""),
        reply(" … "),
        reply("And then the", finished=False),
        reply("one two three four. " * 4),
        reply("one two three four. " * 3),
        None,
        reply("海很大很蓝" * 5),
    ]
    requests = replay_requests(len(replies), {"en": 1}, 1)
    rows, dropped = read_replies(requests, replies)
    assert rows == [
        Replayed(requests[0].prompt, "Hello to you."),
        Replayed(requests[5].prompt, ("one two three four. " * 3).strip()),
    ]
    assert dropped == {"empty": 2, "did not end": 1, "repeats itself": 2, "no answer": 1}


def test_replay_is_asked_for_plainly() -> None:
    request = replay_requests(1, {"en": 1}, 5)[0]
    assert (request.temperature, request.max_tokens, request.seed) == (0.0, 160, 5)
    assert [role for role, _ in request.messages] == ["user"]
