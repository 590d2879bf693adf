// Negotiation: what a stage says about its types, in two pure passes. SCHEMAS goes down the graph:
// given the inputs, what comes out; WANTS goes up: given what is wanted of the outputs, what is
// wanted of the inputs.
//
// Outputs are numbered: 0 the main one, then the operator's named side outputs, and last
// `rejected`, which the host adds: for a transform or sink the columns of input 0 and reject_reason
// string; for a source place string, reason string, record bytes. A sink has no main output (its
// schema is NULL).
#ifndef HOST_NEGOTIATION_H
#define HOST_NEGOTIATION_H

#include "host/blocks.h"
#include "host/instance.h"

// Sets of columns: bit i of byte i / 8, as weir_bit and weir_bit_set see them.

struct negotiation_input {
    struct weir_input input; // as the operator sees it: schema, kinds, event_time, is_bounded
    const char *from;        // for messages: what it reads; the caller may set it
    uint32_t
        bucket_is_group; // the caller may set it: a batch's bucket is the key group of its rows
    // SCHEMAS:
    uint32_t is_partitioned;  // rows of one key must all reach the same task; the key is
    uint32_t *partition;      // these columns,
    uint32_t partition_count; // so many (0: all rows go to one task)
    // WANTS:
    uint32_t wanted_kinds;
    uint8_t *wanted;                           // set of columns that the operator reads
    const struct weir_expression **conditions; // rows for which one is not true are dropped
    uint32_t condition_count;
};

struct negotiation_output {
    const char *name;                 // "", a side output's name, "rejected"
    const struct weir_schema *schema; // NULL: there is no such output. The very schema of an input
                                      // if they are the same, else owned by the negotiation.
    uint32_t kinds;
    int32_t is_bounded;
    int32_t event_time; // column that holds an input's event time, or -1; the plan sets it where a
                        // stage says `event_time`, between the passes
    int32_t *origins; // [input * field_count + column]: input column whose values these are, or -1
    uint32_t group_count; // a source's promise to emit by key group of these columns; 0: none
    uint32_t *partitioned;
    uint32_t partitioned_count;
    // before WANTS, by the caller (negotiation_want_output):
    uint32_t wanted_kinds;
    uint8_t *wanted; // set of columns
};

struct negotiation_resource {
    const char *option; // of the descriptor
    int32_t is_written;
};

struct negotiation {
    struct weir_negotiation head;     // first: what the operator sees
    struct instance *instance;        // the one negotiated with
    struct negotiation_input *inputs; // head.input_count of them
    struct negotiation_output *outputs;
    uint32_t output_count; // head.output_count and `rejected`
    struct negotiation_resource *resources;
    uint32_t resource_count;
    struct blocks blocks;         // private: what the above points to
    struct weir_schema **schemas; // private: those owned, by output
    struct error fault;           // private: what a host call was given wrongly
};

// Number of an operator's last output, `rejected`.
uint32_t operator_rejected_output(const struct weir_operator *description);
// Number of the output of this name ("" or NULL: the main one), or -1.
int32_t operator_output(const struct weir_operator *description, const char *name);

struct negotiation *negotiation_create(struct instance *instance, uint32_t input_count);
void negotiation_destroy(struct negotiation *negotiation); // NULL is fine

// What comes into an input; schema must outlive the negotiation.
void negotiation_set_input(struct negotiation *negotiation, uint32_t input,
                           const struct weir_schema *schema, uint32_t kinds, int32_t event_time,
                           int32_t is_bounded);
// First pass: resolves the stage's options against the inputs (options may be NULL: leave them) and
// asks the operator. 0, or -EINVAL with all that is wrong in diagnostics (W0221: what the operator
// refuses; W0222: the plugin's fault; W0223: inputs that do not fit
// together).
int negotiation_schemas(struct negotiation *negotiation, struct options *options,
                        struct diagnostics *diagnostics);
// Adds to what is wanted of an output. columns NULL: all.
void negotiation_want_output(struct negotiation *negotiation, uint32_t output,
                             const uint8_t *columns, uint32_t kinds);
// Second pass. 0, or -EINVAL.
int negotiation_wants(struct negotiation *negotiation, struct diagnostics *diagnostics);

#endif
