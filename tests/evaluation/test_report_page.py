"""The report in a real browser: on a phone, in the dark, in print, for a screen reader, and with hostile answers."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.evaluation import reports
from tests.evaluation.reports import ARABIC, SCRIPT, many, predictions, results, write_evaluation, write_run

from imprint.evaluation.report import write_comparison, write_report
from imprint.runs import Run

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_PHONE, _DESKTOP = 360, 1280
_READABLE = 4.5  # contrast of text, WCAG 2.2 AA

# What there is of text, with its contrast against what stands behind it (WCAG 2.2, relative luminance).
_CONTRASTS = """() => {
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = colour => { context.clearRect(0, 0, 1, 1); context.fillStyle = colour; context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data]; };
  const luminance = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = element => { for (let e = element; e; e = e.parentElement) {
    const found = rgb(getComputedStyle(e).backgroundColor); if (found[3] === 255) return found; }
    return [255, 255, 255, 255]; };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = {};
  while (texts.nextNode()) {
    const text = texts.currentNode, parent = text.parentElement;
    if (!text.data.trim() || ["SCRIPT", "TITLE", "DESC", "title", "desc"].includes(parent.tagName)) continue;
    const style = getComputedStyle(parent);
    const [a, b] = [rgb(parent.closest("svg") ? style.fill : style.color), behind(parent)].map(luminance);
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const name = `${parent.tagName}.${parent.getAttribute("class") || ""}`;
    if (!(found[name] <= contrast)) found[name] = contrast;
  }
  return found;
}"""
_OPEN_ALL = "() => document.querySelectorAll('details').forEach(part => { part.open = true; })"
_WIDER_THAN_PAGE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """Chromium. There is no skipping: where it is missing, nobody would notice that the page is not looked at."""
    from playwright.sync_api import sync_playwright

    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        pytest.fail("no Chromium: apt install chromium")
    arguments = ["--no-sandbox", "--headless=new", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=arguments)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A refused run with answers of every kind, one of 2,000 sections, an empty one, and two that are compared."""
    folder = tmp_path_factory.mktemp("reports")
    runs = []
    for name in ("20260101-000001-aaaaaa", "20260102-000001-bbbbbb"):
        (folder / name).mkdir()
        runs.append(write_run(Run(folder / name)))
    asked = predictions()
    refused = results(asked, word="refused", sentence="It is refused.", rules=(reports.REFUSED_RULE,), current="before")
    for name, found, answers, run in (
        ("refused", refused, asked, runs[0]),
        ("many", results(many(2000)), many(2000), runs[0]),
        ("nothing", results([], word="not proven", sentence="Nothing is proven."), [], Run(folder / "nowhere")),
    ):
        (folder / name).mkdir()
        write_report(run, found, answers, folder / name)
    turned = [
        one.model_copy(update={"correct": {model: not right for model, right in one.correct.items()}}) for one in asked
    ]
    for run, answers in zip(runs, (asked, turned), strict=True):
        write_evaluation(run, refused, answers)
    (folder / "compared").mkdir()
    write_comparison(*runs, folder / "compared" / "report.html")
    return folder


@pytest.fixture
def open_page(browser: "Browser", folder: Path) -> "Iterator[Callable[..., Page]]":
    """`open_page("refused", width=360)`; in the end no page has loaded anything or complained."""
    pages: list[Page] = []
    loaded, complaints, addresses = [], [], []

    def open_one(name: str, width: int = _DESKTOP, **context: Any) -> "Page":
        page = browser.new_page(viewport={"width": width, "height": 800}, **context)
        page.on("request", lambda request: loaded.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(f"a dialog: {dialog.message}"))
        addresses.append((folder / name / "report.html").as_uri())
        page.goto(addresses[-1])
        pages.append(page)
        return page

    yield open_one
    for page in pages:
        page.close()
    assert [url for url in loaded if url != "data:,"] == addresses
    assert complaints == []


@pytest.mark.parametrize("name", ["refused", "many", "nothing", "compared"])
def test_no_page_is_wider_than_the_screen(open_page: "Callable[..., Page]", name: str) -> None:
    page = open_page(name, _PHONE)
    assert page.evaluate(_WIDER_THAN_PAGE) == 0
    page.evaluate(_OPEN_ALL)
    assert page.evaluate(_WIDER_THAN_PAGE) == 0
    page.set_viewport_size({"width": _DESKTOP, "height": 800})
    assert page.evaluate(_WIDER_THAN_PAGE) == 0


def test_letters_of_pictures_do_not_shrink_and_stay_apart_on_a_phone(open_page: "Callable[..., Page]") -> None:
    page = open_page("refused", _PHONE)
    sizes = page.eval_on_selector_all("svg text", "all => all.map(text => text.getBoundingClientRect().height)")
    assert min(sizes) > 11
    pairs = page.eval_on_selector_all(
        "svg .label + .value",
        "all => all.map(v => v.getBoundingClientRect().left - v.previousElementSibling.getBoundingClientRect().right)",
    )
    assert len(pairs) == 5
    assert min(pairs) > 0


@pytest.mark.parametrize("name", ["refused", "nothing", "compared"])
def test_text_is_readable(open_page: "Callable[..., Page]", name: str) -> None:
    page = open_page(name)
    page.evaluate(_OPEN_ALL)
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found.append(page.evaluate(_CONTRASTS))
        assert {"H1.", "P.meta", "TH."} <= found[-1].keys()
        assert {where: value for where, value in found[-1].items() if value < _READABLE} == {}
    assert found[0] != found[1]


def test_the_dark_is_dark_and_paper_is_white(open_page: "Callable[..., Page]") -> None:
    page = open_page("refused", color_scheme="dark")
    colour = "() => getComputedStyle(document.documentElement).backgroundColor"
    assert page.evaluate(colour) == "rgb(21, 23, 26)"
    page.emulate_media(media="print")
    assert page.evaluate(colour) == "rgb(255, 255, 255)"


@pytest.mark.parametrize("javascript", [True, False])
def test_print_shows_what_is_closed_on_the_screen(open_page: "Callable[..., Page]", *, javascript: bool) -> None:
    page = open_page("refused", java_script_enabled=javascript)
    question = page.get_by_text("What is a week?")
    assert not question.is_visible()
    page.emulate_media(media="print")
    assert question.is_visible()
    page.emulate_media(media="screen")
    page.locator("article summary", has_text="on Week").click()
    assert question.is_visible()


def test_details_open_with_the_keyboard_and_the_focus_is_seen(open_page: "Callable[..., Page]") -> None:
    page = open_page("refused")
    summary = page.locator("article summary").first
    page.locator("h1").click()
    for _ in range(20):
        page.keyboard.press("Tab")
        if summary.evaluate("element => element === document.activeElement"):
            break
    assert summary.evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert page.get_by_text("What is a week?").is_visible()


def test_answers_are_text(open_page: "Callable[..., Page]") -> None:
    page = open_page("refused")
    page.evaluate(_OPEN_ALL)
    card = page.locator("article", has_text="Parental leave")
    assert card.locator("dd", has_text=SCRIPT).count() == 2
    empty = page.locator("article", has_text="The document as a whole")
    assert empty.get_by_text("(nothing)", exact=True).is_visible()
    assert empty.get_by_text("(nothing but blanks)").is_visible()
    assert empty.get_by_text("a[U+0007]\ufffd").is_visible()
    assert empty.get_by_text("[U+202E]gnihtoN").is_visible()
    assert empty.get_by_text("Then close it.").is_visible()  # the end of the long one
    question = page.locator("p.question", has_text=ARABIC[0])
    assert question.evaluate("element => getComputedStyle(element).direction") == "rtl"


def test_a_script_that_got_in_would_not_run(folder: Path, browser: "Browser", tmp_path: Path) -> None:
    text = (folder / "refused" / "report.html").read_text(encoding="utf-8")
    (tmp_path / "report.html").write_text(text.replace("</main>", "<script>document.title = 'in'</script></main>"))
    page = browser.new_page()
    page.goto((tmp_path / "report.html").as_uri())
    assert page.title() == "Refused: Imprint's report on 20260101-000001-aaaaaa"
    page.close()


@pytest.mark.parametrize("name", ["refused", "nothing", "compared"])
def test_a_screen_reader_finds_its_way(open_page: "Callable[..., Page]", name: str) -> None:
    page = open_page(name)
    page.evaluate(_OPEN_ALL)
    headings = page.eval_on_selector_all("h1, h2, h3, h4, h5, h6", "all => all.map(one => Number(one.tagName[1]))")
    assert headings.count(1) == 1
    assert all(below <= above + 1 for above, below in zip([0, *headings], headings, strict=False))
    for landmark in ("banner", "main", "contentinfo"):
        assert page.get_by_role(landmark).count() == 1, landmark
    tables = page.eval_on_selector_all("table", "all => all.map(t => t.caption && t.caption.textContent.trim())")
    assert all(tables)
    assert page.eval_on_selector_all("th:not([scope])", "all => all.length") == 0
    identifiers = page.eval_on_selector_all("[id]", "all => all.map(one => one.id)")
    assert len(identifiers) == len(set(identifiers))
    named = page.eval_on_selector_all("[aria-labelledby]", "all => all.map(e => e.getAttribute('aria-labelledby'))")
    assert {part for names in named for part in names.split()} <= set(identifiers)


def test_pictures_are_told_in_words(open_page: "Callable[..., Page]") -> None:
    page = open_page("refused")
    assert page.locator("svg[role=img]").count() == page.locator("main svg:not(svg svg)").count() == 4
    told = page.locator("main").aria_snapshot()
    assert "Tuned, as served: 42.9% (37–48), 42.4 words an answer" in told
    assert "1 learned, 1 partly, 1 not learned, 1 forgotten" in told
    assert "Validation loss: from 1.58 at step 100 to 0.105 at step 400" in told
    assert "Base: 2 of 0, 5 of 1–5." in told
