/* What a synchronous handler of XLA's foreign function interface reads, on the CPU: JAX calls such handlers inside of its
 * compiled programs. The interface (version 0.x, "stable binary interface") is declared here in part, so that XLA's own
 * headers are no build dependency; a test compares sizes and offsets with them where JAX is installed. */
#ifndef AF_FFI_H
#define AF_FFI_H
#include <stddef.h>
#include <stdint.h>

typedef struct af_ffi_extension {
    size_t struct_size;
    int type;
    struct af_ffi_extension *next;
} af_ffi_extension;
typedef struct {
    size_t struct_size;
    af_ffi_extension *extensions;
    int major_version, minor_version;
} af_ffi_version;
typedef struct {
    int64_t type_id;
} af_ffi_type_id;
typedef struct {
    size_t struct_size;
    af_ffi_version version;
    uint32_t traits;
    af_ffi_type_id state;
} af_ffi_metadata;
typedef struct {
    af_ffi_extension base;
    af_ffi_metadata *metadata;
} af_ffi_metadata_extension;
typedef struct {
    size_t struct_size;
    af_ffi_extension *extensions;
    int dtype;
    void *data;
    int64_t rank;
    int64_t *dims;
} af_ffi_buffer;
typedef struct {
    int dtype;
    size_t size;
    void *data;
} af_ffi_array;
typedef struct {
    size_t struct_size;
    af_ffi_extension *extensions;
    int64_t size;
    int *types;
    void **items;
} af_ffi_list;
typedef struct {
    size_t struct_size;
    af_ffi_extension *extensions;
    int64_t size;
    int *types;
    void **names;
    void **items;
} af_ffi_attributes;
typedef struct {
    size_t struct_size;
    af_ffi_extension *extensions;
    const void *api;
    void *context;
    int stage;
    af_ffi_list arguments, results;
    af_ffi_attributes attributes;
    void *future;
} af_ffi_frame;
typedef struct {
    size_t struct_size;
    af_ffi_extension *extensions;
    const char *message;
    int code;
} af_ffi_error;
/* The head of the table of functions that a frame brings along. */
typedef struct {
    size_t struct_size;
    af_ffi_extension *extensions;
    af_ffi_version version;
    const void *internal;
    void *(*make_error)(af_ffi_error *);
} af_ffi_api;

enum { AF_FFI_METADATA = 1, AF_FFI_EXECUTE = 3, AF_FFI_INVALID_ARGUMENT = 3, AF_FFI_F32 = 11, AF_FFI_F64 = 12 };

/* The numbers that a test compares. */
static const size_t af_ffi_layout[] = {
    sizeof(af_ffi_frame), offsetof(af_ffi_frame, stage), offsetof(af_ffi_frame, arguments),
    offsetof(af_ffi_frame, results), offsetof(af_ffi_frame, attributes), sizeof(af_ffi_buffer),
    offsetof(af_ffi_buffer, dtype), offsetof(af_ffi_buffer, data), offsetof(af_ffi_buffer, dims), sizeof(af_ffi_array),
    offsetof(af_ffi_array, data), sizeof(af_ffi_list), offsetof(af_ffi_list, items), sizeof(af_ffi_attributes),
    offsetof(af_ffi_attributes, items), sizeof(af_ffi_metadata), offsetof(af_ffi_metadata, traits),
    sizeof(af_ffi_error), offsetof(af_ffi_api, make_error), AF_FFI_EXECUTE, AF_FFI_INVALID_ARGUMENT, AF_FFI_F32,
    AF_FFI_F64,
};

static void *af_ffi_fail(const af_ffi_frame *frame, const char *message) {
    af_ffi_error error = {sizeof error, NULL, message, AF_FFI_INVALID_ARGUMENT};
    return ((const af_ffi_api *)frame->api)->make_error(&error);
}

/* Whether the frame only asks what the handler is; then the answer is written. */
static int af_ffi_is_question(const af_ffi_frame *frame) {
    for (af_ffi_extension *extension = frame->extensions; extension; extension = extension->next)
        if (extension->type == AF_FFI_METADATA) {
            af_ffi_metadata *metadata = ((af_ffi_metadata_extension *)extension)->metadata;
            metadata->version.major_version = 0;
            metadata->version.minor_version = 1;
            metadata->traits = 0;
            return 1;
        }
    return frame->stage != AF_FFI_EXECUTE;
}

/* Number of elements of a buffer. */
static int64_t af_ffi_size(const af_ffi_buffer *buffer) {
    int64_t size = 1;
    for (int64_t axis = 0; axis < buffer->rank; ++axis) size *= buffer->dims[axis];
    return size;
}
#endif
