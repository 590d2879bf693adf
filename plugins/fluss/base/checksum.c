#include "base/checksum.h"

#include <pthread.h>
#include <string.h>

#define POLYNOMIAL 0x82f63b78u // of CRC32C, least significant bit first

// table[n][b]: what byte b adds when n bytes follow it.
static uint32_t table[8][256];
static uint32_t (*update)(uint32_t crc, const uint8_t *bytes, uint64_t byte_count);
static pthread_once_t once = PTHREAD_ONCE_INIT;

static uint64_t load(const uint8_t *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static uint32_t update_by_table(uint32_t crc, const uint8_t *bytes, uint64_t byte_count)
{
    for (; byte_count >= 8; byte_count -= 8, bytes += 8) {
        uint64_t next = load(bytes) ^ crc;
        crc = 0;
        for (int i = 0; i < 8; i++) {
            crc ^= table[7 - i][(next >> (8 * i)) & 0xff];
        }
    }
    for (; byte_count > 0; byte_count--, bytes++) {
        crc = (crc >> 8) ^ table[0][(crc ^ *bytes) & 0xff];
    }
    return crc;
}

static void fill_tables(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ ((crc & 1) ? POLYNOMIAL : 0);
        }
        table[0][byte] = crc;
    }
    for (int n = 1; n < 8; n++) {
        for (uint32_t byte = 0; byte < 256; byte++) {
            table[n][byte] = (table[n - 1][byte] >> 8) ^ table[0][table[n - 1][byte] & 0xff];
        }
    }
}

#ifdef __x86_64__
#include <nmmintrin.h>
#include <wmmintrin.h>

// The instruction takes three cycles and one can start in each: three runs side by side, joined by
// multiplying the first two by the power of x that is as far as they are from the end. See Gopal et
// al., "Fast CRC Computation for iSCSI Polynomial Using CRC32 Instruction", Intel 2011.
enum { LONG_RUN = 1024, SHORT_RUN = 128, RUN_KINDS = 2 };
static const uint32_t run_bytes[RUN_KINDS] = {LONG_RUN, SHORT_RUN};
static uint32_t shift_by_one[RUN_KINDS], shift_by_two[RUN_KINDS];

// x^exponent modulo the polynomial.
static uint32_t power_of_x(uint64_t exponent)
{
    uint32_t power = 0x80000000u;
    for (; exponent > 0; exponent--) {
        power = (power >> 1) ^ ((power & 1) ? POLYNOMIAL : 0);
    }
    return power;
}

__attribute__((target("sse4.2,pclmul"))) static uint64_t shifted(uint64_t crc, uint32_t power)
{
    return (uint64_t)_mm_cvtsi128_si64(_mm_clmulepi64_si128(
        _mm_cvtsi64_si128((int64_t)crc), _mm_cvtsi64_si128((int64_t)(uint64_t)power), 0));
}

__attribute__((target("sse4.2,pclmul"))) static uint64_t three_runs(uint64_t crc,
                                                                    const uint8_t *bytes, int kind)
{
    const uint32_t run = run_bytes[kind];
    uint64_t a = crc, b = 0, c = 0;
    uint32_t i = 0;
    for (; i + 8 < run; i += 8) {
        a = _mm_crc32_u64(a, load(bytes + i));
        b = _mm_crc32_u64(b, load(bytes + run + i));
        c = _mm_crc32_u64(c, load(bytes + 2 * (uint64_t)run + i));
    }
    a = _mm_crc32_u64(a, load(bytes + i));
    b = _mm_crc32_u64(b, load(bytes + run + i));
    uint64_t before = shifted(a, shift_by_two[kind]) ^ shifted(b, shift_by_one[kind]);
    return _mm_crc32_u64(c, load(bytes + 2 * (uint64_t)run + i) ^ before);
}

__attribute__((target("sse4.2,pclmul"))) static uint32_t
update_by_instruction(uint32_t start, const uint8_t *bytes, uint64_t byte_count)
{
    uint64_t crc = start;
    for (int kind = 0; kind < RUN_KINDS; kind++) {
        uint64_t piece = 3 * (uint64_t)run_bytes[kind];
        for (; byte_count >= piece; byte_count -= piece, bytes += piece) {
            crc = three_runs(crc, bytes, kind);
        }
    }
    for (; byte_count >= 8; byte_count -= 8, bytes += 8) {
        crc = _mm_crc32_u64(crc, load(bytes));
    }
    for (; byte_count > 0; byte_count--, bytes++) {
        crc = _mm_crc32_u8((uint32_t)crc, *bytes);
    }
    return (uint32_t)crc;
}

static void choose(void)
{
    fill_tables();
    update = update_by_table;
    for (int kind = 0; kind < RUN_KINDS; kind++) {
        shift_by_one[kind] = power_of_x(8 * (uint64_t)run_bytes[kind] - 33);
        shift_by_two[kind] = power_of_x(16 * (uint64_t)run_bytes[kind] - 33);
    }
    if (__builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul")) {
        update = update_by_instruction;
    }
}
#else
static void choose(void)
{
    fill_tables();
    update = update_by_table;
}
#endif

uint32_t checksum_crc32c(uint32_t crc, const void *bytes, uint64_t byte_count)
{
    pthread_once(&once, choose);
    return ~update(~crc, bytes, byte_count);
}

uint32_t checksum_crc32c_portable(uint32_t crc, const void *bytes, uint64_t byte_count)
{
    pthread_once(&once, choose);
    return ~update_by_table(~crc, bytes, byte_count);
}
