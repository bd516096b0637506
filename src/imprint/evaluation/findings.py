"""The course of an evaluation: every model asked what it is to be asked, all figures, the verdict."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources

from imprint import base
from imprint.config import Settings
from imprint.dataset.asking import remote_endpoint
from imprint.evaluation import measuring
from imprint.evaluation.interview import TOO_LONG, Interview, Subject, served, subjects_of
from imprint.evaluation.judging import SECTION, count_grades, judge
from imprint.evaluation.kept import Kept
from imprint.evaluation.questions import WHO, Question, collect, evenly
from imprint.evaluation.results import (
    ADAPTER,
    BASE,
    CEILING,
    CONTROL,
    CURRENT,
    HELD_OUT,
    SERVED,
    SUITES,
    Figures,
    Judged,
    Known,
    Perplexity,
    Prediction,
    Results,
    Speed,
)
from imprint.evaluation.similarity import bert_scores
from imprint.evaluation.verdict import Evidence, decide
from imprint.model import Answer
from imprint.runs import Event, Run

_JUDGE_FOLDER = "judged"
_WEIGHED = 100
"""So many of the expected answers are enough for their perplexity."""
_LABELS = {BASE: "base", ADAPTER: "adapter", SERVED: "GGUF", CURRENT: "model in service"}


def examine(config: Settings, run: Run, kept: Kept, current: Run | None) -> tuple[Results, list[Prediction]]:
    """Examine a run's models beside its base and the model in service; give the results and every answer."""
    return _Examination(config, run, kept, current).results()


@dataclass
class _Examination:
    config: Settings
    run: Run
    kept: Kept
    current: Run | None
    suites: dict[str, list[Question]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    answers: dict[str, dict[str, list[Answer]]] = field(default_factory=dict)
    surprise: dict[str, tuple[float, int]] = field(default_factory=dict)
    perplexity: dict[str, Perplexity] = field(default_factory=dict)
    speed: dict[str, Speed] = field(default_factory=dict)
    done: int = 0
    total: int = 0
    """Questions answered, of those that are to be."""

    def results(self) -> tuple[Results, list[Prediction]]:
        if self.config.evaluation.judge.url:
            remote_endpoint(self.config.evaluation.judge, SECTION)  # a wrong address or key is found before the work
        questions, self.notes = collect(self.config, self.run)
        for question in questions:
            self.suites.setdefault(question.suite, []).append(question)
            self.answers.setdefault(question.suite, {})
        subjects = self._subjects()
        self.total = sum(
            len(asked) for suite, asked in self.suites.items() for one in subjects if one.name in WHO[suite]
        )
        with Interview(self.config, self.run.folder("adapter"), self.kept, self._progress) as interview:
            for subject in subjects:
                self._examine(interview, subject)
        self._note_long_questions()
        similar = self._similarity()
        suites = {
            suite: {
                name: measuring.figures(
                    suite,
                    self.suites[suite],
                    said,
                    seed=self.config.seed,
                    surprise=self.surprise.get(name) if suite == HELD_OUT else None,
                    similarity=similar.get(name) if suite == HELD_OUT else None,
                )
                for name, said in self.answers[suite].items()
            }
            for suite in SUITES
            if suite in self.suites
        }
        judged = self._judged()
        return self._put_together(suites, judged), self._predictions()

    def _subjects(self) -> list[Subject]:
        subjects = subjects_of(self.config, self.run)
        if self.current is not None and self.current.id != self.run.id and self.current.manifest("model") is not None:
            before = served(CURRENT, self.current)
            if before.digest != subjects[-1].digest and before.file is not None and before.file.is_file():
                subjects.append(before)
        return subjects

    def _examine(self, interview: Interview, subject: Subject) -> None:
        asked = [suite for suite in self.suites if subject.name in WHO[suite]]
        # In one batch with a whole section, short questions would be padded to its length.
        for together in (
            [suite for suite in asked if suite != CEILING],
            [suite for suite in asked if suite == CEILING],
        ):
            said = iter(interview.ask(subject, [one for suite in together for one in self.suites[suite]]))
            for suite in together:
                self.answers[suite][subject.name] = list(itertools.islice(said, len(self.suites[suite])))
        held_out = [question.example for question in self.suites.get(HELD_OUT, []) if question.example is not None]
        examples = evenly(held_out, _WEIGHED)
        if examples:
            self.surprise[subject.name] = interview.surprise(subject, examples)
        if subject.name == CURRENT:
            return
        texts = list(dict.fromkeys(question.expected for question in self.suites.get(CONTROL, [])))
        general = (resources.files("imprint.base") / "general.txt").read_text(encoding="utf-8")
        self.perplexity[subject.name] = Perplexity(
            held_out=interview.perplexity(subject, texts) if texts else None,
            general=interview.perplexity(subject, [general]),
        )
        self.speed[subject.name] = Speed(**interview.speed(subject))

    def _progress(self, name: str, more: int) -> None:
        self.done += more
        self.run.notify(Event("progress", "evaluation", f"asking the {_LABELS[name]}", self.done, self.total))

    def _note_long_questions(self) -> None:
        long = {
            question.text
            for suite, questions in self.suites.items()
            for said in self.answers[suite].values()
            for question, answer in zip(questions, said, strict=True)
            if answer == TOO_LONG
        }
        if long:
            self.notes.append(
                f"{len(long)} questions do not fit into the context of {self.config.service.context} tokens and count "
                "as not answered; service.context sets it higher"
            )

    def _similarity(self) -> Mapping[str, float]:
        model, questions = self.config.evaluation.bert_score, self.suites.get(HELD_OUT, [])
        if not model or not questions:
            return {}
        expected = [question.expected for question in questions]
        found = {}
        for name, said in self.answers[HELD_OUT].items():
            values = bert_scores(model, expected, [answer.text for answer in said])
            found[name] = sum(values) / len(values)
        return found

    def _judged(self) -> dict[str, Judged] | None:
        questions = self.suites.get(HELD_OUT, [])
        if not self.config.evaluation.judge.url or not questions:
            return None
        names = (BASE, SERVED)
        asked = [
            (question.text, question.expected, answer.text)
            for name in names
            for question, answer in zip(questions, self.answers[HELD_OUT][name], strict=True)
        ]

        def tell(done: int) -> None:
            self.run.notify(Event("progress", "evaluation", "having the answers judged", done, len(asked)))

        judgement = judge(self.config.evaluation.judge, asked, self.run.folder("evaluation") / _JUDGE_FOLDER, tell)
        if judgement.note:
            self.notes.append(judgement.note)
        grades = iter(judgement.grades)
        return {name: count_grades(list(itertools.islice(grades, len(questions)))) for name in names}

    def _put_together(self, suites: dict[str, dict[str, Figures]], judged: dict[str, Judged] | None) -> Results:
        scores = self._scores()
        held_out, asked = scores.get(HELD_OUT, {}), self.suites.get(HELD_OUT, [])
        right = {name: [value == 1 for value in values] for name, values in held_out.items()}
        kinds, backwards = measuring.by_kind(asked, right)
        knew = [served for base, served in zip(right.get(BASE, []), right.get(SERVED, []), strict=True) if base]
        gained = None
        if asked:
            _, gained = measuring.difference(asked, held_out[SERVED], held_out[BASE], seed=self.config.seed)
        verdict = decide(
            self.config.verdict,
            Evidence(
                questions=self.suites,
                scores=scores,
                ended=[answer.finish_reason == "stop" for answer in self.answers[HELD_OUT][SERVED]] if asked else [],
                perplexity={name: found.general for name, found in self.perplexity.items()},
                seed=self.config.seed,
            ),
        )
        return Results(
            run=self.run.id,
            base=base.of(self.config).label,
            current=self.current.id if self.current is not None and CURRENT in held_out else None,
            questions=len(asked),
            suites=suites,
            kinds=kinds,
            reversed=backwards,
            known=Known(questions=len(knew), kept=sum(knew)) if asked else None,
            gained=gained,
            agreement=measuring.agreement(self._texts(ADAPTER), self._texts(SERVED)) if asked else None,
            perplexity=self.perplexity,
            speed=self.speed,
            judge=judged,
            notes=tuple(self.notes),
            verdict=verdict,
        )

    def _scores(self) -> dict[str, dict[str, list[float]]]:
        found: dict[str, dict[str, list[float]]] = {}
        for suite, questions in self.suites.items():
            for name, said in self.answers[suite].items():
                scores = measuring.scores_of(suite, questions, [answer.text for answer in said])
                if scores is not None:
                    found.setdefault(suite, {})[name] = scores
        return found

    def _texts(self, name: str) -> list[str]:
        return [answer.text for answer in self.answers[HELD_OUT][name]]

    def _predictions(self) -> list[Prediction]:
        return [
            _prediction(question, {name: said[place] for name, said in self.answers[suite].items()})
            for suite, questions in self.suites.items()
            for place, question in enumerate(questions)
        ]


def _prediction(question: Question, answers: Mapping[str, Answer]) -> Prediction:
    right = {name: question.is_right(answer.text) for name, answer in answers.items()}
    return Prediction(
        suite=question.suite,
        kind=question.kind,
        fact=question.fact,
        source=question.source,
        question=question.text,
        expected=question.expected,
        answers={name: answer.text for name, answer in answers.items()},
        correct={name: value for name, value in right.items() if value is not None},
        ended={name: answer.finish_reason == "stop" for name, answer in answers.items()},
    )
