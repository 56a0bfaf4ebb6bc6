/* Bench of a kernel on an RV32 under QEMU's `virt` machine: rows and labels by semihosting, instructions by instret. */
#include <stdint.h>
#include "kernel_mcu.h"

#define CHUNK 64

static int host(int operation, const void *argument)
{
    register int a0 __asm__("a0") = operation;
    register const void *a1 __asm__("a1") = argument;
    __asm__ volatile(".balign 16\n.option push\n.option norvc\nslli x0, x0, 0x1f\nebreak\nsrai x0, x0, 7\n.option pop"
                     : "+r"(a0) : "r"(a1) : "memory");
    return a0;
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

static uint32_t now(void)
{
    uint32_t count;
    __asm__ volatile("csrr %0, 0xc02" : "=r"(count));
    return count;
}

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
    return now() - begin;
}

int main(void)
{
    uint32_t count, empty = 0, spent = 0;
    const int in = opened("vectors.bin", 11, 1), out = opened("labels.bin", 10, 5), figures = opened("figures.bin", 11, 5);
    const uint32_t begin = now();
    {
        uint32_t turns = 100000;
        __asm__ volatile("1: addi %0, %0, -1\n bnez %0, 1b" : "+r"(turns));
    }
    uint32_t numbers[3] = {now() - begin, 0, 0};
    while ((count = moved(6, in, rows, sizeof rows) / sizeof rows[0]) > 0) {
        empty += timed(nothing, count);
        spent += timed(CALL, count);
        moved(5, out, labels, count);
    }
    numbers[1] = empty;
    numbers[2] = spent;
    moved(5, figures, numbers, sizeof numbers);
    host(2, (const uint32_t[]){(uint32_t)out});
    host(2, (const uint32_t[]){(uint32_t)figures});
    host(0x18, (const void *)0x20026);
    for (;;) {
    }
}

void *memcpy(void *to, const void *from, __SIZE_TYPE__ size)
{
    for (__SIZE_TYPE__ k = 0; k < size; k++) ((volatile uint8_t *)to)[k] = ((const uint8_t *)from)[k];
    return to;
}

__attribute__((naked, section(".start"), used)) void start(void)
{
    __asm__ volatile("la sp, stack_top\n j main");
}
