#include "base/checksum.h"

#include <string.h>

#ifdef __x86_64__
#include <nmmintrin.h>
#endif

static uint32_t table[256];

__attribute__((constructor)) static void fill_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
        }
        table[i] = crc;
    }
}

static uint32_t crc32c_portable(uint32_t crc, const uint8_t *at, size_t byte_count)
{
    for (size_t i = 0; i < byte_count; i++) {
        crc = crc >> 8 ^ table[(crc ^ at[i]) & 255];
    }
    return crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, const uint8_t *at,
                                                               size_t byte_count)
{
    uint64_t wide = crc, word;
    for (; byte_count >= 8; byte_count -= 8, at += 8) {
        memcpy(&word, at, 8);
        wide = _mm_crc32_u64(wide, word);
    }
    crc = (uint32_t)wide;
    for (; byte_count > 0; byte_count--) {
        crc = _mm_crc32_u8(crc, *at++);
    }
    return crc;
}
#endif

uint32_t checksum_crc32c(uint32_t before, const void *bytes, size_t byte_count)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("sse4.2")) {
        return ~crc32c_sse42(~before, bytes, byte_count);
    }
#endif
    return ~crc32c_portable(~before, bytes, byte_count);
}
