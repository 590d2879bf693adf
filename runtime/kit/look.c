// What a test can see of the operator.
#include <stdlib.h>
#include <string.h>

#include "data/schema.h"
#include "kit/kit_body.h"

const char *weir_kit_rows(struct weir_kit *kit, const char *output)
{
    uint32_t number;
    struct kit_output *out = kit_output_of(kit, output, &number);
    if (out == NULL) {
        return "";
    }
    out->text.length = 0;
    text_add(&out->text, "", 0);
    for (uint32_t i = 0; i < out->count; i++) {
        for (uint32_t row = 0; row < out->batches[i]->row_count; row++) {
            kit_write_row(&out->text, out->batches[i], row);
            text_add(&out->text, "\n", 1);
        }
    }
    return out->text.at;
}

uint64_t weir_kit_row_count(struct weir_kit *kit, const char *output)
{
    uint32_t number;
    uint64_t rows = 0;
    const struct kit_output *out = kit_output_of(kit, output, &number);
    for (uint32_t i = 0; out != NULL && i < out->count; i++) {
        rows += out->batches[i]->row_count;
    }
    return rows;
}

const struct weir_batch *weir_kit_batch(struct weir_kit *kit, const char *output, uint32_t index)
{
    uint32_t number;
    const struct kit_output *out = kit_output_of(kit, output, &number);
    return out != NULL && index < out->count ? out->batches[index] : NULL;
}

void weir_kit_clear(struct weir_kit *kit)
{
    for (uint32_t i = 0; i < kit->output_count; i++) {
        struct kit_output *out = &kit->outputs[i];
        for (uint32_t k = 0; k < out->count; k++) {
            batch_unref(out->batches[k]);
        }
        free(out->batches);
        out->batches = NULL;
        out->count = 0;
    }
}

static const char *answer(struct weir_kit *kit)
{
    text_add(&kit->scratch, "", 0);
    return kit->scratch.at;
}

const char *weir_kit_columns(struct weir_kit *kit, const char *output)
{
    uint32_t number;
    char type[32];
    if (kit_ready(kit) != WEIR_OK || kit_output_of(kit, output, &number) == NULL) {
        return NULL;
    }
    const struct weir_schema *schema = kit->negotiation->outputs[number].schema;
    kit->scratch.length = 0;
    for (uint32_t i = 0; schema != NULL && i < schema->field_count; i++) {
        const struct weir_field *field = &schema->fields[i];
        text_print(&kit->scratch, "%s%s %s%s", i > 0 ? ", " : "", field->name,
                   type_name(field->type, type, sizeof type),
                   field->type.nullable ? "" : " not null");
    }
    return schema != NULL ? answer(kit) : NULL;
}

const char *weir_kit_reads(struct weir_kit *kit, uint32_t input)
{
    if (kit_ready(kit) != WEIR_OK || input >= kit->input_count) {
        return "";
    }
    const struct negotiation_input *in = &kit->negotiation->inputs[input];
    kit->scratch.length = 0;
    for (uint32_t i = 0; i < in->input.schema->field_count; i++) {
        if (weir_bit(in->wanted, i)) {
            text_print(&kit->scratch, "%s%s", kit->scratch.length > 0 ? ", " : "",
                       in->input.schema->fields[i].name);
        }
    }
    return answer(kit);
}

const struct weir_metric *weir_kit_metric(struct weir_kit *kit, const char *name)
{
    return kit->description != NULL
               ? metrics_find(kit->metrics, kit->description->name, kit->task_index, name)
               : NULL;
}

const char *weir_kit_log(const struct weir_kit *kit)
{
    return kit->log.at != NULL ? kit->log.at : "";
}

uint64_t weir_kit_rejected(const struct weir_kit *kit)
{
    return kit->instance != NULL ? kit->instance->rejected_rows : 0;
}

const char *weir_kit_error(struct weir_kit *kit)
{
    kit->is_error_seen = 1;
    return kit->error_class != 0 ? kit->error.at : NULL;
}

int32_t weir_kit_error_class(const struct weir_kit *kit)
{
    return kit->error_class;
}
