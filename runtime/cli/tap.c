#include "cli/tap.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "host/show.h"

static struct {
    const struct plan_stage *stage;
    int64_t left;
} taps[FLAG_LIST_MAX];
static uint32_t tap_count;
static pthread_mutex_t tap_lock = PTHREAD_MUTEX_INITIALIZER;

static int add_tap(const char *request, const struct plan *plan)
{
    const char *equals = strrchr(request, '=');
    char *end = NULL;
    int64_t count = equals == NULL ? 0 : strtoll(equals + 1, &end, 10);
    if (equals == NULL || end == equals + 1 || *end != '\0' || count < 1) {
        fprintf(stderr, "weir run: --tap %s: write --tap STAGE=N, N the number of rows to print\n",
                request);
        return -1;
    }
    for (uint32_t i = 0; i < plan->stage_count; i++) {
        if (strlen(plan->stages[i].name) == (size_t)(equals - request) &&
            strncmp(plan->stages[i].name, request, (size_t)(equals - request)) == 0) {
            taps[tap_count].stage = &plan->stages[i];
            taps[tap_count++].left = count;
            return 0;
        }
    }
    fprintf(stderr, "weir run: --tap %s: there is no such stage; there are:", request);
    for (uint32_t i = 0; i < plan->stage_count; i++) {
        fprintf(stderr, "%s %s", i == 0 ? "" : ",", plan->stages[i].name);
    }
    fprintf(stderr, "\n");
    return -1;
}

int tap_init(const struct flag_list *requests, const struct plan *plan)
{
    for (uint32_t i = 0; i < requests->count; i++) {
        if (add_tap(requests->items[i], plan) != 0) {
            return -1;
        }
    }
    return 0;
}

static void print_row(const struct plan_stage *stage, uint32_t output,
                      const struct weir_batch *batch, uint32_t row)
{
    struct text line = {0};
    const char *name = stage->negotiation->outputs[output].name;
    show_row(&line, batch, row, 0);
    fprintf(stderr, "%s%s%s %s %s\n", stage->name, name[0] == '\0' ? "" : ".", name,
            show_kind(weir_kind(batch, row)), line.at == NULL ? "" : line.at);
    text_finish(&line);
}

void tap_batch(void *owner, const struct plan_stage *stage, uint32_t output,
               const struct weir_batch *batch)
{
    (void)owner;
    for (uint32_t i = 0; i < tap_count; i++) {
        if (taps[i].stage != stage || __atomic_load_n(&taps[i].left, __ATOMIC_RELAXED) <= 0) {
            continue;
        }
        pthread_mutex_lock(&tap_lock);
        for (uint32_t row = 0; row < batch->row_count && taps[i].left > 0; row++) {
            print_row(stage, output, batch, row);
            __atomic_store_n(&taps[i].left, taps[i].left - 1, __ATOMIC_RELAXED);
        }
        pthread_mutex_unlock(&tap_lock);
    }
}
