// Looking for the byte that ends a text, sixteen at a time.
#ifndef FILE_SCAN_H
#define FILE_SCAN_H

#include <stdint.h>

#ifdef __SSE2__
#include <emmintrin.h>

// The first byte at or after p that is a, b or LF; there is one, and 16 more bytes are readable.
// Sets *is_ascii to 0 if a byte before it (or a little behind) is not ASCII.
static inline const char *scan_text(const char *p, char a, char b, int *is_ascii)
{
    const __m128i first = _mm_set1_epi8(a), second = _mm_set1_epi8(b), line = _mm_set1_epi8('\n');
    uint32_t high = 0;
    for (;; p += 16) {
        __m128i chunk = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i hit =
            _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(chunk, first), _mm_cmpeq_epi8(chunk, second)),
                         _mm_cmpeq_epi8(chunk, line));
        uint32_t mask = (uint32_t)_mm_movemask_epi8(hit);
        high |= (uint32_t)_mm_movemask_epi8(chunk);
        if (mask != 0) {
            *is_ascii = high == 0;
            return p + __builtin_ctz(mask);
        }
    }
}

// The first byte at or after p that is `"`, `\` or below 32 (LF is one; there is one); see
// scan_text.
static inline const char *scan_json(const char *p, int *is_ascii)
{
    const __m128i quote = _mm_set1_epi8('"'), escape = _mm_set1_epi8('\\'),
                  control = _mm_set1_epi8(31);
    uint32_t high = 0;
    for (;; p += 16) {
        __m128i chunk = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i low = _mm_cmpeq_epi8(_mm_max_epu8(chunk, control), control);
        __m128i hit = _mm_or_si128(
            _mm_or_si128(_mm_cmpeq_epi8(chunk, quote), _mm_cmpeq_epi8(chunk, escape)), low);
        uint32_t mask = (uint32_t)_mm_movemask_epi8(hit);
        high |= (uint32_t)_mm_movemask_epi8(chunk);
        if (mask != 0) {
            *is_ascii = high == 0;
            return p + __builtin_ctz(mask);
        }
    }
}

#else

static inline const char *scan_text(const char *p, char a, char b, int *is_ascii)
{
    uint8_t high = 0;
    for (; *p != a && *p != b && *p != '\n'; p++) {
        high |= (uint8_t)*p;
    }
    *is_ascii = high < 0x80;
    return p;
}

static inline const char *scan_json(const char *p, int *is_ascii)
{
    uint8_t high = 0;
    for (; *p != '"' && *p != '\\' && (uint8_t)*p > 31; p++) {
        high |= (uint8_t)*p;
    }
    *is_ascii = high < 0x80;
    return p;
}

#endif
#endif
