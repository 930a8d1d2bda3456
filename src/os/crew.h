/* One piece of work on several processors at once. */
#ifndef RS_OS_CREW_H
#define RS_OS_CREW_H

#define RS_CREW_MAX 8u

/* Calls `work` with 0 to size - 1, each in a thread of its own but 0, which is the caller's, and
 * returns when all have. At most RS_CREW_MAX. The threads block all signals. One that can't be
 * started is left out without a word: `work` takes what there is to do from a shared counter, and 0
 * alone does all of it if need be. */
void rs_crew_run(unsigned size, void (*work)(void *context, unsigned member), void *context);
#endif
