/* string.h for NVRTC, which knows memcpy and memset by itself. */
#ifndef AF_STUB_STRING
#define AF_STUB_STRING
/* Element by element, which may overlap. */
template <class T> static inline void memmove(T *to, const T *from, size_t bytes) {
    const size_t n = bytes / sizeof(T);
    if (to <= from)
        for (size_t i = 0; i < n; ++i) to[i] = from[i];
    else
        for (size_t i = n; i > 0; --i) to[i - 1] = from[i - 1];
}
#endif
