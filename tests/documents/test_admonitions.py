"""The marks of admonitions become words, their bodies ordinary Markdown, and every line stays where it is."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.documents.admonitions import in_words, restore


def words(text: str) -> str:
    done = in_words(text)
    assert done.count("\n") == text.count("\n")
    return restore(done)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("!!! note\n    a\n\n    - b\n        c\nd", "**Note**\na\n\n- b\n    c\nd"),
        ('!!! warning "Take care"\n    a', "**Take care**\na"),
        ('!!! note inline end "Aside"\n    a', "**Aside**\na"),
        ('!!! note ""\n    a', "\na"),
        ("??? tip\n    a\n???+ tip\n    b", "**Tip**\na\n**Tip**\nb"),
        ("!!! note\n\ta\n\t\tb", "**Note**\na\n\tb"),
        ("!!! note\n    !!! tip\n        a\n    b\nc", "**Note**\n**Tip**\na\nb\nc"),
        ("1. a\n\n    !!! note\n        b", "1. a\n\n    **Note**\n    b"),
        ('=== "One"\n    a\n\n=== "Two"\n    b', "**One**\na\n\n**Two**\nb"),
        ("::: tip\na\n:::", "**Tip**\na\n"),
        ("::: tip My title\na\n:::", "**My title**\na\n"),
        (":::note[My title]\na\n:::", "**My title**\na\n"),
        ('::: {.callout-note title="Mine"}\na\n:::', "**Mine**\na\n"),
        (":::: a\n::: b\nc\n:::\n::::", "**A**\n**B**\nc\n\n"),
        ("/// note | Title\n\na\n///", "**Title**\n\na\n"),
        ("/// details | More\n    type: note\n    open: True\n\na\n///", "**More**\n\n\n\na\n"),
        ("//// tab | A\n/// note\na\n///\n////", "**A**\n**Note**\na\n\n"),
        ("> [!NOTE]\n> a\n>\n> - b\n\nc", "**Note**\na\n\n- b\n\nc"),
        ("> [!faq]- Is it?\n> a\n> > [!tip]\n> > b", "**Is it?**\na\n**Tip**\nb"),
        ("!!! not-yet\n    a", "**Not yet**\na"),
    ],
)
def test_marks_become_words(text: str, expected: str) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "```\n!!! note\n    a\n```",
        "~~~~\n::: tip\n~~~\n:::\n~~~~",
        "- ```\n  /// note\n  ///\n  ```",
        "::: package.module\n    :members:",
        "::: tip\nnever closed",
        "/// note | never closed\na",
        ":::\n///\n",
        "wow!!! note\n    a",
        "!!! %\n!!!\n",
        "https:///x\n// a\n//// ",
        "> quoted [!NOTE]",
        "[![badge](a)](b)",
    ],
)
def test_what_is_no_mark_stays(text: str) -> None:
    assert words(text) == text


def test_a_fence_inside_a_body_hides_marks_and_ends_with_the_body() -> None:
    assert (
        words("!!! note\n    ```\n    !!! tip\n    ```\n    !!! tip\n        a")
        == "**Note**\n```\n!!! tip\n```\n**Tip**\na"
    )
    assert words("!!! note\n    ```\n    a\n\n!!! tip\n    b") == "**Note**\n```\na\n\n**Tip**\nb"


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.lists(
        st.sampled_from(
            [
                "!!! a",
                '??? b "c"',
                "::: d",
                ":::",
                "/// e | f",
                "///",
                "> [!G]",
                "> h",
                "    ",
                "\t",
                "```",
                "i",
                "\n",
                "\n",
                '=== "j"',
            ]
        ),
        max_size=30,
    ).map("".join)
    | st.text(max_size=100)
)
def test_the_number_of_lines_never_changes(text: str) -> None:
    words(text)


@pytest.mark.parametrize(
    "text", ["!!! " + "a-" * 500_000 + "%", "::: " + "{" * 500_000, "/// a " + " " * 500_000 + "b", "!!! a\n" * 5000]
)
def test_long_lines_and_many_marks_take_no_time(text: str) -> None:
    words(text)
