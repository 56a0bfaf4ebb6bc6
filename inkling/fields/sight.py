"""Visibility in a scene: from places where agents stand, or that a file names, to a field and how it errs.

It is measured beside the two answers that need no network: the same one for all, and a depth map of as many bytes.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inkling.approx.fields import depth_map
from inkling.approx.fields.quantise import decisions, quantise
from inkling.approx.reference.coding import encode
from inkling.approx.reference.field import IntegerField
from inkling.fields.subject import Ask, Learnt, Progress, Tell, digest
from inkling.fields.view import panoramas
from inkling.train.errors import InputError
from inkling.train.fields import visibility
from inkling.train.fields.models import FieldModel, parse
from inkling.train.fields.training import train
from inkling.train.files.text import text
from inkling.train.scenes import rays
from inkling.train.scenes.mesh import Mesh
from inkling.train.scenes.rays import F32, Caster, Rays, Targets
from inkling.train.scenes.world import World, triple

SAMPLES = 16384
RAYS = 100_000
# Of the depth map: rays that each texel's threshold is chosen on, rays in all, and texels.
RAYS_A_TEXEL, MOST_RAYS, MOST_TEXELS = 20, 2_000_000, 2**22
MOST_PLACES = 65536


@dataclass(frozen=True, eq=False)
class Sight:
    """What can be seen in a scene from some places, measured on rays of no other use.

    places: eyes, float32 [N, 3] in the field's metres; None: where agents stand. conservative: the most that may
    wrongly be called visible, as a share of all queries; None: as many right as possible.
    """

    mesh: Mesh
    places: F32 | None = None
    conservative: float | None = None

    def mark(self) -> str:
        return digest(self.mesh.vertices, self.mesh.triangles, *(() if self.places is None else (self.places,)))

    def learn(self, ask: Ask, folder: Path, tell: Tell, progress: Progress) -> Learnt:
        casting = rays.caster(self.mesh)
        rng = np.random.default_rng(ask.seed)
        places = rays.standing(casting, ask.positions, rng) if self.places is None else self.places
        tell(f"{len(places)} positions in {len(self.mesh.triangles):,} triangles")
        task = visibility.task(casting, rays.targets(casting, rng), places, SAMPLES, ask.seed, visibility.STRETCH)
        side = max(2, int((ask.kilobytes * 1024 / 4) ** 0.5))  # eight features of 4 bits: four bytes a texel
        notation = f"grid({side}x{side}x8) -> 32 32 relu -> 1"
        model = FieldModel(parse(notation), len(places), ask.seed, visibility.AWARE)
        trained = train(model, task, ask.settings(0.01, 0.03), folder, told=progress)
        held, unseen = (
            rays.mixed(casting, task.aims, places, RAYS, np.random.default_rng([ask.seed, k])) for k in (100, 101)
        )
        floats = visibility.with_margin(visibility.to_field(model, task.sight), held, self.conservative)
        sampled = visibility.samples(held, task.sight)
        judge = decisions(held.entry, held.offset, held.visible)
        integers = quantise(floats, sampled.entry, sampled.uv, grid_bits=4, judge=judge)
        if self.conservative is not None:
            integers = conservative(integers, held, self.conservative)
        share = float(unseen.visible.mean())
        figures = {
            **shares(seen(integers, unseen), unseen.visible),
            "correct_float_percent": 100 * visibility.score(floats, unseen).correct,
            "majority_percent": 100 * max(share, 1 - share),
        }
        facts = {"positions": len(places), "triangles": len(self.mesh.triangles), "held_out_rays": len(unseen.entry)}
        size = int((ask.kilobytes * 1024) ** 0.5)
        if size * size * len(places) <= MOST_TEXELS:
            right, facts["depth_map_rays"] = rival(casting, task.aims, places, size, integers, unseen, ask.seed)
            figures["correct_depth_map_percent"] = right
        if self.conservative is not None:
            figures["most_wrongly_visible_percent"] = 100 * self.conservative
        views = panoramas(casting, places[0], integers, 0)
        low, high = self.mesh.bounds
        world = World(self.mesh.frame, triple(low), triple(high), tuple(map(triple, places)))
        return Learnt(notation, trained, integers, figures, facts=facts, views=views, world=world)


def seen(field: IntegerField, asked: Rays) -> NDArray[np.bool_]:
    """The field's decisions on rays, bool [N]."""
    parts = [slice(k, k + 2**16) for k in range(0, len(asked.entry), 2**16)]
    return np.concatenate([field.visible(asked.entry[p], *encode(asked.offset[p], field.coding)) for p in parts])


def shares(said: NDArray[np.bool_], visible: NDArray[np.bool_]) -> dict[str, float]:
    """How decisions, bool [N], fare, in percent of all queries; the recall in percent of the visible targets."""
    wrongly_visible, wrongly_hidden = float((said & ~visible).mean()), float((~said & visible).mean())
    return {
        "correct_integer_percent": 100 * (1 - wrongly_visible - wrongly_hidden),
        "wrongly_visible_percent": 100 * wrongly_visible,
        "wrongly_hidden_percent": 100 * wrongly_hidden,
        "recall_of_visible_percent": 100 * float(said[visible].mean()) if visible.any() else 0.0,
    }


def conservative(field: IntegerField, held: Rays, most: float) -> IntegerField:
    """The field with the largest margin that wrongly calls at most this share of held-out rays visible."""
    coding = field.coding
    u, v, code = encode(held.offset, coding)
    parts = [slice(k, k + 2**16) for k in range(0, len(code), 2**16)]
    found = np.concatenate([field.evaluate(held.entry[p], u[p], v[p])[:, 0] for p in parts]).astype(np.int64)
    # A target is called visible where what it needs is below the margin.
    need = np.sort((np.clip(code, coding.low_code, coding.high_code) - found)[~held.visible])
    allowed = int(most * len(code))
    margin = int(need[allowed]) if allowed < len(need) else coding.margin
    return replace(field, coding=replace(coding, margin=int(np.clip(margin, -(2**30), 2**30))))


def rival(
    casting: Caster, aims: Targets, places: F32, size: int, field: IntegerField, unseen: Rays, seed: int
) -> tuple[float, int]:
    """Right answers in percent of a depth map of size x size bytes a place, and the rays that it was chosen on."""
    count = min(RAYS_A_TEXEL * size * size * len(places), MOST_RAYS)
    chosen = rays.mixed(casting, aims, places, count, np.random.default_rng([seed, 102]))
    u, v, code = encode(chosen.offset, field.coding)
    fitted = depth_map.fit(chosen.entry, u, v, code, chosen.visible, entries=len(places), size=size)
    said = fitted.visible(unseen.entry, *encode(unseen.offset, field.coding))
    return 100 * float((said == unseen.visible).mean()), count


def read_places(path: Path, scene: Mesh) -> F32:
    """Eyes from a text file, a place a line: x, y and z in the scene's own coordinates; float32 [N, 3] in metres.

    A first line of words is taken for names. Raises InputError, with the line, for anything else.
    """
    found: list[list[float]] = []
    low, high = scene.bounds
    room = 0.1 * (high - low) + 10.0
    for number, line in enumerate(text(path).splitlines(), 1):
        parts = line.replace(",", " ").replace(";", " ").split()
        if not parts:
            continue
        try:
            place = [float(part) for part in parts]
        except ValueError:
            if not found and number == 1:
                continue
            raise InputError(f"{path}, line {number}: {line.strip()!r:.60} is no place; give x, y, z") from None
        if len(place) != 3 or not np.isfinite(place).all():
            raise InputError(f"{path}, line {number}: a place is three numbers x, y, z, found {len(place)}")
        metres = scene.frame.to_metres(np.array([place]))[0]
        if (metres < low - room).any() or (metres > high + room).any():
            raise InputError(
                f"{path}, line {number}: {line.strip()!r:.60} is far outside {scene.name}; places are in the "
                "file's own coordinates (see --up and --unit)"
            )
        found.append([float(x) for x in metres])
    if not 1 <= len(found) <= MOST_PLACES:
        raise InputError(f"{path}: holds {len(found)} places; give 1 to {MOST_PLACES}, one a line")
    return np.array(found, np.float32)
