"""The grammar of Liberty files: text to nested groups with attributes. What they mean is in
`inkling.hdl.cells.liberty`.

The text is taken as hostile: its size, its nesting and the number of statements are bounded.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from inkling.train.errors import InputError

MOST_BYTES = 64 * 2**20
MOST_NESTED = 24
MOST_STATEMENTS = 3_000_000

_TOKEN = re.compile(
    r"""(?P<skip>[ \t\r\f\v]+|\\[ \t]*\r?\n|//[^\n]*|/\*.*?\*/)
    |(?P<newline>\n)
    |(?P<string>"(?:[^"\\]|\\.)*")
    |(?P<mark>[(){}:;,])
    |(?P<word>[^\s(){}:;,"\\]+|\\.)
    |(?P<wrong>.)""",
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
    """kind: "string" (without its quotes), "mark", "word", "newline" or "end"."""

    kind: str
    text: str
    line: int


@dataclass(slots=True)
class Group:
    """`name (arguments) { ... }`: simple attributes (the last of a name), complex ones (all), and inner groups."""

    name: str
    arguments: tuple[str, ...]
    line: int
    values: dict[str, str] = field(default_factory=dict)
    lists: dict[str, tuple[str, ...]] = field(default_factory=dict)
    groups: list["Group"] = field(default_factory=list)

    def all(self, *names: str) -> Iterator["Group"]:
        """The inner groups of these names, in order."""
        return (group for group in self.groups if group.name in names)


def parse(text: str, where: str) -> Group:
    """The outermost group of a Liberty text. Raises InputError, with `where` and the line, on anything else."""
    if len(text) > MOST_BYTES:
        raise InputError(f"{where}: larger than {MOST_BYTES >> 20} MiB; give a smaller Liberty file")
    tokens = _Tokens(text, where)
    root = Group("", (), 1)
    stack = [root]
    statements = 0
    while (token := tokens.next()).kind != "end":
        if token.kind == "mark" and token.text == ";":
            continue
        if token.kind == "mark" and token.text == "}":
            if len(stack) == 1:
                raise tokens.error(token, "'}' closes nothing")
            stack.pop()
            continue
        if token.kind != "word":
            raise tokens.error(token, f"a name is expected, not {token.text[:40]!r}")
        statements += 1
        if statements > MOST_STATEMENTS:
            raise tokens.error(token, f"there are more than {MOST_STATEMENTS} statements")
        mark = tokens.next()
        if mark == ("mark", ":", mark.line):
            stack[-1].values[token.text] = _simple(tokens)
        elif mark == ("mark", "(", mark.line):
            arguments = _arguments(tokens)
            after = tokens.next()
            if after == ("mark", "{", after.line):
                if len(stack) > MOST_NESTED:
                    raise tokens.error(token, f"groups are nested more than {MOST_NESTED} deep")
                group = Group(token.text, arguments, token.line)
                stack[-1].groups.append(group)
                stack.append(group)
            else:
                # The ';' of a complex attribute is often left out.
                tokens.put_back(after)
                stack[-1].lists[token.text] = arguments
        else:
            raise tokens.error(mark, f"':' or '(' is expected after {token.text[:40]!r}")
    if len(stack) > 1:
        raise tokens.error(Token("", "", stack[-1].line), f"group {stack[-1].name[:40]!r} is not closed")
    if len(root.groups) != 1 or root.groups[0].name != "library":
        raise InputError(f"{where}: not a Liberty file, which is one 'library (...) {{ ... }}' group")
    return root.groups[0]


class _Tokens:
    """Tokens of a text one after the other, with one place to put a token back. After the last comes "end"."""

    def __init__(self, text: str, where: str) -> None:
        self.where = where
        self._tokens = self._split(text)
        self._back: Token | None = None

    def next_or_newline(self) -> Token:
        if self._back is not None:
            token, self._back = self._back, None
            return token
        return next(self._tokens)

    def next(self) -> Token:
        while (token := self.next_or_newline()).kind == "newline":
            pass
        return token

    def put_back(self, token: Token) -> None:
        self._back = token

    def error(self, token: Token, what: str) -> InputError:
        return InputError(f"{self.where}:{token.line}: {what}; correct the Liberty file")

    def _split(self, text: str) -> Iterator[Token]:
        line = 1
        for match in _TOKEN.finditer(text):
            kind, part = match.lastgroup or "wrong", match[0]
            if kind == "wrong":
                raise self.error(
                    Token("", "", line), "a string is not closed" if part == '"' else f"{part!r} is wrong"
                )
            if kind == "word" and part.startswith("/*"):
                raise self.error(Token("", "", line), "a comment is not closed")
            if kind == "string":
                yield Token(kind, " ".join(part[1:-1].replace("\\", " ").split()), line)
            elif kind != "skip":
                yield Token(kind, part, line)
            if kind not in ("word", "mark"):
                line += part.count("\n")
        while True:
            yield Token("end", "the end", line)


def _simple(tokens: _Tokens) -> str:
    """The value after ':' up to ';', the line's end or the '}' of the group, which is left."""
    parts: list[str] = []
    token = tokens.next()
    while not (token.kind in ("newline", "end") or (token.kind == "mark" and token.text in ";}")):
        parts.append(token.text)
        token = tokens.next_or_newline()
    if not parts:
        raise tokens.error(token, "a value is expected after ':'")
    if token.text == "}":
        tokens.put_back(token)
    return " ".join(parts)


def _arguments(tokens: _Tokens) -> tuple[str, ...]:
    """What stands between the parentheses, split at commas."""
    found: list[list[str]] = [[]]
    while (token := tokens.next()) != ("mark", ")", token.line):
        if token.kind == "end" or (token.kind == "mark" and token.text in "({};"):
            raise tokens.error(token, f"')' is expected, not {token.text!r}")
        if token.kind == "mark" and token.text == ",":
            found.append([])
        else:
            found[-1].append(token.text)
    return tuple(" ".join(parts) for parts in found if parts)
