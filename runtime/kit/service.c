// Resources that the operator uses, and requests that it answers.
#include <stdlib.h>
#include <string.h>

#include "kit/kit_body.h"

// --- Resources ---

struct instance *kit_hook_resource(struct instance *instance, const char *name)
{
    const struct weir_kit *kit = instance->owner;
    const struct kit_resource *resource = kit->resources;
    while (resource != NULL && strcmp(resource->name, name) != 0) {
        resource = resource->next;
    }
    return resource != NULL ? resource->instance : NULL;
}

static const struct weir_resource_type *find_type(struct weir_kit *kit, const char *type)
{
    for (uint32_t i = 0; i < kit->plugin->resource_count; i++) {
        if (strcmp(kit->plugin->resources[i]->name, type) == 0) {
            return kit->plugin->resources[i];
        }
    }
    kit_fail(kit, WEIR_ERROR_CONFIG, "plugin `%s` has no resource type `%s`", kit->plugin->name,
             type);
    return NULL;
}

static const struct instance_hooks resource_hooks = {.extension = kit_hook_extension};

static void open_resource(struct weir_kit *kit, const struct weir_resource_type *type,
                          struct kit_resource *resource)
{
    struct error error = {0};
    struct instance_request request = {.host = &kit->host,
                                       .resource = type,
                                       .plugin = kit->plugin->name,
                                       .stage = resource->name,
                                       .options = resource->options,
                                       .hooks = &resource_hooks,
                                       .owner = kit,
                                       .clock = &kit->clock.clock,
                                       .metrics = kit->metrics};
    kit_enter(kit);
    int32_t rc = instance_create(&request, &resource->instance, &error);
    if (rc == WEIR_OK) {
        rc = instance_open(resource->instance, NULL);
        error_set(&error, rc, "%s", resource->instance->error.text);
    }
    if (rc != WEIR_OK) {
        kit_fail(kit, rc, "%s", error.text);
    }
    kit_leave(kit, WEIR_OK);
}

int32_t weir_kit_resource(struct weir_kit *kit, const char *type, const char *name,
                          const char *options)
{
    const struct weir_resource_type *found = kit->error_class == 0 ? find_type(kit, type) : NULL;
    if (found == NULL) {
        return kit->error_class;
    }
    json_t *values;
    struct kit_resource *resource = calloc(1, sizeof *resource);
    if (resource == NULL) {
        abort();
    }
    resource->name = strdup(name);
    resource->next = kit->resources;
    kit->resources = resource;
    resource->options =
        kit_options(kit, "resource", type, found->options, found->option_count, options, &values);
    json_decref(values);
    if (resource->options != NULL) {
        open_resource(kit, found, resource);
    }
    return kit->error_class;
}

void kit_free_resources(struct weir_kit *kit)
{
    while (kit->resources != NULL) {
        struct kit_resource *resource = kit->resources;
        kit->resources = resource->next;
        instance_destroy(resource->instance);
        options_destroy(resource->options);
        free(resource->name);
        free(resource);
    }
}

// --- Requests ---

int32_t kit_hook_listen(struct instance *instance, const char *url)
{
    struct weir_kit *kit = instance->owner;
    text_print(&kit->log, "info: listens on %s\n", url);
    return WEIR_OK;
}

static int32_t keep_reply(struct host_request *head, const void *bytes, uint64_t byte_count)
{
    struct kit_request *request = (struct kit_request *)head;
    struct weir_kit *kit = head->owner;
    if (request->is_answered) {
        return kit_fail(kit, WEIR_ERROR_FATAL, "the operator replies to a request twice");
    }
    text_add(&request->reply, bytes, byte_count);
    request->is_answered = 1;
    return WEIR_OK;
}

const char *weir_kit_request(struct weir_kit *kit, const void *bytes, uint64_t byte_count,
                             uint64_t *reply_byte_count)
{
    if (kit_ready(kit) != WEIR_OK) {
        return NULL;
    }
    struct kit_request *request = calloc(1, sizeof *request);
    if (request == NULL) {
        abort();
    }
    request->request = (struct host_request){
        .request = {.size = sizeof(struct weir_request), .byte_count = byte_count, .bytes = bytes},
        .reply = keep_reply,
        .owner = kit};
    request->next = kit->requests;
    kit->requests = request;
    kit_enter(kit);
    kit_leave(kit, instance_answer(kit->instance, &request->request));
    if (reply_byte_count != NULL) {
        *reply_byte_count = request->reply.length;
    }
    return request->is_answered ? request->reply.at : NULL;
}

void kit_free_requests(struct weir_kit *kit)
{
    while (kit->requests != NULL) {
        struct kit_request *request = kit->requests;
        kit->requests = request->next;
        if (!request->is_answered && kit->error_class == 0) {
            kit_report(kit->description->name, 0, "a request was never replied to");
        }
        text_finish(&request->reply);
        free(request);
    }
}
