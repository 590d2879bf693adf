// Random histories against a model that is as plain as can be: a list of rows per key, merged one
// operation at a time. All merge engines, both images, random schemas, partial updates, deletes,
// time to live, ids, retries, refusals of the log, memory that runs out, and restarts in between.
//
// WEIR_MODEL_FROM and WEIR_MODEL_COUNT in the environment choose the histories; the long form is
// 10,000.
#include "engine/bucket.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log/body.h"
#include "support/memory_log.h"
#include "support/on_disk.h"
#include "support/test.h"
#include "support/values.h"

enum { COLUMNS_MAX = 8, ROWS_MAX = 400, PUT_ROWS = 12, RECORDS_MAX = ROWS_MAX };

struct model_row {
    struct value values[COLUMNS_MAX];
    int64_t written_us;
};

struct model_record {
    uint32_t kind;
    struct model_row row;
};

struct history {
    uint64_t seed;
    uint64_t random;
    struct table_definition definition;
    struct table_column columns[COLUMNS_MAX];
    char names[COLUMNS_MAX][8];
    struct weir_field fields[COLUMNS_MAX];
    struct weir_type types[COLUMNS_MAX];
    int is_key[COLUMNS_MAX];
    int32_t auto_column;
    struct bucket_table table;
    struct memory_log log;
    struct bucket *bucket;
    struct on_disk *disk; // NULL: the index is in memory
    uint64_t next_range;
    int32_t sequence;
    uint64_t end_offset;
    // the model
    struct model_row rows[ROWS_MAX];
    uint32_t row_count;
    uint64_t next_id;
    struct model_record records[RECORDS_MAX];
    uint32_t record_count;
};

// A clock that the history moves.
static int64_t clock_us;

static int64_t manual_now(const struct store_clock *clock)
{
    (void)clock;
    return clock_us;
}

static const struct store_clock manual_clock = {manual_now, manual_now};

// Memory that is counted, and has no more after so many allocations (-1: always more).
static int64_t memory_left = -1;
static int64_t memory_bytes;

static void *scarce_allocate(const struct store_memory *memory, uint64_t byte_count)
{
    (void)memory;
    if (memory_left == 0) {
        return NULL;
    }
    memory_left -= memory_left > 0;
    void *bytes = store_system_memory.allocate(&store_system_memory, byte_count);
    memory_bytes += (int64_t)byte_count;
    return bytes;
}

static void scarce_release(const struct store_memory *memory, void *bytes, uint64_t byte_count)
{
    (void)memory;
    memory_bytes -= (int64_t)byte_count;
    store_system_memory.release(&store_system_memory, bytes, byte_count);
}

static const struct store_memory scarce_memory = {scarce_allocate, scarce_release};

#define FAIL(history, ...)                                                                  \
    do {                                                                                    \
        char text_[600];                                                                    \
        snprintf(text_, sizeof text_, __VA_ARGS__);                                         \
        test_fail(__FILE__, __LINE__, "seed %llu: %s", (unsigned long long)(history)->seed, \
                  text_);                                                                   \
    } while (0)

static uint32_t below(struct history *history, uint32_t limit)
{
    history->random ^= history->random << 13;
    history->random ^= history->random >> 7;
    history->random ^= history->random << 17;
    return (uint32_t)((history->random * 0x2545f4914f6cdd1du) >> 33) % limit;
}

// --- Random tables ---

static struct weir_type random_type(struct history *history)
{
    static const struct weir_type types[] = {
        {WEIR_TYPE_BOOL, 0, 0, 1, 0},      {WEIR_TYPE_INT8, 0, 0, 1, 0},
        {WEIR_TYPE_INT16, 0, 0, 1, 0},     {WEIR_TYPE_INT32, 0, 0, 1, 0},
        {WEIR_TYPE_INT64, 0, 0, 1, 0},     {WEIR_TYPE_FLOAT32, 0, 0, 1, 0},
        {WEIR_TYPE_FLOAT64, 0, 0, 1, 0},   {WEIR_TYPE_STRING, 0, 0, 1, 0},
        {WEIR_TYPE_BYTES, 0, 0, 1, 0},     {WEIR_TYPE_DATE, 0, 0, 1, 0},
        {WEIR_TYPE_TIME, 0, 0, 1, 0},      {WEIR_TYPE_TIMESTAMP, 3, 0, 1, 0},
        {WEIR_TYPE_TIMESTAMP, 6, 0, 1, 0}, {WEIR_TYPE_TIMESTAMP_LTZ, 9, 0, 1, 0},
        {WEIR_TYPE_DECIMAL, 12, 2, 1, 0},  {WEIR_TYPE_DECIMAL, 30, 4, 1, 0},
    };
    return types[below(history, sizeof types / sizeof *types)];
}

static int is_number(struct weir_type type)
{
    return (type.id >= WEIR_TYPE_INT8 && type.id <= WEIR_TYPE_FLOAT64) ||
           type.id == WEIR_TYPE_DECIMAL;
}

static enum table_aggregate random_aggregate(struct history *history, struct weir_type type)
{
    for (;;) {
        enum table_aggregate aggregate = below(history, TABLE_AGGREGATE_BOOL_OR + 1);
        int is_bool = type.id == WEIR_TYPE_BOOL;
        int fits = aggregate <= TABLE_AGGREGATE_FIRST_VALUE_IGNORE_NULLS ? 1
                   : aggregate <= TABLE_AGGREGATE_PRODUCT                ? is_number(type)
                   : aggregate <= TABLE_AGGREGATE_MIN     ? !is_bool && type.id != WEIR_TYPE_BYTES
                   : aggregate == TABLE_AGGREGATE_LISTAGG ? type.id == WEIR_TYPE_STRING
                                                          : is_bool;
        if (fits) {
            return aggregate;
        }
    }
}

static struct weir_type version_type(struct history *history)
{
    static const struct weir_type types[] = {
        {WEIR_TYPE_INT32, 0, 0, 1, 0},
        {WEIR_TYPE_INT64, 0, 0, 1, 0},
        {WEIR_TYPE_TIMESTAMP, 3, 0, 1, 0},
        {WEIR_TYPE_TIMESTAMP_LTZ, 9, 0, 1, 0},
    };
    return types[below(history, 4)];
}

static void make_columns(struct history *history)
{
    struct table_definition *definition = &history->definition;
    definition->column_count = 2 + below(history, COLUMNS_MAX - 1);
    definition->key_count = 1 + (definition->column_count > 2 && below(history, 3) == 0);
    if (history->disk == NULL && below(history, 10) == 0) {
        definition->key_count = 0; // a log table, which has no index
    }
    int has_not_null = below(history, 6) == 0;
    for (uint32_t c = 0; c < definition->column_count; c++) {
        snprintf(history->names[c], sizeof history->names[c], "c%u", c);
        struct weir_type type = random_type(history);
        if (below(history, 2) == 0) { // often what the hot path takes
            type = weir_type_of(below(history, 2) == 0 ? WEIR_TYPE_INT32 : WEIR_TYPE_INT64);
        }
        if (c < definition->key_count) {
            definition->key[c] = c;
            history->is_key[c] = 1;
            type.nullable = 0;
        } else {
            type.nullable = !(has_not_null && below(history, 3) == 0);
        }
        history->columns[c] = (struct table_column){.name = history->names[c], .type = type};
    }
}

static void make_merge(struct history *history)
{
    struct table_definition *definition = &history->definition;
    uint32_t last = definition->column_count - 1;
    history->auto_column = -1;
    definition->version_column = -1;
    definition->compression = below(history, 2) == 0 ? TABLE_COMPRESSION_NONE : below(history, 3);
    if (definition->key_count == 0) {
        return;
    }
    definition->merge = below(history, 2) == 0 ? TABLE_MERGE_LAST_ROW : below(history, 4);
    if (definition->merge == TABLE_MERGE_VERSIONED) {
        definition->version_column = (int32_t)last;
        history->columns[last].type = version_type(history);
    }
    for (uint32_t c = definition->key_count;
         definition->merge == TABLE_MERGE_AGGREGATION && c <= last; c++) {
        history->columns[c].aggregate = random_aggregate(history, history->columns[c].type);
        strcpy(history->columns[c].delimiter, below(history, 2) ? "," : "; ");
    }
    if (definition->merge == TABLE_MERGE_LAST_ROW && below(history, 8) == 0) {
        history->auto_column = (int32_t)last;
        history->columns[last].type = weir_type_of(WEIR_TYPE_INT64);
        history->columns[last].is_auto_increment = 1;
        for (uint32_t c = definition->key_count; c < last; c++) {
            history->columns[c].type.nullable = 1; // it is written by partial updates only
        }
    }
    definition->delete_behaviour = TABLE_DELETE_DEFAULT;
    if (below(history, 3) == 0) {
        definition->delete_behaviour = 1 + below(history, 2); // ignore, disable
    } else if (definition->merge == TABLE_MERGE_AGGREGATION && below(history, 2) == 0) {
        definition->delete_behaviour = TABLE_DELETE_ALLOW;
    }
    definition->changelog =
        definition->merge == TABLE_MERGE_AGGREGATION ? TABLE_CHANGELOG_FULL : below(history, 2);
}

static void make_ttl(struct history *history)
{
    struct table_definition *definition = &history->definition;
    definition->ttl_column = -1;
    if (definition->key_count == 0 || below(history, 4) != 0) {
        return;
    }
    definition->ttl_us = 1000000;
    for (uint32_t c = definition->key_count; c < definition->column_count; c++) {
        uint8_t id = history->columns[c].type.id;
        if ((id == WEIR_TYPE_TIMESTAMP || id == WEIR_TYPE_TIMESTAMP_LTZ) && below(history, 2)) {
            definition->ttl_column = (int32_t)c;
        }
    }
}

static uint64_t draw_range(void *owner)
{
    struct history *history = owner;
    uint64_t first = history->next_range;
    history->next_range += BUCKET_RANGE;
    return first;
}

static int make_table(struct history *history)
{
    struct table_definition *definition = &history->definition;
    struct failure failure;
    table_definition_init(definition);
    strcpy(definition->name, "model.table");
    definition->columns = history->columns;
    definition->bucket_count = 1;
    make_columns(history);
    definition->first_column_count = definition->column_count;
    make_merge(history);
    make_ttl(history);
    definition->table_id = definition->schema_id = 1;
    if (history->disk != NULL) {
        definition->index = TABLE_INDEX_ROCKSDB;
        definition->table_id = (uint32_t)history->seed;
    }
    for (uint32_t c = 0; c < definition->column_count; c++) {
        history->types[c] = history->columns[c].type;
        history->fields[c] = (struct weir_field){history->names[c], history->types[c]};
    }
    if (table_definition_check(definition, &failure) != WEIR_OK) {
        FAIL(history, "%s", failure.text);
        return 0;
    }
    history->table = (struct bucket_table){
        .definition = definition,
        .fields = history->fields,
        .memory = &scarce_memory,
        .clock = &manual_clock,
        .log = &history->log.log,
        .index_database = history->disk == NULL ? NULL : history->disk->database,
        .draw_range = draw_range,
        .range_owner = history};
    return 1;
}

// --- Random values ---

static struct value random_text(struct history *history, int is_short)
{
    static char bytes[60000];
    uint32_t kind = below(history, 40);
    uint32_t length = below(history, is_short ? 4 : 16);
    if (!is_short && kind < 8) {
        length = kind == 0 ? below(history, sizeof bytes) : below(history, 200);
    }
    for (uint32_t i = 0; i < length; i++) {
        bytes[i] = (char)('a' + (is_short ? below(history, 2) : i * 7 % 26));
    }
    return value_text(bytes, length);
}

static struct value random_value(struct history *history, uint32_t c)
{
    static const double reals[] = {0, -0.0, 1.5, -2.25, 1e300};
    struct weir_type type = history->types[c];
    int64_t integer = (int64_t)below(history, history->is_key[c] ? 5 : 200) - 2;
    struct value value = {0};
    switch (type.id) {
    case WEIR_TYPE_BOOL:
        return value_int(type, integer & 1);
    case WEIR_TYPE_FLOAT32:
    case WEIR_TYPE_FLOAT64:
        return value_double(type, reals[below(history, 5)]);
    case WEIR_TYPE_STRING:
    case WEIR_TYPE_BYTES:
        return random_text(history, history->is_key[c]);
    case WEIR_TYPE_TIMESTAMP:
    case WEIR_TYPE_TIMESTAMP_LTZ:
        // Around the clock, so that some of them have expired.
        integer += clock_us / 1000 - 1000;
        if (type.precision > 6) {
            struct weir_timestamp wide = {integer, (int32_t)below(history, 3), 0};
            memcpy(value.fixed, &wide, sizeof wide);
            return value;
        }
        return value_int(type, type.precision > 3 ? integer * 1000 : integer);
    default:
        return value_int(type, integer);
    }
}

// --- The model ---

static int same_key(const struct history *history, const struct value *a, const struct value *b)
{
    for (uint32_t c = 0; c < history->definition.key_count; c++) {
        if (!value_equal(history->types[c], &a[c], &b[c])) {
            return 0;
        }
    }
    return 1;
}

static struct model_row *model_find(struct history *history, const struct value *key)
{
    for (uint32_t i = 0; i < history->row_count; i++) {
        if (same_key(history, history->rows[i].values, key)) {
            return &history->rows[i];
        }
    }
    return NULL;
}

static void model_record(struct history *history, uint32_t kind, const struct model_row *row)
{
    history->records[history->record_count].kind = kind;
    history->records[history->record_count++].row = *row;
}

static void model_remove(struct history *history, struct model_row *row)
{
    model_record(history, WEIR_KIND_DELETE, row);
    *row = history->rows[--history->row_count];
}

static void model_replace(struct history *history, struct model_row *row,
                          const struct model_row *with)
{
    if (history->definition.changelog == TABLE_CHANGELOG_FULL) {
        model_record(history, WEIR_KIND_UPDATE_BEFORE, row);
    }
    *row = *with;
    row->written_us = clock_us;
    model_record(history, WEIR_KIND_UPDATE_AFTER, row);
}

static int64_t integer_of(struct weir_type type, const struct value *value)
{
    int64_t wide = 0;
    uint32_t shift = 64 - 8 * (type.id == WEIR_TYPE_BOOL   ? 1
                               : weir_type_width(type) > 8 ? 8
                                                           : weir_type_width(type));
    memcpy(&wide, value->fixed, sizeof wide);
    return (int64_t)((uint64_t)wide << shift) >> shift;
}

static double real_of(struct weir_type type, const struct value *value)
{
    double wide;
    float narrow;
    memcpy(&wide, value->fixed, sizeof wide);
    memcpy(&narrow, value->fixed, sizeof narrow);
    return type.id == WEIR_TYPE_FLOAT32 ? (double)narrow : wide;
}

static int is_real(struct weir_type type)
{
    return type.id == WEIR_TYPE_FLOAT32 || type.id == WEIR_TYPE_FLOAT64;
}

// No NaN is written, but one can come of infinities.
static int model_compare(struct weir_type type, const struct value *a, const struct value *b)
{
    if (is_real(type)) {
        double x = real_of(type, a), y = real_of(type, b);
        if (x != x || y != y) {
            return (x != x) - (y != y);
        }
        if (x == 0 && y == 0) {
            return (__builtin_signbit(x) ? 0 : 1) - (__builtin_signbit(y) ? 0 : 1);
        }
        return x < y ? -1 : x > y;
    }
    if (weir_type_is_text(type)) {
        uint32_t length = a->length < b->length ? a->length : b->length;
        int order = length == 0 ? 0 : memcmp(a->text, b->text, length);
        return order != 0 ? order : (a->length > b->length) - (a->length < b->length);
    }
    int64_t x = integer_of(type, a), y = integer_of(type, b);
    if (x == y && type.id != WEIR_TYPE_DECIMAL && weir_type_width(type) == 16) {
        struct weir_timestamp s, t;
        memcpy(&s, a->fixed, sizeof s);
        memcpy(&t, b->fixed, sizeof t);
        x = s.nanoseconds;
        y = t.nanoseconds;
    }
    return (x > y) - (x < y);
}

// -1: the result does not fit.
static int model_number(struct weir_type type, int is_product, const struct value *a,
                        const struct value *b, struct value *out)
{
    if (is_real(type)) {
        double x = real_of(type, a), y = real_of(type, b);
        double real = type.id == WEIR_TYPE_FLOAT32
                          ? (double)(is_product ? (float)x * (float)y : (float)x + (float)y)
                          : (is_product ? x * y : x + y);
        *out = value_double(type, real != real ? __builtin_nan("") : real);
        return 0;
    }
    int64_t x = integer_of(type, a), y = integer_of(type, b);
    if (type.id != WEIR_TYPE_DECIMAL) {
        *out = value_int(
            type, (int64_t)(is_product ? (uint64_t)x * (uint64_t)y : (uint64_t)x + (uint64_t)y));
        return 0;
    }
    // Small enough for 64 bits: 10^12 at most in the narrow type, refused before in the wide one.
    long double exact = is_product ? (long double)x * (long double)y : (long double)x + y;
    long double unit = 1, limit = 1;
    for (uint32_t i = 0; is_product && i < type.scale; i++) {
        unit *= 10;
    }
    for (uint32_t i = 0; i < type.precision; i++) {
        limit *= 10;
    }
    if (exact >= 9.0e17L || exact <= -9.0e17L) {
        return exact / unit >= limit || exact / unit <= -limit ? -1 : -2;
    }
    int64_t whole = (int64_t)exact, divisor = (int64_t)unit, half = divisor / 2;
    whole = divisor == 1 ? whole
            : whole < 0  ? -((-whole + half) / divisor)
                         : (whole + half) / divisor;
    *out = value_int(type, whole);
    return (long double)whole >= limit || (long double)whole <= -limit ? -1 : 0;
}

static struct value model_join(const struct history *history, uint32_t c, const struct value *a,
                               const struct value *b)
{
    const char *delimiter = history->columns[c].delimiter;
    uint32_t middle = (uint32_t)strlen(delimiter), length = a->length + middle + b->length;
    char *bytes = calloc(1, length + 1);
    memcpy(bytes, a->text, a->length);
    memcpy(bytes + a->length, delimiter, middle);
    memcpy(bytes + a->length + middle, b->text, b->length);
    struct value value = value_text(bytes, length);
    free(bytes);
    return value;
}

static int model_aggregate(const struct history *history, uint32_t c, struct value *into,
                           const struct value *input)
{
    struct weir_type type = history->types[c];
    enum table_aggregate function = history->columns[c].aggregate;
    if (into->is_null || function == TABLE_AGGREGATE_LAST_VALUE) {
        *into = *input;
    } else if (input->is_null || function == TABLE_AGGREGATE_FIRST_VALUE ||
               function == TABLE_AGGREGATE_FIRST_VALUE_IGNORE_NULLS) {
        return 0;
    } else if (function == TABLE_AGGREGATE_SUM || function == TABLE_AGGREGATE_PRODUCT) {
        return model_number(type, function == TABLE_AGGREGATE_PRODUCT, into, input, into);
    } else if (function == TABLE_AGGREGATE_MAX || function == TABLE_AGGREGATE_MIN) {
        int order = model_compare(type, input, into);
        *into = (function == TABLE_AGGREGATE_MAX ? order > 0 : order < 0) ? *input : *into;
    } else if (function == TABLE_AGGREGATE_LISTAGG) {
        *into = model_join(history, c, into, input);
    } else if (function == TABLE_AGGREGATE_BOOL_AND) {
        into->fixed[0] &= input->fixed[0];
    } else if (function == TABLE_AGGREGATE_BOOL_OR) {
        into->fixed[0] |= input->fixed[0];
    } else {
        *into = *input;
    }
    return 0;
}

static int is_older(const struct history *history, const struct model_row *row,
                    const struct model_row *than)
{
    uint32_t c = (uint32_t)history->definition.version_column;
    const struct value *a = &row->values[c], *b = &than->values[c];
    if (a->is_null || b->is_null) {
        return a->is_null && !b->is_null; // no value of these histories is the smallest one
    }
    return model_compare(history->types[c], a, b) < 0;
}

static int model_expired(const struct history *history, const struct model_row *row)
{
    int32_t c = history->definition.ttl_column;
    int64_t time = row->written_us;
    if (history->definition.ttl_us == 0) {
        return 0;
    }
    if (c >= 0) {
        if (row->values[c].is_null) {
            return 0;
        }
        memcpy(&time, row->values[c].fixed, sizeof time);
        uint8_t precision = history->types[c].precision;
        time = precision > 3 && precision <= 6 ? time : time * 1000;
    }
    return time + history->definition.ttl_us <= clock_us;
}

struct operation {
    uint32_t kind;
    struct model_row row;
};

struct request {
    struct operation operations[PUT_ROWS];
    uint32_t count;
    uint8_t targets[COLUMNS_MAX];
    int is_partial;
    int is_overwrite;
};

static int is_named(const struct request *request, uint32_t c)
{
    return !request->is_partial || request->targets[c];
}

static void model_insert(struct history *history, const struct request *request,
                         const struct operation *operation, int is_aggregation)
{
    const struct table_definition *definition = &history->definition;
    struct model_row *row = &history->rows[history->row_count++];
    *row = operation->row;
    row->written_us = clock_us;
    for (uint32_t c = 0; c < definition->column_count; c++) {
        if (!is_named(request, c) && !is_aggregation) {
            row->values[c] = value_null();
        }
    }
    if (history->auto_column >= 0) {
        row->values[history->auto_column] =
            value_int(weir_type_of(WEIR_TYPE_INT64), (int64_t)history->next_id++);
    }
    int says_update = definition->changelog == TABLE_CHANGELOG_WAL &&
                      definition->merge == TABLE_MERGE_LAST_ROW && !request->is_partial;
    model_record(history, says_update ? WEIR_KIND_UPDATE_AFTER : WEIR_KIND_INSERT, row);
}

// -1: the whole put is refused; -2: the model cannot tell.
static int model_upsert(struct history *history, const struct request *request,
                        const struct operation *operation, struct model_row *old)
{
    const struct table_definition *definition = &history->definition;
    enum table_merge merge = request->is_overwrite ? TABLE_MERGE_LAST_ROW : definition->merge;
    struct model_row next;
    int names_values = 0;
    if (old == NULL) {
        model_insert(history, request, operation, merge == TABLE_MERGE_AGGREGATION);
        return 0;
    }
    next = *old;
    for (uint32_t c = definition->key_count; c < definition->column_count; c++) {
        names_values |= is_named(request, c);
        if (is_named(request, c) && merge == TABLE_MERGE_AGGREGATION) {
            int code = model_aggregate(history, c, &next.values[c], &operation->row.values[c]);
            if (code != 0) {
                return code;
            }
        } else if (is_named(request, c)) {
            next.values[c] = operation->row.values[c];
        }
    }
    if (merge == TABLE_MERGE_FIRST_ROW || (merge == TABLE_MERGE_LAST_ROW && !names_values) ||
        (merge == TABLE_MERGE_VERSIONED && is_older(history, &next, old))) {
        return 0;
    }
    model_replace(history, old, &next);
    return 0;
}

static int model_delete(struct history *history, const struct request *request,
                        struct model_row *old)
{
    const struct table_definition *definition = &history->definition;
    enum table_delete behaviour =
        request->is_overwrite ? TABLE_DELETE_ALLOW : definition->delete_behaviour;
    int is_rest_null = 1;
    if (behaviour == TABLE_DELETE_DISABLE) {
        return -1;
    }
    if (behaviour == TABLE_DELETE_IGNORE || old == NULL) {
        return 0;
    }
    struct model_row next = *old;
    for (uint32_t c = definition->key_count; c < definition->column_count; c++) {
        if (is_named(request, c)) {
            next.values[c] = value_null();
        } else {
            is_rest_null &= old->values[c].is_null;
        }
    }
    if (!request->is_partial || is_rest_null) {
        model_remove(history, old);
    } else {
        model_replace(history, old, &next);
    }
    return 0;
}

static int model_append(struct history *history, const struct request *request)
{
    for (uint32_t i = 0; i < request->count; i++) {
        const struct operation *operation = &request->operations[i];
        if (operation->kind == WEIR_KIND_DELETE) {
            return -1;
        }
        if (operation->kind != WEIR_KIND_UPDATE_BEFORE) {
            model_record(history, WEIR_KIND_INSERT, &operation->row);
        }
    }
    return 0;
}

static int model_put(struct history *history, const struct request *request)
{
    int code = 0;
    history->record_count = 0;
    if (history->definition.key_count == 0) {
        return model_append(history, request);
    }
    for (uint32_t i = 0; i < request->count && code == 0; i++) {
        const struct operation *operation = &request->operations[i];
        struct model_row *old = model_find(history, operation->row.values);
        if (operation->kind == WEIR_KIND_UPDATE_BEFORE) {
            continue;
        }
        if (old != NULL && model_expired(history, old)) {
            model_remove(history, old);
            old = NULL;
        }
        code = operation->kind == WEIR_KIND_DELETE ? model_delete(history, request, old)
                                                   : model_upsert(history, request, operation, old);
    }
    return code;
}

// --- Random requests ---

static int may_be_partial(const struct history *history)
{
    if (history->definition.key_count == 0) {
        return 0;
    }
    for (uint32_t c = history->definition.key_count; c < history->definition.column_count; c++) {
        if (!history->types[c].nullable) {
            return 0;
        }
    }
    return 1;
}

static void make_request(struct history *history, struct request *request)
{
    const struct table_definition *definition = &history->definition;
    enum table_merge merge = definition->merge;
    *request = (struct request){.count = below(history, PUT_ROWS + 1)};
    request->is_overwrite = below(history, 10) == 0;
    request->is_partial =
        history->auto_column >= 0 || (may_be_partial(history) && below(history, 3) == 0 &&
                                      (request->is_overwrite || merge == TABLE_MERGE_LAST_ROW ||
                                       merge == TABLE_MERGE_AGGREGATION));
    for (uint32_t c = 0; c < definition->column_count; c++) {
        request->targets[c] =
            history->is_key[c] || ((int32_t)c != history->auto_column && below(history, 2) == 0);
    }
    int has_deletes = below(history, 2) == 0, has_nulls = below(history, 2) == 0;
    for (uint32_t i = 0; i < request->count; i++) {
        struct operation *operation = &request->operations[i];
        uint32_t kind = below(history, 8);
        operation->kind = kind < 5                    ? WEIR_KIND_INSERT
                          : kind == 5                 ? WEIR_KIND_UPDATE_AFTER
                          : kind == 6 && !has_deletes ? WEIR_KIND_INSERT
                          : kind == 6                 ? WEIR_KIND_UPDATE_BEFORE
                          : has_deletes               ? WEIR_KIND_DELETE
                                                      : WEIR_KIND_INSERT;
        for (uint32_t c = 0; c < definition->column_count; c++) {
            int is_null = has_nulls && history->types[c].nullable && below(history, 4) == 0;
            operation->row.values[c] = is_null ? value_null() : random_value(history, c);
        }
    }
}

// --- Comparison ---

static int check_values(struct history *history, const char *what,
                        const struct weir_column *columns, uint32_t r, const struct value *expected)
{
    for (uint32_t c = 0; c < history->definition.column_count; c++) {
        struct value is = values_at(&columns[c], r);
        char a[200], b[200];
        if (!value_equal(history->types[c], &is, &expected[c])) {
            FAIL(history, "%s, column %u of type %u: %.150s, expected %.150s", what, c,
                 history->types[c].id, value_print(history->types[c], &is, a, sizeof a),
                 value_print(history->types[c], &expected[c], b, sizeof b));
            return 0;
        }
    }
    return 1;
}

// The last record of the log against the records of the model; any_order: by key.
static void check_record(struct history *history, int any_order)
{
    const struct record_batch *record = history->log.records[history->log.count - 1];
    struct weir_column columns[COLUMNS_MAX];
    struct body_view view;
    struct failure failure;
    uint8_t *scratch[COLUMNS_MAX] = {0};
    int32_t code =
        body_open(record, history->fields, history->definition.column_count, &view, &failure);
    for (uint32_t c = 0; c < history->definition.column_count && code == WEIR_OK; c++) {
        scratch[c] = aligned_alloc(64, (body_column_scratch(&view, c) + 64) & ~(uint64_t)63);
        code = body_column(&view, c, history->types[c], scratch[c], &columns[c], &failure);
    }
    if (code != WEIR_OK) {
        FAIL(history, "%s", failure.text);
    } else if (record->row_count != history->record_count) {
        FAIL(history, "%u records, expected %u", record->row_count, history->record_count);
    } else {
        for (uint32_t r = 0; r < record->row_count; r++) {
            uint32_t kind = view.kinds == NULL ? WEIR_KIND_INSERT : view.kinds[r], at = r;
            struct value values[COLUMNS_MAX];
            for (uint32_t c = 0; c < history->definition.key_count; c++) {
                values[c] = values_at(&columns[c], r);
            }
            for (uint32_t i = 0; any_order && i < record->row_count; i++) {
                at = same_key(history, history->records[i].row.values, values) ? i : at;
            }
            if (kind != history->records[at].kind) {
                FAIL(history, "record %u is of kind %u, expected %u", r, kind,
                     history->records[at].kind);
            }
            if (!check_values(history, "record", columns, r, history->records[at].row.values)) {
                break;
            }
        }
    }
    for (uint32_t c = 0; c < COLUMNS_MAX; c++) {
        free(scratch[c]);
    }
}

static void check_rows(struct history *history)
{
    const struct table_definition *definition = &history->definition;
    uint32_t visible = 0, count = history->row_count, found[ROWS_MAX], numbers[ROWS_MAX];
    struct value keys[ROWS_MAX * TABLE_KEY_COLUMNS_MAX];
    struct bucket_rows rows = {0};
    struct failure failure;
    uint64_t position, end;
    if (definition->key_count == 0) {
        struct bucket_status status;
        bucket_status(history->bucket, &status);
        CHECK_INT(status.end_offset, history->end_offset);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        visible += !model_expired(history, &history->rows[i]);
        numbers[i] = i;
        memcpy(&keys[i * definition->key_count], history->rows[i].values,
               definition->key_count * sizeof *keys);
    }
    if (bucket_scan(history->bucket, UINT32_MAX, 1, &rows, &end, &position, &failure) != WEIR_OK ||
        rows.row_count != visible || end != history->end_offset) {
        FAIL(history, "a scan gives %u rows up to %llu, expected %u up to %llu", rows.row_count,
             (unsigned long long)end, visible, (unsigned long long)history->end_offset);
    }
    bucket_rows_finish(&rows);
    struct weir_column *columns =
        values_columns(history->types, definition->key_count, keys, count);
    if (bucket_lookup(history->bucket, columns, numbers, count, 0, &rows, found, &position,
                      &failure) != WEIR_OK) {
        FAIL(history, "%s", failure.text);
    } else {
        for (uint32_t i = 0; i < count; i++) {
            int is_there = found[i] != UINT32_MAX;
            if (is_there == model_expired(history, &history->rows[i])) {
                FAIL(history, "row %u is %s", i, is_there ? "there" : "missing");
            } else if (is_there) {
                check_values(history, "row", rows.columns, found[i], history->rows[i].values);
            }
        }
    }
    bucket_rows_finish(&rows);
    values_columns_finish(columns, definition->key_count);
}

// --- A history ---

static void send(struct history *history, const struct request *request, struct bucket_ack *ack,
                 int32_t *code, struct failure *failure)
{
    uint32_t column_count = history->definition.column_count, rows[PUT_ROWS];
    struct value values[PUT_ROWS * COLUMNS_MAX] = {0};
    uint8_t kinds[PUT_ROWS];
    int is_all_insert = 1;
    for (uint32_t i = 0; i < request->count; i++) {
        rows[i] = i;
        kinds[i] = (uint8_t)request->operations[i].kind;
        is_all_insert &= kinds[i] == WEIR_KIND_INSERT;
        memcpy(&values[i * column_count], request->operations[i].row.values,
               column_count * sizeof *values);
    }
    struct weir_column *columns =
        values_columns(history->types, column_count, values, request->count);
    struct weir_batch batch = {.size = sizeof batch,
                               .row_count = request->count,
                               .column_count = column_count,
                               .columns = columns,
                               .kinds = is_all_insert ? NULL : kinds};
    struct bucket_put put = {.batch = &batch,
                             .rows = rows,
                             .row_count = request->count,
                             .targets = request->is_partial ? request->targets : NULL,
                             .mode = request->is_overwrite ? BUCKET_OVERWRITE : BUCKET_MERGE,
                             .writer = 3,
                             .sequence = history->sequence};
    *code = bucket_put(history->bucket, &put, ack, failure);
    values_columns_finish(columns, column_count);
}

static void step_put(struct history *history)
{
    static struct model_row before[ROWS_MAX];
    struct request request;
    struct bucket_ack ack, again;
    struct failure failure = {.text = ""};
    uint32_t before_count = history->row_count;
    uint64_t id_before = history->next_id;
    int32_t code;
    make_request(history, &request);
    memcpy(before, history->rows, sizeof before);
    int expected = model_put(history, &request);
    if (below(history, 12) == 0) {
        history->log.refusals = 1;
        send(history, &request, &ack, &code, &failure);
        if (code == WEIR_OK || (expected == 0 && code != WEIR_ERROR_RETRY)) {
            FAIL(history, "a put without room gives %d", code);
        }
        history->log.refusals = 0;
    }
    // Every allocation of a put fails once, and then it has changed nothing.
    memory_left = below(history, 4) == 0 ? 0 : -1;
    for (int64_t n = 1;; n++) {
        send(history, &request, &ack, &code, &failure);
        if (code != WEIR_ERROR_RETRY || memory_left < 0) {
            break;
        }
        memory_left = n;
    }
    memory_left = -1;
    if (expected != 0) {
        memcpy(history->rows, before, sizeof before);
        history->row_count = before_count;
        history->next_id = id_before;
        if (code == WEIR_OK) {
            FAIL(history, "a put was not refused (%d)", expected);
        }
        return;
    }
    if (code != WEIR_OK) {
        FAIL(history, "a put was refused: %s", failure.text);
        return;
    }
    uint64_t end = history->end_offset + (history->record_count > 0 ? history->record_count : 1);
    if (ack.base_offset != history->end_offset || ack.end_offset != end ||
        ack.position != history->log.position) {
        FAIL(history, "acknowledged %llu to %llu, expected %llu to %llu",
             (unsigned long long)ack.base_offset, (unsigned long long)ack.end_offset,
             (unsigned long long)history->end_offset, (unsigned long long)end);
    }
    history->end_offset = end;
    check_record(history, 0);
    send(history, &request, &again, &code, &failure);
    if (code != WEIR_OK || !again.was_duplicate || again.end_offset != end) {
        FAIL(history, "a retry gives %d: %s", code, failure.text);
    }
    history->sequence++;
}

static void step_expire(struct history *history)
{
    struct bucket_ack ack;
    struct failure failure;
    int more;
    history->record_count = 0;
    for (uint32_t i = 0; i < history->row_count;) {
        if (model_expired(history, &history->rows[i])) {
            model_remove(history, &history->rows[i]);
        } else {
            i++;
        }
    }
    if (bucket_expire(history->bucket, 1000, &ack, &more, &failure) != WEIR_OK || more) {
        FAIL(history, "rows do not expire: %s", failure.text);
    }
    if (history->record_count > 0) {
        history->end_offset += history->record_count;
        check_record(history, 1);
    }
    CHECK_INT(ack.end_offset, history->end_offset);
}

static void settle_ranges(struct history *history)
{
    // As a table does: ranges that no record names were never used.
    struct bucket_status status;
    bucket_status(history->bucket, &status);
    history->next_range = status.auto_increment_end > 0 ? status.auto_increment_end : 1;
}

// A new bucket from a snapshot (or none) and the log. NULL if something failed.
static struct bucket *restart(struct history *history, int with_snapshot, struct failure *failure)
{
    struct memory_snapshot snapshot = {0};
    struct bucket *bucket = NULL;
    uint64_t end, position;
    int32_t code = bucket_create(&history->table, 0, &bucket, failure);
    if (code == WEIR_OK && with_snapshot) {
        code = bucket_save(history->bucket, memory_snapshot_write, &snapshot, &end, &position,
                           failure);
        code = code != WEIR_OK ? code : memory_snapshot_load(&snapshot, bucket, failure);
    }
    for (uint32_t i = 0; i < history->log.count && code == WEIR_OK; i++) {
        code = bucket_replay(bucket, history->log.records[i], failure);
    }
    memory_snapshot_finish(&snapshot);
    if (code != WEIR_OK) {
        bucket_destroy(bucket);
        return NULL;
    }
    return bucket;
}

static void step_restart(struct history *history)
{
    struct failure failure = {.text = ""};
    int with_snapshot = below(history, 2) == 0;
    memory_left = below(history, 2) == 0 ? (int64_t)below(history, 60) : -1;
    struct bucket *bucket = restart(history, with_snapshot, &failure);
    if (bucket == NULL && memory_left == 0) {
        memory_left = -1;
        bucket = restart(history, with_snapshot, &failure);
    }
    memory_left = -1;
    if (bucket == NULL) {
        FAIL(history, "a restart fails: %s", failure.text);
        return;
    }
    bucket_destroy(history->bucket);
    history->bucket = bucket;
    settle_ranges(history);
}

// Of an index on disk: what waits is lost, or all that was not flushed, and the log has it. What
// the database says it does not need is not replayed.
static void step_restart_on_disk(struct history *history)
{
    struct failure failure;
    uint64_t needed = index_database_needed(history->disk->database);
    int crashes = below(history, 8) == 0;
    bucket_destroy(history->bucket);
    history->bucket = NULL;
    if (crashes) {
        on_disk_crash(history->disk);
        history->table.index_database = history->disk->database;
    }
    int32_t code = bucket_create(&history->table, 0, &history->bucket, &failure);
    for (uint32_t i = 0; i < history->log.count && code == WEIR_OK; i++) {
        if (history->log.positions[i] >= needed) {
            code = bucket_replay(history->bucket, history->log.records[i], &failure);
        }
    }
    if (code != WEIR_OK) {
        FAIL(history, "a restart fails: %s", failure.text);
        return;
    }
    settle_ranges(history);
}

static void step_on_disk(struct history *history)
{
    uint64_t end = history->log.position, last = history->disk->durable;
    uint64_t until = last + below(history, (uint32_t)(end - last) + 1);
    uint32_t what = below(history, 8);
    if (what == 0) {
        on_disk_flush(history->disk, until);
    } else if (what < 5) {
        on_disk_write_back(history->disk, below(history, 2) ? until : end);
    }
}

static void run_history(uint64_t seed, struct on_disk *disk)
{
    static struct history history;
    struct failure failure;
    history = (struct history){.seed = seed,
                               .random = seed * 0x9e3779b97f4a7c15u + 1,
                               .next_range = 1,
                               .next_id = 1,
                               .disk = disk};
    if (disk != NULL) {
        disk->durable = 0;
    }
    clock_us = 1700000000000000;
    int64_t memory_before = memory_bytes; // the database that histories share
    memory_log_init(&history.log);
    if (make_table(&history) &&
        bucket_create(&history.table, 0, &history.bucket, &failure) != WEIR_OK) {
        FAIL(&history, "%s", failure.text);
    }
    if (history.bucket != NULL) {
        uint32_t steps = 4 + below(&history, 24);
        for (uint32_t i = 0; i < steps && !test_has_failed(); i++) {
            clock_us += below(&history, 300000);
            uint32_t what = below(&history, 10);
            if (what < 8) {
                step_put(&history);
            } else if (what == 8) {
                step_expire(&history);
            } else if (disk == NULL) {
                step_restart(&history);
            } else {
                step_restart_on_disk(&history);
            }
            check_rows(&history);
            if (disk != NULL) {
                step_on_disk(&history);
                check_rows(&history);
            }
        }
        bucket_destroy(history.bucket);
    }
    CHECK_INT(memory_bytes, memory_before);
    memory_log_finish(&history.log);
    values_forget();
}

static uint64_t number_of(const char *name, uint64_t or_else)
{
    const char *text = getenv(name);
    return text == NULL ? or_else : strtoull(text, NULL, 10);
}

TEST(random_histories_end_as_in_a_plain_model)
{
    uint64_t from = number_of("WEIR_MODEL_FROM", 1), count = number_of("WEIR_MODEL_COUNT", 500);
    for (uint64_t seed = from; seed < from + count && !test_has_failed(); seed++) {
        run_history(seed, NULL);
    }
}

TEST(random_histories_end_as_in_a_plain_model_with_the_index_on_disk)
{
    uint64_t from = number_of("WEIR_MODEL_FROM", 1), count = number_of("WEIR_MODEL_COUNT", 150);
    struct on_disk disk = {.memory = &scarce_memory};
    on_disk_open(&disk);
    for (uint64_t seed = from; seed < from + count && !test_has_failed(); seed++) {
        run_history(seed, &disk);
    }
    on_disk_close(&disk);
}
