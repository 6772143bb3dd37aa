# Scalar functions for cimport, in the instruction set that `ISA` names; the same bits as the elementwise entry points.
# A call costs a jump through a table: in a loop over an array use those, or include alignment_fast/af_math.h.
cdef double exp_f64(double x) noexcept nogil
cdef float exp_f32(float x) noexcept nogil
cdef double expm1_f64(double x) noexcept nogil
cdef float expm1_f32(float x) noexcept nogil
cdef double log_f64(double x) noexcept nogil
cdef float log_f32(float x) noexcept nogil
cdef double log1p_f64(double x) noexcept nogil
cdef float log1p_f32(float x) noexcept nogil
cdef double log1mexp_f64(double x) noexcept nogil
cdef float log1mexp_f32(float x) noexcept nogil
cdef double softplus_f64(double x) noexcept nogil
cdef float softplus_f32(float x) noexcept nogil
cdef double sigmoid_f64(double x) noexcept nogil
cdef float sigmoid_f32(float x) noexcept nogil
cdef double normal_cdf_f64(double x) noexcept nogil
cdef float normal_cdf_f32(float x) noexcept nogil
cdef double log_normal_cdf_f64(double x) noexcept nogil
cdef float log_normal_cdf_f32(float x) noexcept nogil
cdef double normal_ppf_f64(double x) noexcept nogil
cdef float normal_ppf_f32(float x) noexcept nogil
cdef double normal_isf_f64(double x) noexcept nogil
cdef float normal_isf_f32(float x) noexcept nogil
cdef double normal_ppf_rn_f64(double x) noexcept nogil
cdef float normal_ppf_rn_f32(float x) noexcept nogil
