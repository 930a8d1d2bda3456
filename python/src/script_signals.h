/* Asks a running program for a save: when the time has come, and when it is to stop. */
#ifndef RP_SCRIPT_SIGNALS_H
#define RP_SCRIPT_SIGNALS_H

#include "module.h"

#include <stdint.h>

/* From now on `handler` is called in the main thread as a handler of signals is, with the frame
 * that runs, after each interval set by rp_script_ask and after a signal that asks to stop. For the
 * main thread alone. 0 or -1. */
int rp_script_signals_begin(PyObject *handler);
/* Signals are what they were before. */
void rp_script_signals_end(void);
/* Once, after so many nanoseconds; replaces what was asked for before. */
void rp_script_ask(uint64_t delay_ns);
/* At the very next place where the interpreter looks for signals. */
void rp_script_ask_next(void);
/* The signal that has asked to stop, or 0. */
int rp_script_stop_signal(void);
/* Of the monotonic clock. */
uint64_t rp_script_now_ns(void);
#endif
