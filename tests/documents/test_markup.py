"""HTML as plain text."""

import pytest

from imprint.documents.markup import plain_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>one</p><p>two &lt;b&gt; &amp; <b>three</b></p>", "one\ntwo <b> & three"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("<table>\n<tr><th>a</th><th>b</th></tr>\n<tr>\n<td>1</td>\n<td>2</td>\n</tr></table>", "a | b\n1 | 2"),
        ("<ul>\n<li>one</li>\n<li>two\nmore</li></ul>", "- one\n- two more"),
        ("<pre>\na\n    b\n</pre>", "a\n    b"),
        ("<script>let a = '<p>';</script>x<style>\np {}\n</style><!-- <p>y</p> -->", "x"),
        ("<a\n  href='x'>y</a> < 3 && 4 > 3", "y < 3 && 4 > 3"),
        ("<!DOCTYPE html><?xml version='1.0'?><div></div>", ""),
        ("<!-- never closed", ""),
        ("&nbsp;x&#x41;", "xA"),
    ],
)
def test_tags_go_and_words_stay(html: str, text: str) -> None:
    assert plain_text(html) == text


@pytest.mark.parametrize("piece", ["<a ", "<!--", "</", "&", "<script>", "<![CDATA[", "<a x='", "<"])
def test_broken_html_takes_no_time(piece: str) -> None:
    """The standard library's parser needs minutes for some of these."""
    assert len(plain_text("<div>" + piece * 50_000)) <= len(piece) * 50_000
