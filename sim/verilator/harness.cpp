// Drives a verilated design with many vectors: rows of unsigned bytes in, little-endian numbers out.
//
// Usage: harness VECTORS OUTPUTS ROWS. "ports.h" is written beside: it says how many ports there are, and how to
// drive and to read them. The only line of standard output is the wall time of the loop, in seconds.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ports.h"
#ifdef MODEL_LANES
#include "lanes.h"
#endif

double sc_time_stamp() { return 0; }

static int fail(const char* what) {
    std::perror(what);
    return 3;
}

int main(int argc, char** argv) {
    if (argc != 4) return std::fputs("harness VECTORS OUTPUTS ROWS\n", stderr), 2;
    const size_t rows = std::strtoull(argv[3], nullptr, 10);
    const size_t in_bytes = rows * INPUTS, out_bytes = rows * OUTPUTS * sizeof(Output);

    const int in_file = open(argv[1], O_RDONLY);
    if (in_file < 0 || lseek(in_file, 0, SEEK_END) != static_cast<off_t>(in_bytes)) return fail(argv[1]);
    const int out_file = open(argv[2], O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (out_file < 0 || ftruncate(out_file, static_cast<off_t>(out_bytes)) != 0) return fail(argv[2]);
    void* in = mmap(nullptr, in_bytes, PROT_READ, MAP_PRIVATE | MAP_POPULATE, in_file, 0);
    void* out = mmap(nullptr, out_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, out_file, 0);
    if (in == MAP_FAILED || out == MAP_FAILED) return fail("mmap");

    const auto context = std::make_unique<VerilatedContext>();
    const auto model = std::make_unique<Vbench>(context.get(), "");
    const uint8_t* row = static_cast<const uint8_t*>(in);
    Output* found = static_cast<Output*>(out);
    const auto start = std::chrono::steady_clock::now();
    size_t done = 0;
#ifdef MODEL_LANES
    // The same model, 64 rows at once; the first rows also one at a time, which must make no difference.
    constexpr size_t LANES = 64, TWICE = 1 << 14;
    static lanes::Root root;
    for (; done + LANES <= rows; done += LANES, row += LANES * INPUTS, found += LANES * OUTPUTS) {
        lanes::drive(root, row);
        lanes::eval(root);
        lanes::sample(root, found);
        for (size_t k = 0; k < LANES && done < TWICE; ++k) {
            Output alone[OUTPUTS];
            drive(*model, row + k * INPUTS);
            model->eval();
            sample(*model, alone);
            if (std::memcmp(alone, found + k * OUTPUTS, sizeof alone)) {
                return std::fputs("the model in lanes differs from the model\n", stderr), 4;
            }
        }
    }
#endif
    for (size_t k = done; k < rows; ++k, row += INPUTS, found += OUTPUTS) {
        drive(*model, row);
        model->eval();
        sample(*model, found);
    }
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    std::printf("%.9f\n", taken.count());
    model->final();
    return munmap(out, out_bytes) == 0 && close(out_file) == 0 ? 0 : fail(argv[2]);
}
