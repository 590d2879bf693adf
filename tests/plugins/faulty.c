// An operator that goes wrong as it is told: `how`, in the function `in`. What comes out is
// declared as `number int64 not null, name string`; what it should emit is {1, "one"} for every
// batch.
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common.h"

// How it goes wrong, by the place of its name in `hows`.
enum how {
    NOT_AT_ALL,
    CONFIG,
    DATA,
    RETRY,
    FATAL,
    UNSUPPORTED,
    SILENT,
    UNKNOWN,
    POSITIVE,
    HANG,
    CRASH,
    ABORT,
    SCHEMA,
    TYPE,
    NULLS,
    FEWER_ROWS,
    MORE_ROWS,
    OFFSETS,
    KIND,
    UNDECLARED_KIND,
    OUTPUT,
    NO_BATCH,
    NO_COLUMN,
    TWO_WAYS,
};
static const char *const hows[] = {
    "not at all", "config",     "data",      "retry",   "fatal", "unsupported",     "silent",
    "unknown",    "positive",   "hang",      "crash",   "abort", "schema",          "type",
    "nulls",      "fewer rows", "more rows", "offsets", "kind",  "undeclared kind", "output",
    "no batch",   "no column",  "two ways",  NULL};
enum function { CREATE, NEGOTIATE, OPEN, PROCESS, END_INPUT, CLOSE, DESTROY };
static const char *const functions[] = {"create",    "negotiate", "open",    "process",
                                        "end_input", "close",     "destroy", NULL};

struct faulty {
    int32_t how;
    int32_t function;
    int64_t times; // it says RETRY before all is well; -1: for ever
    struct weir_context *context;
};

static void hang(void)
{
    while (getpid() != 0) {
        pause();
    }
}

static int32_t crash(void)
{
    volatile int *nowhere = NULL;
    // cppcheck-suppress nullPointer ; it is there to crash
    return *nowhere; // NOLINT: as above
}

static int32_t fail(struct faulty *faulty, struct weir_context *context)
{
    switch (faulty->how) {
    case CONFIG:
        return weir_fail(context, WEIR_ERROR_CONFIG,
                         "option `how` asks for an error: leave it out");
    case DATA:
        return weir_fail(context, WEIR_ERROR_DATA, "the row is not to its liking");
    case RETRY:
        if (faulty->times == 0) {
            return WEIR_OK;
        }
        faulty->times -= faulty->times > 0;
        return weir_fail(context, WEIR_ERROR_RETRY, "the pump is busy");
    case FATAL:
        return weir_fail(context, WEIR_ERROR_FATAL, "the pump is broken");
    case UNSUPPORTED:
        return weir_fail(context, WEIR_ERROR_UNSUPPORTED, "this build has no pump");
    case SILENT:
        return WEIR_ERROR_FATAL;
    case UNKNOWN:
        return -7;
    case POSITIVE:
        return 42;
    case HANG:
        hang();
        return WEIR_OK;
    case CRASH:
        return crash();
    case ABORT:
        abort();
    default:
        return WEIR_OK;
    }
}

static int32_t fail_in(struct faulty *faulty, struct weir_context *context, int32_t function)
{
    return faulty->function == function ? fail(faulty, context) : WEIR_OK;
}

static int32_t faulty_create(struct weir_context *context, void **instance)
{
    struct faulty *faulty = calloc(1, sizeof *faulty);
    if (faulty == NULL) {
        return weir_fail(context, WEIR_ERROR_FATAL, "no memory");
    }
    faulty->context = context;
    faulty->how = weir_option(context, "how")->choice;
    faulty->function = weir_option(context, "in")->choice;
    faulty->times = weir_option_int(context, "times", -1);
    int32_t rc = fail_in(faulty, context, CREATE);
    if (rc != WEIR_OK) {
        free(faulty);
        return rc;
    }
    *instance = faulty;
    return WEIR_OK;
}

static int32_t faulty_negotiate(void *instance, struct weir_negotiation *negotiation)
{
    struct weir_field fields[] = {{"number", weir_type_of(WEIR_TYPE_INT64)},
                                  {"name", weir_type_of(WEIR_TYPE_STRING)}};
    fields[0].type.nullable = 0;
    int32_t rc = fail_in(instance, negotiation->context, NEGOTIATE);
    if (rc != WEIR_OK || negotiation->pass == WEIR_NEGOTIATE_WANTS) {
        return rc;
    }
    return weir_negotiation_output(negotiation, WEIR_OUTPUT_MAIN, fields, 2);
}

static int32_t faulty_open(void *instance, struct weir_context *context)
{
    return fail_in(instance, context, OPEN);
}

// Both columns of one row, wrong in one way.
static void fill(const struct faulty *faulty, struct weir_context *context,
                 struct weir_builder *builder, const struct weir_batch *batch)
{
    int64_t *numbers = weir_builder_values(context, builder, 0);
    int32_t *offsets;
    numbers[0] = 1;
    if (faulty->how == NULLS) {
        weir_bit_set(weir_builder_validity(context, builder, 0), 0, 0);
    }
    if (faulty->how == KIND || faulty->how == UNDECLARED_KIND) {
        weir_builder_kinds(context, builder)[0] = faulty->how == KIND ? 9 : WEIR_KIND_DELETE;
    }
    if (faulty->how == NO_COLUMN) {
        weir_builder_values(context, builder, 7);
    }
    if (faulty->how == TYPE) {
        weir_builder_share(context, builder, 1, batch, 0);
    } else if (faulty->how == OFFSETS) {
        memcpy(weir_builder_text(context, builder, 1, 3, &offsets), "one", 3);
        memcpy(offsets, (int32_t[]){0, 1000000}, 8);
    } else {
        weir_builder_append(context, builder, 1, "one", 3);
    }
    if (faulty->how == TWO_WAYS) {
        weir_builder_text(context, builder, 1, 3, &offsets);
    }
}

static int32_t faulty_process(void *instance, struct weir_context *context, uint32_t input,
                              const struct weir_batch *batch)
{
    struct faulty *faulty = instance;
    struct weir_builder *builder;
    (void)input;
    int32_t rc = fail_in(faulty, context, PROCESS);
    if (rc != WEIR_OK) {
        return rc;
    }
    if (faulty->how == SCHEMA) {
        weir_batch_ref(context, batch);
        return weir_emit(context, WEIR_OUTPUT_MAIN, batch);
    }
    if (faulty->how == NO_BATCH) {
        return weir_emit(context, WEIR_OUTPUT_MAIN, NULL);
    }
    rc = weir_builder_create(context, faulty->how == OUTPUT ? 5 : 0, 2, &builder);
    if (rc != WEIR_OK) {
        return rc;
    }
    fill(faulty, context, builder, batch);
    return weir_emit_built(context, WEIR_OUTPUT_MAIN, builder,
                           faulty->how == FEWER_ROWS  ? 2
                           : faulty->how == MORE_ROWS ? 3
                                                      : 1);
}

static int32_t faulty_end_input(void *instance, struct weir_context *context, uint32_t input)
{
    (void)input;
    return fail_in(instance, context, END_INPUT);
}

static void faulty_close(void *instance, struct weir_context *context)
{
    fail_in(instance, context, CLOSE);
}

static void faulty_destroy(void *instance)
{
    struct faulty *faulty = instance;
    if (faulty != NULL && faulty->function == DESTROY) {
        fail(faulty, faulty->context);
    }
    free(faulty);
}

static const struct weir_option options[] = {
    {.name = "how",
     .summary = "How it goes wrong",
     .type = WEIR_OPTION_ENUM,
     .initial = "\"not at all\"",
     .choices = hows},
    {.name = "in",
     .summary = "The function that goes wrong",
     .type = WEIR_OPTION_ENUM,
     .initial = "\"process\"",
     .choices = functions},
    {.name = "times",
     .summary = "How often it says RETRY; absent: for ever",
     .type = WEIR_OPTION_INT}};
static const struct weir_operator faulty = {
    .size = sizeof faulty,
    .kind = WEIR_OPERATOR_TRANSFORM,
    .flags = WEIR_OPERATOR_SINGLE,
    .option_count = sizeof options / sizeof *options,
    .name = "faulty",
    .summary = "Goes wrong as it is told",
    .options = options,
    .create = faulty_create,
    .negotiate = faulty_negotiate,
    .open = faulty_open,
    .process = faulty_process,
    .end_input = faulty_end_input,
    .close = faulty_close,
    .destroy = faulty_destroy,
};
static const struct weir_operator *const operators[] = {&faulty};

COMMON_PLUGIN("faulty")
