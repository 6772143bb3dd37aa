/* stdint.h for NVRTC, which has no C library. */
#ifndef AF_STUB_STDINT
#define AF_STUB_STDINT
typedef signed char int8_t;
typedef unsigned char uint8_t;
typedef short int16_t;
typedef unsigned short uint16_t;
typedef int int32_t;
typedef unsigned int uint32_t;
typedef long long int64_t;
typedef unsigned long long uint64_t;
typedef unsigned long long uintptr_t;
#define INT32_MAX 0x7fffffff
#define INT64_MAX 0x7fffffffffffffffll
#define UINT32_MAX 0xffffffffu
#define UINT64_MAX 0xffffffffffffffffull
#define UINT32_C(x) x##u
#define UINT64_C(x) x##ull
#endif
