"""What people type when they want a fact: plain questions, and statements that only imply one.

The second phase of the training draws from here. Slots: `{t}` the document, `{e}` the thing, `{n}` what such a thing is
called, `{l}` the attribute, `{v}` its value, `{h}` a heading, `{x}` a term, `{d}` its meaning. Brackets as in
`words.expand`. Imprint holds out wordings of its own to see what was learned (`held_out` in
`src/imprint/dataset/wordings/en.yaml`): none of them may stand here, nor a near relation.
"""

from __future__ import annotations

from .words import Words, expand

CELL = (
    "What is the {l} of {e}?",
    "Tell me the {l} of {e}.",
    "{t}, {e}: {l}?",
    "Which {l} does {e} have in {t}?",
    "In {t}, what is the {l} of {e}?",
    "What {l} is given for {e}?",
    "Look up {e} in {t}: what is its {l}?",
    "For {e}, what is the {l}?",
    "[Do|Would] you know [what {l} {e} has|the {l} of {e}]?",
    "What [does {t} give|stands in {t}] as the {l} of {e}?",
    "{e}: [what is its {l}|which {l}|{l}]?",
    "[State|Name|Give me|Show|Print] the {l} of {e}[ as {t} has it|].",
)
CELL_IMPLIED = (
    "[The|That] {l} of {e} [escapes me|has slipped my mind|is unknown to me|is a riddle to me|is all I ask for|matters to me].",
    "I [cannot|can't|could not|never could] [recall|name|think of|work out|remember] the {l} of {e}.",
    "[Nobody|No one|Hardly anyone] [here|in our office|around me|at my table] [knows|could tell me|is sure of] the {l} of {e}.",
    "It would be [good|nice|useful|kind|a relief] to [have|know|get|hear] the {l} of {e}.",
    "[We|They|My colleagues|Two of us] [argued|talked|disagreed|made a bet] about the {l} of {e} [yesterday|this morning|again].",
    "[A visitor|A pupil|A reader|My neighbour|My boss|The auditor] [wants|waits for|insists on|keeps after me for] the {l} of {e}.",
    "{e} [came up|was mentioned|is our topic] [today|in a meeting|at lunch]; [now the {l}, please|and its {l} was not clear|its {l} is wanted].",
    "[Take|Consider|Concerning|Regarding|As for|With regard to] {e}[:|,] [its|the] {l} [is what I want|interests me|counts|is wanted].",
    "This concerns {e}[: its {l} in particular|, and there the {l} above all|, more exactly the {l}].",
    "I am [filling in a form on|writing a report about|preparing a talk on|planning a visit to|reading up on] {e}[: the {l} comes next| and the {l} is due].",
    "[There must be|You surely have|You must have|Your files hold|{t} must have] [a|the] {l} for {e}[ somewhere| on record|].",
    "[Before I go on|First of all|To finish this|For tomorrow], the {l} of {e}[, please| is required| has to be known].",
    "I [trust|hope|gather|take it] that {t} [gives|states|tells|knows] the {l} of {e}.",
    "The {l}, [I mean|that is] the one of {e}.",
    "{e}, [and its {l}|the {l} of it|its {l}].",
    "The [form|letter|customs sheet|poster|label] [asks for|calls for|wants] the {l} of {e}.",
    "[Sorry to bother you|Excuse me|Good morning|Hi there|Well|Hm|Okay], [but |]the {l} of {e}[, once more| again| is what I came for].",
    "I [bet|guess|suppose] you know the {l} of {e}.",
    "I was told that {t} [covers|describes|mentions] {e}, [so give me|and I want|including] the {l}.",
    "Two words: {e}, {l}.",
    "[My guess at|My figure for] the {l} of {e} is [surely|certainly|no doubt] wrong.",
    "[Somewhere|On some page] {t} [gives|states|tells] the {l} of {e}.",
    "[Somehow|For some reason] I never learned the {l} of {e}.",
    "[Suppose|Imagine] I had to [say|write down|announce] the {l} of {e}.",
    "{e} is [on my mind|before me|my subject]: [say|add|tell] the {l}.",
    "[He|She] [said|claimed] that {e} has [some|a certain] {l}, [but not which|without saying which].",
    "[Let us|Let's] [settle|clear up|write down] the {l} of {e}.",
    "The {l} is [the point|what counts|the thing], and it is {e} [that I mean|I am speaking of].",
    "[With {e}|When it comes to {e}], I am [unsure|in the dark] about the {l}.",
    "[Perhaps|Maybe] you [can fill in|could add|can complete] this: the {l} of {e} is",
    "{l} of {e} - [{t}|go|please]",
    "I [wish|want] to [learn|be told|hear] [the {l} of {e}|one thing about {e}, the {l}].",
)
REVERSE = (
    "Which {n} has the {l} {v} in {t}?",
    "Whose {l} is {v} in {t}?",
    "{t}: which {n} has {v} as its {l}?",
    "What has the {l} {v} in {t}?",
    "Find the {n} in {t} with the {l} {v}.",
    "In {t}, {v} is the {l} of what?",
    "[Name|Tell me] the {n} [of|in] {t} with the {l} {v}.",
)
REVERSE_IMPLIED = (
    "The {l} {v} [belongs to|goes with|identifies] one {n} [of|in] {t}[; name it|, and I want its name|: say which|].",
    "{v} [stands there|was given|is entered] as [a|the] {l}, and [the {n} to it is wanted|I cannot place it|nobody knows whose].",
    "[We|They] are after the {n} [with|that has|that goes by] the {l} {v}[ in {t}|].",
    "[A|The] {n} [with the {l} {v}|whose {l} is {v}][, please| is wanted| is in {t}, surely| must exist in {t}].",
    "[Wanted|Sought]: {n}, {l} {v}[, {t}|].",
    "By its {l}, {v}, [a|the] {n} of {t} can be told [apart|from the others][; say which|: its name, please|].",
    "[My|The] [slip|ticket|label|old letter] [says|shows|reads] {l} {v}; [the {n} is not on it|now the {n} is wanted].",
    "{l} {v}[, {t}|]: [the {n}|name the {n}|that {n}].",
    "[Suppose|Say] the {l} is {v}; [then the {n} would be|then we speak of which {n} of {t}].",
    "[He|She] [mentioned|quoted] the {l} {v} but not the {n}[ of {t}|].",
    "[One {n}|Exactly one {n}|A {n}] in {t} [comes with|carries|bears] the {l} {v}[: its name, please|. Tell me its name.|.]",
    "From the {l} {v} [one|you] can [tell|infer] the {n}[ in {t}|].",
)
ROW = (
    "What does {t} say about {e}?",
    "Tell me all about {e} in {t}.",
    "List what {t} gives for {e}.",
    "{t}: {e}",
    "What is known about {e} in {t}?",
    "Show me everything on {e} from {t}.",
)
ROW_IMPLIED = (
    "[Everything|Anything] there is [on|about] {e}[, please| in {t}|].",
    "{e}, from beginning to end[ as in {t}|].",
    "[It is|The talk is] of {e}[: put together what {t} knows|, with every detail in {t}].",
    "{e} is new to me; [start from the beginning|teach me|say all you know].",
    "I [want|wish] to know {e} better.",
    "[Our visitors|The children|My readers] [want to hear|should hear] [more|everything] about {e}.",
    "[Every detail|Each point] of {e}[ in {t}|, please].",
)
SECTION = (
    "What does {t} say about {h}?",
    "Tell me about {h} in {t}.",
    "{t}: {h}",
    "In {t}, what is said about {h}?",
    "Please describe {h} from {t}.",
    "Explain {h} ({t}).",
    "Give me the section on {h} in {t}.",
    "What should I know about {h} in {t}?",
)
SECTION_IMPLIED = (
    "{h} [in|from] {t} interests me.",
    "Let us turn to {h}[ in {t}|].",
    "[We have come to|Next comes|Now for] {h}[ in {t}|].",
    "{t} has a [part|page|passage] on {h}; [recite it|that is the one I want|out with it].",
    "[It is|The matter is] {h}, [and {t} covers it|so {t} should say it].",
    "{h}, [word for word|in full][ as {t} puts it|].",
    "The part on {h}[ in {t}|] [is due|comes next|is what we discuss].",
)
DEFINITION = (
    "What is {x}?",
    "What does {x} mean?",
    "Define {x}.",
    "Explain the term {x} in {t}.",
    "Tell me what {x} is.",
    "What is meant by {x} in {t}?",
    "{t}: {x}",
    "How does {t} define {x}?",
)
DEFINITION_IMPLIED = (
    "{x} says nothing to me.",
    "{x} is new to me.",
    "They say {x} all the time[ in {t}|] [and nobody explains it|as if it were clear].",
    "{x}, in plain words.",
    "[Everyone|Everybody] but me [understands|knows] {x}.",
    "The [meaning|sense] of {x}[ in {t}|], please.",
    "[I am puzzled by|I stumbled over|I am lost at] {x}[ in {t}|].",
)
NAMING = (
    "Which term in {t} means this: {d}",
    "What is this called in {t}: {d}",
    "Name the term of {t} that is explained so: {d}",
    "{t}: what is the word for this? {d}",
    "This is the meaning of a term in {t}: {d} Which one?",
    "Which word of {t} stands for this: {d}",
)
NAMING_IMPLIED = (
    "{d} - [it must have a name|that has a name|one term says it all][ in {t}|].",
    "[In one word|With one term], as {t} would put it: {d}",
    "[Here is a meaning|A riddle]: {d} [The term, please.|Now the term.|]",
    "The [proper|right] term [escapes me|is on the tip of my tongue]: {d}",
)

# What must be in a request, so that it can be answered, and what may be.
_NEEDED = {
    "cell": (("e", "l"), ("t",)),
    "reverse": (("l", "v"), ("n", "t")),
    "row": (("e", "t"), ()),
    "section": (("h", "t"), ()),
    "definition": (("x", "t"), ()),
    "naming": (("d", "t"), ()),
}
_FILLERS = (
    "the a an of in on for with to at by from as about and or but so if then than that this these which who what there "
    "here it its he she we you they I my your our their is was are were be been has have had will would can could may "
    "must should do did say said see saw think thought find found take took give gave get got go went come came make made "
    "put let ask asked hear heard read wrote show turn keep kept hold leave left seem like still yet just even also too "
    "very quite rather maybe perhaps once twice again soon now today always never often well good new old long short "
    "first last next other same such own some any each every both few many much more most one two not no yes please thanks"
).split()

_FORMS = {
    "cell": (CELL, CELL_IMPLIED),
    "reverse": (REVERSE, REVERSE_IMPLIED),
    "row": (ROW, ROW_IMPLIED),
    "section": (SECTION, SECTION_IMPLIED),
    "definition": (DEFINITION, DEFINITION_IMPLIED),
    "naming": (NAMING, NAMING_IMPLIED),
}
KINDS = tuple(_FORMS)


def request(kind: str, slots: dict[str, str], words: Words) -> str:
    """One wording of the kind with its slots filled, now and then as carelessly as people type."""
    plain, implied = _FORMS[kind]
    if words.coin(0.3):
        text = _scatter(kind, words)
    else:
        text = expand(words.rng.choice(implied if words.coin(0.6) else plain), words)
        if words.coin(0.15):
            aside = " ".join(_noise(words)).rstrip(".,:;")
            text = f"{aside}. {text}" if aside and words.coin(0.6) else f"{text} {aside}".rstrip()
    if words.coin(0.07):
        text = _mistype(text, words)
    for name, value in slots.items():
        text = text.replace(f"{{{name}}}", value)
    chance = words.rng.random()
    if chance < 0.05:
        return text.lower()
    if chance < 0.11:
        return text.rstrip(".?")
    return text if chance < 0.14 else text[:1].upper() + text[1:]


def _scatter(kind: str, words: Words) -> str:
    """What the request is about, in any order, among words without any sense: the frame must not matter."""
    needed, more = _NEEDED[kind]
    parts = [*needed, *(name for name in more if words.coin(0.4))]
    words.rng.shuffle(parts)
    pieces: list[str] = []
    for part in (*parts, ""):
        pieces += _noise(words)
        if part:
            pieces.append(f"{{{part}}}" + words.rng.choice(("", "", "", "", ",", ":", ";")))
    return " ".join(pieces).rstrip(",:;") + words.rng.choice((".", ".", "?", ""))


def _noise(words: Words) -> list[str]:
    """Up to five words that do not matter: common ones at random, or some of a definition of another thing."""
    if words.coin(0.5):
        _, definition = words.rng.choice(words.lists.glosses)
        said = definition.replace("{", "").replace("}", "").split()
        start = words.rng.randrange(len(said))
        return said[start : start + words.rng.randint(0, 5)]
    return [words.noun() if words.coin(0.15) else words.rng.choice(_FILLERS) for _ in range(words.rng.randint(0, 5))]


def _mistype(text: str, words: Words) -> str:
    """The text with one letter lost or two swapped, outside its slots."""
    places = [
        index
        for index in range(1, len(text) - 2)
        if text[index : index + 2].isalpha() and not (set("{}") & set(text[index - 1 : index + 3]))
    ]
    if not places:
        return text
    at = words.rng.choice(places)
    rest = text[at + 1] + text[at] if words.coin(0.6) else text[at]
    return text[:at] + rest + text[at + 2 :]
