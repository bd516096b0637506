"""What to do next, in plain words, from what the evaluation found: each step with a line to type where there is one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from imprint.config import Settings
from imprint.evaluation.report.sections import SectionCard
from imprint.evaluation.report.shown import counted, percent
from imprint.evaluation.report.training import Training
from imprint.evaluation.results import ADAPTER, BASE, GENERAL, HELD_OUT, SERVED, Figures, Results

_GOOD = 0.95
_NAMED = 3  # sections that a step names
_GAP = 0.02  # of accuracy; less than two points is noise
_REVERSED_GAP = 0.15
_WIDE = 0.2  # of the 95% interval
_ENDED = 0.95
_MOST_WORDINGS = 12  # as in the settings
_USUAL_REPLAY = 0.1
_MOST_REPLAY = 0.5


@dataclass(frozen=True)
class Step:
    """Something to try."""

    words: str
    command: str = ""
    sections: tuple[str, ...] = ()
    """Where to look, by document and heading."""


def next_steps(results: Results, cards: Sequence[SectionCard], training: Training | None) -> list[Step]:
    """Steps by weight, never none. What a broken rule of the verdict advises already is not said again."""
    if not results.questions:
        return [
            Step(
                "No question was held out, so nothing can be said about what was learned. Give more to ask about:"
                " documents with headings, lists and tables, whose facts can be asked in more than one wording."
            )
        ]
    said = {rule.name for rule in results.verdict.rules if rule.passed is False and rule.advice}
    settings = training.settings if training else None
    steps = [
        *_learn_more(results, cards, training),
        *([] if said & {"general_items", "general_perplexity"} else _keep_more(results, settings)),
        *([] if "behind_adapter" in said else _lose_less(results, settings)),
        *_turn_around(results),
        *([] if "ended" in said else _come_to_an_end(results)),
        *_ask_more(results),
    ]
    if steps:
        return steps
    if said:
        return [Step("Do what the rule that did not pass advises; everything else is in order.")]
    return [Step("Nothing needs to be done. Ask it something of your own.", "imprint chat")]


def _learn_more(results: Results, cards: Sequence[SectionCard], training: Training | None) -> Iterator[Step]:
    """Longer where the loss still fell, slower where it rose, otherwise more wordings."""
    weak = [card for card in cards if card.grade != "learned"]
    served = _figures(results, SERVED)
    if not weak or served is None or served.accuracy is None or served.accuracy >= 1:
        return
    named = tuple(f"{card.document}: {card.title}" for card in weak[:_NAMED])
    of_all = f"{counted(len(weak), 'section')} of {len(cards):,}"
    settings = training.settings if training else None
    if training and training.still_falling and served.accuracy < _GOOD:
        yield Step(
            f"Train longer: the loss on held-out wordings still fell when the training ended, and {of_all} are not"
            " wholly learned.",
            _longer(training),
            named,
        )
    elif training and training.rising and served.accuracy < _GOOD:
        yield Step(
            f"Train at a lower rate: the loss on held-out wordings rose again before the end, and {of_all} are not"
            " wholly learned.",
            _slower(settings),
            named,
        )
    else:
        many = settings.dataset.wordings if settings else 0
        command = f"imprint up dataset.wordings={min(_MOST_WORDINGS, many + 4)}" if 0 < many < _MOST_WORDINGS else ""
        yield Step(
            f"Give more wordings: {of_all} are not wholly learned. Look at the worst of them first: a fact is learned"
            " best from a short sentence that names what it is about.",
            command,
            named,
        )


def _keep_more(results: Results, settings: Settings | None) -> Iterator[Step]:
    lost = results.known.questions - results.known.kept if results.known else 0
    general = results.suites.get(GENERAL, {})
    before, now = (general[model].accuracy if model in general else None for model in (BASE, SERVED))
    behind = before - now if before is not None and now is not None else 0.0
    if not lost and behind <= _GAP:
        return
    found = []
    if lost:
        found.append(f"{counted(lost, 'question')} that the base answered right")
    if behind > _GAP:
        found.append(f"{100 * behind:.1f} points on general questions")
    replay = settings.dataset.replay_share if settings else None
    if replay == 0:  # the base's general answers are not worth keeping, or the user wants none
        yield Step(f"Train at a lower rate: the training cost {' and '.join(found)}.", _slower(settings))
        return
    more = min(_MOST_REPLAY, round((replay or _USUAL_REPLAY) + 0.1, 2))
    command = f"imprint up dataset.replay_share={more}" if settings else ""
    yield Step(
        f"Train on more general rows beside the documents (replay), or at a lower rate: the training cost"
        f" {' and '.join(found)}.",
        command,
    )


def _lose_less(results: Results, settings: Settings | None) -> Iterator[Step]:
    adapter, served = _figures(results, ADAPTER), _figures(results, SERVED)
    if adapter is None or served is None or adapter.accuracy is None or served.accuracy is None:
        return
    if adapter.accuracy - served.accuracy > _GAP:
        finer = {"q4_k_m": "q5_k_m", "q5_k_m": "q6_k", "q6_k": "q8_0", "q8_0": "f16"}
        now = settings.model.quantization if settings else ""
        yield Step(
            f"Quantize less: the adapter answers {percent(adapter.accuracy)} right, the file that is served"
            f" {percent(served.accuracy)}.",
            f"imprint up model.quantization={finer[now]}" if now in finer else "",
        )


def _turn_around(results: Results) -> Iterator[Step]:
    """Questions that name the answer and ask for what it belongs to are the hardest to learn."""
    served, turned = _figures(results, SERVED), results.reversed.get(SERVED)
    if served is None or served.accuracy is None or turned is None or not turned.questions:
        return
    share = turned.right / turned.questions
    if served.accuracy - share > _REVERSED_GAP:
        yield Step(
            f"Of questions the other way round {percent(share)} are right, of all {percent(served.accuracy)}. State"
            " such facts in the documents from both sides, or in a table."
        )


def _come_to_an_end(results: Results) -> Iterator[Step]:
    served = _figures(results, SERVED)
    if served is not None and served.ended < _ENDED:
        yield Step(
            f"Only {percent(served.ended)} of the answers ended by themselves. Look whether the long ones were right"
            " but cut off (`evaluation.max_new_tokens`); if they ran on, train longer."
        )


def _ask_more(results: Results) -> Iterator[Step]:
    served = _figures(results, SERVED)
    if served is not None and served.interval is not None and served.interval[1] - served.interval[0] > _WIDE:
        yield Step(
            f"{counted(results.questions, 'question')} tell little: the true accuracy lies anywhere between"
            f" {percent(served.interval[0])} and {percent(served.interval[1])}. More documents give more of them."
        )


def _figures(results: Results, model: str) -> Figures | None:
    return results.suites.get(HELD_OUT, {}).get(model)


def _longer(training: Training) -> str:
    """Twice as long, above the upper limit too where that ended it."""
    epochs = training.counts.get("epochs")
    if training.settings is None or not isinstance(epochs, int | float):
        return ""
    command = f"imprint up adapter.epochs={2 * epochs:g}"
    most, steps = training.settings.adapter.max_steps, training.counts.get("steps")
    if most is not None and isinstance(steps, int) and 2 * steps > most:
        command += f" adapter.max_steps={2 * steps}"
    return command


def _slower(settings: Settings | None) -> str:
    rate = settings.adapter.learning_rate if settings else None
    return f"imprint up adapter.learning_rate={rate / 2:g}" if rate else ""
