// weir.node/1: what a plugin may know of the node that it runs on. Reached by
// weir_host.extension, from operators, resources and commands.
#ifndef WEIR_NODE_H
#define WEIR_NODE_H

#include <stdint.h>

#define WEIR_NODE_1 "weir.node/1"

// A table of the host; grows at its end.
struct weir_node_table {
    uint32_t size;
    uint32_t zero;
    const char *data_directory; // what is kept lies here (`--data DIR`); need not exist yet
};

#endif
