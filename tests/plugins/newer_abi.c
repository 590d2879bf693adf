#include "common.h"

COMMON_SINK("newer_abi", NULL);
COMMON_PLUGIN_OF("newer_abi", sizeof plugin, 2u << 16, WEIR_ABI_VERSION)
