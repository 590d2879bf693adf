#include "base/checksum.h"

#include <string.h>

#include "support/test.h"

// RFC 3720, B.4.
TEST(crc32c_is_that_of_iscsi)
{
    uint8_t bytes[32];
    memset(bytes, 0, sizeof bytes);
    CHECK_INT(checksum_crc32c(0, bytes, 32), 0x8a9136aa);
    memset(bytes, 0xff, sizeof bytes);
    CHECK_INT(checksum_crc32c(0, bytes, 32), 0x62a8ab43);
    for (int i = 0; i < 32; i++) {
        bytes[i] = (uint8_t)i;
    }
    CHECK_INT(checksum_crc32c(0, bytes, 32), 0x46dd794e);
    CHECK_INT(checksum_crc32c(0, "123456789", 9), 0xe3069283);
    CHECK_INT(checksum_crc32c_portable(0, "123456789", 9), 0xe3069283);
}

TEST(both_ways_agree_at_every_length_and_alignment)
{
    static uint8_t bytes[10000];
    for (uint32_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 2654435761u >> 13);
    }
    for (uint32_t length = 0; length < 9900; length += 1 + length / 16) {
        for (uint32_t start = 0; start < 9; start++) {
            CHECK_INT(checksum_crc32c(start, bytes + start, length),
                      checksum_crc32c_portable(start, bytes + start, length));
        }
    }
}

TEST(a_checksum_goes_on_where_it_stopped)
{
    static uint8_t bytes[7000];
    memset(bytes, 0x5a, sizeof bytes);
    uint32_t whole = checksum_crc32c(0, bytes, sizeof bytes);

    uint32_t parts = checksum_crc32c(0, bytes, 3333);
    parts = checksum_crc32c(parts, bytes + 3333, sizeof bytes - 3333);

    CHECK_INT(parts, whole);
}
