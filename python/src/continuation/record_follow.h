/* Between record_check.c and what follows the code for it. */
#ifndef RP_RECORD_FOLLOW_H
#define RP_RECORD_FOLLOW_H

#include "analysis.h"

/* `index`: of the instruction at which the frame stands. 1: the entries are what the code takes
 * them for. 0: not. -1: exception. */
int rp_record_follow_stack(const rp_module_state *state, const rp_record *record,
                           const rp_analysis *analysis, int index);
/* The same of variables without a value, which the code reads without a look. */
/* The same of what the instruction in progress will give, which may be any object. */
int rp_record_follow_result(const rp_module_state *state, const rp_record *record,
                            const rp_analysis *analysis, int index);
int rp_record_follow_variables(const rp_module_state *state, const rp_record *record,
                               const rp_analysis *analysis, int index);
#endif
