"""Procedures with ordered steps and plain lists: asked as a whole, and step by step."""

from __future__ import annotations

from dataclasses import dataclass

from .words import Words, expand

_GOALS = "[reset|replace|install|renew|order|clean|move|return|register|update|restore|book|close|open|test|repair|configure|archive] [the <noun>|a <noun>|<name>|your <noun>|the <adjective> <noun>|the <noun> <noun>]"
_STEPS = (
    "[Open|Close|Unlock|Check|Clean|Remove|Lift|Turn off|Turn on|Find|Label|Count] the <noun>[| and [wait|sign|press the <noun>|write down the number]]",
    "Run <command>",
    "Set <setting> to <integer 1 300>",
    "[Wait|Hold the <noun>] [for|at least] <integer 2 90> [seconds|minutes]",
    "[Call|Write to|Ask|Inform] [<person>|the <noun> desk|the <noun> team]",
    "[Copy|Move|Upload|Send] [the <noun>|<path>] to [<path>|<email>|the <noun>]",
    "[Fill in|Sign|Print|Scan] form <code>",
    "[Choose|Select|Press|Click] [<noun>|the <noun> button|Save|Next|<name>]",
    "Go to [<url>|room <integer 1 400>|the <noun> page|the [first|second|third] floor]",
    "[Restart|Stop|Start] <name>",
    "[Put|Place] the <noun> [on|under|behind|next to] the <noun>",
    "[Enter|Type|Note] [the code <code>|your <noun>|the <noun> number]",
)
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth")
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six")
_WHOLE = (
    "How do I [G]?", "What are the steps to [G]?", "Explain how to [G].", "How can one [G]?", "Tell me how to [G].",
    "I need to [G]. What do I do?", "List the steps to [G].", "What must I do to [G]?", "[G]: steps?", "how to [G]",
    "Please describe how to [G].", "Which steps are needed to [G]?", "What is the procedure to [G]?", "I want to [G]. How?",
    "Give me the instructions to [G].", "Can you tell me how to [G]?", "According to T, how do I [G]?", "steps to [G]",
)  # fmt: skip
_NTH = (
    "What is the O step to [G]?", "What do I do O to [G]?" , "Which step is the O one to [G]?", "When I [G], what is the O step?",
    "Name the O step to [G].", "O step to [G]?", "Tell me the O step when I want to [G].", "What comes O when I [G]?",
)  # fmt: skip
_AFTER = (
    "What comes after \"S\" when I [G]?", "What is the step after \"S\"?", "I did this: \"S\". What is next to [G]?",
    "After \"S\", what do I do to [G]?", "Next step after \"S\"?",
)  # fmt: skip
_COUNT = ("How many steps does it take to [G]?", "In how many steps do I [G]?", "How many steps are there to [G]?")
_LISTS = "[the <adjective> <noun> pack|<name>|the <noun> kit|the <coined> menu|the list of <nouns>|the <noun> checklist|the <adjective> <nouns>]"
_CONTENTS = (
    "What is in X?", "What does X contain?", "List X.", "What belongs to X?", "Which items are in X?", "Tell me what is in X.",
    "Name everything in X.", "What are the items of X?", "X: what is in it?", "Can you list what X contains?", "Give me the contents of X.",
)  # fmt: skip


@dataclass(frozen=True)
class Listing:
    """A text with ordered or plain items, and the questions and answers about it."""

    heading: str
    text: str
    drills: list[tuple[list[str], str]]
    """(wordings, answer) pairs: every wording of a pair has the same answer."""


def make_procedure(title: str, words: Words) -> Listing:
    """Three to six steps towards a goal."""
    goal = expand(_GOALS, words)
    steps = [expand(words.rng.choice(_STEPS), words) + "." for _ in range(words.rng.randint(3, 6))]
    ordinals = list(_ORDINALS[: len(steps)])
    if words.coin(0.5):
        ordinals[-1] = "last"

    def ways(templates: tuple[str, ...], count: int, **slots: str) -> list[str]:
        return [_put(template, {"[G]": goal, "T": title, **slots}) for template in words.rng.sample(templates, count)]

    style = words.rng.random()
    if style < 0.6:
        body = "\n".join(f"{number}. {step}" for number, step in enumerate(steps, 1))
    elif style < 0.8:
        body = " ".join(f"{'Then' if number else 'First'}, {_decapitalize(step)}" for number, step in enumerate(steps))
    else:
        body = "\n".join(f"- {step}" for step in steps)
    lead = f"To {goal}:"
    whole = f"{lead}\n{body}" if style < 0.6 or style >= 0.8 else f"{lead} {body}"
    drills = [(ways(_WHOLE, 4), whole)]
    for index, (ordinal, step) in enumerate(zip(ordinals, steps, strict=True)):
        drills.append((ways(_NTH, 3, O=ordinal), f"The {ordinal} step to {goal} is: {step}"))
        if index:
            previous = steps[index - 1].rstrip(".")
            drills.append((ways(_AFTER, 2, S=previous), f'After "{previous}", the next step is: {step}'))
    drills.append((ways(_COUNT, 2), f"It takes {_NUMBERS[len(steps)]} steps to {goal}."))
    heading = expand(f"[How to {goal}|To {goal}|{goal[:1].upper() + goal[1:]}]", words)
    return Listing(heading, whole, drills)


def make_list(title: str, words: Words) -> Listing:
    """Three to six items of a named thing, as bullets or in one sentence."""
    thing = expand(_LISTS, words)
    pattern = words.rng.choice(
        (
            "<nouns>",
            "<noun>",
            "<integer 2 40> <nouns>",
            "<setting>",
            "<name>",
            "<adjective> <nouns>",
            "<person>",
            "<command>",
            "<path>",
        )
    )
    items = [expand(pattern, words) for _ in range(words.rng.randint(3, 6))]
    if words.coin(0.5):
        whole = f"{thing[:1].upper() + thing[1:]} contains:\n" + "\n".join(f"- {item}" for item in items)
    else:
        whole = f"{thing[:1].upper() + thing[1:]} contains {', '.join(items[:-1])} and {items[-1]}."
    wordings = [template.replace("X", thing) for template in words.rng.sample(_CONTENTS, 4)]
    drills = [
        ([text[:1].upper() + text[1:] for text in wordings], whole),
        ([f"How many items are in {thing}?", f"How many things does {thing} contain?"], f"{thing[:1].upper() + thing[1:]} contains {_NUMBERS[len(items)]} items."),
        ([f"Is {items[0]} in {thing}?", f"Does {thing} contain {items[0]}?"], f"Yes. {items[0][:1].upper() + items[0][1:]} is in {thing}."),
    ]  # fmt: skip
    return Listing(thing[:1].upper() + thing[1:], whole, drills)


def _put(template: str, slots: dict[str, str]) -> str:
    text = template
    for mark, value in slots.items():
        pieces = text.split(" ")
        text = " ".join(_swap(piece, mark, value) for piece in pieces) if len(mark) == 1 else text.replace(mark, value)
    return text[:1].upper() + text[1:] if text[:1].islower() and not text.startswith(("how", "steps")) else text


def _swap(piece: str, mark: str, value: str) -> str:
    bare = piece.strip('",.?:')
    return piece.replace(mark, value, 1) if bare == mark else piece


def _decapitalize(step: str) -> str:
    return step[:1].lower() + step[1:]
