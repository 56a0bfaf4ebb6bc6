/* in [IN][8], out [OUT][8]: the bits of 512 rows. */
static void block(const uint64_t *in, uint64_t *out)
{
    word from[IN ? IN : 1], to[OUT ? OUT : 1];
    for (int w = 0; w < WORDS; w++) {
        for (int i = 0; i < IN; i++) memcpy(&from[i], in + (i * WORDS + w) * (8 / WORDS), sizeof(word));
        gates(from, to);
        for (int i = 0; i < OUT; i++) memcpy(out + (i * WORDS + w) * (8 / WORDS), &to[i], sizeof(word));
    }
}
