// The header of a frame (link/listener.h).
#ifndef LINK_FRAME_H
#define LINK_FRAME_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#include "link/listener.h"

struct frame {
    uint32_t kind;
    uint32_t id;
    uint32_t length;
};

static inline void frame_write(uint8_t header[LINK_HEADER_BYTES], struct frame frame)
{
    uint32_t words[3] = {htole32(frame.kind), htole32(frame.id), htole32(frame.length)};
    memcpy(header, "WEI1", 4);
    memcpy(header + 4, words, sizeof words);
}

// 0 if the header is not one, or announces more than LINK_BODY_BYTES_MAX.
static inline int frame_read(const uint8_t header[LINK_HEADER_BYTES], struct frame *frame)
{
    uint32_t words[3];
    memcpy(words, header + 4, sizeof words);
    *frame = (struct frame){le32toh(words[0]), le32toh(words[1]), le32toh(words[2])};
    return memcmp(header, "WEI1", 4) == 0 && frame->length <= LINK_BODY_BYTES_MAX;
}

#endif
