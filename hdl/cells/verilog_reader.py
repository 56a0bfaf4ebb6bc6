"""Structural Verilog back to a `Netlist`: what `inkling.hdl.cells.verilog_writer` emits and what yosys writes of
mapped designs.

Only ports, wires, assignments of nets and instances with named pins are understood; behaviour is not.
"""

import re
from collections.abc import Iterator, Sequence

from inkling.approx.netlists.build import Gate, build
from inkling.approx.reference.netlist import CellType, Netlist, Port
from inkling.train.errors import InputError

MOST_CHARACTERS = 256 * 2**20
MOST_WIDTH = 65_536
MOST_BITS = 20_000_000
MOST_NESTED = 50

_TOKEN = re.compile(
    r"""(?P<skip>\s+|//[^\n]*|/\*.*?\*/|\(\*.*?\*\)|`[^\n]*)
    |(?P<number>\d+'[bhdBHD][0-9a-fA-F_xXzZ]+|\d+)
    |(?P<name>\\\S+|[A-Za-z_][A-Za-z0-9_$]*)
    |(?P<mark>[()\[\]{}:;,.=])""",
    re.VERBOSE | re.DOTALL,
)


def read(text: str, cells: Sequence[CellType], *, module: str = "top", where: str = "mapped.v") -> Netlist:
    """The module as a netlist of the given cells; other modules in the text (models of cells) are passed over.

    Raises InputError, which names the line, for anything outside the subset, and for loops and undriven nets.
    """
    if len(text) > MOST_CHARACTERS:
        raise InputError(f"{where}: longer than {MOST_CHARACTERS >> 20} MiB; give a smaller netlist")
    parser = _Parser(text, {cell.name: cell for cell in cells}, where)
    while parser.peek() != "":
        parser.expect("module")
        if parser.name() == module:
            return parser.module()
        while parser.next() not in ("endmodule", ""):
            pass
    raise InputError(f"{where}: there is no module {module!r}; name another")


class _Parser:
    def __init__(self, text: str, cells: dict[str, CellType], where: str) -> None:
        self.where = where
        self.cells = cells
        self.tokens = self._split(text)
        self.line = 1
        self.ahead: str | None = None
        self.widths: dict[str, int] = {}
        self.directions: dict[str, str] = {}
        self.gates: dict[str, Gate] = {}
        self.same: dict[str, str] = {}
        self.bits_read = 0

    def _split(self, text: str) -> Iterator[str]:
        at = 0
        while at < len(text):
            match = _TOKEN.match(text, at)
            if match is None:
                raise self.error(f"{text[at : at + 20]!r} is not understood")
            if match.lastgroup != "skip":
                yield match[0]
            self.line += match[0].count("\n")
            at = match.end()

    def error(self, what: str) -> InputError:
        return InputError(f"{self.where}:{self.line}: {what}; give a netlist of cells alone")

    def next(self) -> str:
        token = self.ahead if self.ahead is not None else next(self.tokens, "")
        self.ahead = None
        return token

    def peek(self) -> str:
        if self.ahead is None:
            self.ahead = next(self.tokens, "")
        return self.ahead

    def expect(self, wanted: str) -> None:
        found = self.next()
        if found != wanted:
            raise self.error(f"{wanted!r} is expected, not {found[:40]!r}")

    def accept(self, wanted: str) -> bool:
        if self.peek() != wanted:
            return False
        self.next()
        return True

    def name(self) -> str:
        token = self.next()
        if not re.fullmatch(r"\\\S+|[A-Za-z_][A-Za-z0-9_$]*", token):
            raise self.error(f"a name is expected, not {token[:40]!r}")
        return token.removeprefix("\\")

    def number(self) -> int:
        token = self.next()
        if not token.isdecimal() or len(token) > 9 or int(token) >= MOST_WIDTH:
            raise self.error(f"a bit's number is expected, not {token[:40]!r}")
        return int(token)

    def module(self) -> Netlist:
        order: list[str] = []
        if self.accept("("):
            direction = ""
            while not self.accept(")"):
                if self.peek() in ("input", "output"):
                    direction = self.next()
                if direction:
                    self.accept("wire")
                    width = self.range()
                    order.append(self.name())
                    self.declare(order[-1], width, direction)
                else:
                    order.append(self.name())
                if self.peek() != ")":
                    self.expect(",")
        self.expect(";")
        while not self.accept("endmodule"):
            word = self.name()
            if word in ("input", "output", "wire"):
                self.accept("wire")
                width = self.range()
                names = [self.name()]
                while self.accept(","):
                    names.append(self.name())
                for name in names:
                    self.declare(name, width, "" if word == "wire" else word)
                self.expect(";")
            elif word == "assign":
                self.assign()
            elif word in self.cells:
                self.instance(self.cells[word])
            else:
                raise self.error(f"{word[:40]!r} is neither a cell nor a declaration")
        return self.netlist(order)

    def range(self) -> int:
        if not self.accept("["):
            return 1
        high = self.number()
        self.expect(":")
        if self.number() != 0:
            raise self.error("ranges are expected to end at 0")
        self.expect("]")
        return high + 1

    def declare(self, name: str, width: int, direction: str) -> None:
        if self.widths.setdefault(name, width) != width:
            raise self.error(f"{name[:40]!r} is declared with two widths")
        if direction and self.directions.setdefault(name, direction) != direction:
            raise self.error(f"{name[:40]!r} is declared as input and output")

    def nets(self, depth: int = 0) -> list[str]:
        """The nets of an expression, least significant first."""
        if self.accept("{"):
            if depth > MOST_NESTED:
                raise self.error(f"braces are nested more than {MOST_NESTED} deep")
            parts = [self.nets(depth + 1)]
            while self.accept(","):
                parts.append(self.nets(depth + 1))
            self.expect("}")
            return [net for part in reversed(parts) for net in part]
        if "'" in self.peek():
            return self.constant(self.next())
        name = self.name()
        width = self.widths.get(name)
        if width is None:
            raise self.error(f"net {name[:40]!r} is not declared")
        high, low = width - 1, 0
        if self.accept("["):
            high = low = self.number()
            if self.accept(":"):
                low = self.number()
            self.expect("]")
        if not low <= high < width:
            raise self.error(f"{name[:40]!r} has {width} bits")
        self.bits_read += high - low + 1
        if self.bits_read > MOST_BITS:
            raise self.error(f"more than {MOST_BITS} bits are connected")
        return [f"{name}[{bit}]" for bit in range(low, high + 1)]

    def constant(self, token: str) -> list[str]:
        size, rest = token.split("'")
        try:
            value = int(rest[1:].replace("_", ""), {"b": 2, "h": 16, "d": 10}[rest[0].lower()])
            width = int(size[:9])
        except ValueError:
            raise self.error(f"constant {token[:40]!r} is not of zeros and ones") from None
        if not 1 <= width <= MOST_WIDTH or value >> width:
            raise self.error(f"constant {token[:40]!r} does not fit")
        return ["1'b1" if value >> bit & 1 else "1'b0" for bit in range(width)]

    def assign(self) -> None:
        left = self.nets()
        self.expect("=")
        right = self.nets()
        self.expect(";")
        if len(left) != len(right):
            raise self.error(f"an assignment of {len(right)} bits to {len(left)}")
        for net, source in zip(left, right, strict=True):
            self.drive(net)
            self.same[net] = source

    def drive(self, net: str) -> None:
        if net in self.gates or net in self.same or net.startswith("1'b"):
            raise self.error(f"net {net[:40]!r} is driven twice")

    def instance(self, cell: CellType) -> None:
        self.name()
        self.expect("(")
        pins: dict[str, str] = {}
        while not self.accept(")"):
            self.expect(".")
            pin = self.name()
            self.expect("(")
            nets = self.nets()
            self.expect(")")
            if len(nets) != 1 or pin in pins:
                raise self.error(f"pin {pin[:40]!r} of a {cell.name} is connected to {len(nets)} bits, or twice")
            pins[pin] = nets[0]
            if self.peek() != ")":
                self.expect(",")
        self.expect(";")
        if set(pins) != {*cell.inputs, cell.output}:
            raise self.error(f"a {cell.name} is connected by {sorted(pins)}, not by all of its pins")
        self.drive(pins[cell.output])
        self.gates[pins[cell.output]] = Gate(cell, tuple(pins[pin] for pin in cell.inputs))

    def root(self, net: str) -> str:
        path = []
        while net in self.same:
            path.append(net)
            net = self.same[net]
            if len(path) > len(self.same):
                raise self.error(f"net {net[:40]!r} is assigned to itself")
        for passed in path:
            self.same[passed] = net
        return net

    def netlist(self, order: Sequence[str]) -> Netlist:
        if set(order) != set(self.directions):
            raise self.error("the ports in the module's head are not those declared")
        ports = {name: (Port(name, self.widths[name]), self.bits(name)) for name in order}
        return build(
            [ports[name] for name in order if self.directions[name] == "input"],
            [
                (port, [self.root(net) for net in nets])
                for port, nets in (ports[name] for name in order if self.directions[name] == "output")
            ],
            {
                net: Gate(gate.type, tuple(self.root(source) for source in gate.sources))
                for net, gate in self.gates.items()
            },
            zero="1'b0",
            one="1'b1",
            where=self.where,
        )

    def bits(self, name: str) -> list[str]:
        return [f"{name}[{bit}]" for bit in range(self.widths[name])]
