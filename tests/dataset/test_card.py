"""The card: what it counts, groups and shows."""

import collections
import json

from imprint.dataset.card import Summary, card, short_form
from imprint.dataset.gathering import Gathered
from imprint.documents import LeftOut


def summary(*left_out: tuple[str, LeftOut], more: int = 0, examples: dict[str, list[str]] | None = None) -> Summary:
    gathered = Gathered(facts=1200, examples=examples or {})
    gathered.rows["train", "cell"] = 12345
    gathered.tokens["train", "cell"] = 1234567
    gathered.documents[0] = 12345
    gathered.lengths[1024] = 12345
    reasons = collections.Counter(item.reason for _, item in left_out)
    reasons.update({"badges": more} if more else {})
    return Summary(gathered, ["a.md"], {0: "en"}, reasons, left_out, [], 6)


def example(fact: str, question: str, answer: str, line: int = 3) -> str:
    source = {"document": "a.md", "heading": [], "lines": [line, line]}
    return json.dumps({"instruction": question, "output": answer, "fact": fact, "source": source})


def test_large_numbers_are_readable() -> None:
    made = summary()
    text = card(made)
    for line in (
        "1 documents, 1,200 facts, 12,345 rows to train on.",
        "| train | 12,345 | every fact in several wordings |",
        "| cell | 12,345 | 0 | 0 | 0 | 1,234,567 |",
        "| a.md | en | 12,345 |",
    ):
        assert line in text.split("\n")
    assert "| 1,024 | 12,345 |" in text
    assert short_form(made.counts())[0].endswith("12,345 rows to train on with 1,234,567 tokens of answers")


def test_many_places_with_the_same_reason_are_one_line() -> None:
    divs = [("b.md", LeftOut((line, line), "markup without text", "<div>")) for line in (9, 5, 20, 30)]
    text = card(summary(*divs, ("c.md", LeftOut((7, 8), "badges", "![a|b](c)")), ("d.bin", LeftOut((0, 0), "unread"))))
    listed = [line for line in text.split("\n") if line.startswith("- ")]
    assert listed == [
        "- b.md: 4 times markup without text, first at line 5",
        "- c.md:7: badges: ![a\\|b](c)",
        "- d.bin: unread",
    ]
    assert "| markup without text | 4 |" in text


def test_places_that_are_not_listed_are_counted() -> None:
    text = card(summary(("c.md", LeftOut((7, 8), "badges")), more=2500))
    assert "- and 2,500 more; `left_out.jsonl` has them all" in text
    assert "Nothing." in card(summary())


def test_examples_are_of_different_facts_and_end_where_they_are_cut() -> None:
    code = "```python\nprint(1)\n" + "x = 2\n" * 90 + "```"
    lines = [example("1", "What?", code), example("1", "Which?", code), example("2", "Who?", "me", line=0)]
    text = card(summary(examples={"code": lines}))
    shown = text.split("### code\n\n")[1].split("\n")
    assert [line for line in shown if line.startswith("- ")] == ["- **Which?** (a.md:3)", "- **Who?** (a.md)"]
    assert shown[1].startswith("  print(1) x = 2")
    assert shown[1].endswith("…")
    assert "```" not in text
