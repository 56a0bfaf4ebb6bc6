/* Runs an AVR program of `avr.c` under simavr: avr_host ELF row-address row-bytes label-address flag-address.
 *
 * Reads rows from vectors.bin, writes labels.bin, and prints the sum of the clocks between the flag's rise and fall.
 */
#include <libelf.h>
#include <simavr/sim_avr.h>
#include <simavr/sim_elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST 4000000

int main(int count, char **argument)
{
    elf_firmware_t firmware;
    unsigned char row[512];
    unsigned long long total = 0;
    if (count != 6) return 2;
    memset(&firmware, 0, sizeof firmware);
    if (elf_read_firmware(argument[1], &firmware) != 0) return 3;
    const size_t at = strtoul(argument[2], NULL, 0), bytes = strtoul(argument[3], NULL, 0);
    const size_t label = strtoul(argument[4], NULL, 0), flag = strtoul(argument[5], NULL, 0);
    avr_t *avr = avr_make_mcu_by_name("atmega328p");
    if (!avr || bytes > sizeof row) return 4;
    avr_init(avr);
    avr->log = 0;
    avr_load_firmware(avr, &firmware);
    for (int step = 0; step < 20000; step++) avr_run(avr);
    FILE *in = fopen("vectors.bin", "rb"), *out = fopen("labels.bin", "wb");
    if (!in || !out) return 5;
    while (fread(row, 1, bytes, in) == bytes) {
        memcpy(avr->data + at, row, bytes);
        avr->data[flag] = 1;
        const avr_cycle_count_t begin = avr->cycle;
        long steps = 0;
        while (avr->data[flag]) {
            const int state = avr_run(avr);
            if (state == cpu_Done || state == cpu_Crashed || ++steps > LONGEST) return 6;
        }
        total += avr->cycle - begin;
        if (fputc(avr->data[label], out) == EOF) return 7;
    }
    if (fclose(out) != 0) return 7;
    printf("%llu\n", total);
    return 0;
}
