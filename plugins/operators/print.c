#include <errno.h>
#include <stdlib.h>

#include "format.h"
#include "operators.h"

#define PRINT_CELL_BYTES 64u // longer values are cut

struct print {
    uint32_t shows_kinds;
    uint32_t *widths; // characters, per column
    int64_t left;     // rows that may still be shown
};

static const struct weir_option options[] = {
    {.name = "rows",
     .summary = "Prints so many rows at most and passes over the rest",
     .type = WEIR_OPTION_INT,
     .unit = "rows",
     .min = 0,
     .max = 1e15,
     .since = "0.1"},
};

static int32_t print_create(struct weir_context *context, void **instance)
{
    struct print *print = calloc(1, sizeof *print);
    if (print == NULL) {
        return weir_fail(context, WEIR_ERROR_FATAL, "no memory");
    }
    print->left = weir_option_int(context, "rows", INT64_MAX);
    *instance = print;
    return WEIR_OK;
}

static int32_t print_negotiate(void *instance, struct weir_negotiation *negotiation)
{
    struct print *print = instance;
    const struct weir_input *input = weir_negotiation_input(negotiation, 0);
    print->shows_kinds = input->kinds != WEIR_KINDS_INSERT;
    for (uint32_t i = 0;
         negotiation->pass == WEIR_NEGOTIATE_WANTS && i < input->schema->field_count; i++) {
        weir_negotiation_want(negotiation, 0, i);
    }
    return WEIR_OK;
}

// Widens the columns to what the rows need. Returns 1 if any grew.
static int32_t print_measure(struct print *print, const struct weir_batch *batch,
                             uint32_t row_count)
{
    char cell[PRINT_CELL_BYTES];
    int32_t has_grown = 0;
    for (uint32_t i = 0; i < batch->column_count; i++) {
        uint32_t width = format_width(batch->schema->fields[i].name);
        for (uint32_t row = 0; row < row_count; row++) {
            format_value(&batch->columns[i], row, cell, sizeof cell);
            uint32_t needed = format_width(cell);
            width = needed > width ? needed : width;
        }
        if (width > print->widths[i]) {
            print->widths[i] = width;
            has_grown = 1;
        }
    }
    return has_grown;
}

// Numbers stand to the right, text to the left.
static void print_cell(const struct print *print, const struct weir_batch *batch, uint32_t column,
                       const char *text)
{
    int padding = (int)(print->widths[column] - format_width(text));
    int is_left = weir_type_is_text(batch->schema->fields[column].type);
    int is_last = column + 1 == batch->column_count;
    printf("%*s%s%*s", is_left ? 0 : padding, "", text, is_left && !is_last ? padding : 0, "");
    fputs(is_last ? "\n" : "  ", stdout);
}

static void print_head(const struct print *print, const struct weir_batch *batch)
{
    fputs(print->shows_kinds ? "    " : "", stdout);
    for (uint32_t i = 0; i < batch->column_count; i++) {
        print_cell(print, batch, i, batch->schema->fields[i].name);
    }
}

static void print_row(const struct print *print, const struct weir_batch *batch, uint32_t row)
{
    char cell[PRINT_CELL_BYTES];
    if (print->shows_kinds) {
        printf("%s  ", format_kind(weir_kind(batch, row)));
    }
    for (uint32_t i = 0; i < batch->column_count; i++) {
        format_value(&batch->columns[i], row, cell, sizeof cell);
        print_cell(print, batch, i, cell);
    }
}

static int32_t print_reserve(struct print *print, struct weir_context *context, uint32_t columns)
{
    if (print->widths == NULL) {
        print->widths = calloc(columns + 1, sizeof *print->widths);
    }
    return print->widths != NULL ? WEIR_OK : weir_fail(context, WEIR_ERROR_FATAL, "no memory");
}

static int32_t print_process(void *instance, struct weir_context *context, uint32_t input,
                             const struct weir_batch *batch)
{
    struct print *print = instance;
    uint32_t row_count = batch->row_count < print->left ? batch->row_count : (uint32_t)print->left;
    (void)input;
    if (row_count == 0) {
        return WEIR_OK;
    }
    int32_t rc = print_reserve(print, context, batch->column_count);
    if (rc != WEIR_OK) {
        return rc;
    }
    if (print_measure(print, batch, row_count)) {
        print_head(print, batch);
    }
    for (uint32_t row = 0; row < row_count; row++) {
        print_row(print, batch, row);
    }
    print->left -= row_count;
    if (fflush(stdout) != 0 || ferror(stdout)) {
        return weir_fail(context, WEIR_ERROR_FATAL, "cannot write to the standard output: %s",
                         strerror(errno));
    }
    return WEIR_OK;
}

static void print_destroy(void *instance)
{
    struct print *print = instance;
    if (print != NULL) {
        free(print->widths);
        free(print);
    }
}

const struct weir_operator print_operator = {
    .size = sizeof(struct weir_operator),
    .kind = WEIR_OPERATOR_SINK,
    .flags = WEIR_OPERATOR_SINGLE,
    .name = "print",
    .summary = "Prints the rows to the standard output as a table for people",
    .option_count = sizeof options / sizeof options[0],
    .options = options,
    .create = print_create,
    .negotiate = print_negotiate,
    .process = print_process,
    .destroy = print_destroy,
};
