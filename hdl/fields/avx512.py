"""The AVX-512 VNNI path of a field's C kernel: 64 queries in the lanes, or the neurons of one query.

Activations travel as unsigned bytes (signed ones plus 128, which the biases take back), so that `vpdpbusd` fits. The
inner loops are inline assembly: compilers of 2022 spill the accumulators. Nothing here defines a number.
"""

import numpy as np
from numpy.typing import NDArray

from inkling.approx.reference.operations import ClippedReLU, Operation, PeriodicQuadratic, Rescale
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


def pick(texel: int, lanes: int) -> list[int]:
    """The byte shuffle that puts the four corners' bytes of each feature of a plane side by side."""
    one = []
    for k in range(4):
        one += [k, texel + k, 8 + k, 8 + texel + k] if k < texel else [128] * 4
    return [value - 256 if value > 127 else value for value in one * lanes]


def blocks(how: FieldPlan) -> list[str]:
    """`block_avx512` and `single_avx512`."""
    from inkling.hdl.fields.avx512_single import single

    last = len(how.field.dense[-1].bias)
    sizes = {4} | {min(4, last - o) for o in range(0, last, 4)}
    lines = [part for j in sorted(sizes) for part in _tile(j).splitlines()]
    lines += _gather(how)
    for number in range(len(how.field.dense)):
        lines += _layer(how, number)
    return [*lines, *_block(how), *single(how)]


def _gather(how: FieldPlan) -> list[str]:
    """Where to read, and reading and blending; results are groups of four vectors of bytes."""
    lines = [
        "struct places512 {",
        "    uint64_t base[LANES];",
        f"    uint32_t at[{max(len(how.levels), 1)}][LANES], wx[{max(len(how.levels), 1)}][LANES],",
        f"        wy[{max(len(how.levels), 1)}][LANES];",
        "    int32_t centred[LANES];",
        "} ALIGNED;",
        "",
        "static T512 void place_avx512(const struct FIELD *f, const uint32_t *entry, const uint16_t *u,",
        "    const uint16_t *v, struct places512 *p)",
        "{",
        "    const __m512i last = _mm512_set1_epi32((int)f->last), low = _mm512_set1_epi32(127);",
        "    const __m512i stride = _mm512_set1_epi64(STRIDE);",
        "    for (int q = 0; q < LANES; q += 16) {",
        "        const __m512i e = _mm512_min_epu32(_mm512_loadu_si512(entry + q), last);",
        "        const __m512i uu = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(u + q)));",
        "        const __m512i vv = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(v + q)));",
        "        const __m512i e0 = _mm512_cvtepu32_epi64(_mm512_castsi512_si256(e));",
        "        const __m512i e1 = _mm512_cvtepu32_epi64(_mm512_extracti64x4_epi64(e, 1));",
        "        _mm512_store_si512(p->base + q, _mm512_mul_epu32(e0, stride));",
        "        _mm512_store_si512(p->base + q + 8, _mm512_mul_epu32(e1, stride));",
        "        (void)low;",
    ]
    if how.field.coordinates is not None:
        lines += [
            "        const __m512i pair = _mm512_or_si512(uu, _mm512_slli_epi32(vv, 16));",
            "        _mm512_store_si512(p->centred + q, _mm512_xor_si512(pair, _mm512_set1_epi32((int)0x80008000)));",
        ]
    for k, level in enumerate(how.levels):
        lines += [
            "        {",
            f"            const __m512i px = _mm512_mullo_epi32(uu, _mm512_set1_epi32({level.width - 1}));",
            f"            const __m512i py = _mm512_mullo_epi32(vv, _mm512_set1_epi32({level.height - 1}));",
            "            const __m512i fx = _mm512_and_si512(_mm512_srli_epi32(px, 9), low);",
            "            const __m512i fy = _mm512_and_si512(_mm512_srli_epi32(py, 9), low);",
            f"            const __m512i row = _mm512_mullo_epi32(_mm512_srli_epi32(py, 16),"
            f" _mm512_set1_epi32({level.row}));",
            f"            const __m512i column = _mm512_mullo_epi32(_mm512_srli_epi32(px, 16),"
            f" _mm512_set1_epi32({level.texel}));",
            "            const __m512i top = _mm512_set1_epi32(128);",
            "            const __m512i x = _mm512_or_si512(_mm512_sub_epi32(top, fx), _mm512_slli_epi32(fx, 8));",
            f"            _mm512_store_si512(p->at[{k}] + q, _mm512_add_epi32(row, column));",
            f"            _mm512_store_si512(p->wx[{k}] + q, _mm512_or_si512(x, _mm512_slli_epi32(x, 16)));",
            f"            _mm512_store_si512(p->wy[{k}] + q,",
            "                _mm512_or_si512(_mm512_sub_epi32(top, fy), _mm512_slli_epi32(fy, 16)));",
            "        }",
        ]
    lines += ["    }", "}", ""]
    lines += [
        "static INLINE T512 void prefetch_avx512(const struct FIELD *f, const struct places512 *p, int q, int end)",
        "{",
        "    for (; q < end; q++) {",
    ]
    for k, level in enumerate(how.levels):
        if not level.shared:
            lines += [
                f"        const uint8_t *a{k} = f->own + p->base[q] + p->at[{k}][q] + {level.offset};",
                f"        _mm_prefetch((const char *)a{k}, _MM_HINT_T0);",
                f"        _mm_prefetch((const char *)a{k} + {level.row}, _MM_HINT_T0);",
            ]
    lines += ["        (void)f; (void)p;", "    }", "}", ""]
    lines += [
        "/* Query q of 16 goes to piece q / 4 of vector q % 4, so that the packs below leave queries in order. */",
        "static INLINE T512 void gather_avx512(const uint8_t *table, const uint64_t *base, const uint32_t *at,",
        "    size_t row, uint8_t *rows)",
        "{",
        "    for (int q = 0; q < LANES; q += 16) {",
        "#pragma GCC unroll 16",
        "        for (int k = 0; k < 16; k++) {",
        "            const uint8_t *a = table + (base ? base[q + k] : 0) + at[q + k];",
        "            uint8_t *to = rows + q * 16 + (k & 3) * 64 + (k >> 2) * 16;",
        "            memcpy(to, a, 8);",
        "            memcpy(to + 8, a + row, 8);",
        "        }",
        "    }",
        "}",
        "",
        "/* mode 0: texels of 8 bits; 1: the low halves of bytes; 2: the high halves. */",
        "static INLINE T512 void blend_avx512(const uint8_t *rows, const uint32_t *wx, const uint32_t *wy,",
        "    const int8_t *order, int mode, uint8_t *y)",
        "{",
        "    const __m512i pick = _mm512_load_si512(order), half = _mm512_set1_epi32((128 << 14) + 8192);",
        "    const __m512i high = _mm512_set1_epi8((char)0xF0);",
        "    for (int b = 0; b < 4; b++) {",
        "        const __m512i x = _mm512_load_si512(wx + 16 * b), z = _mm512_load_si512(wy + 16 * b);",
        "        __m512i s[4];",
    ]
    for i in range(4):
        lines += [
            "        {",
            f"            __m512i t = _mm512_shuffle_epi8(_mm512_load_si512(rows + 256 * b + {64 * i}), pick);",
            "            if (mode == 1) t = _mm512_slli_epi16(t, 4);",
            "            if (mode) t = _mm512_and_si512(t, high);",
            f"            t = _mm512_maddubs_epi16(_mm512_shuffle_epi32(x, {0x55 * i}), t);",
            f"            s[{i}] = _mm512_srli_epi32(",
            f"                _mm512_dpwssd_epi32(half, t, _mm512_shuffle_epi32(z, {0x55 * i})), 14);",
            "        }",
        ]
    lines += [
        "        _mm512_store_si512(y + 64 * b, _mm512_packus_epi16(",
        "            _mm512_packus_epi32(s[0], s[1]), _mm512_packus_epi32(s[2], s[3])));",
        "    }",
        "}",
        "",
    ]
    for texel in sorted({level.texel for level in how.levels}):
        lines += c_array("int8_t", f"order512_{texel}", pick(texel, 4))
    return lines


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
