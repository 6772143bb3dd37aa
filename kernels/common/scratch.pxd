# Scratch memory of a call, which goes back by `free`; MemoryError where there is none.

cdef extern from *:
    """
    #include <stdlib.h>
    #ifdef __linux__
    #include <sys/mman.h>
    #endif
    #define AF_HUGE_PAGE ((size_t)1 << 21)
    /* Memory that goes back by `free`, or NULL. From two huge pages up it lies in such pages where the system lends them:
     * memory that a call takes and gives back is new to the system every time, and a fault for every 4 KiB of it costs
     * more than a pass over it. */
    static inline void *af_pages(size_t size) {
    #if defined(__linux__) && defined(MADV_HUGEPAGE)
        void *memory;
        if (size >= 2 * AF_HUGE_PAGE) {
            if (posix_memalign(&memory, AF_HUGE_PAGE, size)) return NULL;
            /* Advice alone: where it is refused, pages are small ones. */
            (void)madvise(memory, size, MADV_HUGEPAGE);
            return memory;
        }
    #endif
        return malloc(size ? size : 1); /* of nothing may be NULL */
    }
    """
    void *pages "af_pages"(size_t size) noexcept nogil


cdef inline void *scratch(size_t size) except NULL:
    cdef void *memory = pages(size)
    if memory is NULL:
        raise MemoryError(f"{size} bytes of scratch memory")
    return memory
