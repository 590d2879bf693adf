// Small operators that the kit is tried on.
#ifndef TESTS_KIT_OPERATORS_H
#define TESTS_KIT_OPERATORS_H

#include "weir/plugin.h"

extern const struct weir_plugin test_plugin;

// What `naughty` does when it gets a batch; set before.
enum naughty_deed {
    RETURN_SEVEN,
    RETURN_END,
    WAIT_UNTIL_LATER,
    ADOPT,
    ADOPT_WITHOUT_OWNER,
    SAY_NOTHING,
    EMIT_TWICE,
    EMIT_LENT,
    EMIT_NOWHERE,
    KEEP_BATCH,
    KEEP_BUILDER,
    KEEP_MEMORY,
    RELEASE_WRONG_SIZE,
    WRONG_COLUMN_TYPE,
    WRONG_SHARE,
    NULL_IN_NOT_NULL,
    BAD_OFFSETS,
    BAD_KIND,
    UNDECLARED_KIND,
    OTHER_SCHEMA,
    TOO_MANY_ROWS,
    TIMER_WITHOUT_TABLE,
    ABSENT_BUT_WANTED,
    STATE_WITHOUT_KEY,
    MORE_FOR_EVER,
    RETURN_FATAL,
};
extern enum naughty_deed naughty_deed;
extern uint32_t naughty_released_count; // batches that were adopted and freed

#endif
