/* instructions.c -- what instructions.py asks of callgrind from within the process it watches. */
#include <valgrind/callgrind.h>

/* Forget what was counted so far. */
void zero(void) { CALLGRIND_ZERO_STATS; }

/* Write what was counted since, under a heading. */
void dump(const char *heading) { CALLGRIND_DUMP_STATS_AT(heading); }

/* Count from here on. */
void start(void) { CALLGRIND_START_INSTRUMENTATION; }
