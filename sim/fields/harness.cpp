// Drives an emitted field engine with queries from a file: random stalls on both streams, resets in mid-stream.
// Usage: harness QUERIES ANSWERS count query_stall answer_stall reset_every seed random
// random: 2 where registers begin as random bits, else 0. Stalls are chances in 1/256 a clock. A reset forgets what is under way; those queries are asked again.
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

int main(int, char** argv) {
    const size_t count = strtoull(argv[3], nullptr, 10);
    const uint32_t query_stall = atoi(argv[4]), answer_stall = atoi(argv[5]), reset_every = atoi(argv[6]);
    state = strtoull(argv[7], nullptr, 10) * 2654435761u + 88172645463325252ull;
    std::vector<uint32_t> queries(count * QUERY), answers(count * ANSWER, 0);
    FILE* file = fopen(argv[1], "rb");
    if (!file || fread(queries.data(), 4, queries.size(), file) != queries.size()) return 2;
    fclose(file);
    VerilatedContext context;
    context.randReset(atoi(argv[8]));
    context.randSeed(static_cast<int>(strtoull(argv[7], nullptr, 10) % 1000000000 + 1));
    Vbench m{&context};
    auto start = std::chrono::steady_clock::now();
    size_t sent = 0, got = 0, extra = 0, unstable = 0, resets = 0;
    uint64_t clocks = 0, quiet = 0, first_take = 0, first_answer = 0, last_answer = 0, stalled = 0, refused = 0;
    bool offering = false, waiting = false;
    uint32_t seen[ANSWER], held[ANSWER], noise[QUERY];
    // After the last answer the engine must stay silent; before, it must not be silent for ever.
    for (uint64_t after = 0; after < SILENCE && quiet < SILENCE * 64; clocks++) {
        const bool reset = clocks < 2 || (reset_every && got < count && draw() % reset_every == 0);
        if (reset) {
            resets += clocks >= 2;
            sent = got;
            offering = waiting = false;
        } else if (!offering && sent < count) {
            offering = !query_stall || (draw() & 255) >= query_stall;
        }
        m.rst = reset;
        m.query_valid = offering && !reset;
        m.answer_ready = !reset && (!answer_stall || (draw() & 255) >= answer_stall);
        if (m.query_valid) {
            drive(m, &queries[sent * QUERY]);
        } else {
            // What stands on the wires without a valid must not matter.
            for (size_t k = 0; k < QUERY; k++) noise[k] = draw();
            drive(m, noise);
        }
        m.clk = 0;
        m.eval();
        if (!reset) {
            if (waiting && !m.answer_valid) unstable++;
            if (m.answer_valid) {
                sample(m, seen);
                for (size_t k = 0; waiting && k < ANSWER; k++) unstable += seen[k] != held[k];
                for (size_t k = 0; k < ANSWER; k++) held[k] = seen[k];
            }
            waiting = m.answer_valid && !m.answer_ready;
            stalled += waiting;
            refused += m.query_valid && !m.query_ready;
            quiet++;
            if (m.query_valid && m.query_ready) {
                if (!sent) first_take = clocks;
                sent++;
                offering = false;
            }
            if (m.answer_valid && m.answer_ready) {
                quiet = 0;
                if (got < count) {
                    for (size_t k = 0; k < ANSWER; k++) answers[got * ANSWER + k] = seen[k];
                    if (!got) first_answer = clocks;
                    last_answer = clocks;
                    got++;
                } else {
                    extra++;
                }
            }
        }
        after += got == count;
        m.clk = 1;
        m.eval();
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    file = fopen(argv[2], "wb");
    if (!file || fwrite(answers.data(), 4, answers.size(), file) != answers.size()) return 2;
    fclose(file);
    printf("{\"seconds\": %.6f, \"clocks\": %llu, \"received\": %zu, \"extra\": %zu, \"unstable\": %zu, "
           "\"resets\": %zu, \"stalled\": %llu, \"refused\": %llu, \"latency\": %llu, \"span\": %llu}\n",
           seconds, (unsigned long long)clocks, got, extra, unstable, resets, (unsigned long long)stalled,
           (unsigned long long)refused, (unsigned long long)(first_answer - first_take),
           (unsigned long long)(last_answer - first_answer));
    return 0;
}
