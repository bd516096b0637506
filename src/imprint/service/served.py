"""The model in service: the current run's GGUF in an engine, and conversations with it."""

from dataclasses import dataclass, field
from pathlib import Path

from imprint.config import Service
from imprint.errors import MachineError
from imprint.model import Answer, Engine, Message, gguf_of
from imprint.model.engine import Generation
from imprint.runs import Run

_MARKS = {"forced": "forced: its verdict refused it", "not proven": "not proven: nothing shows that it is better"}
"""What is said of a model that serves without having been accepted."""


@dataclass
class Served:
    """A loaded model, the run it is of, and how it answers."""

    engine: Engine
    run: str
    settings: Service
    verdict: str | None = None
    """The word of the run's verdict; None where it has none."""

    @classmethod
    def load(cls, run: Run, settings: Service, seed: int) -> "Served":
        """Load a run's GGUF. Raises MachineError where the file is gone or damaged."""
        file = gguf_of(run)
        if not file.is_file():
            raise MachineError(f"{file} is gone.", hint="`imprint export retrain=always` makes it anew")
        return cls(Engine(file, context=settings.context, seed=seed), run.id, settings, run.verdict)

    @property
    def name(self) -> str:
        return Path(self.engine.path).stem

    @property
    def title(self) -> str:
        """The name, and what people have to know of a model that was not shown to be better."""
        mark = _MARKS.get(self.verdict or "")
        return self.name if mark is None else f"{self.name} ({mark})"

    def ask(self, prompt: str) -> Answer:
        """One question, one answer."""
        return self.engine.answer(
            [{"role": "user", "content": prompt}],
            max_tokens=self.settings.max_tokens,
            temperature=self.settings.temperature,
        )

    def generate(self, prompt: str, max_tokens: int | None, temperature: float | None) -> Generation:
        """One question, its answer piece by piece."""
        return self.engine.stream(
            [{"role": "user", "content": prompt}],
            max_tokens=self.settings.max_tokens if max_tokens is None else max_tokens,
            temperature=self.settings.temperature if temperature is None else temperature,
        )


@dataclass
class Conversation:
    """Turns that remember: the oldest are forgotten when the context is full."""

    served: Served
    messages: list[Message] = field(default_factory=list)

    def say(self, text: str) -> Generation:
        """Say something; the answer comes piece by piece and is remembered once it is whole."""
        self.messages.append({"role": "user", "content": text})
        engine, settings = self.served.engine, self.served.settings
        room = engine.context - min(settings.max_tokens, engine.context // 2)
        while len(self.messages) > 1 and len(engine.prompt(self.messages)) > room:
            del self.messages[:2]
        try:
            answer = yield from engine.stream(
                self.messages, max_tokens=settings.max_tokens, temperature=settings.temperature
            )
        except BaseException:
            self.messages.pop()
            raise
        self.messages.append({"role": "assistant", "content": answer.text})
        return answer
