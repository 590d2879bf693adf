// The words of an expression, one at a time.
#ifndef EXPR_LEXER_H
#define EXPR_LEXER_H

#include <stdint.h>

#include "expr/compilation.h"

enum token_kind {
    TOKEN_END,
    TOKEN_NAME,   // a word: a column, a function or a keyword
    TOKEN_QUOTED, // "two words": always a column
    TOKEN_STRING,
    TOKEN_INTEGER,
    TOKEN_FLOAT,
    TOKEN_DURATION,
    TOKEN_SIGN, // an operator or a bracket, one or two characters
};

struct token {
    enum token_kind kind;
    uint32_t start; // bytes from the start of the text
    uint32_t end;
    char *text;       // TOKEN_QUOTED and TOKEN_STRING: without quotes; NAME and SIGN: as written
    uint32_t length;  // of text
    uint64_t integer; // TOKEN_INTEGER (to 2^63) and TOKEN_DURATION (milliseconds)
    double number;    // TOKEN_FLOAT
};

// Reads the token that begins at or after offset. -EINVAL or -ENOMEM with compilation->error set.
int lexer_next(struct compilation *compilation, uint32_t offset, struct token *token);

// 1 if the token is this keyword (in any case) or this sign.
int token_is(const struct token *token, const char *word);

#endif
