// CRC32C (Castagnoli, RFC 3720), with the instruction where the processor has it.
#ifndef FLUSS_BASE_CHECKSUM_H
#define FLUSS_BASE_CHECKSUM_H

#include <stdint.h>

// The checksum of bytes that follow those of `crc` (0 at the start).
uint32_t checksum_crc32c(uint32_t crc, const void *bytes, uint64_t byte_count);
// The same without the instruction.
uint32_t checksum_crc32c_portable(uint32_t crc, const void *bytes, uint64_t byte_count);

#endif
