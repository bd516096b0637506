"""One call of the command line: its options, what of its words is a setting and what a prompt, and what it says."""

import json
import re
import shlex
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imprint.errors import ImprintError, InputError

if TYPE_CHECKING:
    from imprint.config import Settings
    from imprint.screen import Screen

Arguments = Annotated[list[str] | None, typer.Argument(metavar="section.key=value", show_default=False)]
Prompted = Annotated[list[str] | None, typer.Argument(metavar="PROMPT|section.key=value", show_default=False)]
Named = Annotated[list[str] | None, typer.Argument(metavar="RUN|section.key=value", show_default=False)]
Config = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="Settings as YAML.")]
Documents = Annotated[Path | None, typer.Option("--documents", metavar="DIR", help="What to learn (documents/).")]
Outputs = Annotated[Path | None, typer.Option("--outputs", metavar="DIR", help="Where runs are kept (outputs/).")]
Elsewhere = Annotated[
    str | None, typer.Option("--for", metavar="MACHINE", help='Another machine, such as "RTX 4060 8GB".')
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object, for programs.")]

# "service.port=80", "seed=1"; but "seed=1, is that good?" is a question.
_SETTING = re.compile(r"[a-z_]\w*(?:\.\w+)+=|[a-z_]\w*=\S*$", re.ASCII | re.IGNORECASE)

# Stands before what followed `--`, which is never a setting. No argument can hold this character by itself.
_PROMPT = "\0"


@dataclass
class Call:
    """One call of the command line: its settings, its prompts, and what it says."""

    settings: "Settings"
    prompts: tuple[str, ...]
    as_json: bool
    _screen: "Screen | None" = field(default=None, init=False)

    @property
    def prompt(self) -> str | None:
        """The prompt of a command that takes one."""
        return self.prompts[0] if self.prompts else None

    @property
    def screen(self) -> "Screen":
        """Standard error for people; silent where a program reads."""
        if self._screen is None:
            from imprint.screen import Screen

            self._screen = Screen(quiet=self.as_json)
        return self._screen

    def result(self, value: dict[str, Any], text: str = "") -> None:
        """The command's result on standard output: JSON or text."""
        if self.as_json:
            print(json.dumps(value, ensure_ascii=False))
        elif text:
            print(text)


def read_call(
    arguments: list[str] | None,
    config: Path | None,
    outputs: Path | None,
    documents: Path | None = None,
    *,
    as_json: bool = False,
    most_prompts: int | None = 0,
    takes_run: bool = False,
) -> Call:
    """Settings and prompts from what was typed; `most_prompts` is how many the command takes, None any number.

    With `takes_run` the name of a run, as `Call.prompt`, in the place of prompts.
    """
    from imprint import config as settings

    overrides = [text for text in arguments or () if _SETTING.match(text)]
    words = [text.removeprefix(_PROMPT) for text in arguments or () if not _SETTING.match(text)]
    if documents is not None:
        overrides.append(f"documents.path={_quote(documents)}")
    if outputs is not None:
        overrides.append(f"outputs={_quote(outputs)}")
    if takes_run:
        if len(words) > 1:
            raise InputError(f"{len(words)} runs were given: {', '.join(words)}; expected one.", hint="imprint runs")
    elif words and most_prompts == 0:
        raise InputError(
            f"{words[0]!r} was given; expected settings as section.key=value.", hint="imprint COMMAND --help"
        )
    elif most_prompts is not None and len(words) > most_prompts:
        raise InputError(
            f"{len(words)} prompts were given: {', '.join(map(repr, words))}; expected one.",
            hint=f"put it in quotes: {shlex.quote(' '.join(words))}",
        )
    return Call(settings.load(config, overrides), tuple(words), as_json)


def mark_prompts(words: list[str]) -> list[str]:
    """Mark what follows `--`, so that `read_call` takes none of it for a setting."""
    if "--" not in words:
        return words
    at = words.index("--") + 1
    return [*words[:at], *(_PROMPT + word for word in words[at:])]


def tell(error: ImprintError) -> None:
    """An error on standard error, also where a program reads the result."""
    hint = error.hint.replace("\n", "\n       ")
    print(f"imprint: {error.message}" + (f"\n  try: {hint}" if hint else ""), file=sys.stderr)


def program() -> str:
    """What to type to call this Imprint again: its name where that finds it, its path otherwise."""
    here = Path(sys.executable).with_name("imprint")
    found = shutil.which("imprint")
    if found is not None and Path(found).resolve() == here.resolve():
        return "imprint"
    return from_here(here)


def from_here(path: Path) -> str:
    """A path as short as it can be typed where the user stands."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _quote(path: Path) -> str:
    """A path as a YAML scalar. JSON's escapes for what lies beyond 16 bits are not YAML's, so nothing is escaped."""
    return json.dumps(str(path), ensure_ascii=False)
