#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "encode.h"
#include "file.h"
#include "output.h"

#define WRITE_BYTES (128u << 10) // encoded before they are handed to the file
#define PATH_BYTES 4096

struct sink {
    struct file_options options;
    const char *path;
    int may_replace;
    int64_t rotate_bytes; // 0: not by size
    int64_t rotate_us;    // 0: not by time
    const struct weir_schema *schema;
    struct encoder encoder;
    struct output *output; // NULL: no file is open
    int64_t part;          // number of the file that is open, or was last
    char name[PATH_BYTES]; // of the open file
    char sentence[FILE_SENTENCE_MAX];
};

static const char *const compressions[] = {"none", "gzip", "zstd", NULL};
static const char *const policies[] = {"replace", "fail", NULL};

static const struct weir_option options[] = {
    {.name = "path",
     .summary = "The file to write; `{part}` and `{time}` stand for the number and the start of a "
                "rotated one; `-` is standard output",
     .type = WEIR_OPTION_STRING,
     .flags = WEIR_OPTION_REQUIRED,
     .since = "0.1"},
    {.name = "format",
     .summary = "How rows are written; told from the name if not said",
     .type = WEIR_OPTION_ENUM,
     .choices = file_formats,
     .since = "0.1"},
    {.name = "compression",
     .summary = "How the file is compressed; told from the name if not said",
     .type = WEIR_OPTION_ENUM,
     .choices = compressions,
     .since = "0.1"},
    FILE_DIALECT_OPTIONS,
    {.name = "rotate_bytes",
     .summary = "Completes a file and begins another at this size, counted before compression",
     .type = WEIR_OPTION_BYTES,
     .min = 1,
     .max = 1e15,
     .since = "0.1"},
    {.name = "rotate_every",
     .summary = "Completes a file this long after its first row",
     .type = WEIR_OPTION_DURATION,
     .min = 1000,
     .max = 366 * 86400e6,
     .since = "0.1"},
    {.name = "exists",
     .summary = "What becomes of a file that has the name already",
     .type = WEIR_OPTION_ENUM,
     .initial = "\"replace\"",
     .choices = policies,
     .since = "0.1"},
};

// --- Set-up ---

static int is_rotated(const struct sink *sink)
{
    return sink->rotate_bytes != 0 || sink->rotate_us != 0;
}

static void sink_destroy(void *instance)
{
    free(instance);
}

static int32_t sink_create(struct weir_context *context, void **instance)
{
    struct sink *sink = calloc(1, sizeof *sink);
    if (sink == NULL) {
        return weir_fail(context, WEIR_ERROR_FATAL, "no memory");
    }
    sink->path = weir_option_string(context, "path");
    sink->rotate_bytes = weir_option_int(context, "rotate_bytes", 0);
    sink->rotate_us = weir_option_int(context, "rotate_every", 0);
    sink->may_replace = weir_option(context, "exists")->choice != 1;
    int32_t rc = file_options_read(context, sink->path, &sink->options);
    if (rc == WEIR_OK && sink->options.compression == COMPRESSION_AUTO) {
        sink->options.compression = file_compression_of(sink->path);
    }
    if (rc == WEIR_OK && !is_rotated(sink) && strstr(sink->path, "{part}") != NULL) {
        rc = weir_fail(context, WEIR_ERROR_CONFIG,
                       "option `path` has {part}, but nothing says when a part ends: add "
                       "rotate_bytes or rotate_every");
    }
    if (rc == WEIR_OK && is_rotated(sink) && strcmp(sink->path, "-") == 0) {
        rc = weir_fail(context, WEIR_ERROR_CONFIG, "standard output cannot be rotated");
    }
    if (rc != WEIR_OK) {
        sink_destroy(sink);
        return rc;
    }
    *instance = sink;
    return WEIR_OK;
}

static int32_t sink_negotiate(void *instance, struct weir_negotiation *negotiation)
{
    struct sink *sink = instance;
    const struct weir_input *input = weir_negotiation_input(negotiation, 0);
    const char *kind = sink->options.kind;
    sink->schema = input->schema;
    if (input->kinds != WEIR_KINDS_INSERT && kind == NULL) {
        return weir_fail(
            negotiation->context, WEIR_ERROR_CONFIG,
            "the rows are changes (-U, +U, -D can come), which a file shows only if each "
            "row says so: add kind = \"op\", or put a changelog_filter before this stage");
    }
    if (kind != NULL && weir_schema_find(input->schema, kind) >= 0) {
        return weir_fail(
            negotiation->context, WEIR_ERROR_CONFIG,
            "option `kind` is \"%s\", but there is a column of that name: choose another", kind);
    }
    for (uint32_t i = 0;
         negotiation->pass == WEIR_NEGOTIATE_WANTS && i < input->schema->field_count; i++) {
        weir_negotiation_want(negotiation, 0, i);
    }
    return WEIR_OK;
}

// --- Files ---

static int32_t fail(struct sink *sink, struct weir_context *context)
{
    return weir_fail(context, WEIR_ERROR_FATAL, "%s", sink->sentence);
}

static int append(char *name, size_t *size, const char *text, size_t length)
{
    if (*size + length >= PATH_BYTES) {
        return -ENAMETOOLONG;
    }
    memcpy(name + *size, text, length);
    *size += length;
    name[*size] = '\0';
    return 0;
}

// Where the endings of a name begin: "out/rows.csv.gz" at ".csv.gz".
static const char *endings_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    const char *point = *name == '\0' ? NULL : strchr(name + 1, '.');
    return point != NULL ? point : path + strlen(path);
}

// The name of part number `part`, begun at now_us. A rotated path without {part} gets the number
// before its endings.
static int make_name(struct sink *sink, int64_t now_us)
{
    char number[32], began[32];
    time_t seconds = (time_t)(now_us / 1000000);
    struct tm parts;
    size_t size = 0;
    int rc = 0;
    const char *dash =
        is_rotated(sink) && strstr(sink->path, "{part}") == NULL ? endings_of(sink->path) : NULL;
    snprintf(number, sizeof number, "%06lld", (long long)sink->part);
    assert(sink->path != NULL); // required
    gmtime_r(&seconds, &parts);
    strftime(began, sizeof began, "%Y%m%dT%H%M%SZ", &parts);
    for (const char *p = sink->path;; p++) {
        if (p == dash) {
            rc |= append(sink->name, &size, "-", 1);
            rc |= append(sink->name, &size, number, strlen(number));
        }
        if (*p == '\0' || rc != 0) {
            return rc;
        }
        if (strncmp(p, "{part}", 6) == 0) {
            rc |= append(sink->name, &size, number, strlen(number));
            p += 5;
        } else if (strncmp(p, "{time}", 6) == 0) {
            rc |= append(sink->name, &size, began, strlen(began));
            p += 5;
        } else {
            rc |= append(sink->name, &size, p, 1);
        }
    }
}

// Begins a file. Parts go on behind those that are there, so a restart replaces none.
static int32_t begin_file(struct sink *sink, struct weir_context *context)
{
    struct stat info;
    int64_t now_us = weir_now_us(context);
    do {
        sink->part++;
        if (make_name(sink, now_us) != 0) {
            return weir_fail(context, WEIR_ERROR_CONFIG, "option `path` is longer than %d bytes",
                             PATH_BYTES);
        }
    } while (is_rotated(sink) && stat(sink->name, &info) == 0 && S_ISREG(info.st_mode));
    if (output_open(sink->name, sink->options.compression, sink->may_replace, &sink->output,
                    sink->sentence) != 0) {
        return fail(sink, context);
    }
    sink->encoder.size = 0;
    if (encoder_start(&sink->encoder) != 0) {
        return weir_fail(context, WEIR_ERROR_FATAL, "no memory");
    }
    return sink->rotate_us == 0 ? WEIR_OK
                                : weir_timer_set(context, WEIR_TIME_PROCESSING,
                                                 now_us + sink->rotate_us, sink->part);
}

static int32_t write_encoded(struct sink *sink, struct weir_context *context)
{
    size_t size = sink->encoder.size;
    sink->encoder.size = 0;
    if (size > 0 && output_write(sink->output, sink->encoder.bytes, size, sink->sentence) != 0) {
        return fail(sink, context);
    }
    return WEIR_OK;
}

static int32_t end_file(struct sink *sink, struct weir_context *context)
{
    int32_t rc = write_encoded(sink, context);
    if (rc != WEIR_OK) {
        return rc;
    }
    struct output *output = sink->output;
    sink->output = NULL;
    return output_publish(output, sink->sentence) == 0 ? WEIR_OK : fail(sink, context);
}

static void sink_close(void *instance, struct weir_context *context)
{
    struct sink *sink = instance;
    if (sink->output != NULL && !output_is_direct(sink->output)) {
        weir_log(context, WEIR_LOG_WARNING, "%s is not complete: what was written is in %s%s",
                 sink->name, sink->name, OUTPUT_SUFFIX);
    }
    output_abandon(sink->output);
    sink->output = NULL;
    encoder_finish(&sink->encoder);
}

static int32_t sink_open(void *instance, struct weir_context *context)
{
    struct sink *sink = instance;
    int32_t rc = WEIR_OK;
    sink->part = 0;
    if (encoder_init(&sink->encoder, &sink->options, sink->schema) != 0) {
        rc = weir_fail(context, WEIR_ERROR_FATAL, "no memory");
    } else if (!is_rotated(sink)) { // so that a wrong path is told before the first row
        rc = begin_file(sink, context);
    }
    if (rc != WEIR_OK) {
        sink_close(sink, context);
    }
    return rc;
}

// --- Rows ---

static int32_t encode_row(struct sink *sink, struct weir_context *context,
                          const struct weir_batch *batch, uint32_t row)
{
    uint32_t column = 0;
    int rc = encoder_row(&sink->encoder, batch, row, &column);
    if (rc == -EINVAL) {
        char reason[512];
        snprintf(
            reason, sizeof reason,
            "column `%s` holds a delimiter, a line end or the text of null, and option `quote` "
            "is empty",
            batch->schema->fields[column].name);
        return weir_reject(context, batch, row, reason);
    }
    return rc == 0 ? WEIR_OK : weir_fail(context, WEIR_ERROR_FATAL, "no memory");
}

static int32_t sink_process(void *instance, struct weir_context *context, uint32_t input,
                            const struct weir_batch *batch)
{
    struct sink *sink = instance;
    int32_t rc = WEIR_OK;
    (void)input;
    for (uint32_t row = 0; rc == WEIR_OK && row < batch->row_count; row++) {
        if (sink->output == NULL) {
            rc = begin_file(sink, context);
        }
        rc = rc == WEIR_OK ? encode_row(sink, context, batch, row) : rc;
        if (rc == WEIR_OK && sink->encoder.size >= WRITE_BYTES) {
            rc = write_encoded(sink, context);
        }
        if (rc == WEIR_OK && sink->rotate_bytes != 0 &&
            output_size(sink->output) + sink->encoder.size >= (uint64_t)sink->rotate_bytes) {
            rc = end_file(sink, context);
        }
    }
    if (rc == WEIR_OK && sink->output != NULL && output_is_direct(sink->output)) {
        rc = write_encoded(sink, context);
    }
    return rc;
}

static int32_t sink_end_input(void *instance, struct weir_context *context, uint32_t input)
{
    struct sink *sink = instance;
    (void)input;
    return sink->output != NULL ? end_file(sink, context) : WEIR_OK;
}

static int32_t sink_timer(void *instance, struct weir_context *context, uint32_t clock,
                          int64_t time_us, int64_t tag)
{
    struct sink *sink = instance;
    (void)clock;
    (void)time_us;
    return sink->output != NULL && tag == sink->part ? end_file(sink, context) : WEIR_OK;
}

static const struct weir_timer_table timer_table = {.size = sizeof timer_table,
                                                    .timer = sink_timer};

static const void *sink_extension(const char *id)
{
    return strcmp(id, WEIR_TIMER_1) == 0 ? &timer_table : NULL;
}

const struct weir_operator file_sink = {
    .size = sizeof file_sink,
    .kind = WEIR_OPERATOR_SINK,
    .flags = WEIR_OPERATOR_BLOCKING | WEIR_OPERATOR_SINGLE,
    .option_count = sizeof options / sizeof *options,
    .name = "file",
    .summary =
        "Writes rows to a file: CSV, NDJSON or msgpack, plain or compressed, whole or rotated",
    .options = options,
    .create = sink_create,
    .negotiate = sink_negotiate,
    .open = sink_open,
    .process = sink_process,
    .end_input = sink_end_input,
    .close = sink_close,
    .destroy = sink_destroy,
    .extension = sink_extension,
};
