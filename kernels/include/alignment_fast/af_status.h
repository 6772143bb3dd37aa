/* af_status.h -- the status word of a kernel: position * 8 + code of the first bad value, AF_OK where there is none.
 * Words merge by minimum, so the first position wins whatever the order of blocks. Twin: kernels/common/status.py. */
#ifndef AF_STATUS_H
#define AF_STATUS_H
#include <stdint.h>

#define AF_OK UINT64_MAX
/* The last one asks the caller to multiply the row by a power of two: its total leaves, or nears the ends of, the range
 * of the type. */
enum { AF_NOT_A_NUMBER = 0, AF_NEGATIVE = 1, AF_ALL_ZERO = 2, AF_NOT_FINITE = 3, AF_TOTAL_OUT_OF_RANGE = 4 };

static inline uint64_t af_status(uint64_t position, unsigned code) { return position << 3 | code; }
static inline uint64_t af_status_merge(uint64_t a, uint64_t b) { return a < b ? a : b; }
#endif
