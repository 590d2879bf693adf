// What a link could carry: frames of SIZE bytes over one nng byte stream on loopback, one sending
// and one receiving thread. A frame is a 64-byte header and six column buffers, sent as they lie
// (scatter), read into one aligned buffer. Usage: link URL SIZE FRAMES; prints GB/s. With
// port 0 in the URL any free one is taken. Build: cc -O2 link.c -lnng -lpthread
#include <nng/nng.h>
#include <nng/supplemental/util/platform.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_BYTES 64
#define COLUMN_COUNT 6

struct receiver {
    nng_stream *stream;
    size_t body_bytes;
    long frame_count;
};

static void check(int rc)
{
    if (rc != 0) {
        fprintf(stderr, "link: %s\n", nng_strerror(rc));
        exit(1);
    }
}

// Moves all of parts, however few bytes one call takes.
static void move(nng_stream *stream, nng_aio *aio, nng_iov *parts, unsigned count, int sending)
{
    while (count > 0) {
        check(nng_aio_set_iov(aio, count, parts));
        if (sending) {
            nng_stream_send(stream, aio);
        } else {
            nng_stream_recv(stream, aio);
        }
        nng_aio_wait(aio);
        check(nng_aio_result(aio));
        size_t moved = nng_aio_count(aio);
        while (count > 0 && moved >= parts->iov_len) {
            moved -= parts->iov_len;
            parts++;
            count--;
        }
        if (count > 0) {
            parts->iov_buf = (char *)parts->iov_buf + moved;
            parts->iov_len -= moved;
        }
    }
}

static void *receive(void *argument)
{
    struct receiver *receiver = argument;
    char header[HEADER_BYTES] = {0};
    char *body = aligned_alloc(64, (receiver->body_bytes + 63) / 64 * 64);
    nng_aio *aio;
    check(nng_aio_alloc(&aio, NULL, NULL));
    for (long i = 0; i < receiver->frame_count; i++) {
        uint64_t length;
        move(receiver->stream, aio, &(nng_iov){header, HEADER_BYTES}, 1, 0);
        memcpy(&length, header, sizeof length);
        if (length > receiver->body_bytes) {
            check(NNG_EMSGSIZE);
        }
        move(receiver->stream, aio, &(nng_iov){body, length}, 1, 0);
    }
    nng_aio_free(aio);
    free(body);
    return NULL;
}

// The URL that leads to the listener: as given, or with the port that it got where that says 0.
static const char *dialing_url(nng_stream_listener *listener, const char *url)
{
    static char text[64];
    size_t length = strlen(url);
    int port;
    if (length < 2 || strcmp(url + length - 2, ":0") != 0) {
        return url;
    }
    check(nng_stream_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &port));
    snprintf(text, sizeof text, "%.*s:%d", (int)length - 2, url, port);
    return text;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: link URL SIZE FRAMES\n");
        return 2;
    }
    uint64_t body_bytes = strtoull(argv[2], NULL, 10);
    long frame_count = atol(argv[3]);
    nng_stream_listener *listener;
    nng_stream_dialer *dialer;
    nng_aio *accepting, *dialing, *sending;
    check(nng_aio_alloc(&accepting, NULL, NULL));
    check(nng_aio_alloc(&dialing, NULL, NULL));
    check(nng_aio_alloc(&sending, NULL, NULL));
    check(nng_stream_listener_alloc(&listener, argv[1]));
    check(nng_stream_listener_listen(listener));
    check(nng_stream_dialer_alloc(&dialer, dialing_url(listener, argv[1])));
    nng_stream_listener_accept(listener, accepting);
    nng_stream_dialer_dial(dialer, dialing);
    nng_aio_wait(dialing);
    nng_aio_wait(accepting);
    check(nng_aio_result(dialing));
    check(nng_aio_result(accepting));

    struct receiver receiver = {nng_aio_get_output(accepting, 0), body_bytes, frame_count};
    nng_stream *stream = nng_aio_get_output(dialing, 0);
    char header[HEADER_BYTES] = {0};
    char *body = aligned_alloc(64, (body_bytes + 63) / 64 * 64);
    memset(body, 1, body_bytes);
    memcpy(header, &body_bytes, sizeof body_bytes);
    pthread_t thread;
    pthread_create(&thread, NULL, receive, &receiver);
    nng_time start = nng_clock();
    for (long i = 0; i < frame_count; i++) {
        nng_iov parts[1 + COLUMN_COUNT] = {{header, HEADER_BYTES}};
        size_t column_bytes = body_bytes / COLUMN_COUNT;
        for (int c = 0; c < COLUMN_COUNT; c++) {
            parts[1 + c] = (nng_iov){body + c * column_bytes, column_bytes};
        }
        parts[COLUMN_COUNT].iov_len = body_bytes - (COLUMN_COUNT - 1) * column_bytes;
        move(stream, sending, parts, 1 + COLUMN_COUNT, 1);
    }
    pthread_join(thread, NULL);
    double seconds = (double)(nng_clock() - start) / 1000;
    printf("%.2f\n", (double)frame_count * (double)body_bytes / seconds / 1e9);
    return 0;
}
