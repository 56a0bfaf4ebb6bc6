"""world.h of a field: where its entries are, and answers in the scene's own coordinates, as C beside kernel.h.

The figures are those of world.json (`inkling.train.scenes.world.World`); `distance` is the definition in numpy.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from inkling.train.scenes.world import World

F64 = NDArray[np.float64]


def distance(world: World, answer: Callable[[NDArray[np.int64], F64], F64], places: NDArray[np.floating]) -> F64:
    """Signed distances at places of the scene, float [N, 3], in its own unit: float64 [N].

    answer: metres of entries [N] at uv [N, 2]. Between two slices the distance is linear; places outside the box
    have that of the nearest place in it.
    """
    metres = world.frame.to_metres(places)
    share = np.clip((metres - np.array(world.low)) / (np.array(world.high) - np.array(world.low)), 0, 1)
    height = np.clip(share[:, 2] * world.slices - 0.5, 0, world.slices - 1)
    below = height.astype(np.int64)
    above = np.minimum(below + 1, world.slices - 1)
    part = height - below
    mixed: F64 = (1 - part) * answer(below, share[:, :2]) + part * answer(above, share[:, :2])
    return mixed / world.frame.unit_m


def header(world: World, name: str = "field") -> str:
    """The text of world.h; everything in it is static and inline."""
    frame = world.frame
    turn = ("p[0]", "-p[2]", "p[1]") if frame.up == "y" else ("p[0]", "p[1]", "p[2]")
    unit = "1.0" if frame.unit_m == 1 else repr(frame.unit_m)
    sums = [f"{axis} * {unit} - {origin!r}" for axis, origin in zip(turn, frame.origin_m, strict=True)]
    metres = "\n".join(f"    m[{k}] = (float)({total});" for k, total in enumerate(sums))
    bounds = [[_float(x) for x in corner] for corner in world.to_json()["bounds"]]
    parts = [
        f"/* Where {name} is: the scene's own coordinates, {frame.up} up, {frame.unit_m:g} m a unit. By Inkling. */",
        f'#ifndef {name.upper()}_WORLD_H\n#define {name.upper()}_WORLD_H\n\n#include "kernel.h"\n',
        f"/* The box that was learnt, in the scene's own coordinates: lowest and highest corner. */\n"
        f"static const float {name}_bounds[2][3] = {{{{{', '.join(bounds[0])}}}, {{{', '.join(bounds[1])}}}}};\n",
        f"/* A place of the scene in the field's metres, z up. */\n"
        f"static inline void {name}_metres(const double p[3], float m[3])\n{{\n{metres}\n}}\n",
    ]
    parts.append(_distances(world, name) if world.slices else _places(world, name))
    return "\n".join([*parts, "#endif\n"])


def _distances(world: World, name: str) -> str:
    low = [_float(x) for x in world.low]
    scale = [_float(1 / (high - low)) for low, high in zip(world.low, world.high, strict=True)]
    heights = ", ".join(map(_float, world.heights))
    return f"""\
/* Heights of the slices that were learnt, along the scene's upward axis. */
static const float {name}_slice_heights[{world.slices}] = {{{heights}}};

/* The signed distance at a place of the scene, in its own unit; negative inside. Within a slice the field answers,
 * between two the distance is linear; outside the box it is that of the nearest place in it. */
static inline float {name}_distance_at(const {name}_field *field, double x, double y, double z)
{{
    const double p[3] = {{x, y, z}};
    const float low[3] = {{{", ".join(low)}}}, scale[3] = {{{", ".join(scale)}}};
    float m[3], height, part;
    uint16_t code[2];
    uint32_t below, above;
    int k;
    {name}_metres(p, m);
    for (k = 0; k < 3; k++) {{
        m[k] = (m[k] - low[k]) * scale[k];
        m[k] = m[k] > 0.0f ? (m[k] < 1.0f ? m[k] : 1.0f) : 0.0f;
    }}
    for (k = 0; k < 2; k++) code[k] = (uint16_t)(m[k] < 1.0f ? m[k] * 65536.0f : 65535.0f);
    height = m[2] * {world.slices}.0f - 0.5f;
    height = height > 0.0f ? (height < {world.slices - 1}.0f ? height : {world.slices - 1}.0f) : 0.0f;
    below = (uint32_t)height;
    above = below + 1 < {world.slices} ? below + 1 : {world.slices - 1};
    part = height - (float)below;
    return ((1.0f - part) * {name}_distance(field, below, code[0], code[1])
        + part * {name}_distance(field, above, code[0], code[1])) * {_float(1 / world.frame.unit_m)};
}}
"""


def _places(world: World, name: str) -> str:
    own = world.to_json()["places"]
    lines = ",\n".join("    {" + ", ".join(map(repr, place)) + "}" for place in own)
    return f"""\
/* The places that can be asked about, entry by entry, in the scene's own coordinates. */
static const double {name}_places[{len(own)}][3] = {{
{lines}
}};

/* Whether a target of the scene is seen from an entry's place: 1 or 0. */
static inline int {name}_sees(const {name}_field *field, uint32_t entry, double x, double y, double z)
{{
    const double p[3] = {{x, y, z}};
    float from[3], offset[3];
    uint16_t u, v;
    int32_t code;
    int k;
    {name}_metres({name}_places[entry], from);
    {name}_metres(p, offset);
    for (k = 0; k < 3; k++) offset[k] -= from[k];
    {name}_encode(1, offset, &u, &v, &code);
    return {name}_visible(field, entry, u, v, code);
}}
"""


def _float(value: float) -> str:
    """A C float that is read back as the same float32."""
    text = f"{value:.9g}"
    assert math.isfinite(value)
    return f"{text}f" if any(c in text for c in ".e") else f"{text}.0f"
