// "Did you mean": the name that a person most likely meant.
#ifndef FLUSS_BASE_NEAREST_H
#define FLUSS_BASE_NEAREST_H

// The candidate nearest to name, or NULL if none is near. candidates ends in NULL.
const char *nearest_name(const char *name, const char *const *candidates);

#endif
