"""Mutations of valid files into hostile ones, each a function of bytes and a seeded generator.

Formats that are text, JSON, ZIP archives of arrays or plain bytes share what is here; what a reader makes of the
results is in `fuzz.kinds`.
"""

import io
import json
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from typing import Any

Mutation = Callable[[bytes, random.Random], bytes]

NUMBERS = (
    *("0", "-0", "-1", "1e999", "-1e999", "NaN", "Infinity", "-Infinity", "1e308", "5e-324", "0.1", "1.5"),
    *("127", "128", "255", "256", "65536", "2147483647", "2147483648", "4294967295", "4294967296"),
    *(str(2**53 + 1), str(2**63 - 1), str(2**63), str(2**64), "-" + str(2**63), "1" * 400, "9" * 4500, "1e-400"),
    *("0x10", "1_000", "1,5", "\u0661\u0662", "--1", "+", "1e", ""),
)
TEXTS = (
    *("", " ", "\0", "\n", "\r", "\u2028", "\ufeff", "\u202e", "\ud7ff\U0001f600", "a" * 30_000, "'\"`", "\x1b[31m"),
    *("../../../etc/passwd", "/dev/zero", "con", "[bold]", "{0}", "%s%n", "$(id)", "<script>", "__proto__", "\x85"),
)
WORDS = ("null", "true", "[]", "{}", '""', "[[[]]]", '{"a":{"a":{}}}')


def json_values(rng: random.Random) -> Any:
    """A value where another kind is expected."""
    return rng.choice(
        [
            None, True, False, 0, -1, 1, 2, 7, 8, 9, 255, 2**31, 2**63, 2**64, -(2**63), 10**400, 0.5, -0.5, 1e308, 5e-324,  # noqa: E501
            float("nan"), float("inf"), float("-inf"), [], {}, [[]], [None], [0] * 300, ["x"] * 300, "", "x",
            rng.choice(TEXTS), {"kind": None}, {"a": 1}, [1e308, -1e308], [[0] * 5] * 5, "9" * 5000, list(range(70_000)),  # noqa: E501
        ]
    )  # fmt: skip


def flips(data: bytes, rng: random.Random) -> bytes:
    """A few bits turned."""
    found = bytearray(data or b"\0")
    for _ in range(rng.choice((1, 1, 2, 4, 16, 64))):
        found[rng.randrange(len(found))] ^= 1 << rng.randrange(8)
    return bytes(found)


def header_flips(data: bytes, rng: random.Random) -> bytes:
    """As `flips`, where formats keep sizes: at the beginning or at the end."""
    near = min(len(data), 96)
    if rng.random() < 0.7:
        return flips(data[:near], rng) + data[near:]
    return data[:-near] + flips(data[-near:], rng)


def truncated(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.choice((0, 1, 3, rng.randrange(len(data) + 1), len(data) - 1))]


def spliced(data: bytes, rng: random.Random) -> bytes:
    """Parts of the file out of order."""
    a, b, c = sorted(rng.randrange(len(data) + 1) for _ in range(3))
    return rng.choice((data[:a] + data[b:], data[:b] + data[a:], data[:a] + data[b:c] + data[a:b] + data[c:]))


def filled(data: bytes, rng: random.Random) -> bytes:
    """A run of equal bytes over or between what is there."""
    at, run = rng.randrange(len(data) + 1), bytes([rng.choice((0, 255, 32, 127, 128))]) * rng.choice((1, 4, 8, 500))
    return data[:at] + run + data[at + rng.choice((0, len(run))) :]


def sizes(data: bytes, rng: random.Random) -> bytes:
    """A field of 2, 4 or 8 bytes set to an extreme number."""
    form = rng.choice(("<H", ">H", "<I", ">I", "<i", "<Q", ">Q", "<f", "<d"))
    if form[1] in "fd":
        value: float = rng.choice((float("nan"), float("inf"), 1e30, -1e30))
    else:
        bits = 8 * struct.calcsize(form) - (form[1] == "i")
        value = rng.choice((0, 1, 2**bits - 1, 2 ** (bits - 1), 2 ** (bits - 2), 2 ** (bits - 8)))
    raw = struct.pack(form, value)
    at = rng.randrange(max(min(len(data), rng.choice((64, len(data)))), 1))
    return data[:at] + raw + data[at + len(raw) :]


def repeated(data: bytes, rng: random.Random) -> bytes:
    """A part many times, up to a few megabytes."""
    a = rng.randrange(len(data) + 1)
    part = data[a : a + rng.choice((1, 10, 1000))]
    return data[:a] + part * min(rng.choice((2, 50, 5000)), 4_000_000 // (len(part) + 1)) + data[a:]


def foreign(_: bytes, rng: random.Random) -> bytes:
    """Something else altogether."""
    return rng.choice(
        [
            b"", b"\0", b"\xff\xfe", b"PK\x03\x04", b"\x89PNG\r\n\x1a\n", b"%PDF-1.7", b"\x7fELF", b"\x80\x04\x95.",
            b"GIF89a", b"PAR1PAR1", b"solid", b"ply\n", b"OFF\n", b"glTF", b"RIFF", b"\x93NUMPY", b"[" * 200_000,
            b'{"a":' * 100_000, b"(" * 100_000, b"a" * 3_000_000, b"\n" * 1_000_000, b"," * 1_000_000, bytes(100_000),
            "\ufeff\u202e\U0001f600".encode() * 1000, "x".encode("utf-16"), b"\xc0\x80\xed\xa0\x80" * 50,
            random.Random(rng.random()).randbytes(rng.choice((10, 1000, 100_000))),
        ]
    )  # fmt: skip


BYTES: tuple[Mutation, ...] = (flips, header_flips, truncated, spliced, filled, sizes, repeated, foreign)


def _tokens(text: str) -> list[tuple[int, int]]:
    import re

    return [found.span() for found in re.finditer(r"[-+]?[0-9][0-9.eE+-]*|[A-Za-z_]+", text[:200_000])]


def text_tokens(data: bytes, rng: random.Random) -> bytes:
    """Numbers and words of a text replaced by extreme ones."""
    text = data.decode("latin-1")
    for _ in range(rng.choice((1, 1, 2, 5))):
        places = _tokens(text)
        if not places:
            break
        a, b = rng.choice(places)
        new = rng.choice(NUMBERS if text[a].isdigit() or rng.random() < 0.5 else (*TEXTS, *WORDS))
        text = text[:a] + new.encode("utf-8").decode("latin-1") + text[b:]
    return text.encode("latin-1")


def text_lines(data: bytes, rng: random.Random) -> bytes:
    """Lines dropped, doubled, exchanged or joined."""
    lines = data.split(b"\n")
    for _ in range(rng.choice((1, 2, 8))):
        a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
        match rng.randrange(5):
            case 0:
                lines[a] = lines[b]
            case 1:
                lines[a], lines[b] = lines[b], lines[a]
            case 2 if len(lines) > 2:
                del lines[a]
            case 3:
                lines.insert(a, lines[b] + rng.choice((b",", b";", b'"', b"}", b"{", b"\r", b"\0")))
            case 4:
                lines[a] = lines[a] * rng.choice((2, 100))
    return b"\n".join(lines)


def text_marks(data: bytes, rng: random.Random) -> bytes:
    """Delimiters exchanged for others, and encodings."""
    if rng.random() < 0.2:
        text = data.decode("utf-8", "replace")
        return text.encode(rng.choice(("utf-16", "utf-32", "utf-8-sig", "cp037")), "replace")
    old, new = (bytes([rng.choice(b"\"'(){}[],;:|!&*+^\n\t =")]) for _ in range(2))
    return data.replace(old, new, rng.choice((1, 3, -1)))


TEXT: tuple[Mutation, ...] = (*BYTES, text_tokens, text_tokens, text_tokens, text_lines, text_marks)


def json_tree(data: bytes, rng: random.Random) -> bytes:
    """Values of a document replaced, keys taken away, added or renamed, lists lengthened or cut."""
    document = json.loads(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        places: list[tuple[Any, Any]] = []
        _walk(document, places)
        if not places:
            break
        holder, key = rng.choice(places)
        match rng.randrange(6):
            case 0 | 1:
                holder[key] = json_values(rng)
            case 2:
                del holder[key]
            case 3 if isinstance(holder, dict):
                holder[rng.choice(TEXTS)] = json_values(rng)
            case 3:
                holder.extend([holder[key]] * rng.choice((1, 10, 3000)))
            case 4 if isinstance(holder[key], int | float):
                holder[key] = rng.choice((-1, 1, 2, 100)) * holder[key] + rng.choice((-1, 0, 1, 2**20))
            case _:
                holder[key] = nested(rng.choice((3, 50)))
    return json.dumps(document).encode()


def nested(depth: int) -> Any:
    found: Any = 0
    for _ in range(depth):
        found = [found]
    return found


def _walk(item: Any, found: list[tuple[Any, Any]]) -> None:
    if isinstance(item, dict | list):
        keys = list(item) if isinstance(item, dict) else range(min(len(item), 40))
        for key in keys:
            found.append((item, key))
            _walk(item[key], found)


JSON: tuple[Mutation, ...] = (*TEXT, *[json_tree] * 14)


def npz_members(data: bytes, rng: random.Random) -> bytes:
    """An archive whose members have other names, headers, types, shapes or packing."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(item.filename, archive.read(item)) for item in archive.infolist()]
    at = rng.randrange(len(members))
    name, content = members[at]
    match rng.randrange(9):
        case 0:
            del members[at]
        case 1:
            members[at] = (rng.choice(("../x.npy", "/x.npy", "x", "x" * 5000, "\u202e.npy", name + "/")), content)
        case 2:
            members.append((name, content))  # two of one name
        case 3 | 4 | 5:
            members[at] = (name, npy_header(content, rng))
        case 6:
            members[at] = (name, content[:128] + bytes(rng.choice((0, 1000, 50_000_000))))
        case 7:
            members[at] = (name, rng.choice(BYTES)(content, rng))
        case 8:
            members = [(f"x{k}.npy", b"") for k in range(20_000)]
    packing = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
    if len(members) > 100:
        packing = zipfile.ZIP_STORED  # twenty thousand compressors take longer to make than to read
    buffer = io.BytesIO()
    import warnings

    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", packing) as archive:
        warnings.simplefilter("ignore")
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, packing)
    return buffer.getvalue()


def npy_header(content: bytes, rng: random.Random) -> bytes:
    """A .npy member with a hostile header; object arrays carry a pickle that would write a file."""
    kind = rng.choice(("<i8", "|O", "<f8", "|i1", "<U1000", "|V8", "<c16", ">i8", "<M8[s]", "|b1", "i8,i8"))
    shape = rng.choice(
        (
            "()",
            "(0,)",
            "(1,)",
            "(-1,)",
            "(2**40,)",
            f"({2**40},)",
            f"({2**62}, {2**62})",
            "(10,)*9",
            "None",
            f"({10**9},)",
        )
    )
    order = rng.choice(("False", "True", "1", "[]"))
    text = f"{{'descr': '{kind}', 'fortran_order': {order}, 'shape': {shape}, }}".encode()
    if rng.random() < 0.15:
        text = b"(" * rng.choice((100, 9000))
    pickle = b"cos\nsystem\n(S'touch PICKLE_WAS_READ'\ntR." if kind == "|O" else b""
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", min(len(text) + 1, 65535)) + text + b"\n" + pickle + content[128:]


NPZ: tuple[Mutation, ...] = (*BYTES, *[npz_members] * 8)


def bomb(_: bytes, rng: random.Random) -> bytes:
    """A ZIP archive that unpacks to gigabytes."""
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    body, size, mega = [], rng.choice((1, 3)) * 2**30, bytes(2**20)
    crc = 0
    for _ in range(size // 2**20 // 64):  # the directory claims all, the stream holds a part: both are hostile
        body.append(packed.compress(mega))
        crc = zlib.crc32(mega, crc)
    content = b"".join(body) + packed.flush()
    name = b"weights0.npy"
    local = struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, 0, 8, 0, 33, crc, len(content), size, len(name), 0)
    central = struct.pack(
        "<IHHHHHHIIIHHHHHII", 0x02014B50, 20, 20, 0, 8, 0, 33, crc, len(content), size, len(name), 0, 0, 0, 0, 0, 0
    )
    start = len(local) + len(name) + len(content)
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 1, 1, len(central) + len(name), start, 0)
    return local + name + content + central + name + end


def mutate(mutations: Sequence[Mutation], seeds: Sequence[bytes], rng: random.Random) -> bytes:
    """A hostile file: a seed, once or twice mutated. A mutation that cannot be applied leaves the bytes."""
    data = rng.choice(seeds)
    for _ in range(rng.choice((1, 1, 1, 2))):
        try:
            data = rng.choice(mutations)(data, rng)
        except (ValueError, RecursionError, IndexError, KeyError, TypeError, zipfile.BadZipFile, OSError, zlib.error):
            data = rng.choice(BYTES[:6])(data or b"x", rng)  # of what is no longer a document
    return data
