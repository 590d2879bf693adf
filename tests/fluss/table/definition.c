// What a definition of a table may say: defaults, refusals with their reasons, differences.
#include "table/definition.h"

#include <string.h>

#include "support/definition.h"
#include "support/test.h"

static struct table_definition sensors(void)
{
    return definition_of("iot.sensors",
                         "id int32;name string;value float64;count int64;flag bool;"
                         "seen timestamp_ltz(3)",
                         "id");
}

// Checks a definition, which is refused with a sentence that has `reason` in it, and frees it.
#define CHECK_REFUSED(definition, reason)                                \
    do {                                                                 \
        struct failure failure = {0};                                    \
        CHECK(table_definition_check(&definition, &failure) != WEIR_OK); \
        CHECK_HAS(failure.text, reason);                                 \
        table_definition_finish(&definition);                            \
    } while (0)

TEST(a_definition_gets_the_defaults_that_depend_on_others)
{
    struct table_definition t = sensors();
    struct failure failure = {0};

    CHECK_INT(table_definition_check(&t, &failure), WEIR_OK);

    CHECK_INT(t.bucket_count, 128);
    CHECK_INT(t.bucket_key_count, 1);
    CHECK_INT(t.bucket_key[0], 0);
    CHECK_INT(t.columns[0].type.nullable, 0);
    CHECK_INT(t.columns[1].type.nullable, 1);
    CHECK_INT(t.delete_behaviour, TABLE_DELETE_ALLOW);
    CHECK_INT(t.retention_us, INT64_C(604800000000));
    table_definition_finish(&t);
}

TEST(the_merge_engines_but_the_first_ignore_deletes_unless_told)
{
    for (int merge = TABLE_MERGE_FIRST_ROW; merge <= TABLE_MERGE_AGGREGATION; merge++) {
        struct table_definition t = sensors();
        struct failure failure = {0};
        t.merge = (enum table_merge)merge;
        t.version_column = merge == TABLE_MERGE_VERSIONED ? 3 : -1;

        CHECK_INT(table_definition_check(&t, &failure), WEIR_OK);

        CHECK_INT(t.delete_behaviour, TABLE_DELETE_IGNORE);
        table_definition_finish(&t);
    }
}

TEST(first_row_and_versioned_cannot_allow_deletes)
{
    struct table_definition t = sensors();
    t.merge = TABLE_MERGE_FIRST_ROW;
    t.delete_behaviour = TABLE_DELETE_ALLOW;
    CHECK_REFUSED(t, "`first_row` cannot delete rows; set the delete behaviour to `ignore`");
    t = sensors();
    t.merge = TABLE_MERGE_VERSIONED;
    t.version_column = 3;
    t.delete_behaviour = TABLE_DELETE_ALLOW;
    CHECK_REFUSED(t, "`versioned` cannot delete rows");
}

TEST(a_version_column_is_there_and_can_be_compared)
{
    struct table_definition t = sensors();
    t.merge = TABLE_MERGE_VERSIONED;
    CHECK_REFUSED(t, "`versioned` needs a version column");
    t = sensors();
    t.merge = TABLE_MERGE_VERSIONED;
    t.version_column = 1;
    CHECK_REFUSED(t, "the version column `name` is string; it must be int32, int64, timestamp");
    t = sensors();
    t.version_column = 3;
    CHECK_REFUSED(t, "a version column goes with the merge engine `versioned`");
}

TEST(aggregation_needs_the_full_image_and_functions_that_fit)
{
    struct table_definition t = sensors();
    t.merge = TABLE_MERGE_AGGREGATION;
    t.changelog = TABLE_CHANGELOG_WAL;
    CHECK_REFUSED(t, "needs the changelog image `full`, not `wal`");
    t = sensors();
    t.merge = TABLE_MERGE_AGGREGATION;
    t.columns[1].aggregate = TABLE_AGGREGATE_SUM;
    CHECK_REFUSED(t, "sum of column `name` needs a number, and it is string");
    t = sensors();
    t.merge = TABLE_MERGE_AGGREGATION;
    t.columns[0].aggregate = TABLE_AGGREGATE_SUM;
    CHECK_REFUSED(t, "column `id` is part of the primary key and cannot have the aggregate");
    t = sensors();
    t.merge = TABLE_MERGE_AGGREGATION;
    t.columns[4].aggregate = TABLE_AGGREGATE_MAX;
    CHECK_REFUSED(t, "max of column `flag` needs a number, a string, a date or time");
    t = sensors();
    t.merge = TABLE_MERGE_AGGREGATION;
    t.columns[2].aggregate = TABLE_AGGREGATE_BOOL_OR;
    CHECK_REFUSED(t, "bool_or of column `value` needs a bool, and it is float64");
    t = sensors();
    t.merge = TABLE_MERGE_AGGREGATION;
    t.columns[1].aggregate = TABLE_AGGREGATE_LISTAGG;
    CHECK_REFUSED(t, "the delimiter of listagg of column `name` is empty");
    t = sensors();
    t.columns[2].aggregate = TABLE_AGGREGATE_SUM;
    CHECK_REFUSED(t, "which only the merge engine `aggregation` has");
}

TEST(functions_are_set_by_name_with_a_delimiter_for_lists_only)
{
    struct table_definition t = sensors();
    struct failure failure = {0};

    CHECK_INT(table_column_aggregate(&t.columns[1], "string_agg", NULL, &failure), WEIR_OK);
    CHECK_INT(t.columns[1].aggregate, TABLE_AGGREGATE_LISTAGG);
    CHECK_TEXT(t.columns[1].delimiter, ",");
    CHECK_INT(table_column_aggregate(&t.columns[1], "listagg", "", &failure), WEIR_ERROR_CONFIG);
    CHECK_HAS(failure.text, "column `name`: the delimiter of listagg has 1 to 15 bytes");
    CHECK_INT(table_column_aggregate(&t.columns[2], "sum", ",", &failure), WEIR_ERROR_CONFIG);
    CHECK_HAS(failure.text, "`sum` takes no delimiter");
    CHECK_INT(table_column_aggregate(&t.columns[2], "sun", NULL, &failure), WEIR_ERROR_CONFIG);
    CHECK_HAS(failure.text, "did you mean `sum`?");
    table_definition_finish(&t);
}

TEST(a_log_table_has_nothing_that_needs_a_key)
{
    struct table_definition t = definition_of("iot.log", "a int32;b string", "");
    t.merge = TABLE_MERGE_FIRST_ROW;
    CHECK_REFUSED(t, "it is a log table and cannot have a merge engine; name a primary key");
    t = definition_of("iot.log", "a int32;b string", "");
    t.changelog = TABLE_CHANGELOG_WAL;
    CHECK_REFUSED(t, "cannot have a changelog image");
    t = definition_of("iot.log", "a int32;b string", "");
    t.ttl_us = 1000000;
    CHECK_REFUSED(t, "cannot have a time to live of rows");
    t = definition_of("iot.log", "a int64;b string", "");
    t.columns[0].is_auto_increment = 1;
    CHECK_REFUSED(t, "cannot have an auto-increment column");
}

TEST(keys_name_columns_once_and_the_bucket_key_is_part_of_the_primary_key)
{
    struct table_definition t = sensors();
    t.bucket_key[0] = 1;
    t.bucket_key_count = 1;
    CHECK_REFUSED(t, "bucket key column `name` is not in the primary key");
    t = sensors();
    t.key[1] = 0;
    t.key_count = 2;
    CHECK_REFUSED(t, "column `id` is twice in its primary key");
    t = sensors();
    t.bucket_count = 4097;
    CHECK_REFUSED(t, "`buckets` is 4097; give 1 to 4096");
}

TEST(what_this_build_cannot_honour_is_refused_and_never_ignored)
{
    struct table_definition t = sensors();
    t.replication = 3;
    CHECK_REFUSED(t, "`replication` is 3, and this build keeps one copy");
    t = sensors();
    t.memory_bytes = 1 << 20;
    CHECK_REFUSED(t, "a memory budget goes with index = `rocksdb`");
    t = sensors();
    t.ttl_us = 1000000;
    t.ttl_column = 1;
    CHECK_REFUSED(t, "a column of type timestamp or timestamp_ltz");
    t = sensors();
    t.columns[3].is_auto_increment = t.columns[0].is_auto_increment = 1;
    CHECK_REFUSED(t, "the auto-increment column `id` cannot be in the primary key");
    t = sensors();
    t.columns[2].is_auto_increment = 1;
    CHECK_REFUSED(t, "the auto-increment column `value` is float64; it must be int32 or int64");
}

TEST(names_of_tables_and_columns_are_checked)
{
    static const char *const names[] = {"", ".", "iot", "iot.", ".t", "a.b.c", "iot.t t", "i/t.x"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct table_definition t = definition_of(names[i], "a int32", "a");
        CHECK_REFUSED(t, "write database.table");
    }
    struct table_definition t = definition_of("iot.t", "a int32;a string", "");
    CHECK_REFUSED(t, "two columns are called `a`");
    t = definition_of("iot.t", "", "");
    CHECK_REFUSED(t, "a table has 1 to 4096 columns, not 0");
}

TEST(a_column_that_is_not_there_is_named_with_the_nearest)
{
    struct table_definition t = sensors();
    struct failure failure = {0};
    uint32_t column;

    CHECK_INT(table_definition_column(&t, "valeu", &column, &failure), WEIR_ERROR_CONFIG);
    CHECK_TEXT(failure.text, "table iot.sensors has no column `valeu`; did you mean `value`?");
    table_definition_finish(&t);
}

TEST(the_same_definition_is_the_same_and_every_difference_is_named)
{
    struct table_definition t = sensors(), other;
    struct failure failure = {0};
    table_definition_check(&t, &failure);
#define CHECK_DIFFERS(change, words)                                               \
    do {                                                                           \
        CHECK_INT(table_definition_copy(&t, &other, &failure), WEIR_OK);           \
        CHECK_INT(table_definition_same(&t, &other, &failure), WEIR_OK);           \
        change;                                                                    \
        CHECK_INT(table_definition_same(&t, &other, &failure), WEIR_ERROR_CONFIG); \
        CHECK_HAS(failure.text, words);                                            \
        table_definition_finish(&other);                                           \
    } while (0)

    CHECK_DIFFERS(other.bucket_count = 4, "its buckets is 128, not 4");
    CHECK_DIFFERS(other.changelog = TABLE_CHANGELOG_WAL, "its `changelog` is full, not wal");
    CHECK_DIFFERS(strcpy(other.columns[1].name, "nome"), "its column 2 is `name`, not `nome`");
    CHECK_DIFFERS(other.columns[1].type.nullable = 0, "`name` is string, not string not null");
    CHECK_DIFFERS(other.columns[1].type.length = 4, "`name` is string, not string(4)");
    CHECK_DIFFERS(other.key[0] = 1, "its primary key has other columns (1 of them, not 1) or");
    CHECK_DIFFERS(other.ttl_us = 5, "its time to live (us) is 0, not 5");
    CHECK_DIFFERS(other.columns[4].aggregate = TABLE_AGGREGATE_BOOL_OR, "has the aggregate");
    table_definition_finish(&t);
}
