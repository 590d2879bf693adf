// The tree of an expression: made by the parser, typed by the checker.
#ifndef EXPR_NODE_H
#define EXPR_NODE_H

#include "expr/compilation.h"
#include "expr/kernel.h"

enum node_kind {
    NODE_LITERAL,
    NODE_COLUMN,
    NODE_CALL, // functions and operators alike
    NODE_CAST, // of its one argument to type
};

struct node {
    enum node_kind kind;
    uint32_t start; // in the text
    uint32_t end;
    uint32_t depth;
    int is_checked;          // a node may have several parents
    uint32_t term;           // of the program, once emitted; counted from 1
    struct weir_type type;   // id 0: not known yet, or that of a null literal
    const char *name;        // of the column or function
    struct weir_type target; // of a cast in several steps: where they lead
    int is_try;              // a cast that gives null where it fails
    int is_duration;         // an integer literal with a unit, or computed from one
    int must_fold;           // a literal that the checker converted: fails at compile time or never
    int is_null;             // a null literal
    uint32_t column;
    union value value; // of a literal
    const struct function *function;
    kernel *kernel; // chosen by the checker
    uint32_t argument_count;
    struct node **arguments;
};

// Parses the whole text. NULL with compilation->error.
struct node *parse(struct compilation *compilation);

// Gives every node its type and every call its kernel; adds casts. 0, or negative with
// compilation->error.
int check(struct compilation *compilation, struct node **root);

// New nodes for the parser and the checker. NULL with compilation->error.
struct node *node_create(struct compilation *compilation, enum node_kind kind, uint32_t start,
                         uint32_t end);
struct node *node_call(struct compilation *compilation, const char *name, uint32_t start,
                       uint32_t end, uint32_t argument_count, struct node *const *arguments);

#endif
