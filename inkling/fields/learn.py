"""What `inkling field` can learn: pictures, signed distances, visibility and series, each to an integer field.

Each kind is told apart by its source and gives figures of places that it was not fitted to, where there are such. The
run folder that is made of a result is `inkling.fields.run`'s business.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inkling.approx.fields.quantise import quantise
from inkling.fields import picture
from inkling.fields.sight import Sight, read_places
from inkling.fields.subject import Ask, Learnt, Progress, Subject, Tell, answers, digest
from inkling.fields.world_header import distance
from inkling.train.errors import InputError
from inkling.train.fields.encodings import Quantisation
from inkling.train.fields.float_field import FloatField, evaluate
from inkling.train.fields.models import FieldModel, parse
from inkling.train.fields.tasks import SignalTask, to_field
from inkling.train.fields.training import train
from inkling.train.scenes import mesh as scenes
from inkling.train.scenes import series, signals
from inkling.train.scenes.mesh import Mesh
from inkling.train.scenes.town import town
from inkling.train.scenes.world import World, triple

SCENES = ("town", "game-level")
SAMPLES = 16384
# Slices of a shape, and pairs of a place and a triangle that its distances may cost.
SLICES = 8
PAIRS = 400_000_000
MOST_RESOLUTION, LEAST_RESOLUTION = 96, 16
HELD_OUT = 2000


@dataclass(frozen=True)
class Scene:
    """How a mesh is read and asked about. seed: of the town; up, unit_m: of its file; places: a file of places.

    conservative: the most that may wrongly be called visible, a share of all queries; None: most answers right.
    """

    seed: int = 0
    up: str | None = None
    unit_m: float = 1.0
    places: Path | None = None
    conservative: float | None = None


def subject(source: str, what: str, scene: Scene) -> Subject:
    """What a source is. Raises InputError for none that can be read."""
    if source in SCENES or is_mesh(source):
        mesh = town(scene.seed) if source == "town" else scenes.game_level() if source == "game-level" else None
        loaded = mesh or scenes.load(source, scene.up, scene.unit_m)
        if what == "sdf":
            return Shape(loaded)
        places = None if scene.places is None else read_places(scene.places, loaded)
        return Sight(loaded, places, scene.conservative)
    if Path(source).suffix.lower() in series.FORMATS:
        return Series(series.load(source))
    return Picture(signals.load_picture(source))


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture: all its bytes, texels packed, are what was asked for; see `inkling.fields.picture`."""

    signal: signals.Signal

    def mark(self) -> str:
        return digest(np.array(self.signal.shape), self.signal.values)

    def learn(self, ask: Ask, folder: Path, tell: Tell, progress: Progress) -> Learnt:
        signal = self.signal
        assert signal.shape is not None
        learnt = picture.learn(
            signal, 1024 * ask.kilobytes, ask.settings(picture.RATE), folder, tell, progress=progress
        )
        size = learnt.packed + learnt.network
        rival = picture.jpeg(signal, size)
        figures = {
            "psnr_float_db": signals.psnr(evaluate(learnt.floats, signal.entry, signal.uv), signal.values),
            "psnr_integer_db": signals.psnr(picture.decoded(learnt.field, *signal.shape), signal.values),
            "bits_per_pixel": 8 * size / len(signal.values),
        }
        facts = {}
        if rival is not None:
            figures["psnr_jpeg_db"] = rival["psnr_db"]
            facts["jpeg_bytes"] = int(rival["bytes"])
        pixels = np.round(signal.values * 255).astype(np.uint8).reshape(*signal.shape, -1)
        return Learnt(learnt.notation, learnt.trained, learnt.field, figures, facts, size, signal.shape, pixels)


@dataclass(frozen=True, eq=False)
class Series:
    """A series of numbers along one axis."""

    series: series.Series

    def mark(self) -> str:
        return digest(self.series.signal.values)

    def learn(self, ask: Ask, folder: Path, tell: Tell, progress: Progress) -> Learnt:
        signal = self.series.signal
        # Two levels of four 4-bit texels in two rows, 4 bytes a place; the second is an eighth as fine.
        wide = max(2, min(round(ask.kilobytes * 1024 / 4 * 8 / 9), len(signal.values), 2**15))
        notation = f"grid(1x{wide}x4, 1x{max(2, wide // 8)}x4) -> 16 16 relu -> {signal.values.shape[1]}"
        model = FieldModel(parse(notation), 1, ask.seed, Quantisation(grid_bits=4))
        trained = train(model, SignalTask(signal, SAMPLES, ask.seed), ask.settings(0.01, 0.03), folder, told=progress)
        floats = to_field(model, signal)
        integers = quantise(floats, signal.entry, signal.uv, grid_bits=4)
        figures = {
            "psnr_float_db": signals.psnr(evaluate(floats, signal.entry, signal.uv), signal.values),
            "psnr_integer_db": signals.psnr(answers(integers, signal.entry, signal.uv), signal.values),
        }
        # Answers are in 0..1: low + answer * (high - low) is in the series' own unit.
        facts = {"samples": len(signal.values), "value_low": self.series.low, "value_high": self.series.high}
        return Learnt(notation, trained, integers, figures, facts=facts)


@dataclass(frozen=True, eq=False)
class Shape:
    """Signed distances of a closed mesh on horizontal slices, measured on them and between them at other places."""

    mesh: Mesh

    def mark(self) -> str:
        return digest(self.mesh.vertices, self.mesh.triangles)

    def learn(self, ask: Ask, folder: Path, tell: Tell, progress: Progress) -> Learnt:
        resolution = round((PAIRS / len(self.mesh.triangles) / SLICES) ** 0.5)
        resolution = min(max(resolution, LEAST_RESOLUTION), MOST_RESOLUTION)
        tell(f"distances of {SLICES} x {resolution} x {resolution} places to {len(self.mesh.triangles):,} triangles")
        known = signals.shape(self.mesh, resolution, SLICES)
        held = signals.shape_at(self.mesh, SLICES, min(HELD_OUT, resolution**2), np.random.default_rng(ask.seed))
        # No more texels than places, and in all slices together as many as the kilobytes hold.
        side = min(resolution, max(2, round((ask.kilobytes * 1024 / 2 / SLICES) ** 0.5)))
        notation = f"grid({side}x{side}x4) -> 32 32 relu -> 1"
        model = FieldModel(parse(notation), SLICES, ask.seed, Quantisation(grid_bits=4))
        # The network learns shares of the largest distance; its last layer is then scaled to metres.
        reach = float(np.abs(known.values).max())
        scaled = dataclasses.replace(known, values=known.values / np.float32(reach))
        task = SignalTask(scaled, SAMPLES, ask.seed)
        trained = train(model, task, ask.settings(0.01, 0.03), folder, told=progress)
        floats = _times(to_field(model, scaled), reach)
        integers = quantise(floats, known.entry, known.uv, grid_bits=4)

        def errors(signal: signals.Signal) -> tuple[float, float]:
            found = (evaluate(floats, signal.entry, signal.uv), answers(integers, signal.entry, signal.uv))
            first, second = (float(np.sqrt(((x - signal.values) ** 2).mean())) for x in found)
            return first, second

        figures = dict(zip(("error_float_m", "error_integer_m"), errors(held), strict=True))
        figures["error_fitted_m"] = errors(known)[1]
        right = (answers(integers, held.entry, held.uv) < 0) == (held.values < 0)
        figures["inside_right_percent"] = 100 * float(right.mean())
        low, high = signals.box(self.mesh)
        world = World(self.mesh.frame, triple(low), triple(high), slices=SLICES)
        # Anywhere in the box, most places between two slices: what the distance of world.h is off by.
        rng = np.random.default_rng([ask.seed, 1])
        places = world.frame.to_own(rng.uniform(low, high, (len(held.values), 3)))
        found = distance(world, lambda entry, uv: answers(integers, entry, uv)[:, 0], places) * world.frame.unit_m
        truth = signals.signed_distance(self.mesh, world.frame.to_metres(places))
        figures["error_between_slices_m"] = float(np.sqrt(((found - truth) ** 2).mean()))
        facts = {"slices": SLICES, "places": len(known.values), "held_out_places": len(held.values)}
        return Learnt(notation, trained, integers, figures, facts=facts, world=world)


def _times(floats: FloatField, factor: float) -> FloatField:
    """The field whose answers are `factor` times as large."""
    by = np.float32(factor)
    return dataclasses.replace(
        floats,
        weights=(*floats.weights[:-1], floats.weights[-1] * by),
        biases=(*floats.biases[:-1], floats.biases[-1] * by),
        output_low=floats.output_low * by,
        output_high=floats.output_high * by,
    )


def is_mesh(source: str) -> bool:
    """Whether a name is that of a mesh file, read or not."""
    return Path(source).suffix.lower() in (*scenes.MESH_FORMATS, *scenes.OTHER_FORMATS)


def check_source(source: str, what: str) -> None:
    """Raise InputError where `what` is asked of something that is no mesh."""
    if what == "sdf" and source not in SCENES and not is_mesh(source):
        raise InputError(f"--what sdf is asked of {source}, which is no mesh; give one, or leave --what out")
