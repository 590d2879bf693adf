// What the steps of one compilation share.
#ifndef EXPR_COMPILATION_H
#define EXPR_COMPILATION_H

#include "expr/arena.h"
#include "expr/expr.h"

// Stable codes of what can be wrong with an expression; docs/expressions.md lists them.
#define EXPR_SYNTAX "W0301"       // something else was expected here
#define EXPR_UNTERMINATED "W0302" // a quote or bracket is not closed
#define EXPR_CHARACTER "W0303"    // a character that begins nothing
#define EXPR_NUMBER "W0304"       // a number that no type holds, or letters behind it
#define EXPR_TOO_LARGE "W0305"    // nested too deep or too long
#define EXPR_MEMORY "W0306"       // no memory
#define EXPR_FUNCTION "W0311"     // no such function
#define EXPR_COLUMN "W0312"       // no such column
#define EXPR_TYPE "W0313"         // types that do not go together
#define EXPR_ARGUMENTS "W0314"    // a call with other arguments than the function takes
#define EXPR_TYPE_NAME "W0315"    // no such type
#define EXPR_CAST "W0316"         // no cast between these types
#define EXPR_RESULT "W0317"       // the result has another type than wanted
#define EXPR_LITERAL "W0318"      // a constant that fails for every row

struct compilation {
    const char *text;
    uint32_t length;
    const struct weir_schema *schema;
    struct arena *arena;
    struct expr_error *error;
};

// Sets the error and returns -EINVAL.
__attribute__((format(printf, 5, 6))) int compilation_fail(struct compilation *compilation,
                                                           const char *code, uint32_t start,
                                                           uint32_t end, const char *format, ...);
// Says that there is no memory and returns -ENOMEM.
int compilation_no_memory(struct compilation *compilation);

#endif
