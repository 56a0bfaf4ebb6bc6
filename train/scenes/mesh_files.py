"""What is checked and put right in a mesh file's bytes before a reader is trusted with them.

A .glb of half a kilobyte may claim gigabytes, and OBJ counts negative indices from the last vertex *so far*, which
readers get wrong. Reading itself is `inkling.train.scenes.mesh.load`.
"""

import math
import struct
from collections.abc import Mapping
from typing import Any

from inkling.train.errors import InputError
from inkling.train.files import checked_json

_BYTES = {5120: 1, 5121: 1, 5122: 2, 5123: 2, 5125: 4, 5126: 4}  # of glTF's component types
_COMPONENTS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
# Accessors may share bytes of the file, a little: positions and normals of two meshes, say.
SHARED = 4


def checked(content: bytes, kind: str, name: str, most_triangles: int) -> bytes:
    """The bytes that are given to the reader of this kind ("obj", "glb", ...). Raises InputError."""
    if kind == "obj":
        return _absolute(content, name)
    if kind == "glb":
        _check_glb(content, name, most_triangles)
    return content


def _absolute(content: bytes, name: str) -> bytes:
    """An OBJ text whose faces name vertices, texture places and normals by their numbers from 1."""
    if b"-" not in content:
        return content
    lines = content.replace(b"\\\r\n", b" ").replace(b"\\\n", b" ").split(b"\n")
    counts = {b"v": 0, b"vt": 0, b"vn": 0}
    order = (b"v", b"vt", b"vn")
    for number, line in enumerate(lines):
        words = line.split()
        if not words:
            continue
        if words[0] in counts:
            counts[words[0]] += 1
        elif words[0] == b"f" and b"-" in line.split(b"#")[0]:
            corners = line.split(b"#")[0].split()[1:]
            lines[number] = b" ".join([b"f", *(_corner(c, counts, order, name, number + 1) for c in corners)])
    return b"\n".join(lines)


def _corner(corner: bytes, counts: Mapping[bytes, int], order: tuple[bytes, ...], name: str, line: int) -> bytes:
    parts = corner.split(b"/")
    for k, part in enumerate(parts[:3]):
        if not part.startswith(b"-"):
            continue
        try:
            back = int(part)
        except ValueError:
            continue  # for the reader to refuse
        index = counts[order[k]] + 1 + back
        if index < 1:
            raise InputError(
                f"{name}, line {line}: index {back} counts back beyond the first of {counts[order[k]]}; repair it"
            )
        parts[k] = str(index).encode()
    return b"/".join(parts)


def _check_glb(content: bytes, name: str, most_triangles: int) -> None:
    """Raise InputError where the scene decodes to more than its file can hold."""
    try:
        magic, _, _, size, chunk = struct.unpack("<4sIII4s", content[:20])
        text = content[20 : 20 + size].decode() if (magic, chunk) == (b"glTF", b"JSON") else ""
    except (struct.error, UnicodeDecodeError):
        text = ""
    about = checked_json.parse(text, f"{name}: is no binary glTF file", "export it again").data
    accessors, meshes, nodes = (_objects(about, key) for key in ("accessors", "meshes", "nodes"))
    sizes = [_accessor(item, k, name) for k, item in enumerate(accessors)]
    if sum(sizes) > SHARED * len(content):
        raise InputError(f"{name}: its accessors claim {sum(sizes)} bytes in a file of {len(content)}; export again")
    counts = []
    for item in meshes:
        vertices = 0
        for primitive in _objects(item, "primitives"):
            attributes = primitive.get("attributes")
            at = primitive.get("indices", attributes.get("POSITION") if isinstance(attributes, dict) else None)
            if isinstance(at, int) and 0 <= at < len(accessors):
                vertices += int(accessors[at]["count"])
        counts.append(vertices)
    uses = [node.get("mesh") for node in nodes]
    shown = sum(counts[k] for k in uses if isinstance(k, int) and 0 <= k < len(counts)) / 3
    if shown > most_triangles:
        raise InputError(f"{name}: shows {shown:.0f} triangles, more than {most_triangles}; simplify the scene")


def _objects(about: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    found = about.get(key, [])
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _accessor(item: Mapping[str, Any], number: int, name: str) -> int:
    """The bytes that an accessor decodes to."""
    count = item.get("count")
    if type(count) is not int or not 0 <= count < 2**31:
        raise InputError(f"{name}: accessor {number} has no count; export the scene again")
    if count and ("sparse" in item or "bufferView" not in item):
        raise InputError(
            f"{name}: accessor {number} has no values in the file (compressed and sparse meshes are not read); "
            "export the scene without compression"
        )
    width = _BYTES.get(item.get("componentType", 0), 8) * _COMPONENTS.get(str(item.get("type")), 16)
    return math.prod((count, width))
