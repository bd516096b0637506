"""The report and the comparison in a few lines of plain text, for a terminal."""

from collections.abc import Iterator, Sequence

from imprint.evaluation.report.advice import next_steps
from imprint.evaluation.report.comparison import FigurePair, QuestionPair, RunComparison
from imprint.evaluation.report.sections import grade_sections
from imprint.evaluation.report.shown import between, counted, one_line, percent
from imprint.evaluation.report.tables import accuracies
from imprint.evaluation.report.training import read_training
from imprint.evaluation.results import Prediction, Results
from imprint.runs import Run

_WORST = 5
_CHANGED = 10  # questions of a comparison that are listed


def summary(results: Results, predictions: Sequence[Prediction], run: Run | None = None) -> str:
    """Verdict, accuracies with 95% intervals, the worst sections, next steps; with `run` the steps name settings."""
    cards = grade_sections(predictions)
    lines = [one_line(results.verdict.sentence, 500)]
    for rule in results.verdict.rules:
        if rule.passed is False:
            lines.append(f"  {rule.name}: {one_line(rule.words, 500)}")
            if rule.advice:
                lines.append(f"    {one_line(rule.advice, 500)}")
    lines += _aligned([("", "questions", *_HEAD), *_accuracies(results)])
    worst = [card for card in cards if card.grade != "learned"][:_WORST]
    if worst:
        lines += ["", "Worst sections:"]
        lines += _aligned(
            [
                (
                    f"  {card.grade}",
                    f"{card.right} of {len(card.questions)}",
                    one_line(f"{card.document}: {card.title}"),
                )
                for card in worst
            ],
            before=False,
        )
    lines += ["", "What to do next:"]
    for step in next_steps(results, cards, read_training(run) if run else None):
        lines.append(f"  - {one_line(step.words, 500)}")
        if step.command:
            lines.append(f"    {step.command}")
    return "\n".join(lines) + "\n"


def text(comparison: RunComparison) -> str:
    """The comparison: figures side by side, what was gained and lost, settings that differ."""
    first, second = comparison.first.id, comparison.second.id
    lines = [comparison.sentence]
    lines += _aligned([("", first, second), *map(_of_pair, comparison.figures)])
    lines += [*_changed("Gained", comparison.gained), *_changed("Lost", comparison.lost)]
    if comparison.settings:
        lines += ["", "Settings that differ:"]
        lines += _aligned([("", first, second), *map(_of_pair, comparison.settings)], before=False)
    return "\n".join(lines) + "\n"


_HEAD = ("model", "right", "95%", "words")


def _accuracies(results: Results) -> Iterator[tuple[str, ...]]:
    before = ""
    for found in accuracies(results):
        suite = "" if found.suite == before else found.suite
        before = found.suite
        interval, words = between(found.interval), f"{found.words:.1f}"
        yield suite, f"{found.questions:,}", found.model.lower(), percent(found.accuracy), interval, words


def _of_pair(pair: FigurePair) -> tuple[str, str, str]:
    return one_line(pair.label), one_line(pair.first, 40), one_line(pair.second, 40)


def _changed(label: str, pairs: Sequence[QuestionPair]) -> Iterator[str]:
    if not pairs:
        return
    yield ""
    yield f"{label} ({counted(len(pairs), 'question')}):"
    for pair in pairs[:_CHANGED]:
        before, now = pair.answers
        yield f"  - {one_line(pair.first.question)}"
        yield f"    was: {one_line(before)}"
        yield f"    is:  {one_line(now)}"
    if len(pairs) > _CHANGED:
        yield f"  and {len(pairs) - _CHANGED:,} more"


def _aligned(rows: Sequence[tuple[str, ...]], *, before: bool = True) -> list[str]:
    """Rows in columns, after an empty line; nothing where there is only the head."""
    if len(rows) < 2 and before:
        return []
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [*([""] if before else []), *lines]
