#include "base/pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

// Two classes for each doubling: 64, 128, 192, 256, 384, 512, 768, ... 4 MiB. Larger ones are not
// kept.
#define CLASS_COUNT 32
#define CLASS_BYTES_MAX ((size_t)4 << 20)
#define THREAD_SLOTS 8

#if defined(__SANITIZE_ADDRESS__)
#define KEEPS_NOTHING 1 // so that a use after free is seen
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KEEPS_NOTHING 1
#endif
#endif
#ifndef KEEPS_NOTHING
#define KEEPS_NOTHING 0
#endif

struct cache {
    void *slots[CLASS_COUNT][THREAD_SLOTS];
    uint8_t counts[CLASS_COUNT];
    uint8_t is_registered;
    size_t byte_count;
};

struct idle {
    struct idle *next;
};

static _Thread_local struct cache cache;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct idle *shared[CLASS_COUNT];
static size_t shared_bytes;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;

static unsigned class_of(size_t byte_count)
{
    if (byte_count <= 128) {
        return byte_count > 64;
    }
    unsigned top = 63 - (unsigned)__builtin_clzl(byte_count - 1); // 2^top < byte_count <= 2^(top+1)
    return 2 * (top - 6) + (byte_count - 1 >= (size_t)3 << (top - 1));
}

static size_t class_bytes(unsigned class)
{
    if (class < 2) {
        return class == 0 ? 64 : 128;
    }
    return class % 2 == 0 ? (size_t)192 << (class / 2 - 1) : (size_t)256 << (class / 2 - 1);
}

size_t pool_capacity(size_t byte_count)
{
    return byte_count > CLASS_BYTES_MAX ? (byte_count + 63) & ~(size_t)63
                                        : class_bytes(class_of(byte_count));
}

// A pool must not grow a small budget much: a sixteenth of it at most.
static size_t bounded(size_t limit)
{
    uint64_t budget = memory_budget();
    return budget != 0 && budget / 16 < limit ? (size_t)(budget / 16) : limit;
}

static void share(unsigned class, uint8_t keep)
{
    size_t byte_count = class_bytes(class), limit = bounded(POOL_SHARED_BYTES_MAX);
    pthread_mutex_lock(&mutex);
    while (cache.counts[class] > keep && shared_bytes + byte_count <= limit) {
        struct idle *idle = cache.slots[class][--cache.counts[class]];
        idle->next = shared[class];
        shared[class] = idle;
        shared_bytes += byte_count;
        cache.byte_count -= byte_count;
    }
    pthread_mutex_unlock(&mutex);
    while (cache.counts[class] > keep) {
        free(cache.slots[class][--cache.counts[class]]);
        cache.byte_count -= byte_count;
    }
}

static void share_all(void *unused)
{
    (void)unused;
    for (unsigned class = 0; class < CLASS_COUNT; class ++) {
        share(class, 0);
    }
    cache.is_registered = 0;
}

static void make_key(void)
{
    pthread_key_create(&key, share_all);
}

static void fetch(unsigned class)
{
    size_t byte_count = class_bytes(class);
    pthread_mutex_lock(&mutex);
    while (shared[class] != NULL && cache.counts[class] < THREAD_SLOTS / 2) {
        cache.slots[class][cache.counts[class]++] = shared[class];
        shared[class] = shared[class]->next;
        shared_bytes -= byte_count;
        cache.byte_count += byte_count;
    }
    pthread_mutex_unlock(&mutex);
}

void *pool_allocate(size_t byte_count)
{
    size_t capacity = pool_capacity(byte_count);
    if (byte_count > SIZE_MAX - 64 || memory_reserve(capacity) != 0) {
        return NULL;
    }
    if (capacity <= CLASS_BYTES_MAX && !KEEPS_NOTHING) {
        unsigned class = class_of(capacity);
        if (cache.counts[class] == 0) {
            fetch(class);
        }
        if (cache.counts[class] != 0) {
            cache.byte_count -= capacity;
            return cache.slots[class][--cache.counts[class]];
        }
    }
    void *memory = aligned_alloc(64, capacity);
    if (memory == NULL) {
        memory_unreserve(capacity);
    }
    return memory;
}

void pool_free(void *memory, size_t byte_count)
{
    if (memory == NULL) {
        return;
    }
    size_t capacity = pool_capacity(byte_count);
    memory_unreserve(capacity);
    if (capacity > CLASS_BYTES_MAX || KEEPS_NOTHING) {
        free(memory);
        return;
    }
    if (!cache.is_registered) { // what this thread keeps is shared when it ends
        pthread_once(&once, make_key);
        pthread_setspecific(key, &cache);
        cache.is_registered = 1;
    }
    unsigned class = class_of(capacity);
    if (cache.counts[class] == THREAD_SLOTS) {
        share(class, THREAD_SLOTS / 2);
    }
    cache.slots[class][cache.counts[class]++] = memory;
    cache.byte_count += capacity;
    if (cache.byte_count > bounded(POOL_THREAD_BYTES_MAX)) {
        share(class, 0);
    }
}

uint64_t pool_idle_bytes(void)
{
    pthread_mutex_lock(&mutex);
    uint64_t byte_count = shared_bytes + cache.byte_count;
    pthread_mutex_unlock(&mutex);
    return byte_count;
}

void pool_drain(void)
{
    share_all(NULL);
    pthread_mutex_lock(&mutex);
    for (unsigned class = 0; class < CLASS_COUNT; class ++) {
        while (shared[class] != NULL) {
            struct idle *idle = shared[class];
            shared[class] = idle->next;
            free(idle);
        }
    }
    shared_bytes = 0;
    pthread_mutex_unlock(&mutex);
}
