// What the files of this module share.
#ifndef PLAN_PLAN_INTERNAL_H
#define PLAN_PLAN_INTERNAL_H

#include "plan/plan.h"

struct plan_build {
    struct plan *plan;
    const struct plugins *plugins;
    const struct plan_settings *settings;
    struct diagnostics *diagnostics;
};

// The phases of plan_build, in order. Each reports all it finds; 0 or -EINVAL.
int plan_declare(struct plan_build *build);   // resources, stages, operators
int plan_connect(struct plan_build *build);   // edges and order
int plan_configure(struct plan_build *build); // options and instances
int plan_negotiate(struct plan_build *build); // schemas, exchanges, wants
void plan_chain(struct plan *plan);           // stages into tasks

// The place that a description's object has under key.
struct place plan_place(const json_t *object, const char *key);
struct place plan_option_place(const json_t *declaration, const char *option);
// "a, b, c" of a NULL-terminated list, malloc'd.
char *plan_names(const char *const *names);

#endif
