/* The list of what a forked child must close and raise.
 *
 * The only mutable globals of the library: a fork handler gets no argument. The mutex is held
 * across the fork by the thread that forks, so the child finds the list whole and may unlock. */
#include "os/fork.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static rs_fork_entry head = {.previous = &head, .next = &head};
static bool is_installed;

static void before_fork(void) {
    pthread_mutex_lock(&mutex);
}

static void after_fork_in_parent(void) {
    pthread_mutex_unlock(&mutex);
}

/* Only close and stores: the child of a threaded program may call nothing else safely. Entries stay
 * on the list, since their owners, copied too, will remove them. */
static void after_fork_in_child(void) {
    for (rs_fork_entry *entry = head.next; entry != &head; entry = entry->next) {
        if (entry->fd != NULL && *entry->fd >= 0) {
            close(*entry->fd);
            *entry->fd = -1;
        }
        if (entry->flag != NULL) atomic_store(entry->flag, 1);
    }
    pthread_mutex_unlock(&mutex);
}

void rs_fork_hold(void) {
    pthread_mutex_lock(&mutex);
}

void rs_fork_continue(void) {
    pthread_mutex_unlock(&mutex);
}

int rs_fork_add(rs_fork_entry *entry) {
    int failure = 0;
    pthread_mutex_lock(&mutex);
    if (!is_installed)
        failure = pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
    if (failure == 0) {
        is_installed = true;
        entry->previous = head.previous;
        entry->next = &head;
        head.previous->next = entry;
        head.previous = entry;
    }
    pthread_mutex_unlock(&mutex);
    return -failure;
}

void rs_fork_remove(rs_fork_entry *entry) {
    pthread_mutex_lock(&mutex);
    if (entry->next != NULL) {
        entry->previous->next = entry->next;
        entry->next->previous = entry->previous;
        entry->previous = entry->next = NULL;
    }
    pthread_mutex_unlock(&mutex);
}
