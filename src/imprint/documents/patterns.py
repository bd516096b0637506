"""The user's choice among the files: `.imprintignore` files and documents.include/exclude, in gitignore's syntax."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pathspec import GitIgnoreSpec
from pathspec.patterns.gitignore import GitIgnorePatternError

from imprint.config import Documents
from imprint.errors import DocumentError, SettingsError

IGNORE_FILE = ".imprintignore"


@dataclass(frozen=True, slots=True)
class IgnoreFile:
    """The patterns of one `.imprintignore`, which hold below its folder."""

    name: str
    """Relative to the source, as all names here."""
    spec: GitIgnoreSpec

    @classmethod
    def read(cls, name: str, path: Path) -> "IgnoreFile":
        """Read a file. Raises DocumentError with the line that is no pattern."""
        try:
            lines = os.fsdecode(path.read_bytes().removeprefix(b"\xef\xbb\xbf")).splitlines()
        except OSError as error:
            raise DocumentError(f"{name} cannot be read: {error.strerror}.", hint=f"chmod u+r {path}") from error
        try:
            return cls(name, GitIgnoreSpec.from_lines(lines))
        except GitIgnorePatternError:
            number, line = _first_bad(lines)
            raise DocumentError(
                f"{name}:{number}: not a gitignore pattern: {line!r}.", hint="mend the line or take it out"
            ) from None


@dataclass(frozen=True, slots=True)
class Patterns:
    """What the settings include and exclude; matched against names relative to their source."""

    include: GitIgnoreSpec | None
    exclude: GitIgnoreSpec

    @classmethod
    def of(cls, settings: Documents) -> "Patterns":
        """Compile the settings. Raises SettingsError for what is no pattern."""
        problems = [
            f"documents.{setting}: not a gitignore pattern: {lines[_first_bad(lines)[0] - 1]!r}"
            for setting, lines in (("include", settings.include), ("exclude", settings.exclude))
            if _first_bad(lines)[0]
        ]
        if problems:
            raise SettingsError(problems, hint="see https://git-scm.com/docs/gitignore for the syntax")
        return cls(
            GitIgnoreSpec.from_lines(settings.include) if settings.include else None,
            GitIgnoreSpec.from_lines(settings.exclude),
        )

    def refusing(self, name: str, is_folder: bool, ignore_files: Sequence[IgnoreFile]) -> str:
        """What leaves a file or folder out: the name of a setting or of an ignore file; "" for nothing.

        `ignore_files` are those of the folders above, the outermost first; the innermost that says anything decides.
        """
        marked = f"{name}/" if is_folder else name
        if self.exclude.check_file(marked).include:
            return "documents.exclude"
        for ignore_file in reversed(ignore_files):
            base = len(ignore_file.name) - len(IGNORE_FILE)
            says = ignore_file.spec.check_file(marked[base:]).include
            if says is not None:
                if says:
                    return ignore_file.name
                break
        if self.include is not None and not is_folder and not self.include.match_file(name):
            return "documents.include"
        return ""


def _first_bad(lines: Sequence[str]) -> tuple[int, str]:
    """Number, from 1, and text of the first line that is no pattern; 0 where all are."""
    for number, line in enumerate(lines, start=1):
        try:
            GitIgnoreSpec.from_lines([line])
        except GitIgnorePatternError:
            return number, line
    return 0, ""
