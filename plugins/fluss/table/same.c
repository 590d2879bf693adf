#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "table/definition.h"
#include "table/type.h"

#define DIFFER(format, ...)                                                                     \
    failure_set(failure, WEIR_ERROR_CONFIG, "table %s exists with another definition: " format, \
                existing->name, __VA_ARGS__)

static const char *column_text(const struct table_column *column, char *buffer, size_t size)
{
    char type[TABLE_TYPE_NAME_BYTES];
    snprintf(buffer, size, "%s%s", table_type_name(column->type, type),
             column->type.nullable ? "" : " not null");
    return buffer;
}

static int32_t same_columns(const struct table_definition *existing,
                            const struct table_definition *wanted, struct failure *failure)
{
    char here[64], there[64];
    for (uint32_t i = 0; i < existing->column_count && i < wanted->column_count; i++) {
        const struct table_column *a = &existing->columns[i], *b = &wanted->columns[i];
        if (strcmp(a->name, b->name) != 0) {
            return DIFFER("its column %u is `%s`, not `%s`", i + 1, a->name, b->name);
        }
        if (!table_type_same(a->type, b->type) || a->type.nullable != b->type.nullable) {
            return DIFFER("its column `%s` is %s, not %s", a->name,
                          column_text(a, here, sizeof here), column_text(b, there, sizeof there));
        }
        if (a->aggregate != b->aggregate || strcmp(a->delimiter, b->delimiter) != 0) {
            return DIFFER("its column `%s` has the aggregate function %s(%s), not %s(%s)", a->name,
                          table_aggregate_names[a->aggregate], a->delimiter,
                          table_aggregate_names[b->aggregate], b->delimiter);
        }
        if (a->is_auto_increment != b->is_auto_increment) {
            return DIFFER("its column `%s` is %s", a->name,
                          a->is_auto_increment ? "auto-increment" : "not auto-increment");
        }
    }
    if (existing->column_count > wanted->column_count) {
        return DIFFER("it has the column `%s` as well",
                      existing->columns[wanted->column_count].name);
    }
    if (existing->column_count < wanted->column_count) {
        return DIFFER("it has no column `%s`; add it with `weir table alter`",
                      wanted->columns[existing->column_count].name);
    }
    return WEIR_OK;
}

static int32_t same_key(const struct table_definition *existing, const char *what,
                        const uint32_t *here, uint32_t here_count, const uint32_t *there,
                        uint32_t there_count, struct failure *failure)
{
    if (here_count != there_count || memcmp(here, there, here_count * sizeof *here) != 0) {
        return DIFFER("its %s has other columns (%u of them, not %u) or another order", what,
                      here_count, there_count);
    }
    return WEIR_OK;
}

static int32_t same_choices(const struct table_definition *existing,
                            const struct table_definition *wanted, struct failure *failure)
{
    const struct {
        const char *property;
        const char *const *names;
        uint32_t here;
        uint32_t there;
    } choices[] = {
        {"changelog", table_changelog_names, existing->changelog, wanted->changelog},
        {"merge", table_merge_names, existing->merge, wanted->merge},
        {"delete", table_delete_names, existing->delete_behaviour, wanted->delete_behaviour},
        {"compression", table_compression_names, existing->compression, wanted->compression},
        {"durability", table_durability_names, existing->durability, wanted->durability},
        {"index", table_index_names, existing->index, wanted->index},
    };
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        if (choices[i].here != choices[i].there) {
            return DIFFER("its `%s` is %s, not %s", choices[i].property,
                          choices[i].names[choices[i].here], choices[i].names[choices[i].there]);
        }
    }
    return WEIR_OK;
}

static int32_t same_numbers(const struct table_definition *existing,
                            const struct table_definition *wanted, struct failure *failure)
{
    const struct {
        const char *property;
        int64_t here;
        int64_t there;
    } numbers[] = {
        {"buckets", existing->bucket_count, wanted->bucket_count},
        {"version column", existing->version_column + 1, wanted->version_column + 1},
        {"retention by time (us)", existing->retention_us, wanted->retention_us},
        {"retention by size", (int64_t)existing->retention_bytes, (int64_t)wanted->retention_bytes},
        {"time to live (us)", existing->ttl_us, wanted->ttl_us},
        {"column of the time to live", existing->ttl_column + 1, wanted->ttl_column + 1},
        {"memory budget", (int64_t)existing->memory_bytes, (int64_t)wanted->memory_bytes},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (numbers[i].here != numbers[i].there) {
            return DIFFER("its %s is %" PRId64 ", not %" PRId64, numbers[i].property,
                          numbers[i].here, numbers[i].there);
        }
    }
    return WEIR_OK;
}

int32_t table_definition_same(const struct table_definition *existing,
                              const struct table_definition *wanted, struct failure *failure)
{
    int32_t rc = same_columns(existing, wanted, failure);
    rc = rc != WEIR_OK ? rc
                       : same_key(existing, "primary key", existing->key, existing->key_count,
                                  wanted->key, wanted->key_count, failure);
    rc = rc != WEIR_OK
             ? rc
             : same_key(existing, "bucket key", existing->bucket_key, existing->bucket_key_count,
                        wanted->bucket_key, wanted->bucket_key_count, failure);
    rc = rc != WEIR_OK ? rc : same_choices(existing, wanted, failure);
    return rc != WEIR_OK ? rc : same_numbers(existing, wanted, failure);
}
