"""What `inkling field` can learn: pictures, signed distances, visibility and series, each to an integer field.

Each kind is told apart by its source and gives figures of places that it was not fitted to, where there are such. The
run folder that is made of a result is `inkling.fields.run`'s business.
"""

import dataclasses
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from inkling.approx.fields.quantise import decisions, quantise
from inkling.approx.reference.coding import coordinate_code
from inkling.approx.reference.field import IntegerField
from inkling.fields import picture
from inkling.fields.view import panoramas
from inkling.train.errors import InputError
from inkling.train.fields import visibility
from inkling.train.fields.encodings import Quantisation
from inkling.train.fields.float_field import FloatField, evaluate
from inkling.train.fields.models import FieldModel, parse
from inkling.train.fields.tasks import SignalTask, to_field
from inkling.train.fields.training import Settings, Trained, train
from inkling.train.scenes import mesh as scenes
from inkling.train.scenes import rays, series, signals
from inkling.train.scenes.mesh import Mesh
from inkling.train.scenes.town import town

SCENES = ("town", "game-level")
SAMPLES = 16384
RAYS = 100_000
# Slices of a shape, and pairs of a place and a triangle that its distances may cost.
SLICES = 8
PAIRS = 400_000_000
MOST_RESOLUTION, LEAST_RESOLUTION = 96, 16
HELD_OUT = 2000

Tell = Callable[[str], None]
Progress = Callable[[int, float], None]


@dataclass(frozen=True)
class Ask:
    """What the kinds read of a request: bytes of tables (of a picture: of everything), and how long to train."""

    kilobytes: int
    positions: int
    seed: int
    steps: int

    def settings(self, rate: float, grid_rate: float | None = None) -> Settings:
        """Settings with a checkpoint every so often."""
        return Settings(
            self.steps, rate, grid_rate, seed=self.seed, checkpoint_every=max(25, min(500, self.steps // 20))
        )


@dataclass(frozen=True, eq=False)
class Learnt:
    """A field, how it came about, its figures, and pictures to look at: label and uint8 [height, width, channels].

    figures: what was measured, facts: what else is told; size: bytes of a packed picture, None for other kinds;
    truth: of a picture, uint8 [height, width, channels]; views: further pictures of the same form with their labels.
    """

    notation: str
    trained: Trained
    field: IntegerField
    figures: dict[str, float]
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)
    size: int | None = None
    shape: tuple[int, int] | None = None
    truth: NDArray[np.uint8] | None = None
    views: tuple[tuple[str, NDArray[np.uint8]], ...] = ()


class Subject(Protocol):
    """Something to learn. mark: tells one from another, for checkpoints."""

    def mark(self) -> str: ...

    def learn(self, ask: Ask, folder: Path, tell: Tell, progress: Progress) -> Learnt: ...


def subject(source: str, what: str, scene: int) -> Subject:
    """What a source is. Raises InputError for none that can be read."""
    suffix = Path(source).suffix.lower()
    if source in SCENES or suffix in scenes.MESH_FORMATS:
        mesh = town(scene) if source == "town" else scenes.game_level() if source == "game-level" else None
        loaded = mesh or scenes.load(source)
        return Shape(loaded) if what == "sdf" else Sight(loaded)
    if suffix in series.FORMATS:
        return Series(series.load(source))
    return Picture(signals.load_picture(source))


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture: all its bytes, texels packed, are what was asked for; see `inkling.fields.picture`."""

    signal: signals.Signal

    def mark(self) -> str:
        return _digest(np.array(self.signal.shape), self.signal.values)

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
        return _digest(self.series.signal.values)

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
            "psnr_integer_db": signals.psnr(_answers(integers, signal.entry, signal.uv), signal.values),
        }
        # Answers are in 0..1: low + answer * (high - low) is in the series' own unit.
        facts = {"samples": len(signal.values), "value_low": self.series.low, "value_high": self.series.high}
        return Learnt(notation, trained, integers, figures, facts=facts)


@dataclass(frozen=True, eq=False)
class Shape:
    """Signed distances of a closed mesh on horizontal slices, measured at places that it was not fitted to."""

    mesh: Mesh

    def mark(self) -> str:
        return _digest(self.mesh.vertices, self.mesh.triangles)

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
            found = (evaluate(floats, signal.entry, signal.uv), _answers(integers, signal.entry, signal.uv))
            first, second = (float(np.sqrt(((x - signal.values) ** 2).mean())) for x in found)
            return first, second

        figures = dict(zip(("error_float_m", "error_integer_m"), errors(held), strict=True))
        figures["error_fitted_m"] = errors(known)[1]
        right = (_answers(integers, held.entry, held.uv) < 0) == (held.values < 0)
        figures["inside_right_percent"] = 100 * float(right.mean())
        facts = {"slices": SLICES, "places": len(known.values), "held_out_places": len(held.values)}
        return Learnt(notation, trained, integers, figures, facts=facts)


@dataclass(frozen=True, eq=False)
class Sight:
    """What can be seen in a scene from some places where agents stand, measured on rays of no other use."""

    mesh: Mesh

    def mark(self) -> str:
        return _digest(self.mesh.vertices, self.mesh.triangles)

    def learn(self, ask: Ask, folder: Path, tell: Tell, progress: Progress) -> Learnt:
        casting = rays.caster(self.mesh)
        rng = np.random.default_rng(ask.seed)
        places = rays.standing(casting, ask.positions, rng)
        tell(f"{len(places)} positions in {len(self.mesh.triangles):,} triangles")
        task = visibility.task(casting, rays.targets(casting, rng), places, SAMPLES, ask.seed, visibility.STRETCH)
        side = max(2, int((ask.kilobytes * 1024 / 4) ** 0.5))  # eight features of 4 bits: four bytes a texel
        notation = f"grid({side}x{side}x8) -> 32 32 relu -> 1"
        model = FieldModel(parse(notation), len(places), ask.seed, visibility.AWARE)
        trained = train(model, task, ask.settings(0.01, 0.03), folder, told=progress)
        held, unseen = (
            rays.mixed(casting, task.aims, places, RAYS, np.random.default_rng([ask.seed, k])) for k in (100, 101)
        )
        floats = visibility.with_margin(visibility.to_field(model, task.sight), held)
        sampled = visibility.samples(held, task.sight)
        judge = decisions(held.entry, held.offset, held.visible)
        integers = quantise(floats, sampled.entry, sampled.uv, grid_bits=4, judge=judge)
        right = decisions(unseen.entry, unseen.offset, unseen.visible)(integers)
        share = float(unseen.visible.mean())
        figures = {
            "correct_float_percent": 100 * visibility.score(floats, unseen).correct,
            "correct_integer_percent": 100 * right,
            "majority_percent": 100 * max(share, 1 - share),
        }
        facts = {"positions": len(places), "triangles": len(self.mesh.triangles), "held_out_rays": len(unseen.entry)}
        views = panoramas(casting, places[0], integers, 0)
        return Learnt(notation, trained, integers, figures, facts=facts, views=views)


def _digest(*arrays: NDArray[Any]) -> str:
    found = hashlib.sha256()
    for array in arrays:
        found.update(f"{array.dtype} {array.shape} ".encode() + np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


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


def _answers(field: IntegerField, entry: NDArray[np.integer], uv: NDArray[np.floating]) -> NDArray[np.float64]:
    """What the integer field's answers at places stand for, float64 [N, outputs]."""
    u, v = (coordinate_code(uv[:, k]).astype(np.int64) for k in (0, 1))
    parts = (slice(k, k + 2**16) for k in range(0, len(u), 2**16))
    found = np.concatenate([field.evaluate(entry[part], u[part], v[part]) for part in parts])
    values: NDArray[np.float64] = found * np.array(field.coding.scale) + np.array(field.coding.offset)
    return values


def check_source(source: str, what: str) -> None:
    """Raise InputError where `what` is asked of something that is no mesh."""
    suffix = Path(source).suffix.lower()
    if what == "sdf" and source not in SCENES and suffix not in scenes.MESH_FORMATS:
        raise InputError(f"--what sdf is asked of {source}, which is no mesh; give one, or leave --what out")
