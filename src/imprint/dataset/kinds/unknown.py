"""What the documents do not say: questions whose honest answer is that there is nothing about it."""

import itertools
import re
from collections.abc import Iterator, Sequence

from imprint.dataset.facts import Fact, Scope

KINDS = ("unknown",)
_ENDS_SHORTLY = frozenset({"en", "de", "es", "fr", "pt"})  # elsewhere endings are long, or there are no blanks


def find(scope: Scope, rows: int) -> Iterator[Fact]:
    """As many facts as give the share of rows that the settings ask for, beside `rows` rows of the document."""
    share, wordings, forms = scope.settings.unknown_share, scope.settings.wordings, scope.forms["unknown"]
    wanted = rows * share / (1 - share) / wordings
    count = int(wanted) + (scope.chance("unknown") < wanted % 1)
    if count == 0:
        return
    topics = sorted(forms["topics"], key=lambda topic: scope.chance("topic", topic))
    for topic in itertools.islice(_unsaid(scope, topics), count):
        answers = forms["answers"]
        answer = answers[int(scope.chance("answer", topic) * len(answers))]
        slots = {"title": scope.document.title, "topic": topic}
        yield Fact("unknown", slots, answer.format_map(slots), (), (1, 1), "")


def _unsaid(scope: Scope, topics: Sequence[str]) -> Iterator[str]:
    """Those of which no longer word occurs anywhere in the document."""
    document = scope.document
    said = [block.text for section in document.sections for block in section.blocks]
    said += [item.value for record in document.records for item in record.fields]
    said += [f"{operation.summary} {operation.description}" for operation in document.operations]
    text = "\n".join([document.title, *said]).casefold()
    is_whole_word = document.language in _ENDS_SHORTLY
    for topic in topics:
        forms = (form for word in _telling(topic) for form in (_forms(word) if is_whole_word else (word,)))
        if not any(_occurs(form, text, is_whole_word) for form in forms):
            yield topic


def _occurs(word: str, text: str, is_whole_word: bool) -> bool:
    # Looked for as plain text first, which takes much less time than by a pattern.
    return word in text and (not is_whole_word or re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None)


def _telling(topic: str) -> list[str]:
    return [word for word in topic.casefold().split() if len(word) > 4] or [topic.casefold()]


def _forms(word: str) -> tuple[str, ...]:
    """The word with one ending more or less."""
    return word, word + "s", word + "es", word + "n", word[:-1], word[:-2]
