// The table of functions and operators.
#ifndef EXPR_FUNCTION_H
#define EXPR_FUNCTION_H

#include "expr/node.h"

#define FUNCTION_STRICT 1u    // null where an argument is null
#define FUNCTION_PER_BATCH 2u // one value per batch, not known at compile time
#define FUNCTION_OPERATOR 4u  // written as a sign or keyword: not listed by name

struct function {
    const char *name;
    const char *signature;  // for messages: "left(text string, count int64) string"
    const char *parameters; // letters of check.c, and of the result; NULL: bind does it
    char result;
    uint8_t flags;
    uint16_t least; // how many arguments, for bind
    uint16_t most;
    int (*bind)(struct compilation *compilation, struct node *call);
    kernel *kernel;
};

// NULL if there is none. Names in any case.
const struct function *function_find(const char *name);
// What other systems call name; NULL if we know none.
const char *function_synonym(const char *name);
// NULL-terminated names of all that are written as a call.
const char *const *function_names(void);

#endif
