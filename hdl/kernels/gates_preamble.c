#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined(__AVX512BW__) || defined(__AVX2__) || defined(__SSE2__)
#include <immintrin.h>
#endif

/* A word carries one bit of WORD_ROWS rows; a block is 512 rows. */
#define BLOCK 512
#if defined(__GNUC__) && defined(__AVX512F__)
typedef uint64_t word __attribute__((vector_size(64)));
#define WORDS 1
#elif defined(__GNUC__)
typedef uint64_t word __attribute__((vector_size(32)));
#define WORDS 2
#else
typedef uint64_t word;
#define WORDS 8
#endif
#if defined(__GNUC__)
#define ALIGNED __attribute__((aligned(64)))
#define APART __attribute__((noinline))
#else
#define ALIGNED
#define APART
#endif
