// Drives a folded classifier with vectors from a file: starts back to back or after a pause, starts and resets while it
// works, inputs that change while it rests. Usage: harness VECTORS LABELS count disturb seed random
// disturb: one evaluation in so many is broken off, by a reset or by a start with other inputs (0: none).
// random: 2 where registers begin as random bits, else 0.
#include "ports.h"
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

static uint64_t state;
static inline uint32_t draw() {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return static_cast<uint32_t>(state >> 32);
}

static uint64_t clocks = 0;
static inline void edge(Vbench& m) {
    m.clk = 0;
    m.eval();
    m.clk = 1;
    m.eval();
    clocks++;
}

int main(int, char** argv) {
    const size_t count = strtoull(argv[3], nullptr, 10);
    const uint32_t disturb = atoi(argv[4]);
    state = strtoull(argv[5], nullptr, 10) * 2654435761u + 88172645463325252ull;
    std::vector<uint8_t> rows(count * INPUTS), labels(count, 255), noise(INPUTS);
    FILE* file = fopen(argv[1], "rb");
    if (!file || fread(rows.data(), 1, rows.size(), file) != rows.size()) return 2;
    fclose(file);
    VerilatedContext context;
    context.randReset(atoi(argv[6]));
    context.randSeed(static_cast<int>(strtoull(argv[5], nullptr, 10) % 1000000000 + 1));
    Vbench m{&context};
    auto start = std::chrono::steady_clock::now();
    uint64_t least = ~0ull, most = 0, unanswered = 0, unsettled = 0, after_reset = 0, resets = 0, restarts = 0, close = 0;
    auto reset = [&] {
        m.rst = 1;
        m.start = draw() & 1;  // a reset goes before a start
        edge(m);
        m.rst = 0;
        m.start = 0;
        for (uint32_t k = draw() % 4; k--;) edge(m);
        m.eval();
        after_reset += m.done || m.label;
        resets++;
    };
    auto scramble = [&] {
        for (size_t k = 0; k < INPUTS; k++) noise[k] = draw();
        drive(m, noise.data());
    };
    m.start = 0;
    scramble();
    reset();
    // Without a start nothing is answered.
    for (uint64_t k = 0; k < CLOCKS + 8; k++) {
        edge(m);
        after_reset += m.done || m.label;
    }
    for (size_t row = 0; row < count; row++) {
        if (disturb && draw() % disturb == 0) {
            scramble();
            m.start = 1;
            edge(m);
            m.start = 0;
            for (uint64_t k = draw() % (CLOCKS + 2); k--;) edge(m);
            if (draw() & 1) reset();
            else restarts++;
        }
        drive(m, &rows[row * INPUTS]);
        m.start = 1;
        edge(m);
        m.start = 0;
        m.eval();
        uint64_t waited = 0;
        while (!m.done && waited <= CLOCKS + 8) {
            edge(m);
            waited++;
        }
        unanswered += !m.done;
        least = waited < least ? waited : least;
        most = waited > most ? waited : most;
        labels[row] = m.label;
        if (draw() & 1) {
            // The answer stays while the inputs change.
            scramble();
            for (uint32_t k = draw() % 40; k--;) {
                edge(m);
                unsettled += !m.done || m.label != labels[row];
            }
        } else {
            close++;
        }
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    file = fopen(argv[2], "wb");
    if (!file || fwrite(labels.data(), 1, count, file) != count || fclose(file)) return 2;
    printf("{\"least\": %llu, \"most\": %llu, \"unanswered\": %llu, \"unsettled\": %llu, \"after_reset\": %llu,"
           " \"resets\": %llu, \"restarts\": %llu, \"back_to_back\": %llu, \"clocks\": %llu, \"seconds\": %.6f}\n",
           (unsigned long long)least, (unsigned long long)most, (unsigned long long)unanswered,
           (unsigned long long)unsettled, (unsigned long long)after_reset, (unsigned long long)resets,
           (unsigned long long)restarts, (unsigned long long)close, (unsigned long long)clocks, seconds);
    return 0;
}
