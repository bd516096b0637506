"""The report as data and text: grades, advice, what is escaped, cut, left out, and the short forms."""

import html
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.evaluation import reports
from tests.evaluation.reports import SCRIPT, many, prediction, predictions, results, said, write_evaluation, write_run

from imprint.config import Settings
from imprint.errors import InputError
from imprint.evaluation.report import compare_reports, summary, text, write_comparison, write_report
from imprint.evaluation.report.advice import next_steps
from imprint.evaluation.report.charts import draw_losses
from imprint.evaluation.report.comparison import sign_test
from imprint.evaluation.report.sections import count_grades, grade_documents, grade_sections
from imprint.evaluation.report.shown import BLANKS, NOTHING, duration, passage, shown, without_password
from imprint.evaluation.report.training import Training
from imprint.evaluation.results import ADAPTER, BASE, SERVED, Prediction, Results, Rule
from imprint.runs import Run

NewRun = Callable[..., Run]


def _page(run: Run, found: Results, asked: list[Prediction], folder: Path) -> str:
    write_report(run, found, asked, folder)
    return (folder / "report.html").read_text(encoding="utf-8")


# ---- grades ---------------------------------------------------------------------------------------------------------


def test_sections_are_graded_worst_first() -> None:
    cards = grade_sections(predictions())
    assert [(card.grade, card.document) for card in cards] == [
        ("forgotten", "glossary.md"),
        ("not learned", "handbook/office.md"),
        ("partly", "handbook/leave.md"),
        ("learned", "service.md"),
    ]
    assert count_grades(cards) == {"forgotten": 1, "not learned": 1, "partly": 1, "learned": 1}
    assert cards[1].lines == (12, 42)
    assert cards[1].title == "The document as a whole"
    assert [question.question for question in cards[2].questions] == ["Who signs it?", "How long is parental leave?"]


def test_a_section_that_lost_one_and_won_more_is_partly_learned() -> None:
    (card,) = grade_sections(
        [
            prediction("a", "1", said("1", "2"), right=(BASE,)),
            prediction("b", "1", said("2", "1"), right=(SERVED,)),
            prediction("c", "1", said("2", "1"), right=(SERVED,)),
        ]
    )
    assert (card.grade, card.forgotten, card.right, card.base_right) == ("partly", 1, 2, 1)
    assert card.questions[0].question == "a"  # forgotten before wrong before right


def test_the_same_heading_in_two_documents_is_two_sections() -> None:
    asked = [prediction("a", "1", said("1", "1"), place=(name, "Introduction")) for name in ("a.md", "b.md")]
    assert len(grade_sections(asked)) == 2


def test_documents_with_most_wrong_come_first() -> None:
    found = grade_documents(grade_sections(predictions()))
    assert [(card.document, card.right, card.questions) for card in found] == [
        ("glossary.md", 0, 1),
        ("handbook/office.md", 0, 2),
        ("handbook/leave.md", 1, 2),
        ("service.md", 2, 2),
    ]


# ---- text from outside ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "visible"),
    [
        ("plain, ümläut, نص, 文", "plain, ümläut, نص, 文"),
        ("a\x00b\x1b[31m", "a[U+0000]b[U+001B][31m"),
        ("\u202eabc\u2066", "[U+202E]abc[U+2066]"),
        ("zero\u200bwidth\ufeff", "zero[U+200B]width[U+FEFF]"),
        ("नी\u200dला می\u200cروم", "नी\u200dला می\u200cروم"),  # joiners belong to the writing
        ("broken \ufffd", "broken \ufffd"),
        ("half \ud83d", "half [U+D83D]"),
        ("a\r\nb\tc", "a\nb\tc"),
    ],
)
def test_hidden_characters_are_shown(text: str, visible: str) -> None:
    assert shown(text) == visible


def test_passages() -> None:
    assert passage("").head == NOTHING
    assert passage(" \n\t").head == BLANKS
    assert passage("(nothing)").is_empty is False  # a model that says so
    assert passage("x" * 240).whole is None
    long = passage("x" * 300)
    assert (len(long.head), long.whole) == (242, "x" * 300)
    assert passage("line\n" * 50).head.count("\n") == 5
    assert "all 90,000 characters" in (passage("x" * 90_000).whole or "")


def test_times_and_addresses() -> None:
    assert [duration(seconds) for seconds in (1.43, 59.94, 448.2, 7260)] == [
        "1.4 s",
        "59.9 s",
        "7 min 28 s",
        "2 h 1 min",
    ]
    assert without_password("url: https://me:secret@host/v1") == "url: https://…@host/v1"


# ---- the page and the card ------------------------------------------------------------------------------------------


def test_the_page_tells_everything(new_run: NewRun, tmp_path: Path) -> None:
    page = html.unescape(_page(write_run(new_run()), results(predictions(), current="before"), predictions(), tmp_path))
    for told in (
        reports.ACCEPTED,
        "base embedded · run 20260101-000001-aaaaaa",
        "+16.6 to +66.7 points",
        "In service until now",
        "Base, section in view",
        "handbook/leave.md, lines 12–14 · 1 of 2 right as served · base 0",
        "No model is in service yet.",
        "not applicable",
        "Questions nobody can answer (1)",
        "all reversed questions",
        "99.5%",
        "412.7",
        "7 min 28 s",
        "imprint-q4_k_m.gguf, 3.8 MB",
        "The evaluation, which made this report, is not in it.",
        "seed 3407",
        "learning_rate: 0.002",
        "BERTScore was not measured",
    ):
        assert told in page, told
    assert page.index(reports.ACCEPTED) < page.index("Base against tuned") < page.index("What to do next")
    assert page.index("What to do next") < page.index("Report card") < page.index("The rules of the verdict")
    assert "secret" not in page


def test_a_broken_rule_stands_first_with_its_advice(new_run: NewRun, tmp_path: Path) -> None:
    found = results(predictions(), word="refused", sentence="It is refused.", rules=(reports.REFUSED_RULE,))
    page = _page(write_run(new_run()), found, predictions(), tmp_path)
    top = page[: page.index("Base against tuned</h2>")]
    assert "81.3% of the answers end by themselves" in top
    assert "Train longer: <code>imprint up adapter.epochs=20</code>." in top
    card = (tmp_path / "card.md").read_text(encoding="utf-8")
    assert "**Refused.** It is refused." in card
    assert "Train longer: `imprint up adapter.epochs=20`." in card


def test_nothing_from_outside_becomes_markup(new_run: NewRun, tmp_path: Path) -> None:
    asked = [
        *predictions(),
        prediction(SCRIPT, SCRIPT, said(SCRIPT, SCRIPT), place=(f"{SCRIPT}.md", f'"{SCRIPT}| `a`')),
        prediction("x", "y", said("{{ 7 * 7 }}", "]]></style><svg onload=alert(1)>"), kind=SCRIPT),
    ]
    found = results(asked, sentence=f"Says {SCRIPT} and `{SCRIPT}`.", run=SCRIPT)
    page = _page(write_run(new_run()), found, asked, tmp_path)
    assert page.count("<script>") == 1  # our own
    assert "<svg onload" not in page
    assert "{{ 7 * 7 }}" in page
    card = (tmp_path / "card.md").read_text(encoding="utf-8")
    assert not re.search(r"(?<!\\)<script", re.sub(r"`[^`\n]*`", "", card))
    (row,) = [line for line in card.splitlines() if line.startswith("| \\<script")]
    assert len(re.findall(r"(?<!\\)\|", row)) == 5


def test_the_same_inputs_give_the_same_bytes(new_run: NewRun, tmp_path: Path) -> None:
    run = write_run(new_run())
    files = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_report(run, results(predictions()), predictions(), tmp_path / name)
        files.append([(tmp_path / name / file).read_bytes() for file in ("report.html", "card.md")])
    assert files[0] == files[1]


def test_a_run_of_which_nothing_is_left(tmp_path: Path) -> None:
    found = results([], word="not proven", sentence="Nothing is proven.")
    page = _page(Run(tmp_path / "nowhere"), found, [], tmp_path)
    assert "No question was held out" in page
    assert "The run&#39;s settings cannot be read." in page or "The run's settings cannot be read." in page
    assert "<svg" not in page


def test_damaged_and_foreign_parts_are_left_out(new_run: NewRun, tmp_path: Path) -> None:
    run = write_run(new_run())
    (run.folder("adapter") / "metrics.jsonl").write_text('{"step": 1, "loss": 2}\n{"st', encoding="utf-8")
    run.write_state(run.state().model_copy(update={"settings": {"of": {"another": "version"}}}))
    found = results(predictions()).model_copy(update={"judge": None, "known": None, "gained": None, "speed": {}})
    page = _page(run, found, predictions(), tmp_path)
    assert "What the judge said" not in page
    assert "Loss in nats" not in page
    assert "another: version" in page


def test_two_thousand_sections_are_still_a_page(new_run: NewRun, tmp_path: Path) -> None:
    page = _page(write_run(new_run()), results(many(2000)), many(2000), tmp_path)
    assert page.count('<article class="card"') == 50
    assert "1,950 others are in <code>predictions.jsonl</code>" in page
    assert "20 others are not shown" in page
    assert len(page) < 300_000


def test_a_loss_curve_has_few_points_and_its_end() -> None:
    drawn = draw_losses([(float(step), 4 / step) for step in range(1, 5001)], [])
    assert drawn.count(",") < 400
    assert "from 4 at step 1 to 0.0008 at step 5,000" in drawn


# ---- what to do next ------------------------------------------------------------------------------------------------


def _steps(asked: list[Prediction], training: Training | None = None, **changed: object) -> list[tuple[str, str]]:
    found = results(asked).model_copy(update={"reversed": {}, "known": None, **changed})
    return [(step.words.partition(":")[0], step.command) for step in next_steps(found, grade_sections(asked), training)]


def _training(*validation: float, **adapter: float) -> Training:
    settings = Settings.model_validate({"adapter": {"learning_rate": 0.002, **adapter}})
    points = tuple((100.0 * number, loss) for number, loss in enumerate(validation, start=1))
    return Training(settings, (), points, {"epochs": 10.0, "steps": 1000})


def test_advice_follows_the_course_of_the_training() -> None:
    asked = many(300)
    assert _steps(asked, _training(2.0, 1.0, 0.5)) == [("Train longer", "imprint up adapter.epochs=20")]
    assert _steps(asked, _training(2.0, 1.0, 0.5, max_steps=1500)) == [
        ("Train longer", "imprint up adapter.epochs=20 adapter.max_steps=2000")
    ]
    assert _steps(asked, _training(2.0, 0.5, 0.9)) == [
        ("Train at a lower rate", "imprint up adapter.learning_rate=0.001")
    ]
    assert _steps(asked, _training(2.0, 0.5, 0.5)) == [("Give more wordings", "imprint up dataset.wordings=10")]
    assert _steps(asked) == [("Give more wordings", "")]


def test_advice_against_forgetting_and_coarse_numbers() -> None:
    right = [prediction(str(number), "1", said("1", "1"), right=(BASE, ADAPTER, SERVED)) for number in range(20)]
    lost = reports.Known(questions=20, kept=15)
    words = "Train on more general rows beside the documents (replay), or at a lower rate"
    assert _steps(right, _training(), known=lost) == [(words, "imprint up dataset.replay_share=0.2")]
    coarse = [answer.model_copy(update={"correct": answer.correct | {SERVED: False}}) for answer in right[:5]] + right[
        5:
    ]
    assert ("Quantize less", "imprint up model.quantization=q5_k_m") in _steps(coarse, _training())


def test_advice_where_all_is_well_and_where_nothing_was_asked() -> None:
    right = [prediction("a", "1", said("2", "1"), right=(ADAPTER, SERVED))]
    assert _steps(right) == [("Nothing needs to be done. Ask it something of your own.", "imprint chat")]
    ((words, command),) = _steps([])
    assert words.startswith("No question was held out")
    assert command == ""


def test_advice_of_a_broken_rule_is_not_given_twice() -> None:
    right = [prediction("a", "1", said("1", "1"), right=(BASE, ADAPTER, SERVED))]
    found = results(right, rules=(Rule(name="general_items", passed=False, words="w", advice="Replay."),))
    found = found.model_copy(update={"reversed": {}, "known": reports.Known(questions=5, kept=1)})
    (step,) = next_steps(found, grade_sections(right), None)
    assert step.words.startswith("Do what the rule")


# ---- terminal and comparison ----------------------------------------------------------------------------------------


def test_the_summary(new_run: NewRun) -> None:
    run = write_run(new_run())
    found = results(predictions(), word="refused", sentence="It is refused.", rules=(reports.REFUSED_RULE,))
    told = summary(found, predictions(), run)
    lines = told.splitlines()
    assert lines[0] == "It is refused."
    assert "  ended: 81.3% of the answers end by themselves; at least 95% were expected." in lines
    assert re.search(r"^Held-out questions +7 +base +14\.3% +8–19 +1\.6$", told, re.MULTILINE)
    assert re.search(r"^  forgotten +0 of 1  glossary\.md: Week$", told, re.MULTILINE)
    assert "    imprint up adapter.epochs=20" in lines  # its validation loss still fell
    assert "\x07" not in told
    assert summary(found, predictions()).count("imprint up") == 1  # the rule's; the settings are not known


def test_two_runs(new_run: NewRun, tmp_path: Path) -> None:
    first, second = write_run(new_run()), write_run(new_run())
    state = second.state()
    state.settings["adapter"]["epochs"] = 20.0
    second.write_state(state)
    asked = predictions()
    better = [
        one.model_copy(update={"answers": one.answers | {SERVED: SCRIPT}, "correct": one.correct | {SERVED: True}})
        if one.question == "Who signs it?"
        else one
        for one in asked
    ]
    write_evaluation(first, results(asked), asked)
    write_evaluation(second, results(better[1:]), better[1:])
    found = compare_reports(first, second)
    assert found.shared == 6
    assert [pair.first.question for pair in found.gained] == ["Who signs it?"]
    assert found.gained[0].answers == (SCRIPT, SCRIPT)
    assert found.lost == ()
    assert (found.first.right, found.second.right) == (2, 3)
    assert [(pair.label, pair.first, pair.second) for pair in found.settings] == [("adapter.epochs", "10.0", "20.0")]
    assert found.sentence.endswith("gains 1 and loses 0: no more than chance would give.")
    told = text(found)
    assert "33.3% (2 of 6)" in told
    assert "Gained (1 question):" in told
    assert re.search(r"^adapter\.epochs +10\.0 +20\.0$", told, re.MULTILINE)
    write_comparison(first, second, tmp_path / "comparison.html")
    page = (tmp_path / "comparison.html").read_text(encoding="utf-8")
    assert page.count("<script>") == 1
    assert "Who signs it?" in page


def test_runs_without_a_common_question(new_run: NewRun) -> None:
    runs = [write_run(new_run()), write_run(new_run())]
    for run, asked in zip(runs, (predictions(), many(3)), strict=True):
        write_evaluation(run, results(asked), asked)
    assert compare_reports(*runs).sentence.startswith("The two runs were asked no question in common")
    assert text(compare_reports(*runs))


def test_a_run_that_cannot_be_compared(new_run: NewRun) -> None:
    first, second = write_run(new_run()), write_run(new_run())
    write_evaluation(first, results(predictions()), predictions())
    with pytest.raises(InputError, match=r"has no results\.json: it was not evaluated"):
        compare_reports(first, second)
    folder = write_evaluation(second, results(predictions()), predictions())
    (folder / "results.json").write_text('{"questions": 273}', encoding="utf-8")
    with pytest.raises(InputError, match="of another version of Imprint"):
        compare_reports(first, second)


def test_sign_test() -> None:
    assert sign_test(0, 0) == 1.0
    assert sign_test(1, 1) == 1.0
    assert sign_test(6, 0) == pytest.approx(2 / 64)
    assert sign_test(3, 12) == pytest.approx(0.03516, abs=1e-5)  # R: binom.test(3, 15)
    assert sign_test(2000, 1000) < 1e-60
