/* Bench of a kernel on an ATmega328P: the host writes a row into `row`, sets `flag`, and reads `label` when it falls. */
#include <stdint.h>
#include "kernel_mcu.h"

volatile uint8_t flag;
volatile uint8_t label;
ROW_TYPE row[FEATURES];

int main(void)
{
    for (;;) {
        while (!flag) {
        }
        label = CALL(row);
        flag = 0;
    }
}
