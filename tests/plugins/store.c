// What a plugin may bring beside transforms: a resource (`store`, numbers in the order they came),
// a sink and a source that share it, a service that answers questions about it, and a command.
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "common.h"
#include "weir/node.h"

#define INTERFACE "tests.store/1"
#define READERS_MAX 16u
#define ROWS_PER_POLL 1000u

struct store {
    pthread_mutex_t lock;
    int64_t *values;
    uint64_t count, capacity;
    int64_t add; // option: what is added to every number
    struct weir_context *readers[READERS_MAX];
    uint32_t reader_count;
};

// The functions behind INTERFACE. [any]
struct store_table {
    int32_t (*append)(struct store *store, const int64_t *values, uint32_t count);
    uint32_t (*read)(struct store *store, uint64_t from, int64_t *values, uint32_t capacity);
    uint64_t (*count)(struct store *store);
    int32_t (*subscribe)(struct store *store, struct weir_context *reader);
    void (*unsubscribe)(struct store *store, struct weir_context *reader);
};

// --- The resource ---

static int32_t append(struct store *store, const int64_t *values, uint32_t count)
{
    pthread_mutex_lock(&store->lock);
    if (store->count + count > store->capacity) {
        uint64_t capacity = (store->count + count) * 2;
        int64_t *grown = realloc(store->values, capacity * sizeof *grown);
        if (grown == NULL) {
            pthread_mutex_unlock(&store->lock);
            return WEIR_ERROR_FATAL;
        }
        store->values = grown;
        store->capacity = capacity;
    }
    for (uint32_t i = 0; i < count; i++) {
        store->values[store->count++] = values[i] + store->add;
    }
    for (uint32_t i = 0; i < store->reader_count; i++) {
        weir_wake(store->readers[i]);
    }
    pthread_mutex_unlock(&store->lock);
    return WEIR_OK;
}

static uint32_t read_from(struct store *store, uint64_t from, int64_t *values, uint32_t capacity)
{
    pthread_mutex_lock(&store->lock);
    uint64_t left = store->count - from;
    uint32_t count = left < capacity ? (uint32_t)left : capacity;
    if (count > 0) {
        memcpy(values, store->values + from, count * sizeof *values);
    }
    pthread_mutex_unlock(&store->lock);
    return count;
}

static uint64_t count_of(struct store *store)
{
    pthread_mutex_lock(&store->lock);
    uint64_t count = store->count;
    pthread_mutex_unlock(&store->lock);
    return count;
}

static int32_t subscribe(struct store *store, struct weir_context *reader)
{
    pthread_mutex_lock(&store->lock);
    int is_taken = store->reader_count < READERS_MAX;
    if (is_taken) {
        store->readers[store->reader_count++] = reader;
    }
    pthread_mutex_unlock(&store->lock);
    return is_taken ? WEIR_OK
                    : weir_fail(reader, WEIR_ERROR_CONFIG, "a store has at most %u readers",
                                READERS_MAX);
}

static void unsubscribe(struct store *store, struct weir_context *reader)
{
    pthread_mutex_lock(&store->lock);
    for (uint32_t i = 0; i < store->reader_count; i++) {
        if (store->readers[i] == reader) {
            store->readers[i] = store->readers[--store->reader_count];
        }
    }
    pthread_mutex_unlock(&store->lock);
}

static const struct store_table table = {append, read_from, count_of, subscribe, unsubscribe};

static int32_t store_create(struct weir_context *context, void **instance)
{
    struct store *store = calloc(1, sizeof *store);
    if (store == NULL) {
        return weir_fail(context, WEIR_ERROR_FATAL, "no memory");
    }
    pthread_mutex_init(&store->lock, NULL);
    store->add = weir_option_int(context, "add", 0);
    *instance = store;
    return WEIR_OK;
}

static void store_destroy(void *instance)
{
    struct store *store = instance;
    if (store != NULL) {
        pthread_mutex_destroy(&store->lock);
        free(store->values);
        free(store);
    }
}

// Says where it would keep what must last, if that is no usual place.
static int32_t store_open(void *instance, struct weir_context *context)
{
    (void)instance;
    if (weir_option_int(context, "broken", 0)) {
        return weir_fail(context, WEIR_ERROR_FATAL, "the store is broken: leave out `broken`");
    }
    const struct weir_node_table *node = context->host->extension(context, WEIR_NODE_1);
    if (strcmp(node->data_directory, "./weir-data") != 0) {
        weir_log(context, WEIR_LOG_INFO, "would lie in %s", node->data_directory);
    }
    return WEIR_OK;
}

static const struct weir_option store_options[] = {
    {.name = "add", .summary = "Added to every number", .type = WEIR_OPTION_INT, .initial = "0"},
    {.name = "broken", .summary = "Whether it fails to open", .type = WEIR_OPTION_BOOL}};
static const struct weir_resource_type store_type = {
    .size = sizeof store_type,
    .option_count = 2,
    .name = "store",
    .summary = "Numbers in memory, in the order they came",
    .options = store_options,
    .interface_id = INTERFACE,
    .table = &table,
    .create = store_create,
    .open = store_open,
    .destroy = store_destroy,
};

// --- The operators that use it ---

struct user {
    const struct store_table *table;
    struct store *store;
    uint64_t position;
};

static int32_t user_create(struct weir_context *context, void **instance)
{
    *instance = calloc(1, sizeof(struct user));
    return *instance != NULL ? WEIR_OK : weir_fail(context, WEIR_ERROR_FATAL, "no memory");
}

static int32_t user_open(void *instance, struct weir_context *context)
{
    struct user *user = instance;
    const void *found = NULL;
    void *store = NULL;
    int32_t rc = weir_resource(context, "store", INTERFACE, &found, &store);
    user->table = found;
    user->store = store;
    return rc;
}

static int32_t put_negotiate(void *instance, struct weir_negotiation *negotiation)
{
    (void)instance;
    const struct weir_value *column = weir_option(negotiation->context, "column");
    if (negotiation->pass == WEIR_NEGOTIATE_SCHEMAS) {
        const struct weir_schema *schema = weir_negotiation_input(negotiation, 0)->schema;
        if (schema->fields[column->column].type.id != WEIR_TYPE_INT64) {
            return weir_fail(negotiation->context, WEIR_ERROR_CONFIG,
                             "option `column`: `%s` must be an int64", column->as.string);
        }
        weir_negotiation_resource(negotiation, "store", 1);
    } else {
        weir_negotiation_want(negotiation, 0, (uint32_t)column->column);
    }
    return WEIR_OK;
}

static int32_t put_process(void *instance, struct weir_context *context, uint32_t input,
                           const struct weir_batch *batch)
{
    struct user *user = instance;
    (void)input;
    int32_t column = weir_option(context, "column")->column;
    int32_t rc = user->table->append(user->store, batch->columns[column].values, batch->row_count);
    return rc == WEIR_OK ? rc : weir_fail(context, rc, "the store has no memory");
}

static int32_t read_negotiate(void *instance, struct weir_negotiation *negotiation)
{
    (void)instance;
    struct weir_field field = {"value", weir_type_of(WEIR_TYPE_INT64)};
    if (negotiation->pass != WEIR_NEGOTIATE_SCHEMAS) {
        return WEIR_OK;
    }
    const void *found;
    void *store;
    int32_t rc = weir_resource(negotiation->context, "store", INTERFACE, &found, &store);
    if (rc != WEIR_OK) {
        return rc;
    }
    weir_negotiation_resource(negotiation, "store", 0);
    weir_negotiation_bounded(negotiation, 0);
    return weir_negotiation_output(negotiation, 0, &field, 1);
}

static int32_t read_open(void *instance, struct weir_context *context)
{
    struct user *user = instance;
    int32_t rc = user_open(instance, context);
    return rc == WEIR_OK ? user->table->subscribe(user->store, context) : rc;
}

static int32_t read_poll(void *instance, struct weir_context *context)
{
    struct user *user = instance;
    struct weir_builder *builder;
    int64_t values[ROWS_PER_POLL];
    uint32_t count = user->table->read(user->store, user->position, values, ROWS_PER_POLL);
    if (count == 0) {
        return WEIR_WAIT;
    }
    int32_t rc = weir_builder_create(context, WEIR_OUTPUT_MAIN, count, &builder);
    if (rc != WEIR_OK) {
        return rc;
    }
    user->position += count;
    int64_t *out = weir_builder_values(context, builder, 0);
    if (out == NULL) {
        weir_builder_discard(context, builder);
        return weir_fail(context, WEIR_ERROR_FATAL, "no memory");
    }
    memcpy(out, values, count * sizeof *out);
    rc = weir_emit_built(context, WEIR_OUTPUT_MAIN, builder, count);
    return rc == WEIR_OK ? WEIR_MORE : rc;
}

static void read_close(void *instance, struct weir_context *context)
{
    struct user *user = instance;
    user->table->unsubscribe(user->store, context);
}

// --- The service ---

static int32_t service_open(void *instance, struct weir_context *context)
{
    int32_t rc = user_open(instance, context);
    return rc == WEIR_OK ? weir_listen(context, weir_option_string(context, "listen")) : rc;
}

static int is_request(const struct weir_request *request, const char *word)
{
    return request->byte_count == strlen(word) &&
           memcmp(request->bytes, word, request->byte_count) == 0;
}

// `count` is answered with the number of rows, `nonsense` not at all, all else with itself.
static int32_t service_request(void *instance, struct weir_context *context,
                               struct weir_request *request)
{
    struct user *user = instance;
    char text[32];
    if (is_request(request, "nonsense")) {
        return weir_fail(context, WEIR_ERROR_DATA, "a request that is nonsense");
    }
    if (!is_request(request, "count")) {
        return weir_reply(context, request, request->bytes, request->byte_count);
    }
    int length =
        snprintf(text, sizeof text, "%llu", (unsigned long long)user->table->count(user->store));
    return weir_reply(context, request, text, (uint64_t)length);
}

static const struct weir_service_table service_table = {.size = sizeof service_table,
                                                        .request = service_request};

static const void *service_extension(const char *id)
{
    return strcmp(id, WEIR_SERVICE_1) == 0 ? &service_table : NULL;
}

// --- The command ---

static int32_t command_run(struct weir_context *context, int32_t argument_count,
                           const char *const *arguments)
{
    if (argument_count != 2) {
        fprintf(stderr, "usage: weir store TEXT\n");
        return 2;
    }
    if (strcmp(arguments[1], "directory") == 0) {
        const struct weir_node_table *node = context->host->extension(context, WEIR_NODE_1);
        printf("%s\n", node->data_directory);
        return 0;
    }
    if (strcmp(arguments[1], "fail") == 0) {
        return weir_fail(context, WEIR_ERROR_DATA, "there is no store called `fail`");
    }
    printf("%s has %zu letters\n", arguments[1], strlen(arguments[1]));
    return strcmp(arguments[1], "odd") == 0;
}

// --- The plugin ---

#define STORE_OPTION                                                           \
    {                                                                          \
        .name = "store", .summary = "The store", .type = WEIR_OPTION_RESOURCE, \
        .flags = WEIR_OPTION_REQUIRED,                                         \
    }

static const struct weir_option put_options[] = {STORE_OPTION,
                                                 {.name = "column",
                                                  .summary = "The column whose numbers are kept",
                                                  .type = WEIR_OPTION_COLUMN,
                                                  .flags = WEIR_OPTION_REQUIRED}};
static const struct weir_option read_options[] = {STORE_OPTION};
static const struct weir_option service_options[] = {STORE_OPTION,
                                                     {.name = "listen",
                                                      .summary = "Where requests come in",
                                                      .type = WEIR_OPTION_STRING,
                                                      .flags = WEIR_OPTION_REQUIRED}};

static const struct weir_operator put = {
    .size = sizeof put,
    .kind = WEIR_OPERATOR_SINK,
    .option_count = 2,
    .name = "store.put",
    .summary = "Puts numbers into a store",
    .options = put_options,
    .create = user_create,
    .negotiate = put_negotiate,
    .open = user_open,
    .process = put_process,
    .destroy = free,
};
static const struct weir_operator reader = {
    .size = sizeof reader,
    .kind = WEIR_OPERATOR_SOURCE,
    .flags = WEIR_OPERATOR_SINGLE,
    .option_count = 1,
    .name = "store.read",
    .summary = "Reads the numbers of a store, and those that still come",
    .options = read_options,
    .create = user_create,
    .negotiate = read_negotiate,
    .open = read_open,
    .poll = read_poll,
    .close = read_close,
    .destroy = free,
};
static const struct weir_operator service = {
    .size = sizeof service,
    .kind = WEIR_OPERATOR_SERVICE,
    .flags = WEIR_OPERATOR_SINGLE,
    .option_count = 2,
    .name = "store.service",
    .summary = "Says how many numbers a store has",
    .options = service_options,
    .create = user_create,
    .open = service_open,
    .destroy = free,
    .extension = service_extension,
};
static const struct weir_operator *const operators[] = {&put, &reader, &service};
static const struct weir_resource_type *const resources[] = {&store_type};
static const struct weir_command command = {.size = sizeof command,
                                            .name = "store",
                                            .summary = "counts letters",
                                            .usage = "store TEXT",
                                            .run = command_run};
static const struct weir_command *const commands[] = {&command};
static const struct weir_plugin plugin = {
    .size = sizeof plugin,
    .abi_version = WEIR_ABI_VERSION,
    .host_version_min = WEIR_ABI_VERSION,
    .operator_count = 3,
    .resource_count = 1,
    .command_count = 1,
    .name = "store",
    .version = "1.0",
    .licence = "Apache-2.0",
    .operators = operators,
    .resources = resources,
    .commands = commands,
};

const struct weir_plugin *weir_plugin_entry(uint32_t host_version)
{
    (void)host_version;
    return &plugin;
}
