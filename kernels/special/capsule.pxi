# The table of functions for other modules (alignment_fast/af_api.h), as a capsule whose name has the number of its ABI.

cdef af_api api_of_this_version
cdef bytes isa_of_this_version = ISA.encode()


cdef void put_api(af_api *api) noexcept:
    api.abi, api.size = AF_API_ABI, sizeof(af_api)
    api.isa = isa_of_this_version
    put_elementwise(api)
    api.log_sum_exp_f64, api.log_sum_exp_f32 = log_sum_exp_f64, log_sum_exp_f32
    api.softmax_f64, api.softmax_f32 = softmax_f64, softmax_f32
    api.log_softmax_f64, api.log_softmax_f32 = log_softmax_f64, log_softmax_f32
    api.entropy_f64, api.cross_entropy_f64, api.divergence_f64 = entropy_f64, cross_entropy_f64, divergence_f64


put_api(&api_of_this_version)
C_API_1 = PyCapsule_New(&api_of_this_version, b"alignment_fast.kernels.special.cpu.C_API_1", NULL)
