/* What a forked child must not inherit: descriptors that hold locks, and flags that must be raised.
 *
 * One list for the process, under a mutex that the fork handlers hold across the fork: the only
 * mutable global of the library (a fork handler has no argument). Installed by the first entry.
 * Children made by exec or posix_spawn need none of this: every descriptor is close-on-exec. */
#ifndef RS_OS_FORK_H
#define RS_OS_FORK_H

#include <stdatomic.h>

/* Lives inside its owner; zero-initialised it is not on the list. */
typedef struct rs_fork_entry {
    struct rs_fork_entry *previous, *next;
    int *fd;          /* closed in the child and set to -1; may be NULL */
    atomic_int *flag; /* set to 1 in the child; may be NULL */
} rs_fork_entry;

int rs_fork_add(rs_fork_entry *entry);     /* 0 or -errno */
void rs_fork_remove(rs_fork_entry *entry); /* an entry that is not on the list is allowed */

/* Between the two no fork happens: for opening or closing a descriptor and writing it to `*fd` as
 * one step. Short, without calls of the two functions above. */
void rs_fork_hold(void);
void rs_fork_continue(void);
#endif
