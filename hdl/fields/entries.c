static uint64_t number(const uint8_t *at, int bytes)
{
    uint64_t value = 0;
    for (int k = 0; k < bytes; k++) value |= (uint64_t)at[k] << 8 * k;
    return value;
}

int ${name}_use(${name}_field *field, int path)
{
#if HAVE_X86
    __builtin_cpu_init();
    if (path == 1 && !__builtin_cpu_supports("avx2")) return -1;
    if (path == 2 && !(__builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))) return -1;
    if (path < 0 || path > 2) return -1;
#else
    if (path != 0) return -1;
#endif
    field->path = path;
    return 0;
}

int ${name}_load(${name}_field *field, const void *tables, size_t bytes)
{
    static const uint8_t magic[8] = {${magic}}, print[8] = {${fingerprint}};
    const uint8_t *head = (const uint8_t *)tables;
    if (bytes < ${head_bytes}) return -1;
    if (memcmp(head, magic, 8) || memcmp(head + 16, print, 8) || number(head + 8, 4) != ${version}) return -2;
    if (number(head + 12, 4) != ${entries}u || number(head + 24, 8) != ${shared_bytes}u) return -2;
    if (number(head + 32, 8) != STRIDE || number(head + 40, 8) != ${total}u) return -2;
    if (bytes < ${total}u) return -1;
    field->shared = head + ${head_bytes};
    field->own = field->shared + ${shared_bytes};
    field->last = ${last}u;
    field->ahead = (uint64_t)STRIDE * ${entries}u > 1u << 18;
    if (${name}_use(field, 2) && ${name}_use(field, 1)) (void)${name}_use(field, 0);
    return 0;
}

static void block(const ${name}_field *f, const uint32_t *entry, const uint16_t *u, const uint16_t *v,
    int32_t (*out)[LANES])
{
#if HAVE_X86
    if (f->path == 2) { block_avx512(f, entry, u, v, out); return; }
    if (f->path == 1) { block_avx2(f, entry, u, v, out); return; }
#endif
    block_portable(f, entry, u, v, out);
}

void ${name}_evaluate(const ${name}_field *f, uint32_t entry, uint16_t u, uint16_t v, int32_t *answers)
{
#if HAVE_X86
    if (f->path == 2) { single_avx512(f, entry, u, v, answers); return; }
    if (f->path == 1) { single_avx2(f, entry, u, v, answers); return; }
#endif
    single_portable(f, entry, u, v, answers);
}

/* Answers of up to 64 queries, the missing ones made up. */
static void some(const ${name}_field *f, size_t n, const uint32_t *entry, const uint16_t *u, const uint16_t *v,
    int32_t (*out)[LANES])
{
    uint32_t e[LANES] = {0};
    uint16_t a[LANES] = {0}, b[LANES] = {0};
    if (n == LANES) { block(f, entry, u, v, out); return; }
    memcpy(e, entry, n * sizeof *e);
    memcpy(a, u, n * sizeof *a);
    memcpy(b, v, n * sizeof *b);
    block(f, e, a, b, out);
}

void ${name}_evaluate_batch(const ${name}_field *f, size_t n, const uint32_t *entry, const uint16_t *u,
    const uint16_t *v, int32_t *answers)
{
    int32_t out[OUTPUTS][LANES] ALIGNED;
    for (size_t at = 0; at < n; at += LANES) {
        const size_t count = n - at < LANES ? n - at : LANES;
        some(f, count, entry + at, u + at, v + at, out);
        for (size_t q = 0; q < count; q++)
            for (int k = 0; k < OUTPUTS; k++) answers[(at + q) * OUTPUTS + k] = out[k][q];
    }
}

static INLINE int32_t clipped(int32_t code)
{
    code = code < ${low_code} ? ${low_code} : code;
    code = code > ${high_code} ? ${high_code} : code;
    return code - (${margin});
}

QUERY int ${name}_visible(const ${name}_field *f, uint32_t entry, uint16_t u, uint16_t v, int32_t code)
{
    int32_t answers[OUTPUTS];
#if HAVE_X86
    if (f->path == 2) {
        fetch_single();
        single_avx512(f, entry, u, v, answers);
        return clipped(code) < answers[0];
    }
#endif
    ${name}_evaluate(f, entry, u, v, answers);
    return clipped(code) < answers[0];
}

void ${name}_visible_batch(const ${name}_field *f, size_t n, const uint32_t *entry, const uint16_t *u,
    const uint16_t *v, const int32_t *code, uint8_t *seen)
{
    int32_t out[OUTPUTS][LANES] ALIGNED;
    size_t at = 0;
#if HAVE_X86
    if (f->path == 2) { at = visible_avx512(f, n, entry, u, v, code, seen); }
#endif
    for (; at < n; at += LANES) {
        const size_t count = n - at < LANES ? n - at : LANES;
        some(f, count, entry + at, u + at, v + at, out);
        for (size_t q = 0; q < count; q++) seen[at + q] = clipped(code[at + q]) < out[0][q];
    }
}

void ${name}_visible_from(const ${name}_field *f, uint32_t entry, size_t n, const uint16_t *u, const uint16_t *v,
    const int32_t *code, uint8_t *seen)
{
    int32_t out[OUTPUTS][LANES] ALIGNED;
    uint32_t same[LANES];
    for (int q = 0; q < LANES; q++) same[q] = entry;
    for (size_t at = 0; at < n; at += LANES) {
        const size_t count = n - at < LANES ? n - at : LANES;
        some(f, count, same, u + at, v + at, out);
        for (size_t q = 0; q < count; q++) seen[at + q] = clipped(code[at + q]) < out[0][q];
    }
}

float ${name}_distance(const ${name}_field *f, uint32_t entry, uint16_t u, uint16_t v)
{
    int32_t answers[OUTPUTS];
    ${name}_evaluate(f, entry, u, v, answers);
    ${distance}
}

void ${name}_encode(size_t n, const float *offsets, uint16_t *u, uint16_t *v, int32_t *code)
{
    for (size_t i = 0; i < n; i++) {
        const float x = offsets[3 * i], y = offsets[3 * i + 1], z = offsets[3 * i + 2];
        const float up = z * ${stretch}f, xy = fabsf(x) + fabsf(y), total = xy + fabsf(up);
        const float scale = total > 0 ? 1.0f / total : 0.0f, p = x * scale, q = y * scale;
        const float fp = copysignf(1.0f - fabsf(q), p), fq = copysignf(1.0f - fabsf(p), q);
        const float a = ((up >= 0 ? p : fp) + 1.0f) * 32768.0f, b = ((up >= 0 ? q : fq) + 1.0f) * 32768.0f;
        const float squared = x * x + y * y + z * z;
        int32_t bits;
        memcpy(&bits, &squared, 4);
        u[i] = (uint16_t)(int32_t)(a < 65535.0f ? a : 65535.0f);
        v[i] = (uint16_t)(int32_t)(b < 65535.0f ? b : 65535.0f);
        code[i] = bits >> ${drop};
    }
}

void ${name}_decode(const ${name}_field *f, uint32_t width, uint32_t height, uint8_t *pixels)
{
    int32_t out[OUTPUTS][LANES] ALIGNED;
    uint32_t entry[LANES] = {0};
    uint16_t u[LANES] = {0}, v[LANES] = {0};
    for (uint32_t x = 0; x < width; x += LANES) {
        const uint32_t count = width - x < LANES ? width - x : LANES;
        for (uint32_t q = 0; q < count; q++) {
            const uint64_t right = width > 1 ? (uint64_t)(x + q) * 65536 / (width - 1) : 0;
            u[q] = (uint16_t)(right < 65535 ? right : 65535);
        }
        for (uint32_t y = 0; y < height; y++) {
            const uint64_t below = height > 1 ? (uint64_t)y * 65536 / (height - 1) : 0;
            uint8_t *to = pixels + ((size_t)y * width + x) * OUTPUTS;
            for (int q = 0; q < LANES; q++) v[q] = (uint16_t)(below < 65535 ? below : 65535);
            block(f, entry, u, v, out);
            for (uint32_t q = 0; q < count; q++)
                for (int k = 0; k < OUTPUTS; k++) {
                    const int32_t value = out[k][q];
                    to[q * OUTPUTS + k] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
                }
        }
    }
}
