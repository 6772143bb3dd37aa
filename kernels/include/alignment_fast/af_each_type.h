/* af_each_type.h -- includes the file AF_EACH_TYPE once for float and once for double, and undefines AF_EACH_TYPE.
 *
 * The file writes AF_REAL for the type, AF_TYPED(name) for the full name of a function or type, AF_CONSTANT(NAME) for a
 * number of af_coefficients.h, AF_REAL_FMA for the product-sum that may be fused (af_math.h), AF_UNSIGNED for the
 * integer of the same size and AF_BY_TYPE(f, d) for what differs, also in #if. Constants of a family that differ are
 * macros that expand to AF_BY_TYPE: they need no second definition. No include guard: once per instruction set and use. */
#define AF_REAL float
#define AF_UNSIGNED uint32_t
#define AF_TYPED(name) AF_FN(name##_f32)
#define AF_CONSTANT(NAME) AF_##NAME##_F32
#define AF_REAL_FMA AF_FMAF
#define AF_REAL_SQRT AF_SQRTF
#define AF_BY_TYPE(f, d) f
#include AF_EACH_TYPE
#undef AF_REAL
#undef AF_UNSIGNED
#undef AF_TYPED
#undef AF_CONSTANT
#undef AF_REAL_FMA
#undef AF_REAL_SQRT
#undef AF_BY_TYPE

#define AF_REAL double
#define AF_UNSIGNED uint64_t
#define AF_TYPED(name) AF_FN(name##_f64)
#define AF_CONSTANT(NAME) AF_##NAME##_F64
#define AF_REAL_FMA AF_FMA
#define AF_REAL_SQRT AF_SQRT
#define AF_BY_TYPE(f, d) d
#include AF_EACH_TYPE
#undef AF_REAL
#undef AF_UNSIGNED
#undef AF_TYPED
#undef AF_CONSTANT
#undef AF_REAL_FMA
#undef AF_REAL_SQRT
#undef AF_BY_TYPE
#undef AF_EACH_TYPE
