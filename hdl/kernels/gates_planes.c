/* Bit `bit` of 64 bytes as one word, byte 0 in the lowest place. */
static uint64_t plane(const uint8_t *bytes, int bit)
{
#if defined(__AVX512BW__)
    return _mm512_test_epi8_mask(_mm512_loadu_si512(bytes), _mm512_set1_epi8((char)(1 << bit)));
#elif defined(__AVX2__)
    const __m128i up = _mm_cvtsi32_si128(7 - bit);
    const __m256i low = _mm256_loadu_si256((const __m256i *)bytes);
    const __m256i high = _mm256_loadu_si256((const __m256i *)(bytes + 32));
    const uint32_t a = (uint32_t)_mm256_movemask_epi8(_mm256_sll_epi16(low, up));
    const uint32_t b = (uint32_t)_mm256_movemask_epi8(_mm256_sll_epi16(high, up));
    return (uint64_t)b << 32 | a;
#elif defined(__SSE2__)
    const __m128i up = _mm_cvtsi32_si128(7 - bit);
    uint64_t found = 0;
    for (int k = 0; k < 4; k++) {
        const __m128i part = _mm_loadu_si128((const __m128i *)(bytes + 16 * k));
        found |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_sll_epi16(part, up)) << 16 * k;
    }
    return found;
#else
    uint64_t found = 0;
    for (int k = 0; k < 64; k++) found |= (uint64_t)(bytes[k] >> bit & 1) << k;
    return found;
#endif
}

/* Sets bit `bit` in those of 64 bytes whose bit in `plane` is set. */
static void add_plane(uint8_t *bytes, uint64_t plane, int bit)
{
#if defined(__AVX512BW__)
    const __m512i old = _mm512_loadu_si512(bytes);
    const __m512i set = _mm512_or_si512(old, _mm512_set1_epi8((char)(1 << bit)));
    _mm512_storeu_si512(bytes, _mm512_mask_mov_epi8(old, plane, set));
#else
    for (int k = 0; k < 64; k++) bytes[k] |= (uint8_t)((plane >> k & 1) << bit);
#endif
}
