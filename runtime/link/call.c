#include <errno.h>
#include <nng/nng.h>
#include <stdlib.h>

#include "link/frame.h"

// Moves all bytes one way.
static int move(nng_stream *stream, nng_aio *aio, void *bytes, uint64_t byte_count, int is_sending)
{
    uint64_t done = 0;
    while (done < byte_count) {
        nng_iov part = {(uint8_t *)bytes + done, byte_count - done};
        nng_aio_set_iov(aio, 1, &part);
        if (is_sending) {
            nng_stream_send(stream, aio);
        } else {
            nng_stream_recv(stream, aio);
        }
        nng_aio_wait(aio);
        int rc = nng_aio_result(aio);
        if (rc != 0) {
            return rc;
        }
        done += nng_aio_count(aio);
    }
    return 0;
}

static int exchange(nng_stream *stream, nng_aio *aio, const void *bytes, uint64_t byte_count,
                    struct frame *frame, void **reply)
{
    uint8_t header[LINK_HEADER_BYTES];
    frame_write(header, (struct frame){LINK_REQUEST, 1, (uint32_t)byte_count});
    int rc = move(stream, aio, header, sizeof header, 1);
    rc = rc != 0 ? rc : move(stream, aio, (void *)(uintptr_t)bytes, byte_count, 1);
    rc = rc != 0 ? rc : move(stream, aio, header, sizeof header, 0);
    if (rc != 0) {
        return rc;
    }
    if (!frame_read(header, frame) || (frame->kind != LINK_REPLY && frame->kind != LINK_REFUSAL)) {
        return NNG_EPROTO;
    }
    *reply = malloc(frame->length + 1u);
    rc = *reply == NULL ? NNG_ENOMEM : move(stream, aio, *reply, frame->length, 0);
    if (rc == 0) {
        ((char *)*reply)[frame->length] = '\0';
    }
    return rc;
}

int link_call(const char *url, const void *bytes, uint64_t byte_count, int timeout_ms, void **reply,
              uint64_t *reply_bytes, struct error *error)
{
    nng_stream_dialer *dialer = NULL;
    nng_stream *stream = NULL;
    nng_aio *aio = NULL;
    struct frame frame = {0, 0, 0};
    void *answer = NULL;
    if (byte_count > LINK_BODY_BYTES_MAX) {
        return error_set(error, -EMSGSIZE,
                         "%s: a request of %llu bytes is larger than a frame may be", url,
                         (unsigned long long)byte_count);
    }
    int rc = nng_aio_alloc(&aio, NULL, NULL);
    rc = rc != 0 ? rc : nng_stream_dialer_alloc(&dialer, url);
    if (rc == 0) {
        nng_aio_set_timeout(aio, timeout_ms);
        nng_stream_dialer_dial(dialer, aio);
        nng_aio_wait(aio);
        rc = nng_aio_result(aio);
    }
    if (rc == 0) {
        stream = nng_aio_get_output(aio, 0);
        rc = exchange(stream, aio, bytes, byte_count, &frame, &answer);
    }
    nng_stream_free(stream);
    nng_stream_dialer_free(dialer);
    nng_aio_free(aio);
    if (rc != 0) {
        free(answer);
        return error_set(error, -EIO, "%s: %s", url, nng_strerror(rc));
    }
    if (frame.kind == LINK_REFUSAL) {
        rc = error_set(error, -EREMOTEIO, "%s refuses: %s", url, (const char *)answer);
        free(answer);
        return rc;
    }
    *reply = answer;
    *reply_bytes = frame.length;
    return 0;
}
