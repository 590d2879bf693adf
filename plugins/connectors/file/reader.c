#include "reader.h"

#include <errno.h>
#include <stdlib.h>

#include "infer.h"
#include "ndjson.h"
#include "packed.h"

#define CHUNK_BYTES ((size_t)256 << 10)
// A record that is too long fills this before it is dropped.
#define BUFFER_BYTES_MAX (PARSE_RECORD_BYTES_MAX + 2 * CHUNK_BYTES)

struct reader {
    const struct file_options *options;
    const char *path; // the caller's
    struct input *input;
    struct rows *rows;
    struct reader_place resume; // where to start
    int is_started;             // behind the header
    int is_followed;
    char *buffer;
    uint64_t base; // where in the file the buffer begins
    size_t at;     // bytes of the buffer before it are done with
    size_t size;
    size_t capacity; // PARSE_PADDING + 1 more are allocated
    int has_added;   // the last byte of the buffer is a line end that the file does not have
    struct parse parse;
    struct csv csv;
    struct ndjson ndjson;
    struct packed packed;
};

static int reserve(struct reader *reader, size_t capacity)
{
    char *buffer = realloc(reader->buffer, capacity + 1 + PARSE_PADDING);
    if (buffer == NULL) {
        return -ENOMEM;
    }
    reader->buffer = buffer;
    reader->capacity = capacity;
    return 0;
}

// Reads another chunk behind what is left. How many bytes; 0 at the end; -1 with a sentence.
static int64_t fill(struct reader *reader, char sentence[FILE_SENTENCE_MAX])
{
    size_t left = reader->size - reader->at;
    memmove(reader->buffer, reader->buffer + reader->at, left);
    reader->base += reader->at;
    reader->at = 0;
    reader->size = left;
    if (reader->capacity - left < CHUNK_BYTES) {
        size_t wanted =
            reader->capacity * 2 < BUFFER_BYTES_MAX ? reader->capacity * 2 : BUFFER_BYTES_MAX;
        if (reserve(reader, wanted) != 0) {
            input_explain(reader->path, "read", ENOMEM, sentence);
            return -1;
        }
    }
    int64_t count =
        input_read(reader->input, reader->buffer + left, reader->capacity - left, sentence);
    if (count == 0 && !reader->is_followed && input_check_end(reader->input, sentence) != 0) {
        return -1;
    }
    reader->size += count > 0 ? (size_t)count : 0;
    memset(reader->buffer + reader->size, 0, PARSE_PADDING);
    return count;
}

// Gives the last line an end if it has none.
static void end_last_line(struct reader *reader)
{
    reader->parse.is_last = 1;
    if (reader->options->format != FORMAT_MSGPACK && reader->size > reader->at &&
        reader->buffer[reader->size - 1] != '\n') {
        reader->buffer[reader->size++] = '\n';
        reader->has_added = 1;
        memset(reader->buffer + reader->size, 0, PARSE_PADDING);
    }
}

// --- The header of a CSV file ---

static int32_t column_named(const struct reader *reader, const char *name)
{
    if (reader->options->kind != NULL && strcmp(reader->options->kind, name) == 0) {
        return CSV_KIND;
    }
    for (uint32_t i = 0; i < reader->rows->column_count; i++) {
        if (strcmp(reader->rows->columns[i].name, name) == 0) {
            return (int32_t)i;
        }
    }
    return CSV_SKIP;
}

static int fail_header(const struct reader *reader, const struct csv_line *line, const char *name,
                       const char *what, char sentence[FILE_SENTENCE_MAX])
{
    char names[256];
    size_t length = 0;
    for (uint32_t i = 0; i < line->count && length < sizeof names - 1; i++) {
        length += (size_t)snprintf(names + length, sizeof names - length, "%s%s", i > 0 ? ", " : "",
                                   line->texts[i]);
    }
    snprintf(sentence, FILE_SENTENCE_MAX, "%s:1: %s `%s`; the header has: %s%s", reader->path, what,
             name, names, length >= sizeof names ? "..." : "");
    return -EINVAL;
}

// Which column each field of the header goes to.
static int map_header(struct reader *reader, const struct csv_line *line,
                      char sentence[FILE_SENTENCE_MAX])
{
    struct rows *rows = reader->rows;
    int32_t *fields = malloc((line->count + 1) * sizeof *fields);
    uint8_t *seen = calloc(1, rows->column_count + 1); // the last one is the change kind's
    int rc = fields == NULL || seen == NULL ? -ENOMEM : 0;
    if (rc != 0) {
        input_explain(reader->path, "read", ENOMEM, sentence);
    }
    for (uint32_t i = 0; rc == 0 && i < line->count; i++) {
        fields[i] = column_named(reader, line->texts[i]);
        uint32_t slot = fields[i] == CSV_KIND ? rows->column_count : (uint32_t)fields[i];
        if (fields[i] != CSV_SKIP && seen[slot]++) {
            rc = fail_header(reader, line, line->texts[i], "there are two fields named", sentence);
        }
    }
    for (uint32_t i = 0; rc == 0 && i < rows->column_count; i++) {
        if (!seen[i]) {
            rc = fail_header(reader, line, rows->columns[i].name, "there is no field for column",
                             sentence);
        }
    }
    if (rc == 0 && reader->options->kind != NULL && !seen[rows->column_count]) {
        rc = fail_header(reader, line, reader->options->kind,
                         "there is no field for the change kind", sentence);
    }
    if (rc == 0) {
        csv_finish(&reader->csv);
        rc = csv_init(&reader->csv, reader->options->dialect, rows, fields, line->count);
    }
    free(fields);
    free(seen);
    return rc;
}

// Without a header the fields are the columns, in order, behind the change kind if there is one.
static int map_columns(struct reader *reader)
{
    uint32_t count = 0, column_count = reader->rows->column_count;
    int32_t *fields = malloc((column_count + 1) * sizeof *fields);
    if (fields == NULL) {
        return -ENOMEM;
    }
    if (reader->options->kind != NULL) {
        fields[count++] = CSV_KIND;
    }
    for (uint32_t i = 0; i < column_count; i++) {
        fields[count++] = (int32_t)i;
    }
    csv_finish(&reader->csv);
    int rc = csv_init(&reader->csv, reader->options->dialect, reader->rows, fields, count);
    free(fields);
    return rc;
}

// Reads the header at the start of the buffer.
static int read_header(struct reader *reader, char sentence[FILE_SENTENCE_MAX])
{
    const char *start = reader->buffer + reader->at, *reason = "its line does not end";
    const char *last = memrchr(start, '\n', reader->size - reader->at);
    struct csv_line line;
    int rc = last == NULL ? VALUE_SYNTAX : csv_split(&reader->csv, start, last + 1, &line, &reason);
    if (rc != 0) {
        snprintf(sentence, FILE_SENTENCE_MAX, "%s:1: cannot read the header: %s", reader->path,
                 reason);
        return -EINVAL;
    }
    rc = map_header(reader, &line, sentence);
    reader->parse.line += line.lines;
    reader->at = (size_t)(line.next - reader->buffer);
    csv_line_finish(&line);
    return rc;
}

// --- Opening ---

static int init_parser(struct reader *reader)
{
    const struct file_options *options = reader->options;
    struct rows none = {0};
    switch (options->format) {
    case FORMAT_CSV:
        return options->has_header ? csv_init(&reader->csv, options->dialect, &none, NULL, 0)
                                   : map_columns(reader);
    case FORMAT_NDJSON:
        return ndjson_init(&reader->ndjson, reader->rows, options->kind);
    default:
        return packed_init(&reader->packed, reader->rows, options->kind);
    }
}

static int needs_header(const struct reader *reader)
{
    return reader->options->format == FORMAT_CSV && reader->options->has_header;
}

// 1 if the buffer holds what is needed to start.
static int can_start(const struct reader *reader)
{
    return needs_header(reader)
               ? reader->size > CHUNK_BYTES || memchr(reader->buffer, '\n', reader->size) != NULL
               : reader->size >= 3;
}

// Goes on where `resume` says.
static int go_to_place(struct reader *reader, char sentence[FILE_SENTENCE_MAX])
{
    uint64_t offset = reader->resume.offset;
    if (offset <= reader->base + reader->at) {
        return 0;
    }
    reader->parse.line = reader->resume.line;
    reader->parse.is_skipping = (int)reader->resume.is_skipping;
    if (offset <= reader->base + reader->size) {
        reader->at = (size_t)(offset - reader->base);
        return 0;
    }
    reader->base = offset;
    reader->at = reader->size = 0;
    reader->parse.is_last = 0;
    return input_skip(reader->input, offset, sentence) == 0 ? 0 : -EIO;
}

// Gets behind the mark of UTF-8 and the header, to the place to read from. 0; 1 if a followed file
// has no whole header yet; or negative errno and a sentence.
static int start(struct reader *reader, char sentence[FILE_SENTENCE_MAX])
{
    while (!reader->parse.is_last && !can_start(reader)) {
        int64_t count = fill(reader, sentence);
        if (count < 0) {
            return -EIO;
        }
        if (count == 0 && reader->is_followed) {
            return 1;
        }
        if (count == 0) {
            end_last_line(reader);
        }
    }
    if (reader->options->format != FORMAT_MSGPACK) {
        reader->at = infer_mark_size(reader->buffer, reader->size);
    }
    if (needs_header(reader) && reader->size > reader->at) {
        int rc = read_header(reader, sentence);
        if (rc != 0) {
            return rc;
        }
    }
    reader->is_started = 1;
    return go_to_place(reader, sentence);
}

int reader_open(const struct file_options *options, const char *path, struct rows *rows,
                const struct reader_place *place, int is_followed, struct reader **out,
                char sentence[FILE_SENTENCE_MAX])
{
    struct reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) {
        input_explain(path, "read", ENOMEM, sentence);
        return -ENOMEM;
    }
    reader->options = options;
    reader->path = path;
    reader->rows = rows;
    reader->resume = *place;
    reader->is_followed = is_followed;
    reader->parse.line = 1;
    int rc = input_open(path, options->compression, &reader->input, sentence);
    if (rc == 0 && (reserve(reader, 2 * CHUNK_BYTES) != 0 || init_parser(reader) != 0)) {
        input_explain(path, "read", ENOMEM, sentence);
        rc = -ENOMEM;
    }
    rc = rc == 0 ? start(reader, sentence) : rc;
    if (rc < 0) {
        reader_close(reader);
        return rc;
    }
    *out = reader;
    return 0;
}

void reader_close(struct reader *reader)
{
    if (reader == NULL) {
        return;
    }
    csv_finish(&reader->csv);
    ndjson_finish(&reader->ndjson);
    packed_finish(&reader->packed);
    input_close(reader->input);
    free(reader->buffer);
    free(reader);
}

// --- Reading ---

static int parse_some(struct reader *reader)
{
    struct parse *parse = &reader->parse;
    parse->bytes = reader->buffer + reader->at;
    parse->size = reader->size - reader->at;
    switch (reader->options->format) {
    case FORMAT_CSV:
        return csv_parse(&reader->csv, parse, reader->rows);
    case FORMAT_NDJSON:
        return ndjson_parse(&reader->ndjson, parse, reader->rows);
    default:
        return packed_parse(&reader->packed, parse, reader->rows);
    }
}

int reader_read(struct reader *reader, char sentence[FILE_SENTENCE_MAX])
{
    int rc = reader->is_started ? 0 : start(reader, sentence);
    if (rc != 0 || (needs_header(reader) && reader->csv.field_count == 0)) {
        return rc < 0 ? READER_ERROR : READER_END;
    }
    rc = parse_some(reader);
    if (rc == PARSE_NO_MEMORY) {
        input_explain(reader->path, "read", ENOMEM, sentence);
        return READER_ERROR;
    }
    reader->at += reader->parse.used;
    if (rc != PARSE_INPUT || reader->parse.is_last) {
        return rc == PARSE_FULL ? READER_FULL : rc == PARSE_BAD ? READER_BAD : READER_END;
    }
    int64_t count = fill(reader, sentence);
    if (count == 0 && reader->is_followed) {
        return READER_END;
    }
    if (count == 0) {
        end_last_line(reader);
    }
    return count < 0 ? READER_ERROR : READER_MORE;
}

const struct parse_bad *reader_bad(const struct reader *reader)
{
    return &reader->parse.bad;
}

void reader_place(const struct reader *reader, struct reader_place *place)
{
    if (!reader->is_started) {
        *place = reader->resume;
    } else {
        int is_behind_added = reader->has_added && reader->at == reader->size;
        place->offset = reader->base + reader->at - (uint64_t)is_behind_added;
        place->line = reader->parse.line;
        place->is_skipping = (uint32_t)reader->parse.is_skipping;
        place->is_done = reader->parse.is_last && reader->at == reader->size;
    }
    input_identity(reader->input, &place->device, &place->number);
}

uint64_t reader_seen(const struct reader *reader)
{
    return reader->base + reader->size - (uint64_t)reader->has_added;
}

void reader_finish_last(struct reader *reader)
{
    reader->is_followed = 0;
    end_last_line(reader);
}
