// The words of Lua text, comments left out. Any bytes are fine: what is no Lua becomes TOKEN_OTHER.
#ifndef LUA_LEXER_H
#define LUA_LEXER_H

#include "lua/source.h"

// text is NUL-terminated at length. The array ends with TOKEN_END, which count includes; the caller
// frees it. NULL: no memory.
struct token *lexer_run(const char *text, size_t length, size_t *count);

#endif
