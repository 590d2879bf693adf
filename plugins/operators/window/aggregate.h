// The aggregates of a window: what a slot holds for them, how rows are added to slots, and how
// slots become output columns.
//
// A slot has one count of rows and, for each distinct argument, the accumulators that the outputs
// need; outputs that need the same one share it (avg takes sum and count). Values are of four
// classes; every type is brought to its class block by block, so each loop is written once.
//
// Sums, minima and maxima of float64 arguments lie in groups of four, side by side, and are added
// as vectors: sums of the four, then minima, then maxima.
#ifndef WINDOW_AGGREGATE_H
#define WINDOW_AGGREGATE_H

#include "text.h"
#include "weir/operator.h"

#define BLOCK_ROWS 256u // rows whose slots stay in the nearest cache while all loops pass over them

#define CLASS_INT 1u   // int64: bool, integers, dates, times, timestamps up to 6 digits
#define CLASS_FLOAT 2u // double
#define CLASS_WIDE 3u  // __int128: decimals; timestamps of 7 to 9 digits as ms << 32 | ns
#define CLASS_TEXT 4u  // struct text_value

#define ACCUMULATE_SUM 1u // INT: __int128; FLOAT: double; WIDE: __int128 and a flag
#define ACCUMULATE_MIN 2u
#define ACCUMULATE_MAX 3u
#define ACCUMULATE_FIRST 4u     // value, flag
#define ACCUMULATE_LAST 5u      // value
#define ACCUMULATE_FIRST_BY 6u  // value, flag, key
#define ACCUMULATE_LAST_BY 7u   //
#define ACCUMULATE_DEVIATION 8u // count, mean, sum of squared differences: Welford
#define ACCUMULATE_DISTINCT 9u  // registers of a HyperLogLog

#define DISTINCT_BITS 10u
#define DISTINCT_REGISTERS (1u << DISTINCT_BITS)

#define AT_NONE UINT32_MAX

struct accumulator {
    uint32_t function; // ACCUMULATE_*
    uint32_t argument;
    uint32_t by;     // argument that orders; AT_NONE: arrival
    uint32_t at;     // of its value in the slot, bytes
    uint32_t key_at; // of the key (BY)
    uint32_t flag_at;
    int32_t is_vector; // a vector loop takes care of it where no value is null
    uint32_t range_at; // MIN of integers whose MAX lies here: one loop does both; else AT_NONE
    int32_t is_done_by_other; // that MAX
};

struct argument {
    const struct weir_expression *expression;
    uint32_t class;    // CLASS_*
    uint32_t nulls_at; // uint32_t in the slot: rows whose value is null; AT_NONE: never null
    struct weir_column column; // of the batch at hand
};

struct vector {
    uint32_t functions;    // bit per ACCUMULATE_SUM, _MIN, _MAX
    uint32_t arguments[4]; // the last ones again if there are fewer than four
    uint32_t at;           // of the first double in the slot
};

struct output {
    uint32_t function; // WEIR_AGGREGATE_*
    struct weir_type type;
    const char *name;
    uint32_t argument;    // AT_NONE: count of rows
    uint32_t accumulator; // AT_NONE: counts
};

struct aggregates {
    struct output *outputs;
    uint32_t output_count;
    struct argument *arguments;
    uint32_t argument_count;
    struct accumulator *accumulators;
    uint32_t accumulator_count;
    struct vector *vectors;
    uint32_t vector_count;
    uint32_t count_at;
    uint32_t emitted_at; // uint8_t: 1 if the slot is as it was emitted last; AT_NONE: not kept
    uint32_t hot_bytes;  // of a slot that every row touches
    int32_t has_text;
    struct weir_state_layout layout;
    struct weir_state_field *fields;
    uint8_t *initial;
    struct texts *texts;           // lent
    struct block_scratch *scratch; //
};

// Plans the slot for a list of aggregates. keeps_emitted: with the mark of emitted slots.
int32_t aggregates_plan(struct weir_context *context, const struct weir_value *list,
                        int32_t keeps_emitted, struct aggregates *aggregates);
void aggregates_finish(struct aggregates *aggregates);

// Evaluates the arguments over a batch.
int32_t aggregates_bind(struct weir_context *context, struct aggregates *aggregates,
                        const struct weir_batch *batch);
// Adds the rows of the batch bound last; slots[i] is row i's. FATAL: no memory for long strings,
// or more nulls than can be counted.
int32_t aggregates_add(struct weir_context *context, struct aggregates *aggregates,
                       uint32_t row_count, const uint32_t *slots, const struct weir_state *state);

// 1 if every result of a slot fits its type; otherwise reason says which does not.
int32_t aggregates_fit(const struct aggregates *aggregates, const uint8_t *slot, char *reason,
                       uint32_t reason_size);
// Writes the columns of all outputs, from first_column on.
int32_t aggregates_write(struct weir_context *context, const struct aggregates *aggregates,
                         uint8_t *const *slots, uint32_t slot_count, struct weir_builder *builder,
                         uint32_t first_column);
// Frees the long strings that a slot holds.
void aggregates_release(struct weir_context *context, struct aggregates *aggregates, uint8_t *slot);

// The class of a type.
uint32_t class_of(struct weir_type type);

#endif
