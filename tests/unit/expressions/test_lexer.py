"""The words of an expression: any text has them, and they are all of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cdktr_principal.expressions.lexer import literal, tokens

PIECES = st.sampled_from(
    ["'", '"', "'''", '"""', "\\", "\n", "r'", "b'", "rb", "//", " ", "a", "x.y", "1", "1.5", "0x",
     "e3", "3u", "&&", "&", "==", "=", "{{", "}}", "{", "}", "[", "(", ")", "é", "\0", "\U0001f600"]
)  # fmt: skip
ANY = st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=60).map("".join))


@given(ANY)
def test_tokens_are_parts_of_the_text_in_order_and_leave_out_only_space(text: str) -> None:
    done = 0
    for token in tokens(text):
        assert token.text and token.start >= done
        assert text[token.start : token.end] == token.text
        between = text[done : token.start]
        assert not between.strip(" \t\n\r\f") or "//" in between
        done = token.end


@given(st.text(alphabet="abc 'xé\n", max_size=30))
def test_a_text_without_escapes_means_what_is_between_its_quotes(text: str) -> None:
    for quote in ('"', '"""'):
        if quote == '"""' or "\n" not in text:
            source = f"{quote}{text}{quote}"
            assert [token.text for token in tokens(source)] == [source]
            assert literal(source) == literal(f"r{source}") == text


def test_words() -> None:
    source = "a_1 + 0x1Fu*2.5e-3 >= .5 // to the end\n b'x' r\"\\d\" 'it\\'s' = 1."
    assert [(token.kind, token.text) for token in tokens(source)] == [
        ("name", "a_1"), ("sign", "+"), ("uint", "0x1Fu"), ("sign", "*"), ("float", "2.5e-3"),
        ("sign", ">="), ("float", ".5"), ("bytes", "b'x'"), ("text", 'r"\\d"'),
        ("text", "'it\\'s'"), ("other", "="), ("int", "1"), ("sign", "."),
    ]  # fmt: skip
    assert literal('r"\\d"') == "\\d"
    assert literal("'it\\'s'") is None
