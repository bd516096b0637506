"""Office formats, PDF, EPUB and HTML, each converted for real from a small file that the test builds."""

import io
import sys
import zipfile

import pytest

from imprint.documents import converted
from imprint.documents.types import Parsed
from imprint.errors import DocumentError


def archive(files: dict[str, str]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as into:
        for name, content in files.items():
            into.writestr(name, content)
    return held.getvalue()


def docx() -> bytes:
    types = "application/vnd.openxmlformats-officedocument.wordprocessingml"
    office = "http://schemas.openxmlformats.org"
    paragraph = "<w:p><w:pPr><w:pStyle w:val='{}'/></w:pPr><w:r><w:t>{}</w:t></w:r></w:p>"
    body = paragraph.format("Heading1", "Leave") + paragraph.format("Normal", "Ask by Friday.")
    style = "<w:style w:type='paragraph' w:styleId='{0}{1}'><w:name w:val='{2}'/></w:style>"
    styles = style.format("Heading", 1, "heading 1") + style.format("Normal", "", "Normal")
    return archive(
        {
            "[Content_Types].xml": f"<Types xmlns='{office}/package/2006/content-types'>"
            "<Default Extension='rels' ContentType='application/vnd.openxmlformats-package.relationships+xml'/>"
            f"<Override PartName='/word/document.xml' ContentType='{types}.document.main+xml'/>"
            f"<Override PartName='/word/styles.xml' ContentType='{types}.styles+xml'/></Types>",
            "_rels/.rels": f"<Relationships xmlns='{office}/package/2006/relationships'><Relationship Id='r1' "
            f"Type='{office}/officeDocument/2006/relationships/officeDocument' Target='word/document.xml'/>"
            "</Relationships>",
            "word/_rels/document.xml.rels": f"<Relationships xmlns='{office}/package/2006/relationships'><Relationship "
            f"Id='r1' Type='{office}/officeDocument/2006/relationships/styles' Target='styles.xml'/></Relationships>",
            "word/document.xml": f"<w:document xmlns:w='{office}/wordprocessingml/2006/main'><w:body>{body}</w:body>"
            "</w:document>",
            "word/styles.xml": f"<w:styles xmlns:w='{office}/wordprocessingml/2006/main'>{styles}</w:styles>",
        }
    )


def pptx() -> bytes:
    from pptx import Presentation

    slides = Presentation()
    slide = slides.slides.add_slide(slides.slide_layouts[1])
    slide.shapes.title.text = "Leave"
    slide.placeholders[1].text = "Ask by Friday."
    held = io.BytesIO()
    slides.save(held)
    return held.getvalue()


def epub() -> bytes:
    return archive(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": "<container><rootfiles><rootfile full-path='a.opf'/></rootfiles></container>",
            "a.opf": "<package xmlns:dc='http://purl.org/dc/elements/1.1/'><metadata><dc:title>Leave</dc:title></metadata>"
            "<manifest><item id='a' href='a.xhtml' media-type='application/xhtml+xml'/></manifest>"
            "<spine><itemref idref='a'/></spine></package>",
            "a.xhtml": "<html><body><h1>Leave</h1><p>Ask by Friday.</p></body></html>",
        }
    )


def pdf(text: str = "Leave: ask by Friday.") -> bytes:
    drawing = f"BT /F1 18 Tf 72 700 Td ({text}) Tj ET"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
        "/Resources << /Font << /F1 5 0 R >> >> >>",
        f"<< /Length {len(drawing)} >>\nstream\n{drawing}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    written, starts = "%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        starts.append(len(written))
        written += f"{number} 0 obj\n{content}\nendobj\n"
    table = "".join(f"{start:010} 00000 n \n" for start in starts)
    trailer = f"trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n{len(written)}\n%%EOF\n"
    return f"{written}xref\n0 6\n0000000000 65535 f \n{table}{trailer}".encode()


def texts(parsed: Parsed) -> str:
    return "\n".join(block.text for section in parsed.sections for block in section.blocks)


HTML = (
    "<html><head><title>x</title><style>p {}</style></head><body><h1>Leave</h1><p>Ask by <b>Friday</b>.</p>"
    "<table><tr><th>Day</th><th>Who</th></tr><tr><td>Monday</td><td>Işık</td></tr></table></body></html>"
)


def test_html() -> None:
    parsed = converted.parse("a.html", HTML.encode())
    assert [section.heading for section in parsed.sections] == [("Leave",)]
    assert [block.kind for block in parsed.sections[0].blocks] == ["paragraph", "table"]
    assert parsed.sections[0].blocks[1].table[1].cells == ("Monday", "Işık")


def test_html_in_another_encoding() -> None:
    parsed = converted.parse("a.htm", HTML.encode("utf-16"))
    assert parsed.sections[0].blocks[1].table[1].cells == ("Monday", "Işık")


@pytest.mark.parametrize(("name", "make"), [("a.docx", docx), ("a.pptx", pptx), ("a.epub", epub)])
def test_documents_with_headings(name: str, make: object) -> None:
    parsed = converted.parse(name, make())  # type: ignore[operator]
    assert parsed.sections[-1].heading[-1] == "Leave"
    assert "Ask by Friday." in texts(parsed)


def test_pdf() -> None:
    assert "Leave: ask by Friday." in texts(converted.parse("a.PDF", pdf()))


@pytest.mark.parametrize("name", ["a.docx", "a.pptx", "a.epub", "a.pdf"])
@pytest.mark.parametrize("raw", [b"", b"\x00\xff rubbish", b"PK\x03\x04broken", b"%PDF-1.4\nbroken"])
def test_what_cannot_be_converted_is_a_document_error(name: str, raw: bytes) -> None:
    with pytest.raises(DocumentError) as caught:
        converted.parse(name, raw)
    assert caught.value.message.startswith(f"{name}: ")
    assert caught.value.hint


def test_a_document_without_text_is_refused() -> None:
    with pytest.raises(DocumentError, match="no text"):
        converted.parse("scan.pdf", pdf(""))


def test_without_markitdown_the_hint_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "markitdown", None)
    with pytest.raises(DocumentError) as caught:
        converted.parse("a.docx", docx())
    assert caught.value.message == "a.docx: .docx files need markitdown, which is not installed."
    assert 'pip install "imprint[documents]"' in caught.value.hint
    assert "make setup EXTRAS=documents" in caught.value.hint
