"""What the documents do not say."""

from tests.dataset.making import paragraph, scope

from imprint.dataset.kinds import find_unknown
from imprint.dataset.wording import wordings_of


def test_their_share_of_the_rows_is_as_asked() -> None:
    found = scope(paragraph("Nothing of the kind."), unknown_share=0.2)
    facts = list(find_unknown(found, 120))
    assert len(facts) == 5  # 5 facts in 6 wordings are 30 rows, a fifth of 150
    assert all(fact.answer.count(fact.slots["topic"]) == 1 for fact in facts)


def test_a_topic_that_the_document_mentions_is_not_asked() -> None:
    every = wordings_of("en")["unknown"]["topics"]
    found = scope(paragraph("; ".join(every[:-1])), unknown_share=0.5)
    topics = {fact.slots["topic"] for fact in find_unknown(found, 1000)}
    assert topics == {every[-1]}


def test_small_documents_get_some_by_chance_and_none_at_a_share_of_zero() -> None:
    counts = []
    for number in range(300):
        found = scope(paragraph(f"Text {number}."), heading=(f"H{number}",), unknown_share=0.1)
        found.seed = number
        counts.append(len(list(find_unknown(found, 10))))
    assert 0.1 < sum(counts) / len(counts) < 0.3  # 10 rows, a ninth of them more, in 6 wordings: 0.19
    assert not list(find_unknown(scope(unknown_share=0), 1000))
