// Diagnostics: what is wrong with a pipeline, with its place, shown to people as
//
//   error[W0312]: column `temprature` does not exist
//     --> pipelines/sensors.lua:12:22 (stage `clean`, option `set.temp_f`)
//      |
//   12 |     set = { temp_f = "temprature * 1.8 + 32" },
//      |                       ^^^^^^^^^^
//      = available: temperature, humidity, pressure, battery_level
//      = help: did you mean `temperature`?
//
// All errors of a phase are collected and reported together. docs/errors.md lists the codes.
#ifndef BASE_DIAGNOSTIC_H
#define BASE_DIAGNOSTIC_H

#include <stdint.h>
#include <stdio.h>

struct place {
    char *file;      // NULL: unknown
    uint32_t line;   // from 1; 0: unknown
    uint32_t column; // from 1, in bytes; 0: unknown, no caret
    uint32_t end;    // column after the last byte; 0: one byte
};

struct diagnostic {
    char code[8];
    int is_warning;
    struct place place;
    char *message;
    char *stage;     // NULL: none
    char *option;    // NULL: none
    char *available; // what there is, comma-separated; NULL: none
    char *help;      // NULL: none
    char *notes;     // lines, each shown as a note of its own; NULL: none
    struct diagnostic *next;
};

struct diagnostics {
    struct diagnostic *first;
    struct diagnostic *last;
    uint32_t error_count;
    uint32_t warning_count;
};

// Adds one and returns it, to be filled in further with diagnostic_set. message is printf-like;
// place is copied, NULL for none. Never NULL: the process ends when there is no memory for it.
__attribute__((format(printf, 4, 5))) struct diagnostic *
diagnostic_add(struct diagnostics *diagnostics, const char *code, const struct place *place,
               const char *message, ...);
__attribute__((format(printf, 4, 5))) struct diagnostic *
diagnostic_add_warning(struct diagnostics *diagnostics, const char *code, const struct place *place,
                       const char *message, ...);
// Replaces one of the text members (&diagnostic->help and the like).
__attribute__((format(printf, 2, 3))) void diagnostic_set(char **member, const char *format, ...);

// Adds a line that is shown as "= note: LINE" ("called from families.lua:12").
__attribute__((format(printf, 2, 3))) void diagnostic_note(struct diagnostic *diagnostic,
                                                           const char *format, ...);

// Prints errors, then warnings, each with an excerpt that is read from its source file; at most
// DIAGNOSTICS_SHOWN, then how many more there are.
#define DIAGNOSTICS_SHOWN 20
void diagnostics_print(const struct diagnostics *diagnostics, FILE *file);

// Moves all of `from` to the end of `diagnostics`; `from` is empty then.
void diagnostics_move(struct diagnostics *diagnostics, struct diagnostics *from);
// Brings them into the order of the text (file, line, column); equal places by option and message.
void diagnostics_sort(struct diagnostics *diagnostics);
void diagnostics_finish(struct diagnostics *diagnostics);

#endif
