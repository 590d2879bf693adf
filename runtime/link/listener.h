// Listeners: requests and replies over nng byte streams (tcp://, ipc://). One listener takes any
// number of peers; a peer may have many requests under way, up to a limit in bytes.
//
// Both ways a frame is 16 bytes of header and a body: the magic "WEI1", then three little-endian
// uint32: kind (1 request, 2 reply, 3 refusal with a sentence), id (the caller's, echoed), length
// of the body. docs/formats/link.md has it byte by byte.
#ifndef LINK_LISTENER_H
#define LINK_LISTENER_H

#include <stdint.h>

#include "base/error.h"

#define LINK_HEADER_BYTES 16u
#define LINK_BODY_BYTES_MAX ((64u << 20) + (64u << 10)) // a batch and its header
#define LINK_PENDING_BYTES_MAX (8u << 20) // of one peer; beyond it nothing more is read from it

#define LINK_REQUEST 1u
#define LINK_REPLY 2u
#define LINK_REFUSAL 3u

struct listener;

// A request that has come in. It is replied to or refused once, from any thread.
struct link_request {
    const void *bytes; // 64-byte aligned
    uint64_t byte_count;
};

// Listens at url. on_request is called on a thread of nng and must not block; the request stays
// valid until it is answered. 0, or a negative errno with a sentence that names the url.
int listener_open(const char *url, void (*on_request)(void *owner, struct link_request *request),
                  void *owner, struct listener **out, struct error *error);

// [any] Answers with a copy of bytes, or refuses with a sentence; the request is gone. 0 or
// -ENOMEM; a peer that has left meanwhile is no error.
int link_reply(struct link_request *request, const void *bytes, uint64_t byte_count);
int link_refuse(struct link_request *request, const char *reason);
// [any] Closes the connection that a request came by instead of answering it; the request is gone.
void link_hang_up(struct link_request *request);

// Stops listening, hangs up on all peers. All requests must have been answered. NULL is fine.
void listener_close(struct listener *listener);

// Asks and waits for the answer: for tools and tests. reply is from malloc. -EREMOTEIO: the other
// side refused, with its sentence.
int link_call(const char *url, const void *bytes, uint64_t byte_count, int timeout_ms, void **reply,
              uint64_t *reply_bytes, struct error *error);

#endif
