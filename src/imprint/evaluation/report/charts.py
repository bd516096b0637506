"""The pictures of the report, as SVG that stands in the page.

None has a viewBox: what is wide grows with the page by percentages, and letters stay as large as the text around them,
on a phone too. Every picture has a title and a description in words for those who do not see it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from imprint.evaluation.report.sections import GRADES, Grade
from imprint.evaluation.report.shown import between, percent
from imprint.evaluation.report.training import Point

_THICK = 14  # pixels of a bar
_ROW = 50  # pixels of a bar with its label
_AXIS = 22
_TICKS = (0, 25, 50, 75, 100)
_PLOT = 190  # pixels, height of the loss curves
_TOP = 24
_MOST_POINTS = 300
_STRIP = 78  # pixels, height of one histogram
_BINS = ((0, 0), (1, 5), (6, 10), (11, 20), (21, 40), (41, 80))
_BIN_LABELS = (*(str(low) if low == high else f"{low}–{high}" for low, high in _BINS), "81+")


@dataclass(frozen=True)
class Bar:
    """A model's accuracy."""

    label: str
    style: str
    """A class of the style sheet."""
    share: float
    interval: tuple[float, float] | None
    words: float
    """Mean length of its answers."""

    @property
    def value(self) -> str:
        interval = f" ({between(self.interval)})" if self.interval else ""
        return f"{percent(self.share)}{interval}"


def draw_accuracies(bars: Sequence[Bar]) -> Markup:
    """A bar for each model, with a line for the 95% interval of its accuracy."""
    height = len(bars) * _ROW + _AXIS
    parts = [_line("grid", (tick, tick), (0, height - _AXIS)) for tick in _TICKS]
    parts += [_text("tick", tick, height - 6, f"{tick}%", _anchor(tick)) for tick in _TICKS]
    for number, bar in enumerate(bars):
        parts += _bar(bar, number * _ROW)
    words = "; ".join(f"{bar.label}: {bar.value}, {bar.words:.1f} words an answer" for bar in bars)
    title = "Share of right answers, base against tuned"
    return _picture("accuracy", title, f"{words}. In brackets the 95% interval.", height, parts)


def draw_grades(counts: dict[Grade, int]) -> Markup:
    """One bar: the sections by grade, best first, with a gap between neighbours."""
    whole = sum(counts.values()) or 1
    parts, start = [], 0.0
    for grade in reversed(GRADES):
        width = 100 * counts[grade] / whole
        if width:
            parts.append(_rect(grade.replace(" ", "-"), start, 0, width, _THICK))
            if start:
                parts.append(Markup('<rect class="gap" x="{:.2f}%" width="2" height="{}"/>').format(start, _THICK))
        start += width
    words = ", ".join(f"{counts[grade]:,} {grade}" for grade in reversed(GRADES))
    return _picture("grades", "Sections by what was learned", f"{words}.", _THICK, parts)


def draw_losses(losses: Sequence[Point], validation: Sequence[Point]) -> Markup:
    """Training loss as a line and validation loss as dots over the optimizer steps; at least one point in all."""
    points = [*losses, *validation]
    last = max(step for step, _ in points) or 1
    top = _round_up(max(loss for _, loss in points))
    height = _TOP + _PLOT + _AXIS
    parts = []
    for share in (0, 0.5, 1):
        y = _TOP + _PLOT * (1 - share)
        parts += [_line("grid", (0, 100), (y, y)), _text("tick", 0, y - 5, f"{share * top:g}")]
        parts.append(_text("tick", 100 * share, height - 5, f"{last * share:,.0f}", _anchor(100 * share)))
    # The line has a frame of its own, which is stretched to the page.
    line = " ".join(f"{100 * step / last:.2f},{100 * (1 - max(loss, 0) / top):.2f}" for step, loss in _thinned(losses))
    parts.append(
        Markup(
            '<svg x="0" y="{}" width="100%" height="{}" viewBox="0 0 100 100" preserveAspectRatio="none">'
            '<polyline class="training" points="{}"/></svg>'
        ).format(_TOP, _PLOT, line)
    )
    dot = Markup('<circle class="validation" cx="{:.2f}%" cy="{:.1f}" r="4"/>')
    for step, loss in _thinned(validation):
        parts.append(dot.format(100 * step / last, _TOP + _PLOT * (1 - max(loss, 0) / top)))
    title = "Loss over the steps of the training"
    return _picture("losses", title, _course_in_words(losses, validation), height, parts)


def draw_lengths(series: Sequence[tuple[str, str, Sequence[int]]]) -> Markup:
    """A histogram of words for each (label, style, lengths), one below the other on the same scale."""
    counted = [(label, style, _count_bins(lengths)) for label, style, lengths in series]
    most = max((count for _, _, counts in counted for count in counts), default=0) or 1
    column = 100 / len(_BIN_LABELS)
    parts, said = [], []
    for row, (label, style, counts) in enumerate(counted, start=1):
        floor = row * _STRIP
        parts += [_text("label", 0, floor - _STRIP + 16, label), _line("grid", (0, 100), (floor, floor))]
        for number, count in enumerate(counts):
            if count:
                tall = max(1.0, (_STRIP - 40) * count / most)
                parts.append(_rect(style, (number + 0.1) * column, floor - tall, 0.8 * column, tall))
                parts.append(_text("tick", (number + 0.5) * column, floor - tall - 4, f"{count:,}", "middle"))
        found = ", ".join(f"{count:,} of {words}" for words, count in zip(_BIN_LABELS, counts, strict=True) if count)
        said.append(f"{label}: {found or 'none'}.")
    bottom = len(counted) * _STRIP + _AXIS
    for number, words in enumerate(_BIN_LABELS):
        parts.append(_text("tick", (number + 0.5) * column, bottom - 6, words, "middle"))
    return _picture("lengths", "Number of answers by their length in words", " ".join(said), bottom, parts)


def _picture(name: str, title: str, description: str, height: float, parts: Sequence[Markup]) -> Markup:
    return Markup(
        '<svg role="img" aria-labelledby="{0}-title {0}-description" width="100%" height="{1}">'
        '<title id="{0}-title">{2}</title><desc id="{0}-description">{3}</desc>{4}</svg>'
    ).format(name, height, title, description, Markup("\n").join(parts))


def _bar(bar: Bar, top: int) -> list[Markup]:
    """Label and value, and below them the bar with the line of its interval."""
    y = top + 26
    parts = [
        _text("label", 0, top + 18, bar.label),
        _text("value", 100, top + 18, f"{bar.value} · {bar.words:.0f} words", "end"),
        _rect("track", 0, y, 100, _THICK),
        _rect(bar.style, 0, y, 100 * bar.share, _THICK),
    ]
    if bar.interval is not None:
        low, high = (100 * end for end in bar.interval)
        middle = y + _THICK / 2
        for style in ("halo", "interval"):
            parts.append(_line(style, (low, high), (middle, middle)))
            parts += [_line(style, (end, end), (middle - 4, middle + 4)) for end in (low, high)]
    return parts


def _line(style: str, x: tuple[float, float], y: tuple[float, float]) -> Markup:
    """From one point to another: percent across, pixels down."""
    line = Markup('<line class="{}" x1="{:.2f}%" x2="{:.2f}%" y1="{:.1f}" y2="{:.1f}"/>')
    return line.format(style, *x, *y)


def _rect(style: str, x: float, y: float, width: float, height: float) -> Markup:
    rect = Markup('<rect class="{}" x="{:.2f}%" y="{:.1f}" width="{:.2f}%" height="{:.1f}"/>')
    return rect.format(style, x, y, width, height)


def _text(style: str, x: float, y: float, text: str, anchor: str = "start") -> Markup:
    return Markup('<text class="{}" x="{:.2f}%" y="{:.1f}" text-anchor="{}">{}</text>').format(
        style, x, y, anchor, text
    )


def _anchor(tick: float) -> str:
    """Labels at the edges of a picture stay inside of it."""
    return {0.0: "start", 100.0: "end"}.get(tick, "middle")


def _thinned(points: Sequence[Point]) -> Sequence[Point]:
    """Evenly, with the last one: nobody sees more."""
    if len(points) <= _MOST_POINTS:
        return points
    return [*(points[index * len(points) // _MOST_POINTS] for index in range(_MOST_POINTS)), points[-1]]


def _round_up(value: float) -> float:
    """To a number that makes a good axis: 1, 2, 3, 4, 5, 6 or 8 times a power of ten."""
    if value <= 0:
        return 1.0
    magnitude = 10.0 ** (len(str(int(value))) - 1) if value >= 1 else 0.1
    while magnitude > value:
        magnitude /= 10
    return next((step * magnitude for step in (1, 2, 3, 4, 5, 6, 8) if step * magnitude >= value), 10 * magnitude)


def _count_bins(lengths: Sequence[int]) -> list[int]:
    counts = [sum(low <= length <= high for length in lengths) for low, high in _BINS]
    return [*counts, len(lengths) - sum(counts)]


def _course_in_words(losses: Sequence[Point], validation: Sequence[Point]) -> str:
    said = []
    for label, points in (("Training loss", losses), ("Validation loss", validation)):
        if points:
            (first, high), (last, low) = points[0], points[-1]
            said.append(f"{label}: from {high:.3g} at step {first:,.0f} to {low:.3g} at step {last:,.0f}")
    return f"{'; '.join(said)}, in nats a token."
