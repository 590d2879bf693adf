// Errors inside the runtime: a negative errno (or WEIR_ERROR_* from a plugin) and one sentence for
// the person.
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

struct error {
    int code;
    char text[2048];
};

// Sets code and text; error may be NULL. Returns code.
__attribute__((format(printf, 3, 4))) int error_set(struct error *error, int code,
                                                    const char *format, ...);

// Puts "<format>: " before the text on the way up. Returns the code it has.
__attribute__((format(printf, 2, 3))) int error_wrap(struct error *error, const char *format, ...);

#endif
