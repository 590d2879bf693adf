// Checksums of what is stored or sent: CRC32C (Castagnoli), with the processor's instruction where
// it has one.
#ifndef BASE_CHECKSUM_H
#define BASE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

// The CRC32C of bytes that follow others with the checksum `before` (0 at the start).
uint32_t checksum_crc32c(uint32_t before, const void *bytes, size_t byte_count);

#endif
