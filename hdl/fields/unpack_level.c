static int of(int32_t x) { return x < 0 ? -x : x; }
static int sign(int32_t x) { return 1 + (x > 0) - (x < 0); }

/* One texel's feature f. at: its place in a level of `width` texels of `features`, whose row begins at x == 0. */
static int8_t texel(coder *d, const int8_t *at, int x, int y, int width, int features, int f, int32_t up)
{
    const int row = width * features;
    const int32_t west = x > 0 ? at[-features] : 0, north = y > 0 ? at[-row] : 0;
    const int32_t before = f > 0 ? at[-1] : 0, w = of(west), n = of(north);
    int32_t corners = x > 0 && y > 0 ? of(at[-row - features]) : 0;
    corners += x + 1 < width && y > 0 ? of(at[-row + features]) : 0;
    int32_t far = x > 1 ? of(at[-2 * features]) : 0;
    far += y > 1 ? of(at[-2 * row]) : 0;
    const int32_t sum = 2 * (w + n) + corners, sum2 = w + n + corners + far;
    const int near = near_class[sum < 127 ? sum : 127], wide = near_class[sum2 < 127 ? sum2 : 127];
    const int above = !up ? 0 : of(up) == 1 ? 1 : of(up) < 4 ? 2 : 3, same = of(before) < 2 ? of(before) : 2;
    const int later = f > 0;
    const int few = (((w < 2 ? w : 2) * 3 + (n < 2 ? n : 2)) * 3 + (corners < 2 ? corners : 2)) * 3 + same;
    estimator *one = d->own[f][0], *two = d->own[f][1];
    if (!decide(d, one + (near * PARENT + above) * BEFORE + same, two + few,
            d->shared + ((later * NEAR + wide) * PARENT + above) * BEFORE + same, d->weights[0])) return 0;
    const int sides = sign(west) * 3 + sign(north);
    const int negative = decide(d, one + SIGNS + sides, two + SIGNS + sign(up) * 3 + sign(before),
        d->shared + ALL_SIGNS + later * 27 + sides * 3 + sign(up), d->weights[1]);
    int size = 1;
    while (size < 127 + negative) {
        const int k = size < STEPS ? size - 1 : STEPS - 1;
        if (!decide(d, one + ZEROS + k * NEAR + near, two + ZEROS + k * NEAR + wide,
                d->shared + ALL_ZEROS + ((later * STEPS + k) * NEAR + near) * PARENT + above, d->weights[2])) break;
        size++;
    }
    return (int8_t)(negative ? -size : size);
}

/* A level and the coarser one, or none. */
static void level(coder *d, int8_t *to, const int8_t *from, int entries, const int *size, const int *coarse)
{
    const int height = size[0], width = size[1], features = size[2];
    for (int k = 0; k < features; k++)
        for (int m = 0; m < 2; m++)
            for (size_t i = 0; i < sizeof d->own[k][m] / sizeof *d->own[k][m]; i++) {
                d->own[k][m][i].p = 32768;
                d->own[k][m][i].n = 0;
            }
    for (int k = 0; k < ${kinds}; k++) for (int m = 0; m < ${models}; m++) d->weights[k][m] = ${first_weight};
    for (int e = 0; e < entries; e++)
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++)
                for (int f = 0; f < features; f++) {
                    int32_t up = 0;
                    if (from && f < coarse[2]) {
                        const size_t row = (size_t)e * coarse[0] + (size_t)y * coarse[0] / height;
                        up = from[(row * coarse[1] + (size_t)x * coarse[1] / width) * coarse[2] + f];
                    }
                    *to = texel(d, to, x, y, width, features, f, up);
                    to++;
                }
}
