"""The exceptions of Imprint, one small tree; the exit code of the command line is part of the kind.

ImprintError          1  a fault in Imprint itself
├── InputError        2  the user's input or settings
│   ├── SettingsError    every problem of the settings, listed at once
│   ├── DocumentError    a document that cannot be read
│   ├── DatasetError     rows that cannot be trained on
│   ├── BaseError        a base model that does not exist or cannot be used
│   ├── TrainingError    settings with which the training does not learn
│   └── NoModelError     a model is asked for where none has been made
├── MachineError      3  memory, disk, permissions, GPU, network
│   ├── FullMemoryError  memory ran out; what did it may be tried with less
│   ├── LostProcessError one of several processes that train together ended
│   └── LockedError      another process is building in the same outputs folder
├── RefusedError      4  the verdict refused the model
└── Interrupted     130  stopped by the user; what was done is kept
    └── Paused        0  at a checkpoint of the training, as asked
"""


class ImprintError(Exception):
    """Something went wrong. `message` says what was found and expected, `hint` what to type next."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(ImprintError):
    """The user's documents, prompt or settings are not usable as they are."""

    exit_code = 2


class SettingsError(InputError):
    """Settings with one problem or more; `problems` holds a line for each."""

    def __init__(self, problems: list[str], *, hint: str = "") -> None:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__("\n".join([f"{count} in the settings:", *(f"  {line}" for line in problems)]), hint=hint)
        self.problems = problems


class DocumentError(InputError):
    """A document cannot be read; the message names file and, where known, line and column."""


class DatasetError(InputError):
    """The dataset has no rows, or rows that cannot be trained on without loss."""


class BaseError(InputError):
    """The base model does not exist or is not one that Imprint can use."""


class TrainingError(InputError):
    """The training left its course, with these settings."""


class NoModelError(InputError):
    """There is no model to serve yet."""


class MachineError(ImprintError):
    """The machine refuses: memory, disk, permissions, GPU, network."""

    exit_code = 3


class FullMemoryError(MachineError):
    """Memory ran out, on the GPU or beside it; what needed it may be tried with less."""


class LostProcessError(MachineError):
    """One of several processes that train together ended; of what, it may have told itself."""


class LockedError(MachineError):
    """Another process is building in the same outputs folder."""


class RefusedError(ImprintError):
    """The model was made and the verdict refused it; what was in service before stays. `run` is the id of its run."""

    exit_code = 4

    def __init__(self, message: str, *, hint: str = "", run: str = "") -> None:
        super().__init__(message, hint=hint)
        self.run = run


class Interrupted(ImprintError):
    """The user stopped the work; a restart goes on from what is on disk."""

    exit_code = 130


class Paused(Interrupted):
    """The training was asked to stop and has written a checkpoint: that is all that was asked."""

    exit_code = 0


_KINDS: dict[str, type[ImprintError]] = {
    kind.__name__: kind
    for kind in (
        ImprintError,
        InputError,
        DocumentError,
        DatasetError,
        BaseError,
        TrainingError,
        NoModelError,
        MachineError,
        FullMemoryError,
        LostProcessError,
        LockedError,
        RefusedError,
        Interrupted,
        Paused,
    )
}


def from_name(kind: str, message: str, hint: str) -> ImprintError:
    """Rebuild an error that a worker process reported by the name of its class."""
    return _KINDS.get(kind, ImprintError)(message, hint=hint)
