#include "link/listener.h"

#include <errno.h>
#include <nng/nng.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "support/test.h"

static char url[4200];

static const char *make_url(const char *name)
{
    snprintf(url, sizeof url, "ipc://%s/%s", test_folder(), name);
    return url;
}

static void answer_in_capitals(void *owner, struct link_request *request)
{
    char reply[256];
    (void)owner;
    if (request->byte_count == 0 || request->byte_count > sizeof reply) {
        link_refuse(request, "give me 1 to 256 bytes");
        return;
    }
    for (uint64_t i = 0; i < request->byte_count; i++) {
        char c = ((const char *)request->bytes)[i];
        reply[i] = c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
    }
    link_reply(request, reply, request->byte_count);
}

TEST(a_request_is_answered_over_ipc)
{
    struct listener *listener;
    struct error error = {0};
    void *reply = NULL;
    uint64_t reply_bytes = 0, before = memory_used();
    REQUIRE(listener_open(make_url("a"), answer_in_capitals, NULL, &listener, &error) == 0);
    CHECK_INT(link_call(url, "hello", 5, 5000, &reply, &reply_bytes, &error), 0);
    CHECK_INT(reply_bytes, 5);
    CHECK_TEXT(reply, "HELLO");
    free(reply);
    CHECK_INT(link_call(url, "", 0, 5000, &reply, &reply_bytes, &error), -EREMOTEIO);
    CHECK_HAS(error.text, "refuses: give me 1 to 256 bytes");
    listener_close(listener);
    CHECK_INT(memory_used(), before);
}

TEST(nobody_there_and_an_address_in_use_are_told)
{
    struct listener *listener, *second;
    struct error error = {0};
    void *reply;
    uint64_t reply_bytes;
    CHECK_INT(link_call(make_url("nobody"), "x", 1, 5000, &reply, &reply_bytes, &error), -EIO);
    CHECK_HAS(error.text, "ipc://");
    REQUIRE(listener_open(make_url("b"), answer_in_capitals, NULL, &listener, &error) == 0);
    CHECK_INT(listener_open(url, answer_in_capitals, NULL, &second, &error), -EADDRINUSE);
    CHECK_HAS(error.text, "cannot listen at ipc://");
    CHECK(listener_open("carrier-pigeon://x", answer_in_capitals, NULL, &second, &error) != 0);
    listener_close(listener);
}

#define REQUIRE_ZERO(call)                                      \
    do {                                                        \
        if ((call) != 0) {                                      \
            test_fail(__FILE__, __LINE__, "failed: %s", #call); \
            return 0;                                           \
        }                                                       \
    } while (0)

// Dials and sends raw bytes; 1 if the other side hangs up on them.
static int is_hung_up_on(const void *bytes, size_t byte_count)
{
    nng_stream_dialer *dialer;
    nng_aio *aio;
    uint8_t byte;
    REQUIRE_ZERO(nng_aio_alloc(&aio, NULL, NULL));
    REQUIRE_ZERO(nng_stream_dialer_alloc(&dialer, url));
    nng_aio_set_timeout(aio, 5000);
    nng_stream_dialer_dial(dialer, aio);
    nng_aio_wait(aio);
    REQUIRE_ZERO(nng_aio_result(aio));
    nng_stream *stream = nng_aio_get_output(aio, 0);
    nng_iov part = {(void *)(uintptr_t)bytes, byte_count};
    nng_aio_set_iov(aio, 1, &part);
    nng_stream_send(stream, aio);
    nng_aio_wait(aio);
    part = (nng_iov){&byte, 1};
    nng_aio_set_iov(aio, 1, &part);
    nng_stream_recv(stream, aio);
    nng_aio_wait(aio);
    int rc = nng_aio_result(aio);
    nng_stream_free(stream);
    nng_stream_dialer_free(dialer);
    nng_aio_free(aio);
    return rc != 0 && rc != NNG_ETIMEDOUT;
}

TEST(a_peer_that_speaks_something_else_is_hung_up_on_and_harms_nobody)
{
    struct listener *listener;
    struct error error = {0};
    void *reply = NULL;
    uint64_t reply_bytes;
    REQUIRE(listener_open(make_url("c"), answer_in_capitals, NULL, &listener, &error) == 0);
    CHECK(is_hung_up_on("GET / HTTP/1.0\r\n\r\n", 18));
    CHECK(is_hung_up_on("WEI1\x01\0\0\0\x01\0\0\0\xff\xff\xff\xff", 16)); // 4 GiB announced
    CHECK(is_hung_up_on("WEI1\x09\0\0\0\x01\0\0\0\x01\0\0\0x", 17));      // an unknown kind
    CHECK_INT(link_call(url, "still", 5, 5000, &reply, &reply_bytes, &error), 0);
    CHECK_TEXT(reply, "STILL");
    free(reply);
    listener_close(listener);
}
