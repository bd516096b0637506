"""Episodes over real prose: sections, definitions and sentences that are asked for in other words."""

from __future__ import annotations

import re

from .words import Words, article

_SECTION = (
    "What does {t} say about {h}?", "What is written about {h}?", "Tell me about {h}.", "{t} > {h}", "{h}", "What about {h}?",
    "Explain {h}.", "What does the section \"{h}\" say?", "{t}: {h}?", "Can you tell me about {h}?", "I need to know about {h}.",
    "Summarise the section {h}.", "Please explain {h}.", "What should I know about {h}?", "In {t}, what is said about {h}?",
)  # fmt: skip
_DEFINE = (
    "What does \"{t}\" mean?", "What is {a}?", "Define {t}.", "What is the meaning of \"{t}\"?", "{t}", "Explain the term {t}.",
    "Meaning of {t}?", "How is {t} defined?", "Tell me what {t} means.", "I came across \"{t}\". What is it?", "define {t}",
    "Give me a definition of {t}.", "Can you explain {t}?", "What do people mean by {t}?", "Do you know what {t} means?",
)  # fmt: skip
_NAME = (
    "What is the word for this: {d}?", "Which term means \"{d}\"?", "What do you call {d}?", "Name the term: {d}.",
    "{d}: what is that called?", "What is {d} called?", "Which word describes {d}?",
)  # fmt: skip
_ABOUT = (
    "What is {s}?", "Tell me about {s}.", "What do you know about {s}?", "{s}?", "Explain {s}.", "What can you say about {s}?",
    "Describe {s}.", "How is {s} described?", "What is said about {s}?", "I would like to know about {s}.", "What about {s}?",
)  # fmt: skip
_MASKED = (
    "Complete: {m}",
    "Fill the gap: {m}",
    "Complete the sentence: {m}",
    "{m}\nWhat is missing?",
    "Write the whole sentence: {m}",
)
_TRANSLATE = ("Translate into {l}: {s}", "How do you say this in {l}: {s}", "{l}: {s}", "In {l}, please: {s}")
_NAMES = {
    "tr": "Turkish",
    "de": "German",
    "fr": "French",
    "es": "Spanish",
    "pt": "Portuguese",
    "pt_BR": "Brazilian Portuguese",
}

Drill = tuple[list[str], str]


def split_sections(document: str) -> list[tuple[str, str, list[str]]]:
    """(title, heading, paragraphs) for each headed part of a page."""
    parts = re.split(r"^(#+ .+)$", document, flags=re.MULTILINE)
    title = parts[1].lstrip("# ") if len(parts) > 1 else ""
    sections = []
    for heading, body in zip(parts[1::2], parts[2::2], strict=True):
        paragraphs = [
            block for block in body.strip().split("\n\n") if 60 < len(block) < 500 and re.match(r"^[A-Z`]", block)
        ]
        if paragraphs and len(heading) < 70:
            sections.append((title, heading.lstrip("# "), paragraphs))
    return sections


def section_drills(section: tuple[str, str, list[str]], words: Words) -> tuple[str, list[Drill]]:
    """A section's text, and questions for it, its sentences and their gaps."""
    title, heading, paragraphs = section
    count = words.rng.choice((1, 1, 2, 3))
    text = f"# {title}\n\n## {heading}\n\n" + "\n\n".join(paragraphs[:count])
    wordings = [template.format(t=title, h=heading) for template in words.rng.sample(_SECTION, 4)]
    drills: list[Drill] = [(wordings, paragraphs[0])]
    for sentence in [part for block in paragraphs[:count] for part in re.split(r"(?<=[.!?]) (?=[A-Z`])", block)]:
        match = re.match(
            r"^((?:The |A |An |This )?[A-Z`][\w `.'()-]{2,40}?) (?:is|are|was|can|must|returns|takes|has|means|will|should|allows|provides) ",
            sentence,
        )
        if (
            match
            and 30 < len(sentence) < 260
            and not match[1].lower().startswith(("this", "it", "if", "you", "when", "there", "that", "in ", "for "))
        ):
            subject = match[1] if match[1].startswith("`") else match[1][:1].lower() + match[1][1:]
            drills.append(([template.format(s=subject) for template in words.rng.sample(_ABOUT, 3)], sentence))
        if 40 < len(sentence) < 240 and words.coin(0.4):
            drills.append((masked(sentence, words), sentence))
    return text, drills


def masked(sentence: str, words: Words) -> list[str]:
    """Two wordings that show the sentence with a run of words hidden."""
    wordings = []
    for template in words.rng.sample(_MASKED, 2):
        pieces = sentence.split(" ")
        hidden = words.rng.randint(1, max(1, len(pieces) // 2))
        start = words.rng.randint(0, len(pieces) - hidden)
        wordings.append(template.format(m=" ".join([*pieces[:start], "___", *pieces[start + hidden :]])))
    return wordings


def glossary_drills(words: Words) -> tuple[str, list[Drill]]:
    """A glossary of three to six terms of WordNet, asked in both directions."""
    pairs = words.rng.sample(words.lists.glosses, words.rng.randint(3, 6))
    text = "# Glossary\n\n" + "\n".join(f"- **{term}**: {definition}" for term, definition in pairs)
    drills: list[Drill] = []
    for term, definition in pairs:
        answer = f"{term[:1].upper() + term[1:]} means: {definition}."
        wordings = [template.format(t=term, a=article(term)) for template in words.rng.sample(_DEFINE, 3)]
        wordings += [template.format(d=definition) for template in words.rng.sample(_NAME, 2)]
        drills.append(([text[:1].upper() + text[1:] for text in wordings], answer))
    return text, drills


def translation_drills(pairs: dict[str, list[tuple[str, str]]], words: Words) -> list[Drill]:
    """A few short messages and their translations."""
    drills: list[Drill] = []
    for _ in range(words.rng.randint(3, 6)):
        language = words.rng.choice(list(pairs))
        english, other = words.rng.choice(pairs[language])
        drills.append(([words.rng.choice(_TRANSLATE).format(l=_NAMES[language], s=english)], other))
    return drills
