#include "link/listener.h"

#include <errno.h>
#include <nng/nng.h>
#include <nng/supplemental/util/platform.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/memory.h"
#include "link/frame.h"

// A frame that is to go out.
struct outgoing {
    struct outgoing *next;
    uint64_t byte_count;
    uint8_t bytes[];
};

// A peer. Lives until it has hung up and all its requests are answered.
struct peer {
    struct listener *listener;
    struct peer *next;
    nng_stream *stream;
    nng_aio *receiving;
    nng_aio *sending;
    uint8_t header[LINK_HEADER_BYTES];
    struct pending *incoming; // its body is being read; NULL: a header is
    uint64_t received;        // bytes of header or body that are here
    struct outgoing *first;   // being sent
    struct outgoing *last;
    uint64_t sent;
    uint64_t pending_bytes;
    uint32_t pending_count;
    int is_paused; // too much is pending: nothing is read
    int is_closed; // the stream is of no use any more
};

struct pending {
    struct link_request request; // first
    struct peer *peer;
    uint32_t id;
    uint8_t *body;
};

struct listener {
    void (*on_request)(void *owner, struct link_request *request);
    void *owner;
    nng_stream_listener *stream_listener;
    nng_aio *accepting;
    pthread_mutex_t lock; // of all peers
    struct peer *peers;
    int is_closing;
};

// --- Receiving (with the lock held where the name says so) ---

static void receive_more(struct peer *peer)
{
    nng_iov part = {peer->header + peer->received, LINK_HEADER_BYTES - peer->received};
    if (peer->incoming != NULL) {
        part.iov_buf = peer->incoming->body + peer->received;
        part.iov_len = peer->incoming->request.byte_count - peer->received;
    }
    nng_aio_set_iov(peer->receiving, 1, &part);
    nng_stream_recv(peer->stream, peer->receiving);
}

static void close_locked(struct peer *peer)
{
    if (!peer->is_closed) {
        peer->is_closed = 1;
        nng_stream_close(peer->stream);
    }
}

static void free_pending(struct pending *pending)
{
    memory_free(pending->body, pending->request.byte_count);
    free(pending);
}

// Makes room for a body that a header announces; NULL hangs up.
static struct pending *begin_request(struct peer *peer, struct frame frame)
{
    struct pending *pending = calloc(1, sizeof *pending);
    if (pending == NULL || (pending->body = memory_allocate(frame.length)) == NULL) {
        free(pending);
        return NULL;
    }
    pending->peer = peer;
    pending->id = frame.id;
    pending->request = (struct link_request){pending->body, frame.length};
    return pending;
}

// A whole request is here. Returns it; the peer is ready for the next header.
static struct pending *finish_request_locked(struct peer *peer)
{
    struct pending *pending = peer->incoming;
    peer->incoming = NULL;
    peer->received = 0;
    peer->pending_count++;
    peer->pending_bytes += pending->request.byte_count;
    peer->is_paused = peer->pending_bytes > LINK_PENDING_BYTES_MAX;
    return pending;
}

static void on_received(void *argument)
{
    struct peer *peer = argument;
    struct listener *listener = peer->listener;
    struct pending *complete = NULL;
    struct frame frame;
    pthread_mutex_lock(&listener->lock);
    if (nng_aio_result(peer->receiving) != 0) {
        close_locked(peer);
    } else {
        peer->received += nng_aio_count(peer->receiving);
        if (peer->incoming == NULL && peer->received == LINK_HEADER_BYTES) {
            int is_good = frame_read(peer->header, &frame) && frame.kind == LINK_REQUEST;
            peer->received = 0;
            peer->incoming = is_good ? begin_request(peer, frame) : NULL;
            if (peer->incoming == NULL) {
                close_locked(peer);
            }
        }
        if (peer->incoming != NULL && peer->received == peer->incoming->request.byte_count) {
            complete = finish_request_locked(peer);
        }
    }
    int goes_on = !peer->is_closed && !peer->is_paused;
    pthread_mutex_unlock(&listener->lock);
    if (complete != NULL) {
        listener->on_request(listener->owner, &complete->request);
    }
    if (goes_on) {
        receive_more(peer);
    }
}

// --- Sending ---

static void send_more(struct peer *peer)
{
    nng_iov part = {peer->first->bytes + peer->sent, peer->first->byte_count - peer->sent};
    nng_aio_set_iov(peer->sending, 1, &part);
    nng_stream_send(peer->stream, peer->sending);
}

static void on_sent(void *argument)
{
    struct peer *peer = argument;
    struct outgoing *done = NULL;
    pthread_mutex_lock(&peer->listener->lock);
    if (nng_aio_result(peer->sending) != 0) {
        close_locked(peer);
    } else {
        peer->sent += nng_aio_count(peer->sending);
        if (peer->sent == peer->first->byte_count) {
            done = peer->first;
            peer->first = done->next;
            peer->last = peer->first == NULL ? NULL : peer->last;
            peer->sent = 0;
        }
    }
    int goes_on = peer->first != NULL && !peer->is_closed;
    pthread_mutex_unlock(&peer->listener->lock);
    free(done);
    if (goes_on) {
        send_more(peer);
    }
}

static int answer(struct link_request *request, uint32_t kind, const void *bytes,
                  uint64_t byte_count)
{
    struct pending *pending = (struct pending *)request;
    struct peer *peer = pending->peer;
    struct outgoing *outgoing = malloc(sizeof *outgoing + LINK_HEADER_BYTES + byte_count);
    if (outgoing != NULL) {
        frame_write(outgoing->bytes, (struct frame){kind, pending->id, (uint32_t)byte_count});
        memcpy(outgoing->bytes + LINK_HEADER_BYTES, bytes, byte_count);
        outgoing->byte_count = LINK_HEADER_BYTES + byte_count;
        outgoing->next = NULL;
    }
    pthread_mutex_lock(&peer->listener->lock);
    int starts = outgoing != NULL && peer->first == NULL && !peer->is_closed;
    if (outgoing != NULL && !peer->is_closed) {
        *(peer->first == NULL ? &peer->first : &peer->last->next) = outgoing;
        peer->last = outgoing;
        outgoing = NULL;
    } else if (outgoing == NULL) {
        close_locked(peer); // it would wait for ever
    }
    peer->pending_bytes -= request->byte_count;
    peer->pending_count--;
    int resumes =
        peer->is_paused && peer->pending_bytes <= LINK_PENDING_BYTES_MAX && !peer->is_closed;
    peer->is_paused = peer->is_paused && !resumes;
    if (starts) {
        send_more(peer);
    }
    if (resumes) {
        receive_more(peer);
    }
    pthread_mutex_unlock(&peer->listener->lock);
    free(outgoing);
    free_pending(pending);
    return 0;
}

int link_reply(struct link_request *request, const void *bytes, uint64_t byte_count)
{
    if (byte_count > LINK_BODY_BYTES_MAX) {
        return link_refuse(request, "the answer is larger than a frame may be");
    }
    return answer(request, LINK_REPLY, bytes, byte_count);
}

int link_refuse(struct link_request *request, const char *reason)
{
    return answer(request, LINK_REFUSAL, reason, strlen(reason));
}

void link_hang_up(struct link_request *request)
{
    struct pending *pending = (struct pending *)request;
    struct peer *peer = pending->peer;
    pthread_mutex_lock(&peer->listener->lock);
    peer->pending_bytes -= request->byte_count;
    close_locked(peer);
    peer->pending_count--;
    pthread_mutex_unlock(&peer->listener->lock);
    free_pending(pending);
}

// --- Listening ---

static void free_peer(struct peer *peer)
{
    nng_aio_free(peer->receiving);
    nng_aio_free(peer->sending);
    nng_stream_free(peer->stream);
    if (peer->incoming != NULL) {
        free_pending(peer->incoming);
    }
    for (struct outgoing *at = peer->first, *next; at != NULL; at = next) {
        next = at->next;
        free(at);
    }
    free(peer);
}

static struct peer *make_peer(struct listener *listener, nng_stream *stream)
{
    struct peer *peer = calloc(1, sizeof *peer);
    if (peer == NULL) {
        return NULL;
    }
    peer->listener = listener;
    peer->stream = stream;
    if (nng_aio_alloc(&peer->receiving, on_received, peer) != 0 ||
        nng_aio_alloc(&peer->sending, on_sent, peer) != 0) {
        nng_aio_free(peer->receiving);
        free(peer);
        return NULL;
    }
    return peer;
}

// Takes peers that have left, and whose requests are all answered, off the list.
static struct peer *take_gone_locked(struct listener *listener)
{
    struct peer *gone = NULL;
    for (struct peer **at = &listener->peers; *at != NULL;) {
        struct peer *peer = *at;
        if (peer->is_closed && peer->pending_count == 0) {
            *at = peer->next;
            peer->next = gone;
            gone = peer;
        } else {
            at = &peer->next;
        }
    }
    return gone;
}

static void free_peers(struct peer *peers)
{
    for (struct peer *next; peers != NULL; peers = next) {
        next = peers->next;
        free_peer(peers);
    }
}

static void on_accepted(void *argument)
{
    struct listener *listener = argument;
    if (nng_aio_result(listener->accepting) != 0) {
        return; // closed
    }
    nng_stream *stream = nng_aio_get_output(listener->accepting, 0);
    struct peer *peer = make_peer(listener, stream);
    pthread_mutex_lock(&listener->lock);
    struct peer *gone = take_gone_locked(listener);
    int is_closing = listener->is_closing;
    if (peer != NULL && !is_closing) {
        peer->next = listener->peers;
        listener->peers = peer;
        receive_more(peer);
    }
    pthread_mutex_unlock(&listener->lock);
    free_peers(gone);
    if (peer == NULL) {
        nng_stream_free(stream);
    } else if (is_closing) {
        free_peer(peer);
    }
    if (!is_closing) {
        nng_stream_listener_accept(listener->stream_listener, listener->accepting);
    }
}

int listener_open(const char *url, void (*on_request)(void *owner, struct link_request *request),
                  void *owner, struct listener **out, struct error *error)
{
    struct listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL) {
        return error_set(error, -ENOMEM, "cannot listen at %s: no memory", url);
    }
    listener->on_request = on_request;
    listener->owner = owner;
    pthread_mutex_init(&listener->lock, NULL);
    int rc = nng_aio_alloc(&listener->accepting, on_accepted, listener);
    rc = rc != 0 ? rc : nng_stream_listener_alloc(&listener->stream_listener, url);
    rc = rc != 0 ? rc : nng_stream_listener_listen(listener->stream_listener);
    if (rc != 0) {
        listener_close(listener);
        return error_set(
            error, rc == NNG_EADDRINUSE ? -EADDRINUSE : -EIO,
            "cannot listen at %s: %s; give another address, as tcp://127.0.0.1:7000 or "
            "ipc:///path",
            url, nng_strerror(rc));
    }
    nng_stream_listener_accept(listener->stream_listener, listener->accepting);
    *out = listener;
    return 0;
}

void listener_close(struct listener *listener)
{
    if (listener == NULL) {
        return;
    }
    pthread_mutex_lock(&listener->lock);
    listener->is_closing = 1;
    for (struct peer *peer = listener->peers; peer != NULL; peer = peer->next) {
        close_locked(peer);
    }
    pthread_mutex_unlock(&listener->lock);
    if (listener->stream_listener != NULL) {
        nng_stream_listener_close(listener->stream_listener);
    }
    nng_aio_free(listener->accepting); // waits for its callback
    free_peers(listener->peers);
    nng_stream_listener_free(listener->stream_listener);
    pthread_mutex_destroy(&listener->lock);
    free(listener);
}
