"""Kinds of hostile files: valid seeds, how they are mutated, and the reader that they are given to.

Mutations that serve several kinds are in `mutations`; how a reader is watched is in `watch`.
"""

import io
import json
import random
import shutil
import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import mutations as m
import numpy as np

SAMPLES = Path(__file__).parent / "samples"
Reader = Callable[[Path, bytes], object]


@dataclass(frozen=True)
class Kind:
    """seeds() gives valid files by suffix; read(folder, bytes, suffix) must return or raise InputError."""

    seeds: Callable[[], dict[str, Sequence[bytes]]]
    mutations: Sequence[m.Mutation]
    read: Callable[[Path, bytes, str], object]


def _written(place: Path, content: bytes) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    return place


# ---- tables


def _csv() -> dict[str, Sequence[bytes]]:
    rows = [f"{i % 7}.{i},{i * i},{'ab'[i % 2]},{i % 3}" for i in range(60)]
    plain = "\n".join(["length,width,colour,label", *rows]).encode()
    quoted = b'"a ""x""";b;label\r\n' + b"".join(b"%d;%d,5;%d\r\n" % (i, i, i % 2) for i in range(30))
    return {".csv": (plain, quoted)}


def _parquet() -> dict[str, Sequence[bytes]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    found = []
    plain = {"a": list(range(50)), "b": [i / 7 for i in range(50)], "label": ["xyz"[i % 3] for i in range(50)]}
    odd = {
        "a": pa.array([1.5, 2.5, None, 0.5, 4.0] * 10),
        "b": pa.array(["x", "y"] * 25).dictionary_encode(),
        "c": pa.array([True, False] * 25),
        "label": pa.array(([1, 1, 2, 2] * 13)[:50], pa.uint64()),
    }
    wrong = {"a": [[1, 2]] * 9, "b": [{"x": 1}] * 9, "label": pa.array([1] * 9, pa.timestamp("s"))}
    for table, packing in ((plain, "snappy"), (plain, "none"), (odd, "gzip"), (odd, "zstd"), (wrong, "none")):
        stream = io.BytesIO()
        pq.write_table(pa.table(table), stream, compression=packing)
        found.append(stream.getvalue())
    return {".parquet": found}


def _read_table(folder: Path, content: bytes, suffix: str) -> object:
    from inkling.train.tables.reading import Reading
    from inkling.train.tables.sources import load

    place = str(_written(folder / f"table{suffix}", content))
    return load(Reading(place, drop_missing=True, one_hot=True, ranges="span"))


# ---- networks, netlists, float networks, fields


@cache
def _tree() -> Any:
    from inkling.approx.quantise import networks
    from inkling.train.tables.sources import load

    development = load("iris").development
    return networks.tree(development, 4), networks.logistic(development)


@cache
def _network_files() -> tuple[tuple[bytes, bytes], ...]:
    import tempfile

    from inkling.approx.reference import network_files

    found = []
    for network in _tree():
        with tempfile.TemporaryDirectory() as folder:
            network_files.save(network, Path(folder))
            found.append(((Path(folder) / "network.json").read_bytes(), (Path(folder) / "network.npz").read_bytes()))
    return tuple(found)


def _read_network(folder: Path, content: bytes, suffix: str) -> object:
    """One of the two files hostile, the other one of each valid pair in turn; refused where no pair is taken."""
    from inkling.approx.reference import network_files
    from inkling.train.errors import InputError

    refused = InputError("")
    for document, arrays in _network_files():
        _written(folder / "network.json", content if suffix == ".json" else document)
        _written(folder / "network.npz", content if suffix == ".npz" else arrays)
        try:
            return network_files.load(folder)
        except InputError as error:
            refused = error
    raise refused


def _netlist() -> dict[str, Sequence[bytes]]:
    from inkling.approx.netlists import tree
    from inkling.approx.reference import netlist_files
    from inkling.hdl.cells.egfet import technology

    cells = [cell.type for cell in technology().cells]
    document = json.loads(netlist_files.to_json(tree.build(_tree()[0], cells)))
    for k, port in enumerate(document["inputs"]):
        port[0] = f"port_{k}"  # columns' names are no identifiers
    return {".json": [json.dumps(document).encode()]}


def _read_netlist(folder: Path, content: bytes, suffix: str) -> object:
    from inkling.approx.reference import netlist_files
    from inkling.train.files.text import text

    place = _written(folder / "netlist.json", content)
    return netlist_files.from_json(text(place), str(place))


def _step() -> dict[str, Sequence[bytes]]:
    """What `inkling train` writes."""
    from inkling.runs import provenance
    from inkling.train.networks.float_files import to_json
    from inkling.train.networks.float_network import FloatNetwork
    from inkling.train.tables.reading import Reading
    from inkling.train.tables.sources import load

    rng = np.random.default_rng(0)
    dataset = load("iris")
    bits = tuple(q.bits for q in dataset.quantisers)
    shape = ((3, len(bits)), (3, 3))
    network = FloatNetwork(
        tuple(rng.normal(size=s) for s in shape), tuple(rng.normal(size=s[0]) for s in shape), bits, "float", 1.0, None,  # noqa: E501
        None, 0.9, 0.9,
    )  # fmt: skip
    about = provenance.of_dataset(dataset, Reading("iris"))
    return {".json": [provenance.text(about, {"network": to_json(network)})]}


def _read_step(folder: Path, content: bytes, suffix: str) -> object:
    from inkling.runs import provenance
    from inkling.train.networks.float_files import from_json

    place = _written(folder / "net.json", content)
    about, fields = provenance.read(place)
    return about, from_json(fields.inner("network").data, str(place))


@cache
def _field() -> tuple[bytes, bytes]:
    """An integer field's field.json and field.npz."""
    import tempfile

    from inkling.approx.fields.random_field import random_field
    from inkling.approx.reference import field_files

    integer = random_field(1, levels=((4, 4, 4, 8), (6, 6, 4, 4)), hidden=(8,), entries=2)
    with tempfile.TemporaryDirectory() as folder:
        field_files.save(integer, Path(folder))
        return (Path(folder) / "field.json").read_bytes(), (Path(folder) / "field.npz").read_bytes()


def _read_field(folder: Path, content: bytes, suffix: str) -> object:
    from inkling.approx.reference import field_files

    document, arrays = _field()
    _written(folder / "field.json", content if suffix == ".json" else document)
    _written(folder / "field.npz", content if suffix == ".npz" else arrays)
    field = field_files.load(folder)
    entry = np.zeros(1, np.int32)
    return field.evaluate(entry, entry, entry)


def _field_seeds() -> dict[str, Sequence[bytes]]:
    document, arrays = _field()
    return {".json": [document], ".npz": [arrays]}


def _packed() -> dict[str, Sequence[bytes]]:
    from inkling.approx.fields.packing import pack

    rng = np.random.default_rng(0)
    return {".bin": [pack([rng.integers(-9, 9, (1, n, n, 4), np.int8) for n in (4, 8)])]}


def _read_packed(folder: Path, content: bytes, suffix: str) -> object:
    from inkling.approx.fields.packing import unpack

    return unpack(content, [(1, n, n, 4) for n in (4, 8)])


# ---- what a run folder holds


def _sample(name: str) -> bytes:
    """A file of a run; design.json with the inputs of the network beside it."""
    content = (SAMPLES / name).read_bytes()
    if name != "design.json":
        return content
    described = json.loads(content)
    described["inputs"] = [
        {"port": f"port_{k}", "column": item.name, "bits": item.bits, "low": 0.5, "high": 7.5}
        for k, item in enumerate(_tree()[0].inputs)
    ]
    return json.dumps(described).encode()


def _samples(*names: str) -> dict[str, Sequence[bytes]]:
    return {f"/{name}": [_sample(name)] for name in names}


RUN_FILES = ("run.json", "report.json", "design.json", "verdict.json", "faults.json", "converters.json")


def _read_run(folder: Path, content: bytes, suffix: str) -> object:
    """The file in an otherwise valid run folder, through `compare`, `report` and the reader of designs."""
    from inkling.designs.compare import compare
    from inkling.designs.report import renewed
    from inkling.reports.page.classifier import write as write_report
    from inkling.reports.results.converters import read as read_converters
    from inkling.reports.results.report import read
    from inkling.runs.folder import run_folder

    run, name = folder / "run", suffix[1:]
    design = run / "designs" / "tree"
    for file in RUN_FILES:
        place = run if file in ("run.json", "report.json", "converters.json") else design
        _written(place / file, content if file == name else _sample(file))
    _written(design / "netlist.json", _netlist()[".json"][0])
    _written(design / "top.v", b"module top; endmodule\n")
    if name == "run.json":
        with run_folder(run):
            pass
        return None
    converters = read_converters(run / "converters.json")
    compare([run], converters)
    report = renewed(read(run / "report.json"), run, converters)
    (folder / "again").mkdir()
    write_report(report, folder / "again")
    if name == "design.json":
        return _read_design(folder, content)
    return None


def _read_design(folder: Path, content: bytes) -> object:
    from inkling.approx.reference import network_files
    from inkling.designs.rows import design_rows
    from inkling.designs.verify import sharing_of
    from inkling.sim.designs.folder import TEXTS, read

    place = folder / "designs" / "tree"
    place.mkdir(parents=True, exist_ok=True)
    network_files.save(_tree()[0], place)
    _written(place / "netlist.json", _netlist()[".json"][0])
    for text in TEXTS:
        _written(place / text, b"module top; endmodule\n" if text.endswith(".v") else b"\n")
    _written(place / "design.json", content)
    design = read(place)
    sharing_of(place)
    return design_rows(design, "iris")


def _read_field_report(folder: Path, content: bytes, suffix: str) -> object:
    import contextlib

    from inkling.designs.report import rebuild

    _written(folder / "report.json", content)
    with contextlib.redirect_stdout(io.StringIO()):
        rebuild(folder)
    return None


def _campaign() -> dict[str, Sequence[bytes]]:
    text = """
name = "printed"
datasets = ["iris", {table = "wine", name = "w", one_hot = true}]
methods = ["gates", "tree"]
rivals = ["tree"]
splits = 3
seeds = [1, 2]
bits = 4
ranges = "span"
areas = [0.1, 1]
budgets = ["quick", {name = "small", base = "quick", rounds = 10, trees = [2, 4]}]
technologies = ["egfet"]
"""
    return {".toml": [text.encode()]}


def _read_campaign(folder: Path, content: bytes, suffix: str) -> object:
    from inkling.campaigns.file import load

    return len(load(_written(folder / "some.toml", content)).campaign)


# ---- cells, models


def _liberty() -> dict[str, Sequence[bytes]]:
    from dataclasses import replace

    from inkling.hdl.cells.egfet import technology
    from inkling.hdl.cells.liberty_writer import write

    cells = technology()
    small = replace(cells, cells=cells.cells[:2])
    return {".lib": [write(small, cells.voltages[0]).encode(), write(cells, cells.voltages[0]).encode()[:30_000]]}


def _read_liberty(folder: Path, content: bytes, suffix: str) -> object:
    from inkling.hdl.cells.liberty import load

    return load(_written(folder / "cells.lib", content))


@cache
def _models() -> tuple[bytes, ...]:
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)

    def constant(name: str, *shape: int, raw: bool = True) -> Any:
        values = rng.normal(size=shape).astype(np.float32)
        if raw:
            return numpy_helper.from_array(values, name)
        return helper.make_tensor(name, TensorProto.FLOAT, shape, values.ravel().tolist())

    def made(nodes: Any, constants: Any) -> bytes:
        graph = helper.make_graph(
            nodes,
            "graph",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])],
            constants,
        )
        content: bytes = helper.make_model(graph).SerializeToString()
        return content

    node = helper.make_node
    first = made(
        [
            node("Gemm", ["x", "w", "b"], ["h"], transB=1),
            node("Relu", ["h"], ["r"]),
            node("BatchNormalization", ["r", "s", "o", "m", "v"], ["n1"], epsilon=1e-5),
            node("MatMul", ["n1", "w2"], ["z"]),
            node("Add", ["z", "b2"], ["a"]),
            node("Softmax", ["a"], ["y"], axis=1),
        ],
        [constant("w", 5, 4), constant("b", 5, raw=False), *(constant(k, 5) for k in "som"),
         numpy_helper.from_array(np.ones(5, np.float32), "v"), constant("w2", 5, 3), constant("b2", 3)],
    )  # fmt: skip
    numbers = [numpy_helper.from_array(np.array(v, np.float32), k) for k, v in (("sc", 0.25), ("ze", 0), ("bi", 4))]
    second = made(
        [
            node("Quant", ["x", "sc", "ze", "bi"], ["q"], domain="qonnx.custom_op.general", signed=0, narrow=0,
                 rounding_mode="ROUND"),
            node("Quant", ["w", "sc", "ze", "bi"], ["wq"], domain="qonnx.custom_op.general", signed=1, narrow=1,
                 rounding_mode="ROUND"),
            node("Transpose", ["wq"], ["wt"], perm=[1, 0]),
            node("MatMul", ["q", "wt"], ["z"]),
            node("Constant", [], ["c"], value=constant("k", 3)),
            node("Reshape", ["c", "sh"], ["c2"]),
            node("Mul", ["z", "c2"], ["d"]),
            node("Clip", ["d", "lo", "hi"], ["y"]),
        ],
        [constant("w", 3, 4), *numbers, numpy_helper.from_array(np.array([3], np.int64), "sh"),
         *(numpy_helper.from_array(np.array(v, np.float32), k) for k, v in (("lo", 0.0), ("hi", 6.0)))],
    )  # fmt: skip
    return first, second


def onnx_fields(data: bytes, rng: random.Random) -> bytes:
    """Nodes, attributes, shapes and types of a model changed."""
    import onnx
    from google.protobuf.message import DecodeError

    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(data)
    except DecodeError as error:
        raise ValueError from error
    graph = proto.graph
    if not graph.node or not graph.initializer:
        raise ValueError
    odd = (0, 1, -1, 2, 3, 100, 2**31, 2**62, -(2**63))
    for _ in range(rng.choice((1, 1, 2))):
        node, tensor = rng.choice(graph.node), rng.choice(graph.initializer)
        names = [*(t.name for t in graph.initializer), *(n.output[0] for n in graph.node), "x", "", "nowhere"]
        operators = (*(n.op_type for n in graph.node), "Loop", "If", "ConstantOfShape", "Tile", "Expand", "Gather", "Pow",  # noqa: E501
                     "Concat", "Squeeze", "Unsqueeze", "Flatten", "ArgMax", "Sub", "Div", "Range", "Conv", "Neg", "Sqrt",  # noqa: E501
                     "Cast", "Dropout", "BipolarQuant", "QuantizeLinear", "Identity", "Reshape", "Transpose")  # fmt: skip  # noqa: E501
        match rng.randrange(12):
            case 0:
                node.op_type = rng.choice(operators)
            case 1 if node.input:
                node.input[rng.randrange(len(node.input))] = rng.choice(names)
            case 2 if node.input:
                del node.input[rng.randrange(len(node.input))]
            case 3:
                node.input.append(rng.choice(names))
            case 4 if node.output:
                node.output[0] = rng.choice(names)
            case 5 if node.attribute:
                attribute = rng.choice(node.attribute)
                attribute.type = rng.randrange(1, 15)
                attribute.i, attribute.f = rng.choice(odd), rng.choice((0.0, float("nan"), float("inf"), -1e30))
                attribute.ints.extend([rng.choice(odd)] * rng.choice((0, 1, 100)))
            case 6:
                tensor.dims[:] = [rng.choice(odd) for _ in range(rng.choice((0, 1, 2, 9)))]
            case 7:
                tensor.data_type = rng.randrange(0, 24)
            case 8:
                tensor.raw_data = rng.choice(
                    (b"", b"\xff" * len(tensor.raw_data), tensor.raw_data * 3, b"\x7f\x80" * 40)
                )
            case 9:
                tensor.name = rng.choice(names)
            case 10:
                graph.node.add().CopyFrom(rng.choice(graph.node))
            case 11:
                graph.input[0].type.tensor_type.shape.dim[-1].dim_value = rng.choice((*odd[:-1], 5, 50))
    content: bytes = proto.SerializeToString()
    return content


def _read_model(folder: Path, content: bytes, suffix: str) -> object:
    from inkling.approx.quantise.from_onnx import read
    from inkling.approx.quantise.models import convert

    model = read(_written(folder / "model.onnx", content))
    rows = np.random.default_rng(0).normal(size=(40, model.shape[0]))
    return convert(model, rows, weight_bits=6)


# ---- meshes, pictures, series


@cache
def _meshes() -> dict[str, Sequence[bytes]]:
    import trimesh

    box = trimesh.creation.box()
    found: dict[str, Sequence[bytes]] = {}
    for kind in ("obj", "ply", "stl", "off", "glb"):
        content = box.export(file_type=kind)
        found[f".{kind}"] = [content if isinstance(content, bytes) else content.encode()]
    ascii_ply = box.export(file_type="ply", encoding="ascii")
    found[".ply"] = [*found[".ply"], ascii_ply if isinstance(ascii_ply, bytes) else ascii_ply.encode()]
    text = trimesh.exchange.stl.export_stl_ascii(box)
    found[".stl"] = [*found[".stl"], text.encode()]
    return found


def glb_json(data: bytes, rng: random.Random) -> bytes:
    """The JSON part of a binary glTF changed, the lengths kept right."""
    if data[:4] != b"glTF":
        raise ValueError
    size = struct.unpack_from("<I", data, 12)[0]
    document = m.json_tree(data[20 : 20 + size], rng)
    document += b" " * (-len(document) % 4)
    rest = data[20 + size :]
    head = struct.pack("<4sIIII", b"glTF", 2, 20 + len(document) + len(rest), len(document), 0x4E4F534A)
    return head + document + rest


def counted(data: bytes, rng: random.Random) -> bytes:
    """Counts that a mesh's header declares, made huge."""
    import re

    if data[:3] == b"ply":
        return re.sub(
            rb"element (\w+) (\d+)",
            lambda f: b"element %s %d" % (f[1], rng.choice((0, 7, 2**31, 10**9, 2**63))),
            data,
        )
    if data[:3] == b"OFF":
        lines = data.split(b"\n")
        lines[1] = b"%d %d 0" % (rng.choice((8, 10**9, 2**63)), rng.choice((12, 10**9, 2**31)))
        return b"\n".join(lines)
    if len(data) > 84 and not data.startswith(b"solid"):
        return data[:80] + struct.pack("<I", rng.choice((0, 2**31, 2**32 - 1, 10**7))) + data[84:]
    return re.sub(rb"\d+", lambda f: rng.choice((f[0], f[0], f[0], b"999999999999")), data)


def _read_mesh(folder: Path, content: bytes, suffix: str) -> object:
    from inkling.train.scenes.mesh import load, open_edges

    found = load(_written(folder / f"mesh{suffix}", content), up="y")
    return found.bounds, open_edges(found)


@cache
def _pictures() -> dict[str, Sequence[bytes]]:
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 255, (12, 16, 3), np.uint8)
    found: dict[str, Sequence[bytes]] = {}
    for kind, mode in (("png", "RGB"), ("jpeg", "RGB"), ("gif", "P"), ("bmp", "RGB"), ("tiff", "RGB"), ("webp", "RGB"),  # noqa: E501
                       ("ppm", "RGB"), ("tga", "RGB"), ("ico", "RGB"), ("pcx", "RGB")):  # fmt: skip
        stream = io.BytesIO()
        Image.fromarray(pixels).convert(mode).save(stream, kind)
        found[f".{kind}"] = [stream.getvalue()]
    stream = io.BytesIO()
    Image.fromarray(pixels[:, :, 0]).save(stream, "png")
    found[".png"] = [*found[".png"], stream.getvalue()]
    return found


def png_size(data: bytes, rng: random.Random) -> bytes:
    """A PNG that declares another size, depth or kind, with a right checksum; or one that unpacks to very much."""
    if data[:4] != b"\x89PNG":
        raise ValueError
    odd = (0, 1, 8000, 8192, 65535, 10**6, 2**31 - 1)
    head = struct.pack(
        ">IIBBBBB", rng.choice(odd), rng.choice(odd), rng.choice((1, 8, 16, 99)), rng.choice((0, 2, 3, 6, 9)), 0, 0,
        rng.choice((0, 1)),
    )  # fmt: skip

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    body = rng.choice((bytes(40), zlib.compress(bytes(rng.choice((10, 10**6, 10**8))), 9)))
    text = chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(10**7), 9)) if rng.random() < 0.3 else b""
    return data[:8] + chunk(b"IHDR", head) + text + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def _read_picture(folder: Path, content: bytes, suffix: str) -> object:
    from inkling.train.scenes.signals import load_picture

    return load_picture(_written(folder / f"picture{suffix}", content)).shape


def _series() -> dict[str, Sequence[bytes]]:
    import wave

    stream = io.BytesIO()
    with wave.open(stream, "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(range(200)) * 4)
    array = io.BytesIO()
    np.save(array, np.linspace(0, 1, 60).reshape(30, 2))
    text = "\n".join(f"{i} {i * i}" for i in range(30)).encode()
    return {".wav": [stream.getvalue()], ".npy": [array.getvalue()], ".txt": [text], ".csv": [b"a,b\n" + text]}


def npy(data: bytes, rng: random.Random) -> bytes:
    if data[:6] != b"\x93NUMPY":
        raise ValueError
    return m.npy_header(data, rng)


def _read_series(folder: Path, content: bytes, suffix: str) -> object:
    from inkling.train.scenes.series import load

    return load(_written(folder / f"series{suffix}", content)).signal.values.shape


KINDS: dict[str, Kind] = {
    "csv": Kind(_csv, m.TEXT, _read_table),
    "parquet": Kind(_parquet, m.BYTES, _read_table),
    "network": Kind(
        lambda: {".json": [d for d, _ in _network_files()], ".npz": [a for _, a in _network_files()]},
        (*m.JSON, *m.NPZ, m.bomb),
        _read_network,
    ),
    "netlist": Kind(_netlist, m.JSON, _read_netlist),
    "float-network": Kind(_step, m.JSON, _read_step),
    "integer-field": Kind(_field_seeds, (*m.JSON, *m.NPZ, m.bomb), _read_field),
    "packed-tables": Kind(_packed, m.BYTES, _read_packed),
    "run-folder": Kind(lambda: _samples(*RUN_FILES), m.JSON, _read_run),
    "field-report": Kind(lambda: _samples("field-report.json"), m.JSON, _read_field_report),
    "campaign": Kind(_campaign, m.TEXT, _read_campaign),
    "liberty": Kind(_liberty, m.TEXT, _read_liberty),
    "onnx": Kind(lambda: {".onnx": _models()}, (*m.BYTES, *[onnx_fields] * 10), _read_model),
    "mesh": Kind(_meshes, (*m.TEXT, *[glb_json] * 3, *[counted] * 5), _read_mesh),
    "picture": Kind(_pictures, (*m.BYTES, m.sizes, *[png_size] * 2), _read_picture),
    "series": Kind(_series, (*m.TEXT, *[npy] * 5), _read_series),
}


def content_of(kind: str, number: int, seed: int) -> tuple[bytes, str]:
    """The hostile file of that number, and its suffix; a function of the arguments."""
    rng = random.Random(f"{kind} {number} {seed}")
    seeds = KINDS[kind].seeds()
    suffix = rng.choice(sorted(seeds))
    return m.mutate(KINDS[kind].mutations, seeds[suffix], rng), suffix


def feed(kind: str, folder: Path, content: bytes, suffix: str) -> object:
    """Give a file to its reader, in a folder that is emptied before."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return KINDS[kind].read(folder, content, suffix)
