"""The AVX-512 VNNI path for one query alone: sixteen neurons in the lanes, features never leave the registers.

The block path is in `inkling.hdl.fields.avx512`, whose packed weights this one reads.
"""

from inkling.approx.reference.operations import ClippedReLU, PeriodicQuadratic, Rescale
from inkling.hdl.fields.plan import FieldPlan
from inkling.hdl.fields.portable import start

# Lines of 64 bytes of code that a query asks for before it runs.
CODE_LINES = 16


def single(how: FieldPlan) -> list[str]:
    """`single_avx512`."""
    field = how.field
    lines = [
        "QUERY static T512 void single_avx512(const struct FIELD *f, uint32_t entry, uint16_t u, uint16_t v,",
        "    int32_t *out)",
        "{",
        "    const uint32_t e = entry < f->last ? entry : f->last;",
        "    (void)e;",
    ]
    lines += _reads(how)
    for number in range(len(field.dense) - 1):
        lines += _hidden(how, number)
    return [*lines, *_last(how), "}", "", *_fetch()]


def _fetch() -> list[str]:
    """`fetch_single`: a query out of the blue would wait for its own code, a line after the other."""
    lines = [
        "/* Asks for the code of a query, and for the page of its weights. */",
        "static INLINE void fetch_single(void)",
        "{",
    ]
    lines += [
        f"    for (int line = 0; line < {CODE_LINES}; line++)",
        "        __builtin_prefetch((const char *)(uintptr_t)single_avx512 + 64 * line);",
    ]
    lines.append("    __builtin_prefetch(rows0);")
    return [*lines, "}", ""]


def _reads(how: FieldPlan) -> list[str]:
    lines, group = [], 0
    for k, level in enumerate(how.levels):
        lines += [
            f"    const uint32_t px{k} = (uint32_t)u * {level.width - 1}u;",
            f"    const uint32_t py{k} = (uint32_t)v * {level.height - 1}u;",
            f"    const uint32_t fx{k} = px{k} >> 9 & 127, fy{k} = py{k} >> 9 & 127;",
            f"    const uint8_t *a{k} = {start(level)}",
            f"        + (py{k} >> 16) * {level.row}u + (px{k} >> 16) * {level.texel}u;",
            f"    const __m128i wx{k} = _mm_set1_epi32((int)((128 + fx{k} * 255) * 65537u));",
            f"    const __m128i wy{k} = _mm_set1_epi32((int)(128 - fy{k} + (fy{k} << 16)));",
        ]
        for plane in range(level.planes):
            at = plane * level.width * level.texel
            name = f"d{k}_{plane}"
            lines += [
                f"    const __m128i {name} = _mm_shuffle_epi8(_mm_unpacklo_epi64(",
                f"        _mm_loadl_epi64((const __m128i *)(a{k} + {at})),",
                f"        _mm_loadl_epi64((const __m128i *)(a{k} + {at + level.row}))),",
                f"        _mm_load_si128((const __m128i *)order512_{level.texel}));",
            ]
            for half in range(8 // level.bits):
                t = name
                if level.bits == 4:
                    t = name if half else f"_mm_slli_epi16({name}, 4)"
                    t = f"_mm_and_si128({t}, _mm_set1_epi8((char)0xF0))"
                lines += [
                    f"    __m128i s{group} = _mm_dpwssd_epi32(_mm_set1_epi32((128 << 14) + 8192),",
                    f"        _mm_maddubs_epi16(wx{k}, {t}), wy{k});",
                    f"    s{group} = _mm_srli_epi32(s{group}, 14);",
                    f"    s{group} = _mm_packus_epi32(s{group}, s{group});",
                    f"    const __m512i x0_{group} = _mm512_broadcastd_epi32(_mm_packus_epi16(s{group}, s{group}));",
                ]
                group += 1
    return lines


def _hidden(how: FieldPlan, number: int) -> list[str]:
    """A layer of sixteen neurons a vector; its bytes go to y<number + 1>."""
    field = how.field
    groups, outputs = len(how.places(number)) // 4, len(field.dense[number].bias)
    vectors, layer = -(-outputs // 16), field.activations[number]
    lines = [f"    uint8_t y{number + 1}[{-(-outputs // 64) * 64}] ALIGNED;"]
    looped = number > 0 and vectors > 4  # else the text grows with the square of the width
    lines += [f"    for (int t = 0; t < {vectors}; t++) {{"] if looped else []
    for index in ["t"] if looped else [str(t) for t in range(vectors)]:
        lines += [
            "    {",
            f"        __m512i c = _mm512_load_si512(start{number} + 16 * {index});",
        ]
        chains = min(4 if number else 2, max(groups, 1))
        lines += [f"        __m512i c{n} = _mm512_setzero_si512();" for n in range(1, chains)]
        for k in range(groups):
            x = f"_mm512_set1_epi32(word(y{number} + {4 * k}))" if number else f"x0_{k}"
            c = f"c{k % chains}" if k % chains else "c"
            lines.append(
                f"        {c} = _mm512_dpbusd_epi32({c}, {x},"
                f" _mm512_load_si512(rows{number} + ({index} * {groups} + {k}) * 16));"
            )
        lines += [f"        c = _mm512_add_epi32(c, c{n});" for n in range(1, chains)]
        if number == 0 and field.coordinates is not None:
            lines += [
                "        const __m512i z = _mm512_set1_epi32((int)((u | (uint32_t)v << 16) ^ 0x80008000u));",
                "        const __m512i s = _mm512_dpwssd_epi32(_mm512_setzero_si512(), z,",
                f"            _mm512_load_si512(coordinate_pairs + 16 * {index}));",
                f"        c = _mm512_add_epi32(c, _mm512_srai_epi32(s, {field.coordinates.shift}));",
            ]
        if isinstance(layer, PeriodicQuadratic):
            lines += [
                f"        c = _mm512_srai_epi32(_mm512_slli_epi32(c, {16 - layer.shift}), 16);",
                "        const __m512i m = _mm512_sub_epi32(_mm512_set1_epi32(32768), _mm512_abs_epi32(c));",
                "        c = _mm512_srai_epi32(_mm512_mullo_epi32(c, m), 21);",
                "        const __m128i y = _mm_xor_si128(_mm512_cvtsepi32_epi8(c), _mm_set1_epi8(-128));",
            ]
        else:
            assert isinstance(layer, ClippedReLU)
            lines += [
                f"        c = _mm512_max_epi32(_mm512_srai_epi32(c, {layer.shift}), _mm512_setzero_si512());",
                "        const __m128i y = _mm512_cvtusepi32_epi8(c);",
            ]
        lines += [f"        _mm_store_si128((__m128i *)(y{number + 1} + 16 * {index}), y);", "    }"]
    if looped:
        lines.append("    }")
    return lines


def _last(how: FieldPlan) -> list[str]:
    """Each answer is one sum over the bytes of the last hidden layer; places beyond it have no weight."""
    field, number = how.field, len(how.field.dense) - 1
    groups, outputs = len(how.places(number)) // 4, len(field.dense[number].bias)
    chunks, lines = -(-groups // 16), []
    for o in range(outputs):
        name = f"r{o}"
        lines.append(f"    __m512i {name} = _mm512_setzero_si512();")
        for k in range(chunks):
            lines += [
                f"    {name} = _mm512_dpbusd_epi32({name}, _mm512_load_si512(y{number} + {64 * k}),",
                f"        _mm512_load_si512(rows{number} + {(o * chunks + k) * 16}));",
            ]
        layer = field.activations[number]
        shift = layer.shift if isinstance(layer, ClippedReLU | Rescale) else 0
        lines.append(f"    int32_t s{name} = (start{number}[{o}] + _mm512_reduce_add_epi32({name})) >> {shift};")
        if isinstance(layer, ClippedReLU):
            lines.append(f"    s{name} = s{name} < 0 ? 0 : s{name} > 255 ? 255 : s{name};")
        lines.append(f"    out[{o}] = s{name};")
    return lines
