// Several appenders, readers and one who retires, all at once: what ThreadSanitizer looks at.
#include <pthread.h>
#include <sched.h>

#include "fluss/support/disk_memory.h"
#include "fluss/support/log.h"
#include "support/test.h"

#define APPENDERS 3
#define READERS 3
#define BATCHES 400u

struct shared {
    struct log_test test;
    _Atomic uint64_t appended;
    _Atomic int has_finished;
};

static void *append_many(void *owner)
{
    struct shared *shared = owner;
    struct log_test own;
    log_test_init(&own, shared->test.disk);
    own.stream = shared->test.stream;
    uint64_t end = 0;
    for (uint32_t i = 0; i < BATCHES; i++) {
        uint64_t number = shared->appended++;
        if (log_test_append(&own, number, (uint32_t)(number * 37 % 3000), &end) != WEIR_OK) {
            test_fail(__FILE__, __LINE__, "%s", own.failure.text);
            return NULL;
        }
        if (i % 16 == 0) {
            CHECK_INT(stream_wait(own.stream, end, 60000000), 1);
        }
    }
    CHECK_INT(stream_wait(own.stream, end, 60000000), 1);
    return NULL;
}

// Reads until all batches came, each once.
static void *read_many(void *owner)
{
    struct shared *shared = owner;
    struct stream_reader *reader;
    struct failure failure;
    struct stream_view views[8];
    uint64_t count = 0, sum = 0, wanted = (uint64_t)APPENDERS * BATCHES;
    if (stream_reader_open(shared->test.stream, 0, &reader, &failure) != WEIR_OK) {
        test_fail(__FILE__, __LINE__, "%s", failure.text);
        return NULL;
    }
    while (count < wanted) {
        uint32_t got;
        if (stream_read(reader, views, 8, &got, &failure) != WEIR_OK) {
            test_fail(__FILE__, __LINE__, "%s", failure.text);
            break;
        }
        for (uint32_t i = 0; i < got; i++, count++) {
            CHECK(log_test_is_good(views[i].record));
            sum += log_test_number(views[i].record);
        }
        if (got == 0) {
            sched_yield();
        }
    }
    CHECK_INT(count, wanted);
    CHECK_INT(sum, wanted * (wanted - 1) / 2);
    stream_reader_close(reader);
    return NULL;
}

static void *look_around(void *owner)
{
    struct shared *shared = owner;
    struct stream *stream = shared->test.stream;
    struct stream_mark mark;
    while (!shared->has_finished) {
        stream_find(stream, LOG_TABLE, 3, 100, 0, &mark);
        CHECK(stream_begin(stream) <= stream_durable(stream));
        CHECK(stream_durable(stream) <= stream_end(stream));
        // Nothing to retire, but it looks.
        CHECK_INT(stream_retire(stream, 0, NULL), WEIR_OK);
        sched_yield();
    }
    return NULL;
}

TEST(appenders_and_readers_do_not_disturb_each_other)
{
    static struct shared shared;
    pthread_t appenders[APPENDERS], readers[READERS], watcher;
    log_test_init(&shared.test, disk_memory_create());
    shared.test.settings.buffer_bytes = 128u << 10;
    shared.test.settings.tail_bytes = 64u << 10;
    REQUIRE(log_test_open(&shared.test) == WEIR_OK);
    for (int i = 0; i < APPENDERS; i++) {
        pthread_create(&appenders[i], NULL, append_many, &shared);
    }
    for (int i = 0; i < READERS; i++) {
        pthread_create(&readers[i], NULL, read_many, &shared);
    }
    pthread_create(&watcher, NULL, look_around, &shared);

    for (int i = 0; i < APPENDERS; i++) {
        pthread_join(appenders[i], NULL);
    }
    for (int i = 0; i < READERS; i++) {
        pthread_join(readers[i], NULL);
    }
    shared.has_finished = 1;
    pthread_join(watcher, NULL);

    log_test_close(&shared.test);
    REQUIRE(log_test_open(&shared.test) == WEIR_OK);
    CHECK_INT(shared.test.count, APPENDERS * BATCHES);
    log_test_close(&shared.test);
    shared.test.disk->table->destroy(shared.test.disk);
}

// Reads from the segments while they are given up behind it; goes on at what is left.
static void *read_what_is_left(void *owner)
{
    struct shared *shared = owner;
    struct stream *stream = shared->test.stream;
    struct stream_reader *reader = NULL;
    struct stream_view views[8];
    struct failure failure;
    uint64_t newest = 0;
    int32_t rc = WEIR_ERROR_CONFIG;
    while (!shared->has_finished) {
        uint32_t got = 0;
        if (rc == WEIR_ERROR_CONFIG) {
            stream_reader_close(reader);
            reader = NULL;
            rc = stream_reader_open(stream, stream_begin(stream), &reader, &failure);
            continue;
        }
        rc = stream_read(reader, views, 8, &got, &failure);
        if (rc != WEIR_OK && rc != WEIR_ERROR_CONFIG) {
            test_fail(__FILE__, __LINE__, "%s", failure.text);
            break;
        }
        for (uint32_t i = 0; i < got; i++) {
            CHECK(log_test_is_good(views[i].record));
            CHECK(log_test_number(views[i].record) >= newest);
            newest = log_test_number(views[i].record);
        }
    }
    stream_reader_close(reader);
    return NULL;
}

TEST(a_reader_whose_segments_are_given_up_is_told_and_reads_nothing_wrong)
{
    static struct shared shared;
    pthread_t readers[2];
    log_test_init(&shared.test, disk_memory_create());
    shared.test.settings.tail_bytes = 0;
    REQUIRE(log_test_open(&shared.test) == WEIR_OK);
    for (int i = 0; i < 2; i++) {
        pthread_create(&readers[i], NULL, read_what_is_left, &shared);
    }

    for (uint64_t n = 0; n < 3000; n += 30) {
        uint64_t end = log_test_commit(&shared.test, n, n + 30, 1500);
        uint64_t before = end > 150000 ? end - 150000 : 0;
        CHECK_INT(stream_retire(shared.test.stream, before, &shared.test.failure), WEIR_OK);
    }

    shared.has_finished = 1;
    for (int i = 0; i < 2; i++) {
        pthread_join(readers[i], NULL);
    }
    log_test_close(&shared.test);
    shared.test.disk->table->destroy(shared.test.disk);
}

static void count_notice(void *owner)
{
    (*(_Atomic int *)owner)++;
}

TEST(listeners_are_told_of_every_group_until_removed)
{
    struct log_test test;
    _Atomic int notices = 0;
    struct stream_listener listener = {.notify = count_notice, .owner = &notices};
    log_test_init(&test, disk_memory_create());
    REQUIRE(log_test_open(&test) == WEIR_OK);

    stream_listen(test.stream, &listener);
    log_test_commit(&test, 0, 1, 100);
    log_test_commit(&test, 1, 2, 100);
    stream_unlisten(test.stream, &listener);
    int before = notices;
    log_test_commit(&test, 2, 3, 100);

    CHECK(before >= 1);
    CHECK_INT(notices, before);
    log_test_close(&test);
    test.disk->table->destroy(test.disk);
}
