// weir.service/1: operators of kind WEIR_OPERATOR_SERVICE answer requests that come over listeners
// of the host. A request is bytes, a reply is bytes; what they mean is the plugin's business.
#ifndef WEIR_SERVICE_H
#define WEIR_SERVICE_H

#include "weir/operator.h"

#define WEIR_SERVICE_1 "weir.service/1"

// One request. [any] Valid until it is replied to, which may be after the call has returned and
// from any thread.
struct weir_request {
    uint32_t size;
    uint32_t zero;
    uint64_t byte_count;
    const void *bytes; // 64-byte aligned
};

struct weir_service_table {
    uint32_t size;
    uint32_t zero;
    // [task] Answers, now or later, with weir_reply: once for every request. An error, returned
    // without a reply, closes the connection; the job goes on.
    int32_t (*request)(void *instance, struct weir_context *context, struct weir_request *request);
};

// [setup] In open: requests that come in at url ("ipc:///run/weir.sock", "tcp://127.0.0.1:7000") go
// to this instance.
static inline int32_t weir_listen(struct weir_context *context, const char *url)
{
    return context->host->listen(context, url);
}

// [any] Answers a request with a copy of bytes; the request is gone.
static inline int32_t weir_reply(struct weir_context *context, struct weir_request *request,
                                 const void *bytes, uint64_t byte_count)
{
    return context->host->reply(request, bytes, byte_count);
}

#endif
