// The compiled form of an expression: terms (values per row) and the instructions that make them.
#ifndef EXPR_PROGRAM_H
#define EXPR_PROGRAM_H

#include "expr/arena.h"
#include "expr/expr.h"
#include "expr/kernel.h"

enum term_source {
    TERM_COLUMN,  // of the batch
    TERM_LITERAL, // known at compile time
    TERM_BATCH,   // one value per batch: made by a prologue instruction
    TERM_ROW,     // a value per row
};

struct term {
    enum term_source source;
    struct weir_type type;
    uint32_t column;
    uint32_t
        slot;    // TERM_ROW and text columns: which piece of scratch memory; TERM_BATCH: which cell
    int is_null; // TERM_LITERAL
    union value value;
};

#define INSTRUCTION_STRICT 1u // null and failed where an argument is
#define INSTRUCTION_TRY 2u    // null where it fails itself

struct instruction {
    kernel *run;
    const char *name;        // for reasons
    struct weir_type target; // the type that reasons name
    uint32_t flags;
    uint32_t out; // term
    uint32_t argument_count;
    uint32_t *arguments;         // terms
    const struct value_set *set; // of kernel_in, else NULL
};

struct program {
    struct term *terms;
    uint32_t term_count;
    uint32_t term_capacity;
    struct instruction *prologue; // once a batch
    uint32_t prologue_count;
    uint32_t prologue_capacity;
    struct instruction *body; // once a chunk
    uint32_t body_count;
    uint32_t body_capacity;
    uint32_t root; // term
    uint32_t slot_count;
    uint32_t cell_count;
    uint32_t argument_max;
};

struct expression {
    struct weir_expression head;
    struct program program;
    struct arena *arena;
};

// Runs the last prologue instruction, whose arguments are all literals, at compile time. 1: its
// term is a literal now and the instruction gone; 0: it fails, with the reason; -ENOMEM.
int program_fold(struct program *program, struct evaluator *evaluator, struct arena *arena,
                 char *reason, size_t reason_size);

#endif
