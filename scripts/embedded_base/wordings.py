"""Composes the wordings of a question: the heart of the episodes, for wordings must become interchangeable."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .families import Fact, fill
from .words import Words, expand

# N is a noun phrase, D a direct question without its mark, C an embedded clause, T the document, P the heading's path.
PHRASE_FRAMES = (
    "[What is|What's|What is|What is] N?",
    "[Tell me|Please tell me|Give me|State|Name|Please give|Show me|Find|Please state] N.",
    "[Can|Could|Would] you [tell me|give me|look up|remind me of|find|say] N[|, please]?",
    "[I need|I need to know|I want to know|I would like to know|I'd like to know|I am looking for|I'm looking for|We need] N.",
    "N?",
    "N",
    "[Do you know|Do you happen to know|Does anyone know|Do you have] N?",
    "[Remind me:|Quick question:|Hello,|Hi,|Please:|One more thing:|So,|And] what is N?",
    "[I forgot|I have forgotten|I lost|I don't remember|I cannot find] N.[ What is it?| Can you help?|]",
    "[Someone|A colleague|A customer|A friend|My manager] [asked|asks] [me for|about] N.[ What should I answer?| What do I say?|]",
    "[According to|In|As stated in|Going by] T, what is N?",
    "What does T [say about|give as|state as|name as|list as] N?",
    "[Look up|Check|Please look up] N[| in T] [and tell me|for me].",
    "What [would|might|could] be N?",
    "[Please |]answer in one sentence: what is N?",
    "[P|T]: [what is |]N[?|]",
    "What [exactly is|is] N[| again| exactly| in T| these days]?",
)
QUESTION_FRAMES = (
    "D?",
    "D?",
    "D?",
    "[Can|Could|Would] you [please |][tell me|say|explain] C?",
    "[Tell me|Please tell me|Explain|Please explain|Say|Let me know|Find out|Describe] C.",
    "[I need to know|I want to know|I would like to know|I'd like to know|I was wondering|I am not sure|I don't know|I wonder] C.",
    "[Do you know|Does anyone know|Do you happen to know|Is it known|Is it written anywhere] C?",
    "[According to|In|Going by] T, d?",
    "[Hello,|Hi,|Quick question:|Please,|Sorry,|So,|And] d?",
    "D[, please|, according to T|, exactly|, do you know|]?",
    "What does T say about C?",
    "[Someone|A colleague|A customer|My manager] [asked|wants to know] C.",
    "[P|T]: [D|d]?",
    "[For my notes|For the record|Just to be sure|Before I start]: d?",
)
KEYWORD_FRAMES = (
    "E L",
    "L E",
    "L of E",
    "E: L",
    "E - L",
    "L, E",
    "E L?",
    "L for E",
    "P: L",
    "T E L",
    "E > L",
    "T > E: L",
    "E's L",
    "[show|find|get] L of E",
)
REVERSE_FRAMES = (
    "R?",
    "R?",
    "[Can|Could] you tell me: r?",
    "[According to|In] T, r?",
    "[Tell me|I need to know|I want to know]: r?",
    "[Hi,|Hello,|Quick question:|So,] r?",
    "R[, please|, do you know|, in T|, according to T]?",
)
TRUE_FRAMES = (
    "Is it [true|right|correct] that S?",
    "[Can you confirm|Would you say|Am I right] that S?",
    "S. [True or false?|Is that right?|Is that correct?|Yes or no?]",
    "[I was told|I heard|Someone said|I believe] that S. [Is that so?|Is this true?|Right?]",
)


_SLOT = re.compile(r"(?<![A-Za-z'])[NDdCTPELRrS](?![A-Za-z])")


@dataclass(frozen=True)
class Place:
    """Where a fact stands: the document's title and the path of headings above it."""

    title: str
    path: str


def ask(fact: Fact, place: Place, words: Words) -> str:
    """One of very many wordings that ask for the fact's value."""
    kind = words.rng.random()
    attribute = fact.attribute
    if kind < 0.38 and attribute.phrases:
        phrase = words.rng.choice(attribute.phrases).replace("{e}", fact.entity)
        question = _frame(PHRASE_FRAMES, {"N": phrase}, place, words)
    elif kind < 0.88 or attribute.is_boolean:
        direct, clause = (text.replace("{e}", fact.entity) for text in words.rng.choice(attribute.questions))
        frames = ("D?", "C") if words.coin(0.1) else QUESTION_FRAMES
        question = _frame(frames, {"D": direct, "d": _lower(direct), "C": clause}, place, words)
    else:
        label = attribute.label if words.coin(0.8) else attribute.label.capitalize()
        question = _frame(KEYWORD_FRAMES, {"E": fact.entity, "L": label}, place, words)
        return question.lower() if words.coin(0.15) else question
    return _roughen(question, words)


def ask_back(fact: Fact, place: Place, words: Words) -> str:
    """A question from the value back to the thing."""
    direct = words.rng.choice(fact.attribute.reverse).replace("{v}", fact.value)
    return _roughen(_frame(REVERSE_FRAMES, {"R": direct, "r": _lower(direct)}, place, words), words)


def ask_whether(statement: str, place: Place, words: Words) -> str:
    """A question that wants Yes or No about a statement."""
    bare = statement.rstrip(".")
    frame = words.rng.choice(TRUE_FRAMES)
    return _frame((frame,), {"S": bare if frame.startswith("S") else _lower(bare)}, place, words)


def false_statement(fact: Fact, words: Words) -> str:
    """The fact with another value of the same family, so that No is the right answer."""
    if fact.attribute.is_boolean:
        return fill(fact.attribute.no if fact.value == "yes" else fact.attribute.yes, fact.entity, "")
    for _ in range(8):
        other = expand(fact.attribute.values, words)
        if other != fact.value:
            return fact.sentence.replace(fact.value, other) if fact.value in fact.sentence else ""
    return ""


def _frame(frames: tuple[str, ...], slots: dict[str, str], place: Place, words: Words) -> str:
    slots = {**slots, "T": place.title, "P": place.path}
    text = expand(words.rng.choice(frames), words)
    text = _SLOT.sub(lambda match: slots[match[0]], text)
    return text if text.startswith("`") else text[:1].upper() + text[1:]


def _lower(text: str) -> str:
    """The text as it reads inside a sentence: a small letter in front unless it starts with a name."""
    first = text.split(" ", 1)[0]
    starts_common = first in {
        "The",
        "A",
        "An",
        "By",
        "If",
        "On",
        "In",
        "To",
        "You",
        "When",
        "For",
        "At",
        "People",
        "Use",
        "Instead",
    }
    asks = first in {
        "What",
        "Which",
        "Where",
        "Who",
        "Whom",
        "Whose",
        "Why",
        "How",
        "Does",
        "Is",
        "Can",
        "Must",
        "Do",
        "Of",
        "From",
        "Since",
        "Under",
        "By",
        "Should",
    }
    return text[:1].lower() + text[1:] if starts_common or asks else text


def _roughen(question: str, words: Words) -> str:
    """Now and then the carelessness of people who type: no capital, no question mark."""
    chance = words.rng.random()
    if chance < 0.04:
        return question.rstrip("?.")
    if chance < 0.08:
        return _lower(question)
    return question.lower().rstrip("?.") if chance < 0.1 else question
