// Plans what a slot holds.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "add.h"
#include "aggregate.h"

uint32_t class_of(struct weir_type type)
{
    switch (type.id) {
    case WEIR_TYPE_FLOAT32:
    case WEIR_TYPE_FLOAT64:
        return CLASS_FLOAT;
    case WEIR_TYPE_STRING:
    case WEIR_TYPE_BYTES:
        return CLASS_TEXT;
    case WEIR_TYPE_DECIMAL:
        return CLASS_WIDE;
    case WEIR_TYPE_TIMESTAMP:
    case WEIR_TYPE_TIMESTAMP_LTZ:
        return type.precision > 6 ? CLASS_WIDE : CLASS_INT;
    default:
        return CLASS_INT;
    }
}

// Aggregates of the option, one list.
static uint32_t count_outputs(const struct weir_value *list)
{
    return list->type == WEIR_VALUE_LIST || list->type == WEIR_VALUE_MAP ? list->count : 0;
}

static uint32_t add_argument(struct aggregates *aggregates,
                             const struct weir_expression *expression)
{
    for (uint32_t i = 0; i < aggregates->argument_count; i++) {
        const struct weir_expression *other = aggregates->arguments[i].expression;
        assert(other != NULL);
        if (expression->column >= 0 ? other->column == expression->column
                                    : strcmp(other->text, expression->text) == 0) {
            return i;
        }
    }
    aggregates->arguments[aggregates->argument_count] = (struct argument){
        .expression = expression, .class = class_of(expression->type), .nulls_at = AT_NONE};
    return aggregates->argument_count++;
}

static uint32_t add_accumulator(struct aggregates *aggregates, uint32_t function, uint32_t argument,
                                uint32_t by)
{
    for (uint32_t i = 0; i < aggregates->accumulator_count; i++) {
        const struct accumulator *other = &aggregates->accumulators[i];
        if (other->function == function && other->argument == argument && other->by == by) {
            return i;
        }
    }
    aggregates->accumulators[aggregates->accumulator_count] =
        (struct accumulator){.function = function,
                             .argument = argument,
                             .by = by,
                             .flag_at = AT_NONE,
                             .range_at = AT_NONE};
    return aggregates->accumulator_count++;
}

static uint32_t accumulator_function(const struct weir_aggregate *aggregate)
{
    switch (aggregate->function) {
    case WEIR_AGGREGATE_SUM:
    case WEIR_AGGREGATE_AVG:
        return ACCUMULATE_SUM;
    case WEIR_AGGREGATE_MIN:
        return ACCUMULATE_MIN;
    case WEIR_AGGREGATE_MAX:
        return ACCUMULATE_MAX;
    case WEIR_AGGREGATE_FIRST:
        return aggregate->by != NULL ? ACCUMULATE_FIRST_BY : ACCUMULATE_FIRST;
    case WEIR_AGGREGATE_LAST:
        return aggregate->by != NULL ? ACCUMULATE_LAST_BY : ACCUMULATE_LAST;
    case WEIR_AGGREGATE_STDDEV:
        return ACCUMULATE_DEVIATION;
    case WEIR_AGGREGATE_DISTINCT:
        return ACCUMULATE_DISTINCT;
    default:
        return 0;
    }
}

static int32_t add_output(struct weir_context *context, struct aggregates *aggregates,
                          const struct weir_value *item)
{
    const struct weir_aggregate *aggregate = item->as.aggregate;
    uint32_t function = accumulator_function(aggregate), by = AT_NONE;
    struct output output = {.function = aggregate->function,
                            .type = aggregate->type,
                            .name = aggregate->name != NULL ? aggregate->name : item->name,
                            .argument = AT_NONE,
                            .accumulator = AT_NONE};
    if (function == 0 && aggregate->function != WEIR_AGGREGATE_COUNT) {
        return weir_fail(context, WEIR_ERROR_UNSUPPORTED,
                         "column `%s`: this window does not know aggregate function %u",
                         output.name, aggregate->function);
    }
    if (aggregate->argument != NULL) {
        output.argument = add_argument(aggregates, aggregate->argument);
        struct argument *argument = &aggregates->arguments[output.argument];
        argument->nulls_at = argument->expression->type.nullable ? 0 : argument->nulls_at;
    }
    if (aggregate->by != NULL) {
        by = add_argument(aggregates, aggregate->by);
    }
    if (function != 0) {
        output.accumulator = add_accumulator(aggregates, function, output.argument, by);
        aggregates->has_text |= aggregates->arguments[output.argument].class == CLASS_TEXT ||
                                (by != AT_NONE && aggregates->arguments[by].class == CLASS_TEXT);
    }
    aggregates->outputs[aggregates->output_count++] = output;
    return WEIR_OK;
}

// --- Places in the slot ---

struct placer {
    struct aggregates *aggregates;
    uint32_t at;
};

static uint32_t place(struct placer *placer, const char *name, uint8_t type, uint32_t byte_count)
{
    struct weir_state_layout *layout = &placer->aggregates->layout;
    uint32_t at = placer->at;
    struct weir_state_field *field = &placer->aggregates->fields[layout->field_count++];
    placer->at += byte_count;
    *field = (struct weir_state_field){strdup(name), weir_type_of(type), at, byte_count};
    return at;
}

static const char *function_name(uint32_t function)
{
    static const char *const names[] = {"",     "sum",   "min",  "max",    "first",
                                        "last", "first", "last", "stddev", "distinct"};
    return names[function];
}

static const char *argument_text(const struct aggregates *aggregates, uint32_t argument)
{
    const struct weir_expression *expression = aggregates->arguments[argument].expression;
    assert(expression != NULL);
    return expression->text;
}

// Functions of an argument that a vector can take.
static uint32_t vector_functions(const struct aggregates *aggregates, uint32_t argument)
{
    uint32_t functions = 0;
    for (uint32_t i = 0; i < aggregates->accumulator_count; i++) {
        const struct accumulator *accumulator = &aggregates->accumulators[i];
        if (accumulator->argument == argument && accumulator->function <= ACCUMULATE_MAX &&
            !accumulator->is_vector && aggregates->arguments[argument].class == CLASS_FLOAT) {
            functions |= 1u << accumulator->function;
        }
    }
    return functions;
}

static struct accumulator *find_accumulator(struct aggregates *aggregates, uint32_t function,
                                            uint32_t argument)
{
    uint32_t i = 0;
    while (aggregates->accumulators[i].function != function ||
           aggregates->accumulators[i].argument != argument) {
        i++;
    }
    return &aggregates->accumulators[i];
}

static void place_vector(struct placer *placer, struct vector *vector, uint32_t lane_count)
{
    struct aggregates *aggregates = placer->aggregates;
    char name[512];
    vector->at = placer->at;
    for (uint32_t function = ACCUMULATE_SUM; function <= ACCUMULATE_MAX; function++) {
        for (uint32_t lane = 0; (vector->functions >> function & 1) && lane < 4; lane++) {
            if (lane >= lane_count) {
                placer->at += 8;
                continue;
            }
            struct accumulator *accumulator =
                find_accumulator(aggregates, function, vector->arguments[lane]);
            snprintf(name, sizeof name, "%s(%s)", function_name(function),
                     argument_text(aggregates, vector->arguments[lane]));
            accumulator->at = place(placer, name, WEIR_TYPE_FLOAT64, 8);
            accumulator->is_vector = 1;
        }
    }
}

// Puts arguments with the same functions together, four at a time, three at least.
static void place_vectors(struct placer *placer)
{
    struct aggregates *aggregates = placer->aggregates;
    for (uint32_t i = 0; i < aggregates->argument_count; i++) {
        struct vector vector = {.functions = vector_functions(aggregates, i)};
        uint32_t lane_count = 0;
        for (uint32_t j = i; vector.functions != 0 && j < aggregates->argument_count; j++) {
            if (lane_count < 4 && vector_functions(aggregates, j) == vector.functions) {
                vector.arguments[lane_count++] = j;
            }
        }
        if (lane_count >= 3) {
            for (uint32_t lane = lane_count; lane < 4; lane++) {
                vector.arguments[lane] = vector.arguments[0];
            }
            place_vector(placer, &vector, lane_count);
            aggregates->vectors[aggregates->vector_count++] = vector;
        }
    }
}

static uint32_t class_bytes(uint32_t class)
{
    return class == CLASS_INT || class == CLASS_FLOAT ? 8 : 16;
}

static uint8_t class_type(uint32_t class)
{
    return class == CLASS_INT     ? WEIR_TYPE_INT64
           : class == CLASS_FLOAT ? WEIR_TYPE_FLOAT64
           : class == CLASS_WIDE  ? WEIR_TYPE_DECIMAL
                                  : WEIR_TYPE_BYTES;
}

static int needs_flag(const struct aggregates *aggregates, const struct accumulator *accumulator)
{
    uint32_t class = aggregates->arguments[accumulator->argument].class;
    return accumulator->function == ACCUMULATE_FIRST ||
           accumulator->function == ACCUMULATE_FIRST_BY ||
           accumulator->function == ACCUMULATE_LAST_BY ||
           (accumulator->function == ACCUMULATE_SUM && class == CLASS_WIDE);
}

static void place_accumulator(struct placer *placer, struct accumulator *accumulator)
{
    struct aggregates *aggregates = placer->aggregates;
    uint32_t class = aggregates->arguments[accumulator->argument].class;
    uint8_t type = class_type(class);
    uint32_t byte_count = class_bytes(class);
    char name[512];
    snprintf(name, sizeof name, "%s(%s%s%s)", function_name(accumulator->function),
             argument_text(aggregates, accumulator->argument),
             accumulator->by != AT_NONE ? " by " : "",
             accumulator->by != AT_NONE ? argument_text(aggregates, accumulator->by) : "");
    if (accumulator->function == ACCUMULATE_DEVIATION) {
        type = WEIR_TYPE_BYTES;
        byte_count = 24;
    } else if (accumulator->function == ACCUMULATE_SUM && class == CLASS_INT) {
        type = WEIR_TYPE_DECIMAL;
        byte_count = 16;
    }
    accumulator->at = place(placer, name, type, byte_count);
    if (accumulator->by != AT_NONE) {
        uint32_t key_class = aggregates->arguments[accumulator->by].class;
        snprintf(name, sizeof name, "key of %s(%s by %s)", function_name(accumulator->function),
                 argument_text(aggregates, accumulator->argument),
                 argument_text(aggregates, accumulator->by));
        accumulator->key_at = place(placer, name, class_type(key_class), class_bytes(key_class));
    }
}

static void place_flags(struct placer *placer, int32_t keeps_emitted)
{
    struct aggregates *aggregates = placer->aggregates;
    for (uint32_t i = 0; i < aggregates->accumulator_count; i++) {
        struct accumulator *accumulator = &aggregates->accumulators[i];
        if (needs_flag(aggregates, accumulator)) {
            char name[512];
            snprintf(name, sizeof name, "flag of %s(%s)", function_name(accumulator->function),
                     argument_text(aggregates, accumulator->argument));
            accumulator->flag_at = place(placer, name, WEIR_TYPE_INT8, 1);
        }
    }
    aggregates->emitted_at = AT_NONE;
    if (keeps_emitted) {
        aggregates->emitted_at = place(placer, "emitted", WEIR_TYPE_INT8, 1);
    }
}

static void place_nulls(struct placer *placer)
{
    struct aggregates *aggregates = placer->aggregates;
    char name[512];
    placer->at = (placer->at + 3) / 4 * 4;
    for (uint32_t i = 0; i < aggregates->argument_count; i++) {
        if (aggregates->arguments[i].nulls_at != AT_NONE) {
            snprintf(name, sizeof name, "nulls of %s", argument_text(aggregates, i));
            aggregates->arguments[i].nulls_at = place(placer, name, WEIR_TYPE_INT32, 4);
        }
    }
}

// Lets one loop do the smallest and the largest of an integer argument.
static void join_ranges(struct aggregates *aggregates)
{
    for (uint32_t i = 0; i < aggregates->accumulator_count; i++) {
        struct accumulator *min = &aggregates->accumulators[i];
        for (uint32_t j = 0; j < aggregates->accumulator_count; j++) {
            struct accumulator *max = &aggregates->accumulators[j];
            if (min->function == ACCUMULATE_MIN && max->function == ACCUMULATE_MAX &&
                min->argument == max->argument &&
                aggregates->arguments[min->argument].class == CLASS_INT) {
                min->range_at = max->at;
                max->is_done_by_other = 1;
            }
        }
    }
}

static void place_all(struct aggregates *aggregates, int32_t keeps_emitted)
{
    struct placer placer = {aggregates, 0};
    place_vectors(&placer);
    aggregates->count_at = place(&placer, "count", WEIR_TYPE_INT64, 8);
    for (uint32_t i = 0; i < aggregates->accumulator_count; i++) {
        struct accumulator *accumulator = &aggregates->accumulators[i];
        if (!accumulator->is_vector && accumulator->function != ACCUMULATE_DISTINCT) {
            place_accumulator(&placer, accumulator);
        }
    }
    place_flags(&placer, keeps_emitted);
    aggregates->hot_bytes = placer.at;
    place_nulls(&placer);
    for (uint32_t i = 0; i < aggregates->accumulator_count; i++) {
        struct accumulator *accumulator = &aggregates->accumulators[i];
        if (accumulator->function == ACCUMULATE_DISTINCT) {
            char name[512];
            snprintf(name, sizeof name, "distinct(%s)",
                     argument_text(aggregates, accumulator->argument));
            accumulator->at = place(&placer, name, WEIR_TYPE_BYTES, DISTINCT_REGISTERS);
        }
    }
    uint32_t unit = aggregates->vector_count > 0 ? 64 : 8;
    aggregates->layout.slot_bytes = (placer.at + unit - 1) / unit * unit;
}

// --- What a new slot holds ---

static void put_initial(const struct aggregates *aggregates, const struct accumulator *accumulator)
{
    uint8_t *at = aggregates->initial + accumulator->at;
    uint32_t class = aggregates->arguments[accumulator->argument].class;
    int is_min = accumulator->function == ACCUMULATE_MIN;
    if (class == CLASS_TEXT && accumulator->function != ACCUMULATE_DISTINCT) {
        ((struct text_value *)(void *)at)->length = TEXT_NONE;
    }
    if (accumulator->by != AT_NONE && aggregates->arguments[accumulator->by].class == CLASS_TEXT) {
        ((struct text_value *)(void *)(aggregates->initial + accumulator->key_at))->length =
            TEXT_NONE;
    }
    if (accumulator->function != ACCUMULATE_MIN && accumulator->function != ACCUMULATE_MAX) {
        return;
    }
    if (class == CLASS_INT) {
        int64_t value = is_min ? INT64_MAX : INT64_MIN;
        memcpy(at, &value, sizeof value);
    } else if (class == CLASS_FLOAT) {
        double value = is_min ? __builtin_nan("") : -__builtin_inf();
        memcpy(at, &value, sizeof value);
    } else if (class == CLASS_WIDE) {
        uint64_t value[2] = {is_min ? UINT64_MAX : 0, (uint64_t)1 << 63};
        value[1] -= is_min; // little endian: the largest, or the smallest
        memcpy(at, &value, sizeof value);
    }
}

static void make_initial(struct aggregates *aggregates)
{
    for (uint32_t i = 0; i < aggregates->accumulator_count; i++) {
        put_initial(aggregates, &aggregates->accumulators[i]);
    }
}

static int allocate_all(struct aggregates *aggregates, uint32_t count)
{
    aggregates->outputs = calloc(count + 1, sizeof *aggregates->outputs);
    aggregates->arguments = calloc(count * 2 + 1, sizeof *aggregates->arguments);
    aggregates->accumulators = calloc(count + 1, sizeof *aggregates->accumulators);
    aggregates->vectors = calloc(count + 1, sizeof *aggregates->vectors);
    aggregates->fields = calloc(count * 6 + 8, sizeof *aggregates->fields);
    return aggregates->outputs != NULL && aggregates->arguments != NULL &&
           aggregates->accumulators != NULL && aggregates->vectors != NULL &&
           aggregates->fields != NULL;
}

int32_t aggregates_plan(struct weir_context *context, const struct weir_value *list,
                        int32_t keeps_emitted, struct aggregates *aggregates)
{
    memset(aggregates, 0, sizeof *aggregates);
    if (!allocate_all(aggregates, count_outputs(list))) {
        return weir_fail(context, WEIR_ERROR_FATAL, "no memory");
    }
    for (uint32_t i = 0; i < count_outputs(list); i++) {
        int32_t rc = add_output(context, aggregates, &list->as.items[i]);
        if (rc != WEIR_OK) {
            return rc;
        }
    }
    place_all(aggregates, keeps_emitted);
    aggregates->initial = calloc(1, aggregates->layout.slot_bytes);
    if (aggregates->initial == NULL) {
        return weir_fail(context, WEIR_ERROR_FATAL, "no memory");
    }
    make_initial(aggregates);
    join_ranges(aggregates);
    aggregates->layout.size = sizeof aggregates->layout;
    aggregates->layout.version = 1;
    aggregates->layout.name = "window";
    aggregates->layout.fields = aggregates->fields;
    aggregates->layout.initial = aggregates->initial;
    return WEIR_OK;
}

void aggregates_finish(struct aggregates *aggregates)
{
    for (uint32_t i = 0; i < aggregates->layout.field_count; i++) {
        free((char *)(uintptr_t)aggregates->fields[i].name);
    }
    free(aggregates->outputs);
    free(aggregates->arguments);
    free(aggregates->accumulators);
    free(aggregates->vectors);
    free(aggregates->fields);
    free(aggregates->initial);
    memset(aggregates, 0, sizeof *aggregates);
}
