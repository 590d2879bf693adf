#include "common.h"

COMMON_SINK("no_process", NULL);
COMMON_PLUGIN("no_process")
