"""The wordings that ship, language by language: enough of them, each with its slots, held-out ones in other words."""

import re
import string
import unicodedata
from collections.abc import Iterator
from importlib import resources
from typing import Any

import pytest
import yaml

from imprint.dataset.wording import wordings_of

SHIPPED = {"ar", "de", "en", "es", "fr", "hi", "pt", "ta", "tr", "zh"}

# The slots that every question of a kind has, and those that it may have besides.
SLOTS: dict[str, tuple[set[str], set[str]]] = {
    "document": ({"title"}, set()),
    "section": ({"title", "heading"}, set()),
    "question": ({"question"}, {"title"}),
    "definition": ({"term"}, {"title"}),
    "definition_reverse": ({"title", "meaning"}, set()),
    "cell": ({"column", "key"}, {"title"}),
    "cell_reverse": ({"title", "column", "value"}, {"row"}),
    "row": ({"title", "key"}, set()),
    "steps": ({"title", "heading"}, set()),
    "next_step": ({"title", "heading", "step"}, set()),
    "bullets": ({"title", "heading"}, set()),
    "code": ({"title", "heading"}, set()),
    "code_lead_in": ({"title", "lead"}, {"heading"}),
    "operation": ({"title", "operation"}, set()),
    "operation_purpose": ({"title", "purpose"}, set()),
    "parameter": ({"title", "operation", "parameter"}, set()),
    "response": ({"title", "operation", "status"}, set()),
    "masked": ({"title", "heading", "text"}, set()),
    "unknown": ({"title", "topic"}, set()),
}
# How many of the trained questions have a slot that not all of them need.
AT_LEAST = {("question", "title"): 2, ("definition", "title"): 3, ("cell", "title"): 3, ("code_lead_in", "heading"): 2}
# The slots that an answer form has, and those that it may have besides.
ANSWERS = {
    "definition": ({"term", "meaning"}, set()),
    "definition_reverse": ({"term"}, set()),
    "cell": ({"key", "column", "value"}, set()),
    "cell_reverse": ({"key"}, {"row", "column", "value", "title"}),
    "operation_purpose": ({"operation"}, set()),
}
LABELS = {"required", "optional", "parameters", "responses", "entry"}
FILLINGS = ("Installation", "How to reset the password", "timeout_s")

QUESTION_WORDS = {
    "ar": "ما ماذا كيف أين متى لماذا هل من أي كم بماذا",
    "de": "was wie wo wann warum wieso weshalb wer wen wem welche welcher welches welchen woher wohin womit kann muss",
    "en": "what how where when why who whose which is are does do can must",
    "es": "qué cómo dónde cuándo por_qué quién cuál cuáles cuánto cuántos",
    "fr": "que quoi comment où quand pourquoi qui quel quelle quels quelles combien qu'est-ce est-ce",
    "hi": "क्या कैसे कहाँ कब क्यों कौन किस कौन-सा कितने",
    "pt": "o_que como onde quando por_que quem qual quais quanto quantos",
    "ta": "என்ன எப்படி எங்கே எப்போது ஏன் யார் எது எந்த எவை",
    "tr": "ne nasıl nerede neden niçin kim hangi kaç nedir",
    "zh": "什么 怎么 怎样 如何 哪 为什么 谁 是否",
}
# Words that would have to agree or to merge with whatever comes after them.
BEFORE_NO_SLOT = {
    "de": "der die das den dem des ein eine einen einem einer eines kein keine welcher welche welches",
    "es": "el la los las un una del al",
    "fr": "le la les un une du des au aux de que quel quelle",
    "pt": "o os as um uma do da dos das no na nos nas ao aos à às pelo pela",
}


def slots(form: str) -> list[str]:
    """The names in a form's braces; a form with a conversion or a format is none of ours."""
    found = []
    for _, name, spec, conversion in string.Formatter().parse(form):
        if name is not None:
            assert name.isidentifier(), form
            assert not spec, form
            assert not conversion, form
            found.append(name)
    return found


def words(form: str) -> str:
    """What tells a form from others: its letters and slots without punctuation, blanks and capitals."""
    return "".join(character for character in form.casefold() if character.isalnum() or character in "{_}")


def patterns(forms: dict[str, Any]) -> list[dict[str, list[str]]]:
    found: list[dict[str, list[str]]] = forms["question"]["patterns"]
    return found


def groups(forms: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every group of questions with its name: the kinds, and the patterns of questions."""
    yield from ((kind, forms[kind]) for kind in SLOTS)
    yield from ((f"pattern {pattern['begins'][0]!r}", pattern) for pattern in patterns(forms))


def source(language: str) -> str:
    return (resources.files("imprint.dataset") / "wordings" / f"{language}.yaml").read_text(encoding="utf-8")


def strings(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    """The scalars that are values, not keys."""
    if isinstance(node, yaml.MappingNode):
        for _, value in node.value:
            yield from strings(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from strings(item)
    elif isinstance(node, yaml.ScalarNode):
        yield node


def test_ten_languages_ship() -> None:
    folder = resources.files("imprint.dataset") / "wordings"
    assert {file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml")} == SHIPPED


@pytest.fixture(params=sorted(SHIPPED))
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def forms(language: str) -> dict[str, Any]:
    return wordings_of(language)


def test_a_file_says_what_it_is_and_quotes_every_wording(language: str) -> None:
    text = source(language)
    assert text.startswith("# ")
    assert "\t" not in text
    assert "\ufffd" not in text
    tree = yaml.compose(text, Loader=yaml.SafeLoader)
    assert tree is not None
    assert [node.value for node in strings(tree) if node.style != '"'] == []


def test_every_language_has_the_same_kinds_and_keys(forms: dict[str, Any]) -> None:
    english = wordings_of("en")
    assert set(english) == set(SLOTS) | {"labels"}
    assert {kind: set(form) for kind, form in forms.items()} == {kind: set(form) for kind, form in english.items()}
    assert set(forms["labels"]) == LABELS
    assert all(text.strip() for text in forms["labels"].values())


def test_there_are_six_questions_at_least_and_two_held_out(forms: dict[str, Any]) -> None:
    for name, group in groups(forms):
        assert len(group["questions"]) >= 6, name
        assert len(group.get("held_out", ())) == (0 if name == "masked" else 2), name


def test_the_questions_of_a_kind_differ_in_words_not_only_in_punctuation(forms: dict[str, Any]) -> None:
    for name, group in groups(forms):
        every = [words(form) for form in (*group["questions"], *group.get("held_out", ()))]
        assert len(set(every)) == len(every), name


def test_every_question_has_its_slots_once_and_no_others(forms: dict[str, Any]) -> None:
    for kind, (needed, possible) in SLOTS.items():
        for form in (*forms[kind]["questions"], *forms[kind].get("held_out", ())):
            found = slots(form)
            assert len(set(found)) == len(found), form
            assert needed <= set(found) <= needed | possible, form
    for pattern in patterns(forms):
        for form in (*pattern["questions"], *pattern["held_out"]):
            assert slots(form) == ["rest"], form


def test_enough_questions_name_their_document(forms: dict[str, Any]) -> None:
    for (kind, slot), least in AT_LEAST.items():
        assert sum(slot in slots(form) for form in forms[kind]["questions"]) >= least, (kind, slot)
    assert any("row" in slots(form) for form in forms["cell_reverse"]["questions"])


def test_a_masked_text_stands_for_itself_at_the_end(forms: dict[str, Any]) -> None:
    for form in forms["masked"]["questions"]:
        assert form.endswith("\n\n{text}"), form
        assert form.count("\n") == 2, form


@pytest.mark.parametrize("filling", FILLINGS)
def test_a_filled_form_has_the_filling_as_it_is(forms: dict[str, Any], filling: str) -> None:
    for _, group in groups(forms):
        for form in (*group["questions"], *group.get("held_out", ())):
            filled = form.format_map(dict.fromkeys(slots(form), filling))
            assert filled.count(filling) == len(slots(form))
            assert not set("{}") & set(filled), form


def test_no_letter_and_no_apostrophe_touches_a_slot(language: str, forms: dict[str, Any]) -> None:
    """A suffix, a prefix or an elision would have to fit a word that nobody knows. Chinese has none of these."""
    for _, group in groups(forms):
        for form in (*group["questions"], *group.get("held_out", ())):
            for slot in re.finditer(r"\{\w+\}", form):
                around = form[: slot.start()][-1:] + form[slot.end() :][:1]
                assert not set("'’") & set(around), form
                letters = [character for character in around if unicodedata.category(character)[0] in "LMN"]
                assert language == "zh" or not letters, form


@pytest.mark.parametrize("language", sorted(BEFORE_NO_SLOT))
def test_nothing_before_a_slot_has_to_agree_or_to_merge_with_it(language: str) -> None:
    forms = wordings_of(language)
    # After a comma it is a relative pronoun, which agrees with what comes before it.
    article = re.compile(rf"(?<!\w)(?<!, )({BEFORE_NO_SLOT[language].replace(' ', '|')}) \{{", re.IGNORECASE)
    for kind in SLOTS:
        for form in (*forms[kind]["questions"], *forms[kind].get("held_out", ())):
            assert not article.search(form), form


def test_a_held_out_question_is_of_another_family(language: str, forms: dict[str, Any]) -> None:
    end = "" if language == "zh" else " "
    asking = tuple(word.replace("_", " ") + end for word in QUESTION_WORDS[language].split())
    trained = {words(form) for _, group in groups(forms) for form in group["questions"]}
    for name, group in groups(forms):
        for form in group.get("held_out", ()):
            assert words(form) not in trained, form
            assert not form.casefold().lstrip("¿“„« ").startswith(asking), (name, form)


def test_the_form_of_a_question_does_not_tell_whether_the_document_has_the_answer(forms: dict[str, Any]) -> None:
    """What is in no document is asked exactly as sections are, held-out wordings included."""
    for key in ("questions", "held_out"):
        as_sections = {form.replace("{topic}", "{heading}") for form in forms["unknown"][key]}
        assert as_sections <= set(forms["section"][key]), as_sections - set(forms["section"][key])


def test_answer_forms_have_their_slots(forms: dict[str, Any]) -> None:
    for kind, (needed, possible) in ANSWERS.items():
        found = set(slots(forms[kind]["answer"]))
        assert needed <= found <= needed | possible, kind
    for form in forms["unknown"]["answers"]:
        assert sorted(slots(form)) == ["title", "topic"], form
    assert len({words(form) for form in forms["unknown"]["answers"]}) == 2


def test_there_are_thirty_topics_that_no_document_has(forms: dict[str, Any]) -> None:
    topics = forms["unknown"]["topics"]
    assert len(topics) == len({words(topic) for topic in topics}) == 30
    assert not any(slots(topic) or topic != topic.strip() for topic in topics)


def test_no_beginning_of_a_question_hides_a_later_one(forms: dict[str, Any]) -> None:
    """The first beginning that fits is taken."""
    begins = [begin for pattern in patterns(forms) for begin in pattern["begins"]]
    assert all(begin.strip() for begin in begins)
    for at, begin in enumerate(begins):
        assert not [earlier for earlier in begins[:at] if begin.startswith(earlier)], begin


@pytest.mark.parametrize(
    ("language", "wrong"),
    [
        ("es", r"^[^¿]*\?"),  # a question mark that no ¿ comes before
        ("zh", r"[?,!;:]"),  # half-width punctuation
        ("ar", r"[?,;]"),  # Latin punctuation; the colon is the same in both scripts
        ("fr", r"\S[?:;!»](?!\w)|«\S"),  # no blank before a high mark, or inside guillemets
    ],
)
def test_punctuation_is_that_of_the_language(language: str, wrong: str) -> None:
    forms = wordings_of(language)
    for _, group in groups(forms):
        for form in (*group["questions"], *group.get("held_out", ())):
            assert not re.search(wrong, form), form


@pytest.mark.parametrize("language", ["ar", "hi", "ta", "zh"])
def test_languages_of_other_scripts_have_no_latin_words(language: str) -> None:
    forms = wordings_of(language)
    every = [form for _, group in groups(forms) for form in (*group["questions"], *group.get("held_out", ()))]
    every += [*forms["unknown"]["topics"], *forms["unknown"]["answers"], *forms["labels"].values()]
    latin = [form for form in every if re.search(r"[a-z]", re.sub(r"\{\w+\}", "", form))]
    assert latin == []
