"""Boolean functions as Liberty files write them, as truth tables: `!a`, `a'`, `a * b`, `a & b`, `a b`, `+`, `|`, `^`.

A truth table over k pins is an integer of 2**k bits; bit m is the value where pin i carries bit i of m.
"""

import re
from collections.abc import Mapping

from inkling.train.errors import InputError

LONGEST = 4096
DEEPEST = 50
MOST_PINS = 7

_TOKEN = re.compile(r"\s*(?:([A-Za-z_][\w\[\].$]*|[01])|([!'*&+|^()])|(\S))")


def pin_tables(count: int) -> tuple[int, ...]:
    """The truth table of each of `count` pins itself."""
    if count > MOST_PINS:
        raise ValueError(f"{count} pins are more than {MOST_PINS}")
    states = range(2**count)
    return tuple(sum(1 << m for m in states if m >> pin & 1) for pin in range(count))


def truth_table(text: str, pins: Mapping[str, int], full: int) -> int:
    """The table of a function of the named pins' tables; `full` has a 1 for every state.

    Raises InputError, which names neither file nor line, if the text is no function or names another pin.
    """
    if len(text) > LONGEST:
        raise InputError(f"a function of {len(text)} characters is too long")
    return _Function(text, pins, full).value()


class _Function:
    """Recursive descent; tightest first: negation, exclusive or, and, or (the order that Liberty defines)."""

    def __init__(self, text: str, pins: Mapping[str, int], full: int) -> None:
        self.pins = pins
        self.full = full
        self.text = text
        self.tokens: list[str] = []
        for match in _TOKEN.finditer(text.strip()):
            if match[3]:
                raise self.error(f"{match[3]!r} is not expected")
            self.tokens.append(match[1] or match[2])
        self.at = 0
        self.depth = 0

    def error(self, what: str) -> InputError:
        return InputError(f"function {self.text[:60]!r}: {what}")

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def value(self) -> int:
        result = self.disjunction()
        if self.peek():
            raise self.error(f"{self.peek()!r} is not expected")
        return result

    def disjunction(self) -> int:
        result = self.conjunction()
        while self.peek() in ("+", "|"):
            self.at += 1
            result |= self.conjunction()
        return result

    def conjunction(self) -> int:
        result = self.exclusive()
        while (token := self.peek()) and token not in "+|)":
            if token in "*&":
                self.at += 1
            result &= self.exclusive()
        return result

    def exclusive(self) -> int:
        result = self.factor()
        while self.peek() == "^":
            self.at += 1
            result ^= self.factor()
        return result

    def factor(self) -> int:
        negated = False
        while self.peek() == "!":
            self.at += 1
            negated = not negated
        token = self.peek()
        self.at += 1
        if token == "(":
            self.depth += 1
            if self.depth > DEEPEST:
                raise self.error(f"parentheses are nested more than {DEEPEST} deep")
            result = self.disjunction()
            self.depth -= 1
            if self.peek() != ")":
                raise self.error("')' is missing")
            self.at += 1
        elif token in ("0", "1"):
            result = self.full if token == "1" else 0
        elif token in self.pins:
            result = self.pins[token]
        else:
            raise self.error(f"a pin is expected, not {token[:40]!r}" if token else "it ends too early")
        while self.peek() == "'":
            self.at += 1
            negated = not negated
        return result ^ self.full if negated else result
