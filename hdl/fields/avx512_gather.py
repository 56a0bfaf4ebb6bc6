"""Reading and blending texels for the AVX-512 path of a field's C kernel; layers: `inkling.hdl.fields.avx512`."""

from inkling.hdl.fields.plan import FieldPlan
from inkling.hdl.fields.portable import c_array


def pick(texel: int, lanes: int) -> list[int]:
    """The byte shuffle that puts the four corners' bytes of each feature of a plane side by side."""
    one = []
    for k in range(4):
        one += [k, texel + k, 8 + k, 8 + texel + k] if k < texel else [128] * 4
    return [value - 256 if value > 127 else value for value in one * lanes]


def gather(how: FieldPlan) -> list[str]:
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
