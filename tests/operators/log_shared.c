// The counter that the tasks of a `log` stage share, driven by a host of the test's own.
#include <stdlib.h>
#include <string.h>

#include "operators/operators.h"
#include "support/test.h"

static struct weir_value every = {.type = WEIR_VALUE_INT, .as.integer = 4};
static struct weir_metric counters[3];
static char logged[1024];

static const struct weir_value *host_option(struct weir_context *context, const char *name)
{
    (void)context;
    CHECK_TEXT(name, "every");
    return &every;
}

static struct weir_metric *host_metric(struct weir_context *context, uint32_t kind,
                                       const char *name, const char *unit, const char *summary)
{
    (void)kind;
    (void)unit;
    (void)summary;
    CHECK_TEXT(name, "records_out");
    return &counters[context->task_index];
}

static void host_log(struct weir_context *context, uint32_t level, const char *text)
{
    (void)context;
    (void)level;
    strcat(strcat(logged, text), "\n");
}

static const struct weir_host host = {
    .size = sizeof host, .option = host_option, .metric_register = host_metric, .log = host_log};

static void *open_task(struct weir_context *context, uint32_t index, const char *stage)
{
    void *instance = NULL;
    *context = (struct weir_context){
        .size = sizeof *context, .task_index = index, .host = &host, .stage = stage};
    CHECK_INT(log_operator.create(context, &instance), WEIR_OK);
    CHECK_INT(log_operator.open(instance, context), WEIR_OK);
    return instance;
}

static void send(void *instance, struct weir_context *context, int32_t first, uint32_t count)
{
    static const struct weir_field fields[] = {{"id", {.id = WEIR_TYPE_INT32}}};
    static const struct weir_schema schema = {sizeof schema, 1, fields};
    int32_t values[16];
    for (uint32_t i = 0; i < count; i++) {
        values[i] = first + (int32_t)i;
    }
    struct weir_column column = {.type = fields[0].type, .values = values};
    struct weir_batch batch = {.size = sizeof batch,
                               .row_count = count,
                               .column_count = 1,
                               .schema = &schema,
                               .columns = &column};
    CHECK_INT(log_operator.process(instance, context, 0, &batch), WEIR_OK);
}

TEST(rows_are_counted_over_all_tasks_of_a_stage_and_no_other)
{
    struct weir_context contexts[3];
    void *first = open_task(&contexts[0], 0, "log"), *second = open_task(&contexts[1], 1, "log");
    void *other = open_task(&contexts[2], 2, "other");

    send(first, &contexts[0], 10, 3);
    send(other, &contexts[2], 90, 3);
    send(second, &contexts[1], 20, 3);
    send(first, &contexts[0], 30, 3);

    CHECK_TEXT(logged, "row 4 +I id=20\nrow 8 +I id=31\n");
    CHECK_INT(counters[0].value, 6);
    CHECK_INT(counters[1].value, 3);
    log_operator.destroy(first);
    log_operator.destroy(second);
    log_operator.destroy(other);
}

TEST(a_stage_begins_anew_once_its_last_task_is_gone)
{
    struct weir_context context;
    logged[0] = '\0';
    void *task = open_task(&context, 0, "log");
    send(task, &context, 1, 5);
    CHECK_TEXT(logged, "row 4 +I id=4\n");
    log_operator.destroy(task);
}
