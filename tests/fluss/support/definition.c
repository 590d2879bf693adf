#include "support/definition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table/type.h"

static void must(int32_t rc, const struct failure *failure)
{
    if (rc != WEIR_OK) {
        fprintf(stderr, "definition_of: %s\n", failure->text);
        abort();
    }
}

struct table_definition definition_of(const char *name, const char *columns, const char *key)
{
    struct table_definition definition;
    struct failure failure = {0};
    char *texts = strdup(columns), *keys = strdup(key), *rest = NULL;
    table_definition_init(&definition);
    snprintf(definition.name, sizeof definition.name, "%s", name);
    definition.columns = calloc(64, sizeof *definition.columns);
    for (char *at = strtok_r(texts, ";", &rest); at != NULL; at = strtok_r(NULL, ";", &rest)) {
        must(table_column_parse(at, &definition.columns[definition.column_count++], &failure),
             &failure);
    }
    for (char *at = strtok_r(keys, ",", &rest); at != NULL; at = strtok_r(NULL, ",", &rest)) {
        must(table_definition_column(&definition, at, &definition.key[definition.key_count++],
                                     &failure),
             &failure);
    }
    free(texts);
    free(keys);
    return definition;
}
