# Parts of a long text (S3), against smsutil's splitter as oracle.

import pytest
import smsutil
from hypothesis import given
from hypothesis import strategies as st

from aftercall.domain.segments import Segments, measure, parts
from tests.domain.test_gsm7 import ALPHABET

GSM = st.text(st.sampled_from([*ALPHABET, *"€[]" * 30]), min_size=1, max_size=900)
# The oracle takes the escape for a character, and an empty text for UCS-2.
LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\x1b")
ANY = st.text(st.one_of(LETTERS, st.sampled_from("🎉aय")), min_size=1, max_size=400)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Segments("gsm7", 0, 0, 0, 160, 160)),
        ("a" * 160, Segments("gsm7", 160, 160, 1, 160, 0)),
        ("a" * 161, Segments("gsm7", 161, 161, 2, 153, 145)),
        ("a" * 306, Segments("gsm7", 306, 306, 2, 153, 0)),
        ("€" * 80, Segments("gsm7", 80, 160, 1, 160, 0)),
        ("a" * 152 + "€" * 10, Segments("gsm7", 162, 172, 2, 153, 133)),
        ("य" * 70, Segments("ucs2", 70, 70, 1, 70, 0)),
        ("य" * 71, Segments("ucs2", 71, 71, 2, 67, 63)),
        ("🎉" * 35, Segments("ucs2", 35, 70, 1, 70, 0)),
        ("🎉" * 36, Segments("ucs2", 36, 72, 2, 67, 61)),
        ("it’s", Segments("ucs2", 4, 4, 1, 70, 66)),
    ],
)
def test_measure_counts_units_and_segments(text: str, expected: Segments) -> None:
    assert measure(text) == expected


@given(st.one_of(GSM, ANY))
def test_parts_are_the_oracles(text: str) -> None:
    theirs = smsutil.split(text)
    ours = measure(text)
    assert ours.encoding == ("gsm7" if theirs.encoding == "gsm0338" else "ucs2")
    assert ours.segments == len(theirs.parts)
    assert parts(text, ours.encoding) == [part.content for part in theirs.parts]


@given(st.one_of(GSM, ANY))
def test_parts_joined_are_the_text(text: str) -> None:
    for encoding in ("gsm7", "ucs2"):
        assert "".join(parts(text, encoding)) == text


@given(st.one_of(GSM, ANY))
def test_measure_agrees_with_parts(text: str) -> None:
    found = measure(text)
    made = parts(text, found.encoding)
    assert found.segments == len(made)
    assert 0 <= found.left <= found.per_segment
