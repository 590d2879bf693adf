// The test kit: drives one operator without a runtime, a scheduler or threads. Rows go in as text,
// rows come out as text, the clock stands still until it is told to move.
//
//     struct weir_kit *kit = weir_kit_open("build/counter.so", "counter", "by = 'name'");
//     weir_kit_input(kit, "name string, value int64");
//     weir_kit_send(kit, 0, "a|1", "b|2", "a|3");
//     weir_kit_end(kit);
//     CHECK_OUTPUT(kit, "", "+I b|1", "+I a|2");
//     weir_kit_close(kit);
//     return weir_kit_result();
//
// A row is its values with `|` between them, in the order of the columns, with its change kind and
// a space before them ("+I " may be left out on the way in). null is a null; a text that holds |, "
// or line ends, is empty, reads null, or begins or ends with a space stands in "quotes", with ""
// for a quote. Times are written 2026-11-22 12:00:00.000, dates 2026-11-22, bytes 0x00ff; a plain
// number is taken as what is stored.
//
// The kit watches the operator: what it returns, that it emits what it declared, owns what it
// emits, and gives back all that it took. The first error stands in weir_kit_error; an error that
// nobody looked at, and everything that leaked, counts as a failed check at weir_kit_close. After
// an error nothing more is sent.
//
// Link with `pkg-config --libs weir-kit`.
#ifndef WEIR_KIT_H
#define WEIR_KIT_H

#include "weir/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_KIT_API __attribute__((visibility("default")))

struct weir_kit;
struct weir_kit_snapshot;

// --- Opening ---

// One instance of an operator of a plugin file, with options as they stand in a pipeline: "where =
// 'value >= 10', every = '1s'" (NULL: none). Besides the operator's own, on_error = "reject" and
// event_time = "COLUMN" (of the main output) are understood. Where a plugin has a source and a sink
// of one name, the kind stands before it: "sink file". Never NULL; what went wrong is in
// weir_kit_error.
WEIR_KIT_API struct weir_kit *weir_kit_open(const char *path, const char *name,
                                            const char *options);
// The same for a plugin that is linked into the test.
WEIR_KIT_API struct weir_kit *weir_kit_open_plugin(const struct weir_plugin *plugin,
                                                   const char *name, const char *options);
WEIR_KIT_API void weir_kit_close(struct weir_kit *kit);

// Operators and resources of kits opened from now on find this optional table of the host by its id
// ("weir.ffi/1"), at most 8 of them; table NULL: no longer.
WEIR_KIT_API void weir_kit_extension(const char *id, const void *table);

// --- Before the first row; all of it may be left out ---

// Declares the next input: "name string, value int64 not null". Only +I can come, and there is no
// event time, unless said.
WEIR_KIT_API void weir_kit_input(struct weir_kit *kit, const char *columns);
// The kinds that can come into an input, as a set (WEIR_KINDS_ALL).
WEIR_KIT_API void weir_kit_input_kinds(struct weir_kit *kit, uint32_t input, uint32_t kinds);
// The column that holds an input's event time.
WEIR_KIT_API void weir_kit_input_time(struct weir_kit *kit, uint32_t input, const char *column);
// The columns of an output ("" or "late") that somebody reads: "a, b"; unsaid: all of all outputs.
WEIR_KIT_API void weir_kit_want(struct weir_kit *kit, const char *output, const char *columns);
// The instance is task `index` of `count` and owns that share of the key groups. Makes it anew.
WEIR_KIT_API void weir_kit_task(struct weir_kit *kit, uint32_t index, uint32_t count);
// Makes and opens a resource of the same plugin, for an option such as "store = w.TYPE 'NAME' {}".
WEIR_KIT_API int32_t weir_kit_resource(struct weir_kit *kit, const char *type, const char *name,
                                       const char *options);
// Negotiates and opens; the first row does so by itself.
WEIR_KIT_API int32_t weir_kit_start(struct weir_kit *kit);

// --- Driving ---

// Sends rows as one batch, and calls again as long as the operator says WEIR_MORE or WEIR_WAIT: in
// the second case once it is woken, or with the clock moved to the time that it named. Returns what
// the operator returned in the end.
#define weir_kit_send(kit, input, ...) weir_kit_send_rows(kit, input, __VA_ARGS__, (const char *)0)
WEIR_KIT_API int32_t weir_kit_send_rows(struct weir_kit *kit, uint32_t input, ...);
// One batch of one column; declares the input if that has not been done.
WEIR_KIT_API int32_t weir_kit_send_int64(struct weir_kit *kit, const char *column,
                                         uint32_t row_count, const int64_t *values);
WEIR_KIT_API int32_t weir_kit_send_float64(struct weir_kit *kit, const char *column,
                                           uint32_t row_count, const double *values);
// Bucket or key group of the batches sent from now on; WEIR_BUCKET_NONE at first.
WEIR_KIT_API void weir_kit_bucket(struct weir_kit *kit, int32_t bucket);

// Calls a source once: WEIR_MORE, WEIR_WAIT, WEIR_END or an error.
WEIR_KIT_API int32_t weir_kit_poll(struct weir_kit *kit);
// Calls a source until it ends, at most `calls` times; when it waits for a time, the clock moves
// there. Returns the last result; a source that waits for nothing returns WEIR_WAIT.
WEIR_KIT_API int32_t weir_kit_run(struct weir_kit *kit, uint32_t calls);
// Ends one input, or all that have not ended yet.
WEIR_KIT_API int32_t weir_kit_end_input(struct weir_kit *kit, uint32_t input);
WEIR_KIT_API int32_t weir_kit_end(struct weir_kit *kit);

// Hands a request to a service and returns its reply with a NUL behind it, lent until the next
// call; NULL if there is none. A request that is never replied to counts as a failed check. Its
// length, if asked for.
WEIR_KIT_API const char *weir_kit_request(struct weir_kit *kit, const void *bytes,
                                          uint64_t byte_count, uint64_t *reply_byte_count);

// Time. The clock starts at 2026-01-01 00:00:00 UTC. Moving it fires timers one after the other,
// each at its own time.
#define WEIR_KIT_START_US 1767225600000000LL
WEIR_KIT_API int64_t weir_kit_now(const struct weir_kit *kit);
WEIR_KIT_API int32_t weir_kit_set_time(struct weir_kit *kit, int64_t time_us);
WEIR_KIT_API int32_t weir_kit_advance(struct weir_kit *kit, int64_t duration_us);
WEIR_KIT_API int32_t weir_kit_watermark(struct weir_kit *kit, int64_t time_us);

// The operator's n-th allocation from now fails (0: none). Without a kit: of the next one opened.
WEIR_KIT_API void weir_kit_fail_allocation(struct weir_kit *kit, uint64_t n);

// --- Looking ---

// All rows that have left by an output ("", "late", "rejected"), a line each; "" if there are none.
// Lent until the next call for the kit.
WEIR_KIT_API const char *weir_kit_rows(struct weir_kit *kit, const char *output);
WEIR_KIT_API uint64_t weir_kit_row_count(struct weir_kit *kit, const char *output);
// The batches themselves; NULL beyond the last.
WEIR_KIT_API const struct weir_batch *weir_kit_batch(struct weir_kit *kit, const char *output,
                                                     uint32_t index);
// Forgets the rows of all outputs.
WEIR_KIT_API void weir_kit_clear(struct weir_kit *kit);
// "a int64, b string not null": the columns of an output. NULL: there is no such output.
WEIR_KIT_API const char *weir_kit_columns(struct weir_kit *kit, const char *output);
// "a, b": the columns of an input that the operator reads.
WEIR_KIT_API const char *weir_kit_reads(struct weir_kit *kit, uint32_t input);
// A metric that the operator has registered; NULL: none of that name.
WEIR_KIT_API const struct weir_metric *weir_kit_metric(struct weir_kit *kit, const char *name);
WEIR_KIT_API const char *weir_kit_log(const struct weir_kit *kit); // a line each
WEIR_KIT_API uint64_t weir_kit_rejected(const struct weir_kit *kit);
// What went wrong first, and is hereby expected; NULL: nothing. Its class: weir_kit_error_class.
WEIR_KIT_API const char *weir_kit_error(struct weir_kit *kit);
WEIR_KIT_API int32_t weir_kit_error_class(const struct weir_kit *kit);

// --- Snapshots ---

// What the runtime would keep of this instance, in memory.
WEIR_KIT_API struct weir_kit_snapshot *weir_kit_save(struct weir_kit *kit);
// Into a fresh kit, before its first row. A kit takes what belongs to its task and leaves the rest,
// so snapshots of all tasks can be given to all new ones.
WEIR_KIT_API int32_t weir_kit_load(struct weir_kit *kit, const struct weir_kit_snapshot *snapshot);
WEIR_KIT_API void weir_kit_snapshot_destroy(struct weir_kit_snapshot *snapshot);

// --- Checking; a failed check is told on stderr with its place, and the test goes on ---

// The rows of an output, in order, are exactly these texts.
#define CHECK_OUTPUT(kit, output, ...) \
    weir_kit_check_output(__FILE__, __LINE__, kit, output, __VA_ARGS__, (const char *)0)
#define CHECK_NO_OUTPUT(kit, output) \
    weir_kit_check_output(__FILE__, __LINE__, kit, output, (const char *)0)
// The values of a column of the main output are exactly these, written as literals: 10, 2.5, "a",
// null.
#define CHECK_ROWS(kit, column, ...) \
    weir_kit_check_column(__FILE__, __LINE__, kit, column, #__VA_ARGS__)
// There is an error, and it contains this text.
#define CHECK_ERROR(kit, text) weir_kit_check_error(__FILE__, __LINE__, kit, text)
#define CHECK_METRIC(kit, name, expected) \
    weir_kit_check_metric(__FILE__, __LINE__, kit, name, expected)
#define CHECK_TRUE(condition) weir_kit_check(__FILE__, __LINE__, (condition) ? 1 : 0, #condition)

WEIR_KIT_API int32_t weir_kit_check_output(const char *file, int32_t line, struct weir_kit *kit,
                                           const char *output, ...);
WEIR_KIT_API int32_t weir_kit_check_column(const char *file, int32_t line, struct weir_kit *kit,
                                           const char *column, const char *expected);
WEIR_KIT_API int32_t weir_kit_check_error(const char *file, int32_t line, struct weir_kit *kit,
                                          const char *text);
WEIR_KIT_API int32_t weir_kit_check_metric(const char *file, int32_t line, struct weir_kit *kit,
                                           const char *name, int64_t expected);
WEIR_KIT_API int32_t weir_kit_check(const char *file, int32_t line, int32_t is_true,
                                    const char *text);

// Where failed checks go instead of stderr.
WEIR_KIT_API void weir_kit_on_failure(void (*report)(const char *file, int32_t line,
                                                     const char *text));
// Says how many checks there were and how many failed; 0 if none did, else 1: for main to return.
WEIR_KIT_API int32_t weir_kit_result(void);

#ifdef __cplusplus
}
#endif

#endif
