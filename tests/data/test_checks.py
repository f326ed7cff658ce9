"""Options as they are typed at a command line, or stand in JSON."""

import pytest

from data.checks import key_and_value, scalar
from data.errors import InputError


@pytest.mark.parametrize(
    ("value", "kind", "read"),
    [
        ("True", "bool", True),
        (False, "bool", False),
        ("12", "int", 12),
        ("1e3", "int", 1000),
        (3.0, "int", 3),
        ("1e-4", "float", 1e-4),
        (2, "float", 2.0),
        ("1e-4", "str", "1e-4"),
    ],
)
def test_a_value_is_read_as_its_kind(value, kind, read):
    assert (scalar("rate", value, kind), type(scalar("rate", value, kind))) == (read, type(read))


@pytest.mark.parametrize(
    ("value", "kind", "words"),
    [
        ("perhaps", "bool", "true or false"),
        (1, "bool", "true or false"),
        ("1.5", "int", "a whole number"),
        (True, "int", "a whole number"),
        ("inf", "int", "a whole number"),
        ("nan", "float", "a number"),
        (True, "float", "a number"),
        (None, "float", "a number"),
    ],
)
def test_what_is_not_of_the_kind_is_named(value, kind, words):
    with pytest.raises(InputError, match=f"rate: .* is not {words}"):
        scalar("rate", value, kind)


def test_an_option_is_a_key_and_a_value():
    assert key_and_value(" steps = 100 ") == ("steps", "100")
    assert key_and_value("a=b=c") == ("a", "b=c")
    for text in ("steps", "=100", ""):
        with pytest.raises(InputError, match="key=value"):
            key_and_value(text)
