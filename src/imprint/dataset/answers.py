"""What a model is asked while the dataset is made, what it said, and the folder that keeps it for a restart."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from imprint.runs import digest_of, unwritable, write_atomically


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a model: chat messages as (role, content), and how it is to answer."""

    messages: tuple[tuple[str, str], ...]
    max_tokens: int
    temperature: float = 0.0
    seed: int = 0

    @property
    def prompt(self) -> str:
        """What the user says last."""
        return self.messages[-1][1]


class Reply(BaseModel):
    """What the model said."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    text: str
    finished: bool
    """Whether the model ended by itself; otherwise it was cut off at `max_tokens`."""
    prompt_tokens: int = Field(ge=0)
    completion_tokens: int = Field(ge=0)


class AnswerCache:
    """Replies on disk, by the digest of everything that decides them.

    A file holds the reply alone: neither the messages, which are the user's documents, nor the key.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, digest: str) -> Reply | None:
        """The reply kept under a digest, or None; a damaged file counts as none and is written anew later."""
        try:
            return Reply.model_validate_json(self._file(digest).read_bytes())
        except (OSError, ValidationError):
            return None

    def write(self, digest: str, reply: Reply) -> None:
        """Keep a reply. Raises MachineError where the folder takes no files."""
        file = self._file(digest)
        try:
            with contextlib.suppress(FileExistsError):
                file.parent.mkdir(parents=True)
            write_atomically(file, reply.model_dump_json() + "\n")
        except OSError as error:
            raise unwritable(self.folder, error) from error

    def _file(self, digest: str) -> Path:
        return self.folder / digest[:2] / digest[2:4] / f"{digest}.json"


def digest_request(request: Request, model: str, identity: str) -> str:
    """SHA-256 over the question, how it is answered, and who answers (`identity`: a base's digest, or an address)."""
    return digest_of(
        {
            "identity": identity,
            "model": model,
            "messages": request.messages,
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "seed": request.seed,
        }
    )
