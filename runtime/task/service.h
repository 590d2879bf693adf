// Services in a job: requests that come in over listeners wait in the task's queue until the task
// gets to them.
#ifndef TASK_SERVICE_H
#define TASK_SERVICE_H

#include "task/task.h"

struct service;

// [setup] Listens for the service in a task; its first listener makes the queue. 0 or a negative
// errno with a sentence.
int service_listen(struct task *task, const char *url, struct error *error);
// [task] Lets the operator answer what has come in. A result of a round.
int service_round(struct task *task);
// [setup] Refuses what is in the queue and what still comes; the operator may yet answer what it
// holds. NULL is fine.
void service_stop(struct service *service);
// [setup] Stops listening. Every request that the operator took must have been answered. NULL is
// fine.
void service_close(struct service *service);

#endif
