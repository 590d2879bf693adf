#include "task/service.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "link/listener.h"
#include "task/job_internal.h"

#define LISTENERS_MAX 16u

// A request on its way through the operator.
struct queued {
    struct host_request host; // first
    struct link_request *link;
    struct queued *next;
};

struct service {
    struct task *task;
    struct listener *listeners[LISTENERS_MAX];
    uint32_t listener_count;
    pthread_mutex_t lock;
    struct queued *first;
    struct queued *last;
    int is_stopped;
};

static int32_t reply(struct host_request *request, const void *bytes, uint64_t byte_count)
{
    struct queued *queued = (struct queued *)request;
    int rc = link_reply(queued->link, bytes, byte_count);
    free(queued);
    return rc == 0 ? WEIR_OK : WEIR_ERROR_FATAL;
}

static void refuse(struct queued *queued)
{
    link_refuse(queued->link, "the service is closing");
    free(queued);
}

// On a thread of nng.
static void on_request(void *owner, struct link_request *request)
{
    struct service *service = owner;
    struct queued *queued = calloc(1, sizeof *queued);
    if (queued == NULL) {
        link_refuse(request, "no memory");
        return;
    }
    queued->host.request = (struct weir_request){.size = sizeof queued->host.request,
                                                 .byte_count = request->byte_count,
                                                 .bytes = request->bytes};
    queued->host.reply = reply;
    queued->link = request;
    pthread_mutex_lock(&service->lock);
    int is_stopped = service->is_stopped;
    if (!is_stopped) {
        *(service->first == NULL ? &service->first : &service->last->next) = queued;
        service->last = queued;
    }
    pthread_mutex_unlock(&service->lock);
    if (is_stopped) {
        refuse(queued);
    } else {
        worker_wake(service->task->worker);
    }
}

static struct queued *take(struct service *service)
{
    pthread_mutex_lock(&service->lock);
    struct queued *queued = service->first;
    if (queued != NULL) {
        service->first = queued->next;
    }
    pthread_mutex_unlock(&service->lock);
    return queued;
}

int service_listen(struct task *task, const char *url, struct error *error)
{
    struct service *service = task->service;
    if (service == NULL) {
        service = calloc(1, sizeof *service);
        if (service == NULL) {
            return error_set(error, -ENOMEM, "cannot listen at %s: no memory", url);
        }
        service->task = task;
        pthread_mutex_init(&service->lock, NULL);
        task->service = service;
    }
    if (service->listener_count == LISTENERS_MAX) {
        return error_set(error, -EMFILE, "cannot listen at %s: a service has at most %u listeners",
                         url, LISTENERS_MAX);
    }
    int rc = listener_open(url, on_request, service, &service->listeners[service->listener_count],
                           error);
    service->listener_count += rc == 0;
    return rc;
}

int service_round(struct task *task)
{
    struct node *node = &task->nodes[0];
    struct queued *queued = task->service == NULL ? NULL : take(task->service);
    if (queued == NULL) {
        return ROUND_IDLE;
    }
    int32_t rc = instance_answer(node->instance, &queued->host);
    if (rc < 0) {
        job_log(node->stage, WEIR_LOG_WARNING, "a connection is closed: %s",
                node->instance->error.text);
        link_hang_up(queued->link);
        free(queued);
    }
    return ROUND_MORE;
}

void service_stop(struct service *service)
{
    if (service == NULL) {
        return;
    }
    pthread_mutex_lock(&service->lock);
    service->is_stopped = 1;
    pthread_mutex_unlock(&service->lock);
    for (struct queued *queued = take(service); queued != NULL; queued = take(service)) {
        refuse(queued);
    }
}

void service_close(struct service *service)
{
    if (service == NULL) {
        return;
    }
    service_stop(service);
    for (uint32_t i = 0; i < service->listener_count; i++) {
        listener_close(service->listeners[i]);
    }
    pthread_mutex_destroy(&service->lock);
    free(service);
}
