"""What is skipped as a change log, a licence or navigation, and what only resembles one."""

import pytest

from imprint.documents.boilerplate import has_words, is_change_log, is_internal, recognize_file

MIT = "MIT License\n\nCopyright (c) 2024 Somebody\n\nPermission is hereby granted, free of charge, to any person\n"
VERSIONS = "# History\n\n## 1.2.0 (2024-01-02)\n\n- x\n"


@pytest.mark.parametrize(
    ("path", "text", "reason"),
    [
        ("CHANGELOG.md", "words", "change log"),
        ("docs/change_log.rst", "words", "change log"),
        ("Release-Notes.txt", "words", "change log"),
        ("HISTORY.md", VERSIONS, "change log"),
        ("news.rst", "v2.1\n====\n\nwords\n", "change log"),
        ("LICENSE", "words", "licence"),
        ("licence.md", "words", "licence"),
        ("COPYING.LESSER", "words", "licence"),
        ("LICENSE-APACHE.txt", "words", "licence"),
        ("NOTICE", "words", "licence"),
        ("terms.txt", MIT, "licence"),
        ("a.txt", "\n   Apache License\n   Version 2.0, January 2004\n", "licence"),
        ("a.txt", "GNU GENERAL PUBLIC LICENSE\n  Version 3, 29 June 2007\n", "licence"),
        (
            "a.md",
            "# Licence\n\nCopyright © 2011, A.\n\nRedistribution and use in source and binary forms, with or without",
            "licence",
        ),
        ("_sidebar.md", "words", "navigation"),
        ("docs/_navbar.md", "words", "navigation"),
        ("SUMMARY.md", "# Summary\n\n- [A](a.md)\n  - [B](b.md)\n", "navigation"),
    ],
)
def test_recognized(path: str, text: str, reason: str) -> None:
    assert recognize_file(path, text) == reason


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("history.md", "# Our history\n\nThe company was founded in 1921.\n"),
        ("news.md", "# News\n\nWe moved.\n"),
        ("license-management.md", "# Licences of our product\n"),
        ("notice-period.md", "words"),
        ("summary.md", "# Summary\n\nThe year went well, see [the report](report.md).\n\nWe grew.\n"),
        ("readme.md", "# Tool\n\nDoes this.\n\n## Licence\n\n" + MIT),
        ("a.md", "# Apache\n\nThe Apache License, Version 2.0, is a licence.\n"),
    ],
)
def test_not_recognized(path: str, text: str) -> None:
    assert recognize_file(path, text) == ""


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["1.2.0 - 2024-01-02", "1.1.0", "1.0.0"], True),
        (["[2.0.0] (June 1, 2024)", "v1.9-beta.1", "Version 1.8"], True),
        (["Unreleased", "0.3.0", "0.2.0", "0.1.0"], True),
        (["1.1", "1.2", "1.3"], False),  # chapters
        (["2024-01-03", "2024-01-02", "2024-01-01"], False),  # a diary
        (["3.0 for everybody", "2.0 and you", "1.0"], False),
        (["Install", "Use", "3.0.0", "2.0.0", "1.0.0", "Ask", "Help"], False),
        ([], False),
    ],
)
def test_change_logs_by_their_headings(names: list[str], expected: bool) -> None:
    assert is_change_log([("Title", name) for name in names]) is expected


def test_headings_below_a_version_count_with_it() -> None:
    headings = [("1.2.0", "Added"), ("1.2.0", "Fixed"), ("1.1.0", "Added"), ("1.0.0", "Added"), ("Title",)]
    assert is_change_log(headings)


@pytest.mark.parametrize(("address", "expected"), [("#a", True), ("../a.md", True), ("/a", True), ("a:b", False)])
def test_internal_addresses(address: str, expected: bool) -> None:
    assert is_internal(address) is expected
    assert not is_internal("https://x.example/")
    assert not is_internal("//x.example/")


def test_words_are_of_any_script() -> None:
    assert all(has_words(text) for text in ("a", "ж", "世", "க", "ش"))
    assert not any(has_words(text) for text in ("", "12", " | • → _ 3.", "🙂"))
