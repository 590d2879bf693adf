#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "expr/program.h"
#include "expr/reason.h"
#include "expr/value_set.h"

#define SLOT_BYTES ((size_t)CHUNK_ROWS * 16 + CHUNK_ROWS / 8)
#define CELL_BYTES 32u // of a value per batch: 16 for the value, the rest for its validity
#define HEAP_BLOCK_BYTES (64u << 10)
#define HEAP_BYTES_MAX (128u << 20)

struct buffer {
    void *at;
    size_t capacity;
};

// Text of one chunk: blocks that are filled one after the other and kept.
struct heap {
    struct buffer *blocks;
    uint32_t block_count;
    uint32_t block; // the one being filled
    size_t used;    // of it
    size_t total;   // of all, in use
};

struct record {
    const struct instruction *instruction;
    enum failure failure;
    union value operands[2];
};

struct frame {
    const struct program *program;
    struct evaluator *evaluator;
    struct record *records; // of this chunk and the prologue; number 0 is none
    uint32_t record_count;
    uint32_t record_capacity;
    int rc; // -ENOMEM once memory has run out
};

struct evaluator {
    struct frame frame;
    int64_t now_ms;
    struct heap heap;
    struct buffer vectors;
    struct buffer arguments;
    struct buffer slots;
    struct buffer cells;
    struct buffer *results; // lent until the reset
    uint32_t result_count;
    uint32_t result_used;
    struct expr_failure *failures;
    uint32_t failure_count;
    uint32_t failure_capacity;
    struct arena reasons;
};

struct evaluator *evaluator_create(void)
{
    return calloc(1, sizeof(struct evaluator));
}

static void buffer_finish(struct buffer *buffer)
{
    memory_free(buffer->at, buffer->capacity);
}

void evaluator_destroy(struct evaluator *evaluator)
{
    if (evaluator == NULL) {
        return;
    }
    buffer_finish(&evaluator->vectors);
    buffer_finish(&evaluator->arguments);
    buffer_finish(&evaluator->slots);
    buffer_finish(&evaluator->cells);
    for (uint32_t i = 0; i < evaluator->heap.block_count; i++) {
        buffer_finish(&evaluator->heap.blocks[i]);
    }
    for (uint32_t i = 0; i < evaluator->result_count; i++) {
        buffer_finish(&evaluator->results[i]);
    }
    free(evaluator->heap.blocks);
    free(evaluator->results);
    free(evaluator->frame.records);
    free(evaluator->failures);
    arena_finish(&evaluator->reasons);
    free(evaluator);
}

void evaluator_reset(struct evaluator *evaluator)
{
    evaluator->result_used = 0;
}

// Makes room for byte_count bytes; the contents up to keep survive, the rest is zero.
static int buffer_reserve(struct buffer *buffer, size_t byte_count, size_t keep)
{
    if (byte_count <= buffer->capacity) {
        return 0;
    }
    size_t capacity = (byte_count + byte_count / 4 + 63) / 64 * 64;
    void *at = memory_allocate(capacity);
    if (at == NULL) {
        return -ENOMEM;
    }
    if (keep > 0) {
        memcpy(at, buffer->at, keep);
    }
    memset((char *)at + keep, 0, capacity - keep);
    memory_free(buffer->at, buffer->capacity);
    *buffer = (struct buffer){at, capacity};
    return 0;
}

// A buffer of its own for a result, lent until the reset.
static struct buffer *take_result(struct evaluator *evaluator, size_t byte_count)
{
    if (evaluator->result_used == evaluator->result_count) {
        struct buffer *results =
            realloc(evaluator->results, (evaluator->result_count + 4) * sizeof *results);
        if (results == NULL) {
            return NULL;
        }
        memset(results + evaluator->result_count, 0, 4 * sizeof *results);
        evaluator->results = results;
        evaluator->result_count += 4;
    }
    struct buffer *buffer = &evaluator->results[evaluator->result_used];
    if (buffer_reserve(buffer, byte_count, 0) != 0) {
        return NULL;
    }
    evaluator->result_used++;
    return buffer;
}

static int heap_next_block(struct heap *heap, size_t byte_count)
{
    uint32_t next = heap->used == 0 ? heap->block : heap->block + 1;
    if (next >= heap->block_count) {
        struct buffer *blocks = realloc(heap->blocks, (next + 1) * sizeof *blocks);
        if (blocks == NULL) {
            return -ENOMEM;
        }
        heap->blocks = blocks;
        heap->blocks[heap->block_count++] = (struct buffer){NULL, 0};
    }
    struct buffer *block = &heap->blocks[next];
    if (buffer_reserve(block, byte_count > HEAP_BLOCK_BYTES ? byte_count : HEAP_BLOCK_BYTES, 0)) {
        return -ENOMEM;
    }
    heap->block = next;
    heap->used = 0;
    return 0;
}

static void *heap_allocate(struct heap *heap, size_t byte_count)
{
    if (heap->block >= heap->block_count ||
        heap->blocks[heap->block].capacity - heap->used < byte_count) {
        if (heap_next_block(heap, byte_count) != 0) {
            return NULL;
        }
    }
    char *at = (char *)heap->blocks[heap->block].at + heap->used;
    heap->used += byte_count;
    heap->total += byte_count;
    return at;
}

char *call_text(struct call *call, uint32_t row, uint64_t byte_count)
{
    struct frame *frame = call->frame;
    struct heap *heap = &frame->evaluator->heap;
    if (byte_count > WEIR_VALUE_BYTES_MAX || heap->total + byte_count > HEAP_BYTES_MAX) {
        call_fail(call, row, FAILURE_SIZE);
        return NULL;
    }
    char *at = heap_allocate(heap, byte_count);
    if (at == NULL) {
        frame->rc = -ENOMEM;
        call_fail(call, row, FAILURE_SIZE);
    }
    return at;
}

uint8_t *call_validity(struct call *call)
{
    if (call->out->validity != call->validity) {
        size_t byte_count = weir_bit_bytes(call->row_count);
        if (call->out->validity == NULL) {
            memset(call->validity, 0xff, byte_count);
        } else {
            memcpy(call->validity, call->out->validity, byte_count);
        }
        call->out->validity = call->validity;
    }
    return call->validity;
}

uint32_t *call_errors(struct call *call)
{
    if (call->out->errors == NULL) {
        struct heap *heap = &call->frame->evaluator->heap;
        heap->used = (heap->used + 15) / 16 * 16;
        size_t byte_count = (call->row_count * sizeof(uint32_t) + 15) / 16 * 16;
        uint32_t *errors = heap_allocate(heap, byte_count);
        if (errors == NULL) {
            call->frame->rc = -ENOMEM;
            return NULL;
        }
        memset(errors, 0, byte_count);
        call->out->errors = errors;
    }
    return (uint32_t *)(uintptr_t)call->out->errors;
}

int64_t call_now_ms(const struct call *call)
{
    return call->frame->evaluator->now_ms;
}

const struct value_set *call_set(const struct call *call)
{
    return call->instruction->set;
}

static void record_operand(const struct vector *vector, uint32_t row, union value *operand)
{
    size_t width = vector_width(vector->type);
    if (width == 0) {
        operand->integer = vector_bit(vector, row);
    } else {
        memcpy(operand, (const char *)vector->values + (row & vector->mask) * width, width);
    }
}

static int add_record(struct call *call, uint32_t row, enum failure failure)
{
    struct frame *frame = call->frame;
    if (frame->record_count == frame->record_capacity) {
        uint32_t capacity = frame->record_capacity == 0 ? 64 : frame->record_capacity * 2;
        struct record *records = realloc(frame->records, capacity * sizeof *records);
        if (records == NULL) {
            return -ENOMEM;
        }
        frame->records = records;
        frame->record_capacity = capacity;
    }
    struct record *record = &frame->records[frame->record_count++];
    *record = (struct record){.instruction = call->instruction, .failure = failure};
    for (uint32_t i = 0; i < call->argument_count && i < 2; i++) {
        if (vector_is_valid(call->arguments[i], row)) {
            record_operand(call->arguments[i], row, &record->operands[i]);
        }
    }
    return 0;
}

void call_fail(struct call *call, uint32_t row, enum failure failure)
{
    if (!call_is_valid(call, row)) {
        return;
    }
    call_set_null(call, row);
    if (call->instruction->flags & INSTRUCTION_TRY) {
        return;
    }
    uint32_t *errors = call_errors(call);
    if (errors == NULL || add_record(call, row, failure) != 0) {
        call->frame->rc = -ENOMEM;
        return;
    }
    errors[row] = call->frame->record_count;
}

static void merge_validity(struct call *call, const struct vector *argument)
{
    if (argument->validity == NULL) {
        return;
    }
    size_t byte_count = weir_bit_bytes(call->row_count);
    if (vector_is_constant(argument) && call->row_count > 1) {
        if (!(argument->validity[0] & 1)) {
            memset(call_validity(call), 0, byte_count);
        }
    } else if (call->out->validity == NULL) {
        memcpy(call->validity, argument->validity, byte_count);
        call->out->validity = call->validity;
    } else {
        for (size_t i = 0; i < byte_count; i++) {
            call->validity[i] &= argument->validity[i];
        }
    }
}

static void merge_errors(struct call *call, const struct vector *argument)
{
    uint32_t *errors = argument->errors == NULL ? NULL : call_errors(call);
    if (errors != NULL) {
        for (uint32_t i = 0; i < call->row_count; i++) {
            errors[i] = errors[i] != 0 ? errors[i] : argument->errors[i & argument->mask];
        }
    }
}

static void run_call(struct call *call)
{
    call->out->validity = NULL;
    call->out->errors = NULL;
    if (call->instruction->flags & INSTRUCTION_STRICT) {
        for (uint32_t i = 0; i < call->argument_count; i++) {
            merge_validity(call, call->arguments[i]);
            merge_errors(call, call->arguments[i]);
        }
    }
    call->instruction->run(call);
}

static void run_instruction(struct frame *frame, const struct instruction *instruction,
                            uint32_t row_count, char *root_values)
{
    struct evaluator *evaluator = frame->evaluator;
    const struct program *program = frame->program;
    const struct term *term = &program->terms[instruction->out];
    struct vector *vectors = evaluator->vectors.at;
    const struct vector **arguments = evaluator->arguments.at;
    for (uint32_t i = 0; i < instruction->argument_count; i++) {
        arguments[i] = &vectors[instruction->arguments[i]];
    }
    struct vector *out = &vectors[instruction->out];
    struct call call = {frame,     instruction, row_count, instruction->argument_count,
                        arguments, NULL,        out,       NULL};
    if (term->source == TERM_BATCH) {
        call.values = (char *)evaluator->cells.at + (size_t)term->slot * CELL_BYTES;
        call.validity = (uint8_t *)call.values + 16;
    } else {
        call.values = (char *)evaluator->slots.at + (size_t)term->slot * SLOT_BYTES;
        call.validity = (uint8_t *)call.values + (size_t)CHUNK_ROWS * 16;
        if (root_values != NULL && instruction->out == program->root) {
            call.values = root_values;
        }
    }
    out->values = call.values;
    run_call(&call);
}

static void set_literal(struct vector *vector, const struct term *term)
{
    static const uint8_t null_bit = 0;
    vector->values = &term->value;
    vector->validity = term->is_null ? &null_bit : NULL;
}

// Vectors of literals, and room for all that the program makes.
static int frame_begin(struct evaluator *evaluator, const struct program *program)
{
    struct frame *frame = &evaluator->frame;
    size_t vector_bytes = program->term_count * sizeof(struct vector);
    if (buffer_reserve(&evaluator->vectors, vector_bytes, 0) != 0 ||
        buffer_reserve(&evaluator->arguments, program->argument_max * sizeof(void *), 0) != 0 ||
        buffer_reserve(&evaluator->slots, (size_t)program->slot_count * SLOT_BYTES, 0) != 0 ||
        buffer_reserve(&evaluator->cells, (size_t)program->cell_count * CELL_BYTES, 0) != 0) {
        return -ENOMEM;
    }
    struct vector *vectors = evaluator->vectors.at;
    for (uint32_t i = 0; i < program->term_count; i++) {
        const struct term *term = &program->terms[i];
        uint32_t mask = term->source == TERM_LITERAL || term->source == TERM_BATCH ? 0 : UINT32_MAX;
        vectors[i] = (struct vector){.type = term->type, .mask = mask};
        if (term->source == TERM_LITERAL) {
            set_literal(&vectors[i], term);
        }
    }
    frame->program = program;
    frame->evaluator = evaluator;
    frame->record_count = 0;
    frame->rc = 0;
    evaluator->heap.block = 0;
    evaluator->heap.used = 0;
    evaluator->heap.total = 0;
    return 0;
}

static void load_text(struct vector *vector, const struct weir_column *column, uint32_t first,
                      uint32_t row_count, struct slice *slices)
{
    const int32_t *offsets = column->offsets + first;
    for (uint32_t i = 0; i < row_count; i++) {
        slices[i].at = (const char *)column->values + offsets[i];
        slices[i].length = (uint32_t)(offsets[i + 1] - offsets[i]);
    }
    vector->values = slices;
}

static void load_column(struct evaluator *evaluator, const struct term *term, struct vector *vector,
                        const struct weir_column *column, uint32_t first, uint32_t row_count)
{
    vector->validity = column->validity == NULL ? NULL : column->validity + first / 8;
    if (weir_type_is_text(term->type)) {
        load_text(vector, column, first, row_count,
                  (void *)((char *)evaluator->slots.at + (size_t)term->slot * SLOT_BYTES));
    } else {
        uint32_t width = weir_type_width(term->type);
        vector->values =
            (const char *)column->values + (width == 0 ? first / 8 : (size_t)first * width);
    }
}

// A result in the making.
struct output {
    struct weir_column *column;
    char *values;
    uint8_t *validity;
    int32_t *offsets;
    uint32_t result_index; // of the text buffer, which grows
    size_t text_bytes;
};

static int output_begin(struct evaluator *evaluator, struct weir_type type, uint32_t row_count,
                        struct output *output)
{
    uint32_t width = weir_type_width(type);
    size_t value_bytes = width == 0 ? ((size_t)row_count + 63) / 64 * 8 : (size_t)row_count * width;
    struct buffer *validity = take_result(evaluator, (row_count + 63) / 64 * 8 + 8);
    output->validity = validity == NULL ? NULL : validity->at;
    output->result_index = evaluator->result_used;
    struct buffer *values = take_result(evaluator, weir_type_is_text(type) ? 64 : value_bytes + 64);
    output->values = values == NULL ? NULL : values->at;
    if (output->validity == NULL || output->values == NULL) {
        return -ENOMEM;
    }
    if (weir_type_is_text(type)) {
        struct buffer *offsets = take_result(evaluator, (row_count + 1) * sizeof(int32_t));
        if (offsets == NULL) {
            return -ENOMEM;
        }
        output->offsets = offsets->at;
        output->offsets[0] = 0;
    }
    return 0;
}

static int add_failure(struct evaluator *evaluator, uint32_t row, const char *reason)
{
    if (evaluator->failure_count == evaluator->failure_capacity) {
        uint32_t capacity = evaluator->failure_capacity == 0 ? 16 : evaluator->failure_capacity * 2;
        struct expr_failure *failures =
            realloc(evaluator->failures, capacity * sizeof(struct expr_failure));
        if (failures == NULL) {
            return -ENOMEM;
        }
        evaluator->failures = failures;
        evaluator->failure_capacity = capacity;
    }
    const char *copy = arena_copy(&evaluator->reasons, reason, strlen(reason));
    if (copy == NULL) {
        return -ENOMEM;
    }
    evaluator->failures[evaluator->failure_count++] = (struct expr_failure){row, copy};
    return 0;
}

static void describe(const struct frame *frame, const struct record *record, char *reason,
                     size_t size)
{
    const struct instruction *instruction = record->instruction;
    struct weir_type types[2] = {{0}};
    for (uint32_t i = 0; i < instruction->argument_count && i < 2; i++) {
        types[i] = frame->program->terms[instruction->arguments[i]].type;
    }
    reason_format(record->failure, instruction->name, instruction->argument_count, types,
                  record->operands, instruction->target, reason, size);
}

static int report_failures(struct evaluator *evaluator, const struct vector *root, uint32_t first,
                           uint32_t row_count)
{
    char reason[REASON_BYTES];
    for (uint32_t i = 0; root->errors != NULL && i < row_count; i++) {
        uint32_t error = root->errors[i & root->mask];
        if (error != 0) {
            describe(&evaluator->frame, &evaluator->frame.records[error - 1], reason,
                     sizeof reason);
            if (add_failure(evaluator, first + i, reason) != 0) {
                return -ENOMEM;
            }
        }
    }
    return 0;
}

static void write_validity(const struct vector *root, uint32_t row_count, uint8_t *validity)
{
    size_t byte_count = weir_bit_bytes(row_count);
    if (root->validity == NULL) {
        memset(validity, 0xff, byte_count);
    } else if (vector_is_constant(root)) {
        memset(validity, root->validity[0] & 1 ? 0xff : 0, byte_count);
    } else {
        memcpy(validity, root->validity, byte_count);
    }
}

// Text goes behind that of the chunks before. A row beyond the limit of a batch fails.
static int write_text(struct evaluator *evaluator, struct output *output, const struct vector *root,
                      uint32_t first, uint32_t row_count)
{
    struct buffer *buffer = &evaluator->results[output->result_index];
    assert(output->offsets != NULL);
    for (uint32_t i = 0; i < row_count; i++) {
        uint32_t row = first + i;
        if (weir_bit(output->validity, row)) {
            struct slice text = vector_text(root, i);
            if (output->text_bytes + text.length > WEIR_BATCH_BYTES_MAX) {
                weir_bit_set(output->validity, row, 0);
                if (add_failure(evaluator, row,
                                "the results of this batch are longer than the 64 MiB that a "
                                "batch may have") != 0) {
                    return -ENOMEM;
                }
            } else if (text.length > 0) {
                if (buffer_reserve(buffer, output->text_bytes + text.length, output->text_bytes)) {
                    return -ENOMEM;
                }
                memcpy((char *)buffer->at + output->text_bytes, text.at, text.length);
                output->text_bytes += text.length;
            }
        }
        output->offsets[row + 1] = (int32_t)output->text_bytes;
    }
    return 0;
}

static void write_constant(const struct vector *root, uint32_t width, uint32_t row_count,
                           char *values)
{
    if (width == 0) {
        memset(values, vector_bit(root, 0) ? 0xff : 0, weir_bit_bytes(row_count));
    }
    for (uint32_t i = 0; width != 0 && i < row_count; i++) {
        memcpy(values + (size_t)i * width, root->values, width);
    }
}

// Zeroes fixed-width values under nulls.
static void clear_nulls(const uint8_t *validity, uint32_t width, uint32_t row_count, char *values)
{
    for (uint32_t i = 0; i < row_count; i += 8) {
        uint8_t bits = validity[i / 8];
        if (width == 0) {
            values[i / 8] = (char)(values[i / 8] & bits);
        }
        for (uint32_t j = i; width != 0 && bits != 0xff && j < i + 8 && j < row_count; j++) {
            if (!(bits >> (j - i) & 1)) {
                memset(values + (size_t)j * width, 0, width);
            }
        }
    }
}

static int write_chunk(struct evaluator *evaluator, struct output *output, uint32_t first,
                       uint32_t row_count)
{
    const struct program *program = evaluator->frame.program;
    const struct vector *root = (struct vector *)evaluator->vectors.at + program->root;
    write_validity(root, row_count, output->validity + first / 8);
    if (report_failures(evaluator, root, first, row_count) != 0) {
        return -ENOMEM;
    }
    if (weir_type_is_text(root->type)) {
        return write_text(evaluator, output, root, first, row_count);
    }
    uint32_t width = weir_type_width(root->type);
    char *values = output->values + (width == 0 ? first / 8 : (size_t)first * width);
    if (vector_is_constant(root)) {
        write_constant(root, width, row_count, values);
    }
    if (root->validity != NULL) {
        clear_nulls(output->validity + first / 8, width, row_count, values);
    }
    return 0;
}

static int run_chunk(struct evaluator *evaluator, const struct weir_batch *batch, uint32_t first,
                     uint32_t row_count, struct output *output)
{
    struct frame *frame = &evaluator->frame;
    const struct program *program = frame->program;
    struct vector *vectors = evaluator->vectors.at;
    for (uint32_t i = 0; i < program->term_count; i++) {
        const struct term *term = &program->terms[i];
        if (term->source == TERM_COLUMN) {
            load_column(evaluator, term, &vectors[i], &batch->columns[term->column], first,
                        row_count);
        }
    }
    uint32_t width = weir_type_width(program->terms[program->root].type);
    char *root_values = NULL;
    if (!weir_type_is_text(program->terms[program->root].type)) {
        root_values = output->values + (width == 0 ? first / 8 : (size_t)first * width);
    }
    for (uint32_t i = 0; i < program->body_count && frame->rc == 0; i++) {
        run_instruction(frame, &program->body[i], row_count, root_values);
    }
    return frame->rc != 0 ? frame->rc : write_chunk(evaluator, output, first, row_count);
}

static void run_prologue(struct frame *frame)
{
    for (uint32_t i = 0; i < frame->program->prologue_count && frame->rc == 0; i++) {
        run_instruction(frame, &frame->program->prologue[i], 1, NULL);
    }
}

// The last word of bits may hold rubbish behind the last row; counts nulls on the way.
static void output_end(struct output *output, uint32_t row_count)
{
    struct weir_column *column = output->column;
    uint32_t byte_count = (row_count + 63) / 64 * 8, valid_count = 0;
    uint8_t *bits[] = {output->validity, column->type.id == WEIR_TYPE_BOOL
                                             ? (uint8_t *)output->values
                                             : output->validity};
    for (uint32_t i = 0; i < 2; i++) {
        for (uint32_t j = row_count; j < byte_count * 8; j++) {
            weir_bit_set(bits[i], j, 0);
        }
    }
    for (uint32_t i = 0; i < byte_count; i++) {
        valid_count += (uint32_t)__builtin_popcount(output->validity[i]);
    }
    column->null_count = row_count - valid_count;
    column->validity = column->null_count == 0 ? NULL : output->validity;
    column->values = output->values;
    column->offsets = output->offsets;
}

static int evaluate_chunks(const struct program *program, struct evaluator *evaluator,
                           const struct weir_batch *batch, struct output *output)
{
    struct weir_type type = program->terms[program->root].type;
    int rc = output_begin(evaluator, type, batch->row_count, output);
    if (rc == 0 && (rc = frame_begin(evaluator, program)) == 0) {
        run_prologue(&evaluator->frame);
        rc = evaluator->frame.rc;
    }
    struct heap mark = evaluator->heap;
    uint32_t record_mark = evaluator->frame.record_count;
    for (uint32_t first = 0; rc == 0 && first < batch->row_count; first += CHUNK_ROWS) {
        uint32_t left = batch->row_count - first;
        evaluator->heap.block = mark.block;
        evaluator->heap.used = mark.used;
        evaluator->heap.total = mark.total;
        evaluator->frame.record_count = record_mark;
        rc = run_chunk(evaluator, batch, first, left < CHUNK_ROWS ? left : CHUNK_ROWS, output);
    }
    if (rc == 0 && weir_type_is_text(type)) {
        output->values = evaluator->results[output->result_index].at;
    }
    return rc;
}

static int reads_absent(const struct weir_expression *head, const struct weir_batch *batch)
{
    for (uint32_t i = 0; i < head->column_count; i++) {
        if (batch->columns[head->columns[i]].encoding != WEIR_ENCODING_PLAIN) {
            return 1;
        }
    }
    return 0;
}

int expression_evaluate(const struct expression *expression, struct evaluator *evaluator,
                        const struct weir_batch *batch, int64_t now_ms, struct weir_column *result,
                        const struct expr_failure **failures, uint32_t *failure_count)
{
    evaluator->failure_count = 0;
    arena_finish(&evaluator->reasons);
    *failures = NULL;
    *failure_count = 0;
    if (reads_absent(&expression->head, batch)) {
        return -EINVAL;
    }
    if (expression->head.column >= 0) {
        *result = batch->columns[expression->head.column];
        return 0;
    }
    struct output output = {.column = result};
    evaluator->now_ms = now_ms;
    int rc = evaluate_chunks(&expression->program, evaluator, batch, &output);
    if (rc != 0) {
        return rc;
    }
    *result = (struct weir_column){.type = expression->head.type};
    output_end(&output, batch->row_count);
    *failures = evaluator->failures;
    *failure_count = evaluator->failure_count;
    return 0;
}

int program_fold(struct program *program, struct evaluator *evaluator, struct arena *arena,
                 char *reason, size_t reason_size)
{
    struct instruction *instruction = &program->prologue[program->prologue_count - 1];
    struct term *term = &program->terms[instruction->out];
    int rc = frame_begin(evaluator, program);
    if (rc != 0) {
        return rc;
    }
    struct vector *vector = (struct vector *)evaluator->vectors.at + instruction->out;
    run_instruction(&evaluator->frame, instruction, 1, NULL);
    if (evaluator->frame.rc != 0) {
        return evaluator->frame.rc;
    }
    if (vector->errors != NULL && vector->errors[0] != 0) {
        describe(&evaluator->frame, &evaluator->frame.records[vector->errors[0] - 1], reason,
                 reason_size);
        return 0;
    }
    term->is_null = !vector_is_valid(vector, 0);
    if (!term->is_null) {
        record_operand(vector, 0, &term->value);
        if (weir_type_is_text(term->type)) {
            term->value.text.at = arena_copy(arena, term->value.text.at, term->value.text.length);
            if (term->value.text.at == NULL) {
                return -ENOMEM;
            }
        }
    }
    term->source = TERM_LITERAL;
    program->prologue_count--;
    return 1;
}
