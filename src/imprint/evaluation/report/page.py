"""The reports on disk: `report.html` and `card.md` of a run, and the page that holds two runs against each other."""

import base64
import functools
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from imprint.evaluation.report.comparison import RunComparison, compare_reports
from imprint.evaluation.report.sections import is_forgotten
from imprint.evaluation.report.shown import between, counted, in_points, one_line, passage, percent, shown
from imprint.evaluation.report.view import View, gather
from imprint.evaluation.results import Prediction, Results
from imprint.runs import Run, write_atomically

if TYPE_CHECKING:
    from jinja2 import Environment

_TEMPLATES = Path(__file__).parent / "templates"
_MOST_QUESTIONS = 100  # of a comparison, gained or lost
_CODE = re.compile(r"`([^`\n]+)`")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>#|~&])")
SIGNS = {
    "accepted": "✓",
    "refused": "✗",
    "forced": "!",
    "not proven": "?",
    "learned": "✓",
    "partly": "◐",
    "not learned": "✗",
    "forgotten": "↓",
}
"""What stands before a word, so that nobody has to tell colours apart."""


def write_report(run: Run, results: Results, predictions: Sequence[Prediction], folder: Path) -> None:
    """Write `report.html` (one file that loads nothing) and `card.md` (its short form) into `folder`."""
    view = gather(run, results, predictions)
    write_atomically(folder / "report.html", _render_page("report.html.jinja", view=view))
    write_atomically(folder / "card.md", _render_card(view))


def write_comparison(first: Run, second: Run, file: Path) -> None:
    """Write a page that holds two runs against each other. Raises as `compare_reports` does."""
    write_atomically(file, render_comparison(compare_reports(first, second)))


def render_comparison(comparison: RunComparison) -> str:
    """The page that holds two runs against each other, as HTML."""
    return _render_page("comparison.html.jinja", comparison=comparison, most_questions=_MOST_QUESTIONS)


def _render_page(template: str, **values: Any) -> str:
    """A page whose style and script are named by their digests: no others may run in it, and nothing is loaded."""
    style, script = (
        Markup((_TEMPLATES / name).read_text(encoding="utf-8").strip()) for name in ("style.css", "script.js")
    )
    environment = _environment(autoescape=True)
    return environment.get_template(template).render(
        style=style, style_digest=_digest(style), script=script, script_digest=_digest(script), **values
    )


def _render_card(view: View) -> str:
    return _environment(autoescape=False).get_template("card.md.jinja").render(view=view)


@functools.cache
def _environment(*, autoescape: bool) -> "Environment":
    """Every value that a template shows goes through `shown`, and in HTML through escaping after it."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_visible,
    )
    environment.globals.update(signs=SIGNS)
    environment.filters.update(
        between=between,
        counted=counted,
        forgotten=is_forgotten,
        in_points=in_points,
        markdown=_as_markdown,
        one_line=one_line,
        passage=passage,
        percent=percent,
        prose=_as_prose,
    )
    return environment


def _visible(value: Any) -> Any:
    return value if isinstance(value, Markup) else shown(str(value))


def _as_prose(text: str) -> Markup:
    """A sentence of Imprint's, with what stands between backquotes as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(shown(text)))))


def _as_markdown(text: str) -> str:
    """A text on one line that Markdown takes as letters only; what stands between backquotes is code."""
    parts = one_line(text, 500).split("`")
    if len(parts) % 2 == 0:  # a backquote without its other half is a letter
        parts[-2:] = ["`".join(parts[-2:])]
    return "".join(
        f"`{part}`" if number % 2 and part else _MARKDOWN.sub(r"\\\1", part) for number, part in enumerate(parts)
    )


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
