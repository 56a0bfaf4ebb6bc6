"""The AVX-512 VNNI path of a field's C kernel: 64 queries in the lanes, or the neurons of one query.

Activations travel as unsigned bytes (signed ones plus 128, which the biases take back), so that `vpdpbusd` fits. The
inner loops are inline assembly: compilers of 2022 spill the accumulators. Nothing here defines a number.
"""

import numpy as np
from numpy.typing import NDArray

from inkling.approx.reference.operations import ClippedReLU, Operation, PeriodicQuadratic, Rescale
from inkling.hdl.fields.avx512_gather import gather
from inkling.hdl.fields.plan import FieldPlan
from inkling.hdl.fields.portable import c_array

VECTORS = 4
OFFSET = 128

_TILE = """\
/* {j} outputs of 64 queries: c = bias + sum over k of w[k] . x[k], x four vectors a group, w {j} words a group. */
static INLINE T512 void tile{j}_512(long k, const uint8_t *x, const int32_t *w, const int32_t *bias, __m512i *r)
{{
    __m512i {names};
    __m512i a0, a1, a2, a3, t;
    __asm__(
{body}
        : {outputs},
          "=&v"(a0), "=&v"(a1), "=&v"(a2), "=&v"(a3), "=&v"(t), "+&r"(k), "+&r"(x), "+&r"(w)
        : [bias] "r"(bias)
        : "cc", "memory");
{stores}
}}
"""


def _tile(j: int) -> str:
    """The text of the function for `j` outputs."""
    names = [f"c{o}{b}" for o in range(j) for b in range(VECTORS)]
    at = {name: f"%{k}" for k, name in enumerate(names)}
    a = [f"%{len(names) + b}" for b in range(VECTORS)]
    t, k, x, w = (f"%{len(names) + VECTORS + n}" for n in range(4))
    body = []
    for o in range(j):
        body.append(f"vpbroadcastd {4 * o}(%[bias]), {at[f'c{o}0']}")
        body += [f"vmovdqa64 {at[f'c{o}0']}, {at[f'c{o}{b}']}" for b in range(1, VECTORS)]
    body += [f"test {k}, {k}", "jz 2f", ".p2align 5", "1:"]
    body += [f"vmovdqa64 {64 * b}({x}), {a[b]}" for b in range(VECTORS)]
    for o in range(j):
        body.append(f"vpbroadcastd {4 * o}({w}), {t}")
        body += [f"vpdpbusd {t}, {a[b]}, {at[f'c{o}{b}']}" for b in range(VECTORS)]
    body += [f"add ${64 * VECTORS}, {x}", f"add ${4 * j}, {w}", f"dec {k}", "jnz 1b", "2:"]
    return _TILE.format(
        j=j,
        names=", ".join(names),
        body="\n".join(f'        "{line}\\n"' for line in body),
        outputs=", ".join(f'"=&v"({name})' for name in names),
        stores="\n".join(f"    r[{n}] = {name};" for n, name in enumerate(names)),
    )


def words(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """int64 [outputs, places] -> signed 32-bit words of four int8 each, [outputs, groups]."""
    data = np.ascontiguousarray(rows.astype(np.int8))
    return data.view("<i4").astype(np.int64) if data.shape[1] else np.zeros((len(data), 0), np.int64)


def constants(how: FieldPlan) -> list[str]:
    """Weights as words of four, tile by tile for blocks and sixteen neurons by sixteen for single queries."""
    lines = []
    for number, dense in enumerate(how.field.dense):
        packed = words(how.padded(number))
        bias = dense.bias - (OFFSET * dense.weights.sum(1) if _offset(how, number) else 0)
        outputs, groups = packed.shape
        last = number == len(how.field.dense) - 1
        wide = outputs if last else -(-outputs // 4) * 4
        tiles = np.zeros((wide, groups), np.int64)
        tiles[:outputs] = packed
        filled = np.zeros(max(-(-outputs // 16) * 16, wide), np.int64)
        filled[:outputs] = bias
        filled = (filled + 2**31) % 2**32 - 2**31
        order = [tiles[o : o + 4].T.ravel() for o in range(0, wide, 4)]
        lines += c_array("int32_t", f"tiles{number}", np.concatenate(order).tolist())
        lines += c_array("int32_t", f"start{number}", filled.tolist())
        if last:
            rows = np.zeros((outputs, -(-groups // 16) * 16), np.int64)
            rows[:, :groups] = packed
            lines += c_array("int32_t", f"rows{number}", rows.ravel().tolist())
        else:
            rows = np.zeros((len(filled), groups), np.int64)
            rows[:outputs] = packed
            order = [rows[o : o + 16].T.ravel() for o in range(0, len(filled), 16)]
            lines += c_array("int32_t", f"rows{number}", np.concatenate(order).tolist())
    if how.field.coordinates is not None:
        pairs = np.zeros((-(-len(how.field.dense[0].bias) // 16) * 16, 2), np.int16)
        pairs[: len(how.field.coordinates.weights)] = how.field.coordinates.weights
        lines += c_array("int32_t", "coordinate_pairs", pairs.view("<i4").ravel().tolist())
    return lines


def _offset(how: FieldPlan, number: int) -> bool:
    """Whether the inputs of a dense layer are signed, and so travel with 128 added."""
    return number == 0 or isinstance(how.field.activations[number - 1], PeriodicQuadratic)


def blocks(how: FieldPlan) -> list[str]:
    """`block_avx512` and `single_avx512`."""
    from inkling.hdl.fields.avx512_single import single

    last = len(how.field.dense[-1].bias)
    sizes = {4} | {min(4, last - o) for o in range(0, last, 4)}
    lines = [part for j in sorted(sizes) for part in _tile(j).splitlines()]
    lines += gather(how)
    for number in range(len(how.field.dense)):
        lines += _layer(how, number)
    return [*lines, *_block(how), *single(how)]


def _bytes(layer: Operation, c: list[str]) -> list[str]:
    """Four vectors of sums of 16 queries -> `y`, a vector of the four bytes of each query."""
    if isinstance(layer, PeriodicQuadratic):
        lines = []
        for pair in (0, 1):
            even, odd = c[2 * pair : 2 * pair + 2]
            # The phase of one in the low half of a word, of the other in the high half.
            a = f"_mm512_srli_epi32({even}, {layer.shift})"
            if layer.shift < 0:
                a = f"_mm512_slli_epi32({even}, {-layer.shift})"
            b = f"_mm512_slli_epi32({odd}, {16 - layer.shift})"
            lines += [
                f"const __m512i t{pair} = _mm512_mask_blend_epi16(0xAAAAAAAA, {a}, {b});",
                f"const __m512i m{pair} = _mm512_sub_epi16(_mm512_set1_epi16(-32768), _mm512_abs_epi16(t{pair}));",
                f"const __m512i g{pair} = _mm512_srai_epi16(_mm512_mulhi_epi16(t{pair}, m{pair}), 5);",
            ]
        return [
            *lines,
            "const __m512i y = _mm512_xor_si512(_mm512_set1_epi8(-128),",
            "    _mm512_shuffle_epi8(_mm512_packs_epi16(g0, g1), words));",
        ]
    assert isinstance(layer, ClippedReLU) and isinstance(layer.shift, int)
    if layer.shift <= 7:  # clipping to int16 first is exact then: 32767 >> 7 is still 255
        pairs = [f"_mm512_packs_epi32({c[k]}, {c[k + 1]})" for k in (0, 2)]
        pairs = [f"_mm512_srai_epi16({pair}, {layer.shift})" for pair in pairs]
    else:
        moved = [f"_mm512_srai_epi32({name}, {layer.shift})" for name in c]
        pairs = [f"_mm512_packs_epi32({moved[k]}, {moved[k + 1]})" for k in (0, 2)]
    return [
        f"const __m512i lo = {pairs[0]}, hi = {pairs[1]};",
        "const __m512i y = _mm512_shuffle_epi8(_mm512_packus_epi16(lo, hi), bytes);",
    ]


def _layer(how: FieldPlan, number: int) -> list[str]:
    field = how.field
    dense, layer = field.dense[number], field.activations[number]
    groups, outputs = len(how.places(number)) // 4, len(dense.bias)
    last = number == len(field.dense) - 1
    extra = number == 0 and field.coordinates is not None
    out = "int32_t (*out)[LANES]" if last else "uint8_t *out"
    # Transpose four by four within pieces of 16: bytes n0q0..n0q3, n1q0.. or words n0n1 q0..q3, n2n3 q0..q3.
    by_bytes = [4 * (k % 4) + k // 4 for k in range(16)] * 4
    by_words = [2 * (k // 4) + (k % 4 // 2) * 8 + k % 2 for k in range(16)] * 4
    lines = [
        f"static T512 void layer{number}_avx512(const uint8_t *x, const int32_t *centred, {out},",
        "    const struct FIELD *f, const struct places512 *next)",
        "{",
        "    (void)f; (void)next;",
        f"    static const int8_t by_bytes[64] ALIGNED = {{{', '.join(map(str, by_bytes))}}};",
        f"    static const int8_t by_words[64] ALIGNED = {{{', '.join(map(str, by_words))}}};",
        "    const __m512i bytes = _mm512_load_si512(by_bytes), words = _mm512_load_si512(by_words);",
        "    (void)bytes; (void)words; (void)centred;",
    ]

    def add_coordinates(j: int) -> list[str]:
        if not extra:
            return []
        assert field.coordinates is not None
        return [
            f"        for (int k = 0; k < {4 * j}; k++) {{",
            "            const __m512i w = _mm512_set1_epi32(coordinate_pairs[o + k / 4]);",
            "            const __m512i z = _mm512_load_si512(centred + 16 * (k % 4));",
            "            const __m512i s = _mm512_dpwssd_epi32(_mm512_setzero_si512(), z, w);",
            f"            c[k] = _mm512_add_epi32(c[k], _mm512_srai_epi32(s, {field.coordinates.shift}));",
            "        }",
        ]

    def tile(j: int) -> list[str]:
        return [
            f"        __m512i c[{4 * j}];",
            f"        tile{j}_512({groups}, x, tiles{number} + o * {groups}, start{number} + o, c);",
            *add_coordinates(j),
        ]

    if not last:
        # What the next block reads is asked for a little at a time: there are few places for misses under way.
        tiles = [-(-len(d.bias) // 4) for d in field.dense[:-1]]
        step = -(-64 // sum(tiles))
        here = f"{sum(tiles[:number]) * step} + o / 4 * {step}"
        lines += [
            f"    for (int o = 0; o < {-(-outputs // 4) * 4}; o += 4) {{",
            f"        const int q = {here}, end = q + {step} < LANES ? q + {step} : LANES;",
            "        if (next) prefetch_avx512(f, next, q, end);",
            *tile(4),
        ]
        for b in range(VECTORS):
            lines += ["        {"]
            lines += ["            " + line for line in _bytes(layer, [f"c[{4 * o + b}]" for o in range(4)])]
            lines += [f"            _mm512_store_si512(out + o * 64 + {64 * b}, y);", "        }"]
        return [*lines, "    }", "}", ""]
    for first in range(0, outputs, 4):
        j = min(4, outputs - first)
        lines += ["    {", f"        const int o = {first};", *tile(j)]
        lines += [f"        for (int k = 0; k < {4 * j}; k++) {{"]
        shift = layer.shift if isinstance(layer, ClippedReLU | Rescale) else 0
        lines += [f"            __m512i s = _mm512_srai_epi32(c[k], {shift});"]
        if isinstance(layer, ClippedReLU):
            lines += ["            s = _mm512_min_epi32(_mm512_max_epi32(s, _mm512_setzero_si512()),"]
            lines += ["                _mm512_set1_epi32(255));"]
        lines += ["            _mm512_store_si512(out[o + k / 4] + 16 * (k % 4), s);", "        }", "    }"]
    return [*lines, "}", ""]


def read_calls(how: FieldPlan, path: str, group_bytes: int) -> list[str]:
    """The calls that gather and blend every plane of every level."""
    lines, group = [], 0
    for k, level in enumerate(how.levels):
        for plane in range(level.planes):
            at = level.offset + plane * level.width * level.texel
            table, base = ("f->shared", "0") if level.shared else ("f->own", "p->base")
            lines.append(f"    gather_{path}({table} + {at}, {base}, p->at[{k}], {level.row}, rows);")
            for half in range(8 // level.bits):
                mode = 0 if level.bits == 8 else half + 1
                lines.append(
                    f"    blend_{path}(rows, p->wx[{k}], p->wy[{k}], order{path[3:]}_{level.texel}, {mode},"
                    f" x + {group * group_bytes});"
                )
                group += 1
    return lines


def _block(how: FieldPlan) -> list[str]:
    field = how.field
    widest = max([len(how.inputs), *(-(-len(d.bias) // 4) * 4 for d in field.dense)])
    lines = [
        "static T512 void answer_avx512(const struct FIELD *f, const struct places512 *p,",
        "    const struct places512 *next, int32_t (*out)[LANES])",
        "{",
        f"    uint8_t rows[LANES * 16] ALIGNED, x[{widest} * LANES] ALIGNED, y[{widest} * LANES] ALIGNED;",
        "    (void)rows; (void)y; (void)f;",
        *read_calls(how, "avx512", 4 * 64),
    ]
    a, b = "x", "y"
    for number in range(len(field.dense)):
        to = "out" if number == len(field.dense) - 1 else b
        lines.append(f"    layer{number}_avx512({a}, p->centred, {to}, f, next);")
        a, b = b, a
    return [
        *lines,
        "}",
        "",
        "static T512 void block_avx512(const struct FIELD *f, const uint32_t *entry, const uint16_t *u,",
        "    const uint16_t *v, int32_t (*out)[LANES])",
        "{",
        "    struct places512 p;",
        "    place_avx512(f, entry, u, v, &p);",
        "    answer_avx512(f, &p, 0, out);",
        "}",
        "",
        *_visible(how),
    ]


def _visible(how: FieldPlan) -> list[str]:
    """Whole blocks of visibility queries; tables beyond the caches are fetched a block ahead."""
    coding = how.field.coding
    return f"""\
static T512 size_t visible_avx512(const struct FIELD *f, size_t n, const uint32_t *entry, const uint16_t *u,
    const uint16_t *v, const int32_t *code, uint8_t *seen)
{{
    struct places512 places[2], *now = &places[0], *next = &places[1];
    int32_t out[OUTPUTS][LANES] ALIGNED;
    const __m512i low = _mm512_set1_epi32({coding.low_code}), high = _mm512_set1_epi32({coding.high_code});
    size_t at = 0;
    if (n < LANES) return 0;
    place_avx512(f, entry, u, v, now);
    for (; at + LANES <= n; at += LANES) {{
        const int more = at + 2 * LANES <= n;
        if (more) place_avx512(f, entry + at + LANES, u + at + LANES, v + at + LANES, next);
        answer_avx512(f, now, f->ahead && more ? next : 0, out);
        for (int q = 0; q < LANES; q += 16) {{
            __m512i c = _mm512_loadu_si512(code + at + q);
            c = _mm512_min_epi32(_mm512_max_epi32(c, low), high);
            c = _mm512_sub_epi32(c, _mm512_set1_epi32({coding.margin}));
            const __mmask16 less = _mm512_cmplt_epi32_mask(c, _mm512_load_si512(out[0] + q));
            _mm_storeu_si128((__m128i *)(seen + at + q), _mm_maskz_set1_epi8(less, 1));
        }}
        struct places512 *const done = now;
        now = next;
        next = done;
    }}
    return at;
}}
""".splitlines()
