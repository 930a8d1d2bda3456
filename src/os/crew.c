/* Threads for one piece of work: made for it and joined behind it. */
#include "os/crew.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

/* What they do is flat: the default of 8 MiB would count against a limit of the address space. */
#define STACK_SIZE ((size_t)512 << 10)

typedef struct member {
    void (*work)(void *context, unsigned member);
    void *context;
    unsigned number;
    pthread_t thread;
} member;

static void *run(void *argument) {
    const member *self = argument;
    self->work(self->context, self->number);
    return NULL;
}

/* Signals belong to the program: the threads are born with all of them blocked. */
static unsigned start(member *members, unsigned count) {
    sigset_t all, before;
    pthread_attr_t how;
    unsigned started = 0;
    if (pthread_attr_init(&how) != 0) return 0;
    pthread_attr_setstacksize(&how, STACK_SIZE);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (started < count &&
           pthread_create(&members[started].thread, &how, run, &members[started]) == 0)
        started++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&how);
    return started;
}

void rs_crew_run(unsigned size, void (*work)(void *context, unsigned member), void *context) {
    member members[RS_CREW_MAX - 1];
    unsigned others = size < RS_CREW_MAX ? size : RS_CREW_MAX;
    others -= others > 0;
    for (unsigned i = 0; i < others; i++)
        members[i] = (member){.work = work, .context = context, .number = i + 1};
    unsigned started = others > 0 ? start(members, others) : 0;
    work(context, 0);
    for (unsigned i = 0; i < started; i++)
        pthread_join(members[i].thread, NULL);
}
