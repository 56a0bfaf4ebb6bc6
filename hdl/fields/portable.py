"""Portable C99 of an `IntegerField`: 64 queries at a time in plain loops, and one query alone.

Values are the reference's own signed numbers, so this is also the path that reads most like the definition. Faster
paths live in `inkling.hdl.fields.avx2` and `inkling.hdl.fields.avx512`, the entries and the header in
`inkling.hdl.fields.c_kernel`.
"""

from collections.abc import Iterable

from inkling.hdl.fields.plan import FieldPlan, Level
from inkling.hdl.operations.c import C

LANES = 64


def c_array(kind: str, name: str, values: Iterable[int]) -> list[str]:
    """A constant array, some numbers to a line."""
    items = [str(value) for value in values] or ["0"]
    lines = [f"static const {kind} {name}[{len(items)}] ALIGNED = {{"]
    for at in range(0, len(items), 16):
        lines.append("    " + ", ".join(items[at : at + 16]) + ",")
    return [*lines, "};"]


def activate(how: FieldPlan, number: int, value: str) -> list[str]:
    """C that turns the sum of layer `number`, an int32 lvalue, into what the operation after it gives."""
    layer = how.field.activations[number]
    return C.each[type(layer)](layer, value, how.sites[number])


def constants(how: FieldPlan) -> list[str]:
    """Weights and biases as the reference has them."""
    lines = []
    for number, dense in enumerate(how.field.dense):
        lines += c_array("int8_t", f"weights{number}", dense.weights.ravel().tolist())
        lines += c_array("int32_t", f"bias{number}", dense.bias.tolist())
    if how.field.coordinates is not None:
        lines += c_array("int16_t", "coordinate_weights", how.field.coordinates.weights.ravel().tolist())
    return lines


def blocks(how: FieldPlan) -> list[str]:
    """`block_portable` and `single_portable`, and `single_plain` that other paths may compile for their targets."""
    return [
        *_level_functions(how),
        *_block(how),
        *_single(how),
        "static void single_portable(const struct FIELD *f, uint32_t entry, uint16_t u, uint16_t v, int32_t *out)",
        "{",
        "    single_plain(f, entry, u, v, out);",
        "}",
        "",
    ]


def start(level: Level) -> str:
    """C of the address of a level's bytes for the entry `e`."""
    base = "f->shared" if level.shared else "f->own + (size_t)e * STRIDE"
    return f"{base} + {level.offset}"


def _level_functions(how: FieldPlan) -> list[str]:
    lines = []
    for k, level in enumerate(how.levels):
        lines += [
            f"/* Level {k}: {level.height} x {level.width} texels of {level.features} x {level.bits} bits. */",
            f"static INLINE void read{k}(const struct FIELD *f, uint32_t e, int32_t u, int32_t v,",
            "    int16_t *y, int step)",
            "{",
            f"    const int32_t px = u * {level.width - 1}, py = v * {level.height - 1};",
            "    const int32_t fx = px >> 9 & 127, fy = py >> 9 & 127;",
            f"    const uint8_t *a = {start(level)} + (py >> 16) * {level.row} + (px >> 16) * {level.texel};",
            "    (void)e;",
        ]
        for index, group in enumerate(level.groups()):
            halves = 8 // level.bits
            plane, high = divmod(index, halves)
            for byte, feature in enumerate(group):
                if feature < 0:
                    continue
                at = plane * level.width * level.texel + byte
                spots = [at, at + level.texel, at + level.row, at + level.row + level.texel]
                if level.bits == 8:
                    t = [f"(int8_t)a[{spot}]" for spot in spots]
                elif high:
                    t = [f"((a[{spot}] >> 4 ^ 8) - 8)" for spot in spots]
                else:
                    t = [f"(((a[{spot}] & 15) ^ 8) - 8)" for spot in spots]
                scale = "" if level.bits == 8 else " * 16"
                lines += [
                    f"    y[{feature} * step] = (int16_t)((((128 - fy) * ((128 - fx) * {t[0]} + fx * {t[1]})",
                    f"        + fy * ((128 - fx) * {t[2]} + fx * {t[3]})){scale} + 8192) >> 14);",
                ]
        lines += ["}", ""]
    return lines


def _block(how: FieldPlan) -> list[str]:
    field = how.field
    widest = max([sum(level.features for level in how.levels), *(len(d.bias) for d in field.dense[:-1])])
    lines = [
        "static void block_portable(const struct FIELD *f, const uint32_t *entry, const uint16_t *u,",
        "    const uint16_t *v, int32_t (*out)[LANES])",
        "{",
        f"    int16_t values[2][{widest}][LANES] ALIGNED;",
        "    int32_t sum[LANES] ALIGNED;",
        "    for (int q = 0; q < LANES; q++) {",
        "        const uint32_t e = entry[q] < f->last ? entry[q] : f->last;",
        "        (void)e;",
    ]
    first = 0
    for k, level in enumerate(how.levels):
        lines.append(f"        read{k}(f, e, u[q], v[q], &values[0][{first}][q], LANES);")
        first += level.features
    lines.append("    }")
    for number, dense in enumerate(field.dense):
        outputs, inputs = dense.weights.shape
        x, y = f"values[{number % 2}]", f"values[{(number + 1) % 2}]"
        lines += [
            f"    for (int o = 0; o < {outputs}; o++) {{",
            f"        for (int q = 0; q < LANES; q++) sum[q] = bias{number}[o];",
        ]
        if inputs:
            lines += [
                f"        for (int i = 0; i < {inputs}; i++) {{",
                f"            const int16_t w = weights{number}[o * {inputs} + i];",
                f"            for (int q = 0; q < LANES; q++) sum[q] += (int32_t)w * {x}[i][q];",
                "        }",
            ]
        if number == 0 and field.coordinates is not None:
            lines += [
                "        const int32_t wu = coordinate_weights[2 * o], wv = coordinate_weights[2 * o + 1];",
                "        for (int q = 0; q < LANES; q++)",
                f"            sum[q] += (wu * (u[q] - 32768) + wv * (v[q] - 32768)) >> {field.coordinates.shift};",
            ]
        lines.append("        for (int q = 0; q < LANES; q++) {")
        lines.append("            int32_t s = sum[q];")
        lines += ["            " + line for line in activate(how, number, "s")]
        last = number == len(field.dense) - 1
        lines += [f"            {'out[o][q] = s' if last else f'{y}[o][q] = (int16_t)s'};", "        }", "    }"]
    return [*lines, "}", ""]


def _single(how: FieldPlan) -> list[str]:
    field = how.field
    widest = max([sum(level.features for level in how.levels), *(len(d.bias) for d in field.dense[:-1]), 1])
    lines = [
        "static INLINE void single_plain(const struct FIELD *f, uint32_t entry, uint16_t u, uint16_t v,",
        "    int32_t *out)",
        "{",
        f"    int16_t values[2][{widest}] ALIGNED;",
        "    const uint32_t e = entry < f->last ? entry : f->last;",
        "    (void)e;",
    ]
    first = 0
    for k, level in enumerate(how.levels):
        lines.append(f"    read{k}(f, e, u, v, &values[0][{first}], 1);")
        first += level.features
    for number, dense in enumerate(field.dense):
        outputs, inputs = dense.weights.shape
        x, y = f"values[{number % 2}]", f"values[{(number + 1) % 2}]"
        lines += [f"    for (int o = 0; o < {outputs}; o++) {{", f"        int32_t s = bias{number}[o];"]
        if inputs:
            lines.append(
                f"        for (int i = 0; i < {inputs}; i++) s += weights{number}[o * {inputs} + i] * {x}[i];"
            )
        if number == 0 and field.coordinates is not None:
            lines.append("        const int32_t wu = coordinate_weights[2 * o], wv = coordinate_weights[2 * o + 1];")
            lines.append(f"        s += (wu * (u - 32768) + wv * (v - 32768)) >> {field.coordinates.shift};")
        lines += ["        " + line for line in activate(how, number, "s")]
        last = number == len(field.dense) - 1
        lines += [f"        {'out[o] = s' if last else f'{y}[o] = (int16_t)s'};", "    }"]
    return [*lines, "}", ""]
