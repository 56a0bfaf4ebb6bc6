/* Even blocks are uniform; in odd ones every input is 0 with a chance of a half, as sparse data is. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "kernel.h"
enum { ROWS = ${rows}, INPUTS = ${inputs}, PORTS = ${ports} };
void inkling_gates_classify_batch(const uint8_t *features, size_t rows, uint8_t *labels);
static const uint8_t top[INPUTS] = {${tops}};
static const int column[PORTS] = {${columns}};
static uint64_t state = ${seed}u;
static uint64_t draw(void)
{
    state += 0x9e3779b97f4a7c15u;
    uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}
static uint8_t x[ROWS * INPUTS + 8], p[ROWS * PORTS + 8], a[ROWS + 512], b[ROWS + 512], mask[ROWS * INPUTS + 8];
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
int main(int argc, char **argv)
{
    const uint64_t most = strtoull(argv[1], 0, 10);
    const double end = now() + atof(argv[2]);
    uint64_t done = 0, wrong = 0;
    (void)argc;
    for (size_t i = 0; i < sizeof mask; i++) mask[i] = top[i % INPUTS];
    for (int block = 0; done < most && (now() < end || !done); block++) {
        for (size_t i = 0; i < ROWS * INPUTS; i += 8) {
            uint64_t r = draw(), m;
            memcpy(&m, mask + i, 8);
            if (block & 1) {
                const uint64_t keep = draw() & 0x0101010101010101u;
                r &= (keep << 8) - keep;
            }
            r &= m;
            memcpy(x + i, &r, 8);
        }
        const uint8_t *given = x;
        if (PORTS != INPUTS) {
            for (size_t i = 0; i < ROWS; i++)
                for (int k = 0; k < PORTS; k++) p[i * PORTS + k] = x[i * INPUTS + column[k]];
            given = p;
        }
        inkling_classify_batch(x, ROWS, a);
        inkling_gates_classify_batch(given, ROWS, b);
        done += ROWS;
        if (memcmp(a, b, ROWS)) {
            for (size_t i = 0; i < ROWS; i++) {
                if (a[i] == b[i]) continue;
                if (!wrong++) {
                    printf("{\"expected\": %d, \"found\": %d, \"row\": [", a[i], b[i]);
                    for (int k = 0; k < INPUTS; k++) printf(k ? ", %d" : "%d", x[i * INPUTS + k]);
                    printf("]}\n");
                }
            }
        }
    }
    printf("{\"done\": %llu, \"wrong\": %llu}\n", (unsigned long long)done, (unsigned long long)wrong);
    return 0;
}
