/* Rivals and timing loops of bench_field_kernels.py: Embree's shadow rays, a depth map, VNNI's peak, single queries.
 *
 * Embree's own headers are not needed: the few declarations of its version 4 interface that are used stand here. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

#ifdef WITH_EMBREE
struct ray {
    float org[3], tnear, dir[3], time, tfar;
    unsigned mask, id, flags;
} __attribute__((aligned(16)));
struct ray16 {
    float org[3][16], tnear[16], dir[3][16], time[16], tfar[16];
    unsigned mask[16], id[16], flags[16];
} __attribute__((aligned(64)));
struct arguments {
    int flags;
    unsigned features;
    void *context, *filter, *occluded;
};
void *rtcNewDevice(const char *config);
void *rtcNewScene(void *device);
void *rtcNewGeometry(void *device, int kind);
void rtcSetSharedGeometryBuffer(void *geometry, int kind, unsigned slot, int format, const void *data, size_t offset,
    size_t stride, size_t count);
void rtcCommitGeometry(void *geometry);
unsigned rtcAttachGeometry(void *scene, void *geometry);
void rtcCommitScene(void *scene);
int rtcGetDeviceError(void *device);
void rtcOccluded1(void *scene, struct ray *ray, struct arguments *arguments);
void rtcOccluded16(const int *valid, void *scene, struct ray16 *ray, struct arguments *arguments);

/* The scene, or null. Vertices: x, y, z each, followed by at least 16 spare bytes; both arrays must stay. */
void *embree_scene(const float *vertices, size_t n, const uint32_t *triangles, size_t m)
{
    void *device = rtcNewDevice("threads=1"), *scene = rtcNewScene(device), *geometry = rtcNewGeometry(device, 0);
    rtcSetSharedGeometryBuffer(geometry, 0, 0, 0x5003, triangles, 0, 12, m);
    rtcSetSharedGeometryBuffer(geometry, 1, 0, 0x9003, vertices, 0, 12, n);
    rtcCommitGeometry(geometry);
    rtcAttachGeometry(scene, geometry);
    rtcCommitScene(scene);
    return rtcGetDeviceError(device) ? NULL : scene;
}

static int shadow(void *scene, const float *from, const float *offset)
{
    struct ray ray = {{from[0], from[1], from[2]}, 0, {offset[0], offset[1], offset[2]}, 0, 1, ~0u, 0, 0};
    rtcOccluded1(scene, &ray, NULL);
    return ray.tfar >= 0;
}

/* positions [entries][3], offsets [n][3]; seen[i] is 1 where nothing is in between. */
void embree_single(void *scene, const float *positions, size_t n, const uint32_t *entry, const float *offsets,
    uint8_t *seen)
{
    for (size_t i = 0; i < n; i++) seen[i] = (uint8_t)shadow(scene, positions + 3 * entry[i], offsets + 3 * i);
}

/* The same, sixteen at a time; n must be a multiple of 16. */
void embree_packets(void *scene, const float *positions, size_t n, const uint32_t *entry, const float *offsets,
    uint8_t *seen)
{
    static const int valid[16] __attribute__((aligned(64))) = {
        -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};
    struct arguments arguments = {1 << 16, ~0u, NULL, NULL, NULL};
    struct ray16 ray;
    for (size_t i = 0; i < n; i += 16) {
        for (int k = 0; k < 16; k++) {
            for (int axis = 0; axis < 3; axis++) {
                ray.org[axis][k] = positions[3 * entry[i + k] + axis];
                ray.dir[axis][k] = offsets[3 * (i + k) + axis];
            }
            ray.tnear[k] = 0, ray.time[k] = 0, ray.tfar[k] = 1;
            ray.mask[k] = ~0u, ray.id[k] = 0, ray.flags[k] = 0;
        }
        rtcOccluded16(valid, scene, &ray, &arguments);
        for (int k = 0; k < 16; k++) seen[i + k] = ray.tfar[k] >= 0;
    }
}
#endif

/* The depth map of inkling.approx.fields.depth_map. */
void depth_map(const uint8_t *thresholds, uint32_t size, int32_t low, int64_t scale, size_t n, const uint32_t *entry,
    const uint16_t *u, const uint16_t *v, const int32_t *code, uint8_t *seen)
{
    for (size_t i = 0; i < n; i++) {
        const uint32_t x = u[i] * size >> 16, y = v[i] * size >> 16;
        int64_t level = ((int64_t)code[i] - low) * scale >> 16;
        level = level < 0 ? 0 : level > 254 ? 254 : level;
        seen[i] = level < thresholds[((size_t)entry[i] * size + y) * size + x];
    }
}

/* Seconds of n single queries, the next dependent on the one before where `dependent`. */
typedef int visible_function(const void *field, uint32_t entry, uint16_t u, uint16_t v, int32_t code);
double field_singles(visible_function *visible, const void *field, size_t n, const uint32_t *entry,
    const uint16_t *u, const uint16_t *v, const int32_t *code, int dependent, uint8_t *seen)
{
    int last = 0;
    const double begin = now();
    for (size_t i = 0; i < n; i++) {
        last = visible(field, entry[i], (uint16_t)(u[i] ^ (dependent ? last >> 1 : 0)), v[i], code[i]);
        seen[i] = (uint8_t)last;
    }
    return now() - begin;
}

static volatile uint64_t sink;
static void spoil(uint8_t *room, size_t size)
{
    uint64_t sum = 0;
    for (size_t at = 0; at < size; at += 64) sum += ++room[at];
    sink = sum;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Median seconds of a query after the caches were filled with something else. What is asked, which the caller has just
 * worked out, is at hand for both. scene: null for the field; warm: a query of another position comes first, so that the
 * code and what positions share are warm again. */
double cold(visible_function *visible, const void *field, void *scene, const float *positions, const float *offsets,
    size_t n, const uint32_t *entry, const uint16_t *u, const uint16_t *v, const int32_t *code, int warm)
{
    const size_t size = (size_t)48 << 20;
    uint8_t *room = calloc(1, size);
    double *times = malloc(n * sizeof *times), idle = 1, found = 0;
    int sum = 0;
    for (int k = 0; k < 100; k++) {
        const double begin = now(), end = now();
        idle = end - begin < idle ? end - begin : idle;
    }
    for (size_t i = 0; i < n; i++) {
        spoil(room, size);
        for (size_t k = i; warm && k < i + n; k++) {
            if (entry[k % n] == entry[i]) continue;
            const size_t j = k % n;
#ifdef WITH_EMBREE
            if (scene) sum += shadow(scene, positions + 3 * entry[j], offsets + 3 * j);
            else
#endif
                sum += visible(field, entry[j], u[j], v[j], code[j]);
            break;
        }
        const uint32_t e = entry[i];
        const uint16_t a = u[i], b = v[i];
        const int32_t c = code[i];
        float from[3], to[3];
        for (int axis = 0; axis < 3; axis++) {
            from[axis] = positions[3 * e + axis];
            to[axis] = offsets[3 * i + axis];
        }
        sink = e + a + b + (uint64_t)c + (uint64_t)(from[0] + to[2]);
        const double begin = now();
#ifdef WITH_EMBREE
        if (scene) sum += shadow(scene, from, to);
        else
#endif
            sum += visible(field, e, a, b, c);
        times[i] = now() - begin - idle;
    }
    qsort(times, n, sizeof *times, ascending);
    found = times[n / 2];
    sink = (uint64_t)sum + (scene != NULL) + (positions != NULL) + (offsets != NULL);
    free(times);
    free(room);
    return found;
}

#if defined(__x86_64__)
/* Seconds of n rounds of twelve independent vpdpbusd on registers of 64 bytes. */
__attribute__((target("avx512vnni,avx512f"))) double vnni_peak(long n)
{
    const double begin = now();
    __asm__ volatile(
        "1:\n"
        "vpdpbusd %%zmm30, %%zmm31, %%zmm0\n vpdpbusd %%zmm30, %%zmm31, %%zmm1\n"
        "vpdpbusd %%zmm30, %%zmm31, %%zmm2\n vpdpbusd %%zmm30, %%zmm31, %%zmm3\n"
        "vpdpbusd %%zmm30, %%zmm31, %%zmm4\n vpdpbusd %%zmm30, %%zmm31, %%zmm5\n"
        "vpdpbusd %%zmm30, %%zmm31, %%zmm6\n vpdpbusd %%zmm30, %%zmm31, %%zmm7\n"
        "vpdpbusd %%zmm30, %%zmm31, %%zmm8\n vpdpbusd %%zmm30, %%zmm31, %%zmm9\n"
        "vpdpbusd %%zmm30, %%zmm31, %%zmm10\n vpdpbusd %%zmm30, %%zmm31, %%zmm11\n"
        "dec %0\n jnz 1b\n"
        : "+r"(n)
        :
        : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "cc");
    return now() - begin;
}
#endif
