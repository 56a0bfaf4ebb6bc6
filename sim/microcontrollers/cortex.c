/* Bench of a kernel on a Cortex-M under QEMU: rows come from and labels go to files by semihosting.
 *
 * FEATURES, ROW (bytes of a row) and CALL (what is measured) come from the command line of the compiler. SysTick
 * runs at a clock of the machine's; a loop of known length tells how many instructions a tick is.
 */
#include <stdint.h>
#include "kernel_mcu.h"

#define CHUNK 64

extern uint32_t data_from[], data_start[], data_end[], bss_start[], bss_end[], stack_top[];

static int host(int operation, const void *argument)
{
    register int r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static int opened(const char *name, uint32_t length, uint32_t mode)
{
    const uint32_t block[3] = {(uint32_t)name, mode, length};
    return host(1, block);
}

static uint32_t moved(int operation, int file, void *buffer, uint32_t length)
{
    const uint32_t block[3] = {(uint32_t)file, (uint32_t)buffer, length};
    return length - (uint32_t)host(operation, block);
}

static volatile uint32_t *const systick = (volatile uint32_t *)0xe000e010;

static uint32_t now(void) { return systick[2]; }

static __attribute__((noinline)) uint8_t nothing(const ROW_TYPE *row)
{
    (void)row;
    __asm__ volatile("");
    return 0;
}

static ROW_TYPE rows[CHUNK][FEATURES];
static uint8_t labels[CHUNK];

static __attribute__((noinline)) uint32_t timed(uint8_t (*call)(const ROW_TYPE *), uint32_t count)
{
    const uint32_t begin = now();
    for (uint32_t r = 0; r < count; r++) labels[r] = call(rows[r]);
    return (begin - now()) & 0xffffff;
}

int main(void)
{
    uint32_t count, empty = 0, spent = 0, calibration;
    const int in = opened("vectors.bin", 11, 1), out = opened("labels.bin", 10, 5), figures = opened("figures.bin", 11, 5);
    systick[1] = 0xffffff;
    systick[2] = 0;
    systick[0] = 5;
    calibration = now();
    {
        uint32_t turns = 100000;
        __asm__ volatile(".syntax unified\n1: subs %0, %0, #1\n bne 1b" : "+l"(turns) : : "cc");
    }
    calibration = (calibration - now()) & 0xffffff;
    while ((count = moved(6, in, rows, sizeof rows) / sizeof rows[0]) > 0) {
        empty += timed(nothing, count);
        spent += timed(CALL, count);
        moved(5, out, labels, count);
    }
    {
        uint32_t numbers[3] = {calibration, empty, spent};
        moved(5, figures, numbers, sizeof numbers);
    }
    host(2, (const uint32_t[]){(uint32_t)out});
    host(2, (const uint32_t[]){(uint32_t)figures});
    host(0x18, (const void *)0x20026);
    for (;;) {
    }
}

void reset(void)
{
    for (uint32_t *from = data_from, *to = data_start; to < data_end;) *to++ = *from++;
    for (uint32_t *at = bss_start; at < bss_end;) *at++ = 0;
    main();
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {stack_top, (const void *)reset};
