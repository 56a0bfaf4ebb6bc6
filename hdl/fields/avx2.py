"""The AVX2 path of a field's C kernel: 64 queries in the lanes, activations as pairs of int16 for `vpmaddwd`.

AVX2's product of bytes saturates, so it could not give the reference's bits; products of 16 bits are exact. A query
alone runs the plain text of `inkling.hdl.fields.portable`, compiled for AVX2.
"""

import numpy as np

from inkling.approx.reference.operations import ClippedReLU, PeriodicQuadratic, Rescale
from inkling.hdl.fields.avx512 import read_calls
from inkling.hdl.fields.avx512_gather import pick
from inkling.hdl.fields.plan import FieldPlan
from inkling.hdl.fields.portable import c_array

_GATHER = """\
/* Query q of 8 goes to piece q / 4 of vector q % 4, so that the packs below leave queries in order. */
static INLINE T256 void gather_avx2(const uint8_t *table, const uint64_t *base, const uint32_t *at,
    size_t row, uint8_t *rows)
{
    for (int q = 0; q < LANES; q += 8) {
#pragma GCC unroll 8
        for (int k = 0; k < 8; k++) {
            const uint8_t *a = table + (base ? base[q + k] : 0) + at[q + k];
            uint8_t *to = rows + q * 16 + (k & 3) * 32 + (k >> 2) * 16;
            memcpy(to, a, 8);
            memcpy(to + 8, a + row, 8);
        }
    }
}

/* As in blend_avx512; gives two groups of pairs of int16. */
static INLINE T256 void blend_avx2(const uint8_t *rows, const uint32_t *wx, const uint32_t *wy,
    const int8_t *order, int mode, int16_t *y)
{
    const __m256i pick = _mm256_load_si256((const __m256i *)order), half = _mm256_set1_epi32(8192);
    const __m256i high = _mm256_set1_epi8((char)0xF0);
    for (int q = 0; q < LANES; q += 8) {
        const __m256i x = _mm256_load_si256((const __m256i *)(wx + q));
        const __m256i z = _mm256_load_si256((const __m256i *)(wy + q));
        __m256i s[4];
@QUADS@
        const __m256i a = _mm256_packs_epi32(s[0], s[1]), b = _mm256_packs_epi32(s[2], s[3]);
        const __m256 fa = _mm256_castsi256_ps(a), fb = _mm256_castsi256_ps(b);
        _mm256_store_ps((float *)(y + 2 * q), _mm256_shuffle_ps(fa, fb, 0x88));
        _mm256_store_ps((float *)(y + 2 * LANES + 2 * q), _mm256_shuffle_ps(fa, fb, 0xDD));
    }
}
"""

_QUAD = """\
        {
            __m256i t = _mm256_shuffle_epi8(_mm256_load_si256((const __m256i *)(rows + 16 * q + @AT@)), pick);
            if (mode == 1) t = _mm256_slli_epi16(t, 4);
            if (mode) t = _mm256_and_si256(t, high);
            t = _mm256_maddubs_epi16(_mm256_shuffle_epi32(x, @SPREAD@), t);
            t = _mm256_madd_epi16(t, _mm256_shuffle_epi32(z, @SPREAD@));
            s[@I@] = _mm256_srai_epi32(_mm256_add_epi32(t, half), 14);
        }"""

_SUMS = """\
/* Four outputs of 16 queries: c = bias + sum over k of the products of pairs w[k] . x[k]. */
static INLINE T256 void tile_avx2(int k, const int16_t *x, const int32_t *w, const int32_t *bias, __m256i c[8])
{
    __m256i c0 = _mm256_set1_epi32(bias[0]), c1 = c0, c2 = _mm256_set1_epi32(bias[1]), c3 = c2;
    __m256i c4 = _mm256_set1_epi32(bias[2]), c5 = c4, c6 = _mm256_set1_epi32(bias[3]), c7 = c6;
    for (; k > 0; k--, x += 2 * LANES, w += 4) {
        const __m256i a = _mm256_load_si256((const __m256i *)x);
        const __m256i b = _mm256_load_si256((const __m256i *)(x + 16));
        __m256i t = _mm256_set1_epi32(w[0]);
        c0 = _mm256_add_epi32(c0, _mm256_madd_epi16(t, a));
        c1 = _mm256_add_epi32(c1, _mm256_madd_epi16(t, b));
        t = _mm256_set1_epi32(w[1]);
        c2 = _mm256_add_epi32(c2, _mm256_madd_epi16(t, a));
        c3 = _mm256_add_epi32(c3, _mm256_madd_epi16(t, b));
        t = _mm256_set1_epi32(w[2]);
        c4 = _mm256_add_epi32(c4, _mm256_madd_epi16(t, a));
        c5 = _mm256_add_epi32(c5, _mm256_madd_epi16(t, b));
        t = _mm256_set1_epi32(w[3]);
        c6 = _mm256_add_epi32(c6, _mm256_madd_epi16(t, a));
        c7 = _mm256_add_epi32(c7, _mm256_madd_epi16(t, b));
    }
    c[0] = c0, c[1] = c1, c[2] = c2, c[3] = c3, c[4] = c4, c[5] = c5, c[6] = c6, c[7] = c7;
}
"""


def constants(how: FieldPlan) -> list[str]:
    """Weights as pairs of int16, four outputs a tile."""
    lines = []
    for number, dense in enumerate(how.field.dense):
        rows = how.padded(number)
        wide = -(-len(rows) // 4) * 4
        pairs = np.zeros((wide, rows.shape[1] // 2), np.int64)
        if rows.shape[1]:
            pairs[: len(rows)] = np.ascontiguousarray(rows.astype("<i2")).view("<i4")
        lines += c_array(
            "int32_t", f"pairs{number}", np.concatenate([p.T.ravel() for p in np.split(pairs, wide // 4)])
        )
        bias = np.zeros(wide, np.int64)
        bias[: len(rows)] = dense.bias
        lines += c_array("int32_t", f"plain_start{number}", bias.tolist())
    if how.field.coordinates is not None:
        both = np.zeros((-(-len(how.field.dense[0].bias) // 4) * 4, 2), "<i2")
        both[: len(how.field.coordinates.weights)] = how.field.coordinates.weights
        lines += c_array("int32_t", "coordinate_words", both.view("<i4").ravel().tolist())
    return lines


def blocks(how: FieldPlan) -> list[str]:
    """`block_avx2` and `single_avx2`."""
    field = how.field
    quads = [
        _QUAD.replace("@AT@", str(32 * i)).replace("@SPREAD@", str(0x55 * i)).replace("@I@", str(i)) for i in range(4)
    ]
    lines = (
        [*_GATHER.replace("@QUADS@", "\n".join(quads)).splitlines(), *_SUMS.splitlines(), ""] if how.levels else []
    )
    if not how.levels:
        lines = [*_SUMS.splitlines(), ""]
    for texel in sorted({level.texel for level in how.levels}):
        lines += c_array("int8_t", f"order2_{texel}", pick(texel, 2))
    lines += _place(how)
    for number in range(len(field.dense)):
        lines += _layer(how, number)
    widest = max([len(how.inputs), *(-(-len(d.bias) // 4) * 4 for d in field.dense)])
    lines += [
        "static T256 void block_avx2(const struct FIELD *f, const uint32_t *entry, const uint16_t *u,",
        "    const uint16_t *v, int32_t (*out)[LANES])",
        "{",
        f"    int16_t x[{widest} * LANES] ALIGNED, y[{widest} * LANES] ALIGNED;",
        "    uint8_t rows[LANES * 16] ALIGNED;",
        "    struct places256 here, *p = &here;",
        "    place_avx2(f, entry, u, v, p);",
        "    (void)rows; (void)y;",
        *read_calls(how, "avx2", 4 * 64),
    ]
    a, b = "x", "y"
    for number in range(len(field.dense)):
        to = "out" if number == len(field.dense) - 1 else b
        lines.append(f"    layer{number}_avx2({a}, p->centred, {to});")
        a, b = b, a
    return [
        *lines,
        "}",
        "",
        "static T256 void single_avx2(const struct FIELD *f, uint32_t entry, uint16_t u, uint16_t v, int32_t *out)",
        "{",
        "    single_plain(f, entry, u, v, out);",
        "}",
        "",
    ]


def _place(how: FieldPlan) -> list[str]:
    levels = max(len(how.levels), 1)
    lines = [
        "struct places256 {",
        "    uint64_t base[LANES];",
        f"    uint32_t at[{levels}][LANES], wx[{levels}][LANES], wy[{levels}][LANES];",
        "    int32_t centred[LANES];",
        "} ALIGNED;",
        "",
        "static T256 void place_avx2(const struct FIELD *f, const uint32_t *entry, const uint16_t *u,",
        "    const uint16_t *v, struct places256 *p)",
        "{",
        "    for (int q = 0; q < LANES; q++) {",
        "        p->base[q] = (uint64_t)(entry[q] < f->last ? entry[q] : f->last) * STRIDE;",
        "        p->centred[q] = (int32_t)((u[q] | (uint32_t)v[q] << 16) ^ 0x80008000u);",
        "    }",
    ]
    for k, level in enumerate(how.levels):
        lines += [
            "    for (int q = 0; q < LANES; q++) {",
            f"        const uint32_t px = u[q] * {level.width - 1}u, py = v[q] * {level.height - 1}u;",
            "        const uint32_t fx = px >> 9 & 127, fy = py >> 9 & 127, x = 128 - fx + (fx << 8);",
            f"        p->at[{k}][q] = (py >> 16) * {level.row}u + (px >> 16) * {level.texel}u;",
            f"        p->wx[{k}][q] = x | x << 16;",
            f"        p->wy[{k}][q] = 128 - fy + (fy << 16);",
            "    }",
        ]
    return [*lines, "}", ""]


def _layer(how: FieldPlan, number: int) -> list[str]:
    field = how.field
    dense, layer = field.dense[number], field.activations[number]
    pairs, outputs = len(how.places(number)) // 2, len(dense.bias)
    last = number == len(field.dense) - 1
    out = "int32_t (*out)[LANES]" if last else "int16_t *out"
    lines = [
        f"static T256 void layer{number}_avx2(const int16_t *x, const int32_t *centred, {out})",
        "{",
        "    (void)centred;",
        f"    for (int o = 0; o < {outputs}; o += 4)",
        "        for (int q = 0; q < LANES; q += 16) {",
        "            __m256i c[8];",
        f"            tile_avx2({pairs}, x + 2 * q, pairs{number} + o * {pairs}, plain_start{number} + o, c);",
    ]
    if number == 0 and field.coordinates is not None:
        lines += [
            "            for (int k = 0; k < 8; k++) {",
            "                const __m256i z = _mm256_load_si256((const __m256i *)(centred + q + 8 * (k & 1)));",
            "                const __m256i s = _mm256_madd_epi16(z, _mm256_set1_epi32(coordinate_words[o + k / 2]));",
            f"                c[k] = _mm256_add_epi32(c[k], _mm256_srai_epi32(s, {field.coordinates.shift}));",
            "            }",
        ]
    if last:
        shift = layer.shift if isinstance(layer, ClippedReLU | Rescale) else 0
        lines += [
            "            for (int k = 0; k < 8; k++) {",
            f"                __m256i s = _mm256_srai_epi32(c[k], {shift});",
        ]
        if isinstance(layer, ClippedReLU):
            lines.append("                s = _mm256_min_epi32(_mm256_max_epi32(s, _mm256_setzero_si256()),")
            lines.append("                    _mm256_set1_epi32(255));")
        lines += [
            f"                if (o + k / 2 < {outputs})",
            "                    _mm256_store_si256((__m256i *)(out[o + k / 2] + q + 8 * (k & 1)), s);",
            "            }",
        ]
        return [*lines, "        }", "}", ""]
    lines += [
        "            for (int k = 0; k < 4; k++) {  /* outputs 0 and 1, then 2 and 3; eight queries each */",
        "                __m256i a = c[4 * (k >> 1) + (k & 1)], b = c[4 * (k >> 1) + 2 + (k & 1)];",
    ]
    if isinstance(layer, PeriodicQuadratic):
        lines += [
            f"                a = _mm256_srli_epi32(_mm256_slli_epi32(a, {16 - layer.shift}), 16);",
            f"                b = _mm256_slli_epi32(b, {16 - layer.shift});",
            "                const __m256i t = _mm256_blend_epi16(a, b, 0xAA);",
            "                const __m256i m = _mm256_sub_epi16(_mm256_set1_epi16(-32768), _mm256_abs_epi16(t));",
            "                const __m256i g = _mm256_srai_epi16(_mm256_mulhi_epi16(t, m), 5);",
            "                const __m256i y = _mm256_min_epi16(g, _mm256_set1_epi16(127));",
        ]
    else:
        assert isinstance(layer, ClippedReLU)
        lines += [
            "                const __m256i zero = _mm256_setzero_si256(), top = _mm256_set1_epi32(255);",
            f"                a = _mm256_max_epi32(_mm256_srai_epi32(a, {layer.shift}), zero);",
            "                a = _mm256_min_epi32(a, top);",
            f"                b = _mm256_max_epi32(_mm256_srai_epi32(b, {layer.shift}), zero);",
            "                b = _mm256_min_epi32(b, top);",
            "                const __m256i y = _mm256_or_si256(a, _mm256_slli_epi32(b, 16));",
        ]
    return [
        *lines,
        "                int16_t *to = out + (o / 2 + (k >> 1)) * 2 * LANES + 2 * (q + 8 * (k & 1));",
        "                _mm256_store_si256((__m256i *)to, y);",
        "            }",
        "        }",
        "}",
        "",
    ]
