"""CSV, TSV and Parquet are read as lists of objects."""

import datetime
import io
from decimal import Decimal

import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from imprint.documents.tabular import parse_csv, parse_parquet, parse_tsv
from imprint.documents.types import Field, LeftOut, Parsed, Record, Row
from imprint.errors import DocumentError


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_a_csv_file_is_records_with_their_lines(mark: str) -> None:
    text = 'name,area,note\nAnkara,25.0,"a,\n""b"" "\n\nİzmir,007,c\n'.replace(",", mark)
    first, second = parse_csv("x.csv", text).records
    note = f'a{mark}\n"b" '
    assert first == Record("Ankara", (), (2, 3), (Field("area", "25.0", 2, True), Field("note", note, 2, True)), "name")
    assert (second.subject, second.lines, second.fields[0].value) == ("İzmir", (5, 5), "007")


def test_tsv_has_tabs_only() -> None:
    found = parse_tsv("x.tsv", "name\tnote\na\tx, y, z\nb\tw\n").records
    assert [(one.subject, one.fields[0].value) for one in found] == [("a", "x, y, z"), ("b", "w")]


def test_numbers_in_a_table_are_numbers() -> None:
    first, second = parse_csv("x.csv", "name,n,year\na,5,1999\nb,6,2001\n").records
    assert [(one.value, one.is_unique) for one in (*first.fields, *second.fields)] == [
        ("5", False),
        ("1999", True),
        ("6", False),
        ("2001", True),
    ]


def test_a_ragged_row_is_left_out_and_the_rest_goes_on() -> None:
    found = parse_csv("x.csv", "name,n\na,1,2\nb,3,\nc\nd,4\n")
    assert [record.subject for record in found.records] == ["b", "d"]
    assert found.left_out == (
        LeftOut((2, 2), "a ragged row", "a row with 3 cells where the header has 2"),
        LeftOut((4, 4), "a ragged row", "a row with 1 cells where the header has 2"),
    )


def test_columns_without_a_name_or_with_the_same_one() -> None:
    found = parse_csv("x.csv", ",name,n,n\n0,a,1,2\n1,b,3,4\n")
    assert [one.name for one in found.records[0].fields] == ["n", "n 2"]
    assert found.left_out == (LeftOut((1, 1), "a column without a name", "column 1"),)


def test_ready_made_rows_in_a_table() -> None:
    found = parse_csv("x.csv", 'Question,Answer\n"a ",4.50\nc,\n')
    assert found == Parsed(rows=(Row((2, 2), "a ", "", "4.50"),), left_out=(LeftOut((3, 3), "an empty row", "answer"),))


def test_an_unclosed_quote_is_told() -> None:
    found = parse_csv("x.csv", 'name,n\na,1\nb,"2\nc,3\nd,4\ne,5,6\n')
    assert [record.lines for record in found.records] == [(2, 2)]
    assert found.left_out == (LeftOut((3, 6), "an unclosed quote"),)


def test_a_nul_byte_is_an_error_with_its_line() -> None:
    with pytest.raises(DocumentError, match=r"^x\.csv:2: a NUL byte"):
        parse_csv("x.csv", "a,b\n1,\0\n")


def test_a_long_cell_is_read() -> None:
    (record,) = parse_csv("x.csv", "name,text\na," + "word " * 50_000 + "\n").records
    assert len(record.fields[0].value) == 250_000


@settings(derandomize=True, deadline=None, max_examples=150)
@given(st.text(alphabet='ab1",;\n\t\0 é') | st.text())
def test_any_text_gives_records_or_a_typed_error(text: str) -> None:
    for parse in (parse_csv, parse_tsv):
        found: Parsed | str
        try:
            found = parse("x", text)
        except DocumentError as error:
            found = error.message
        assert isinstance(found, Parsed) or found.startswith("x:")


# ---- Parquet --------------------------------------------------------------------------------------------------------


def to_parquet(rows: list[dict[str, object]]) -> bytes:
    buffer = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(rows), buffer)
    return buffer.getvalue()


def test_parquet_columns_are_fields_and_lines_are_row_numbers() -> None:
    rows: list[dict[str, object]] = [
        {"name": "a", "in": {"x": 1.5, "l": ["p", "q"]}, "on": datetime.date(2026, 1, 2), "cost": Decimal("1.10")},
        {"name": "b", "in": {"x": None, "l": []}, "on": datetime.date(2026, 1, 3), "cost": Decimal("12.00")},
    ]
    first, second = parse_parquet("x.parquet", to_parquet(rows)).records
    assert [(one.name, one.value, one.line) for one in first.fields] == [
        ("in.x", "1.5", 1),
        ("in.l", "p, q", 1),
        ("on", "2026-01-02", 1),
        ("cost", "1.10", 1),
    ]
    assert [(one.name, one.value, one.line) for one in second.fields][:1] == [("in.x", "null", 2)]


def test_parquet_rows_of_a_known_form_are_rows() -> None:
    said = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    assert parse_parquet("x.parquet", to_parquet([{"messages": said}])).rows == (Row((1, 1), "a", "", "b"),)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.data())
def test_broken_parquet_is_a_typed_error(data: st.DataObject) -> None:
    raw = bytearray(to_parquet([{"name": "a", "n": number} for number in range(20)]))
    if data.draw(st.booleans()):
        raw = raw[: data.draw(st.integers(0, len(raw) - 1))]
    else:
        for _ in range(5):
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    found: Parsed | str
    try:
        found = parse_parquet("x", bytes(raw))
    except DocumentError as error:
        found = error.message
    assert isinstance(found, Parsed) or found.startswith("x: ")


def test_what_is_no_parquet_is_said() -> None:
    with pytest.raises(DocumentError, match=r"^x: not a Parquet file: "):
        parse_parquet("x", b"")
