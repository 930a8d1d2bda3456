/* What several threads do one after the other. */
#ifndef RS_OS_MUTEX_H
#define RS_OS_MUTEX_H

#include <pthread.h>

typedef struct rs_mutex {
    pthread_mutex_t inner;
} rs_mutex;

/* For a few steps that cannot wait for anything, and for no signal handler. */
static inline void rs_mutex_init(rs_mutex *mutex) {
    pthread_mutex_init(&mutex->inner, NULL); /* cannot fail on Linux */
}
static inline void rs_mutex_lock(rs_mutex *mutex) {
    pthread_mutex_lock(&mutex->inner);
}
static inline void rs_mutex_unlock(rs_mutex *mutex) {
    pthread_mutex_unlock(&mutex->inner);
}
static inline void rs_mutex_destroy(rs_mutex *mutex) {
    pthread_mutex_destroy(&mutex->inner);
}
#endif
