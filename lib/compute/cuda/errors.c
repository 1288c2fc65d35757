/* What the libraries below say, as a message that says what to do. */
#include <stdio.h>

#include "lib/compute/cuda/cuda.h"

#define GIB 1073741824.0
#define ECC_ERROR 214   /* cudaErrorECCUncorrectable */
#define PTX_TOO_NEW 222 /* cudaErrorUnsupportedPtxVersion */

static syl_status fail_driver(syl_error *err)
{
    int driver = 0, runtime = 0;
    if (cudaDriverGetVersion(&driver) != cudaSuccess) driver = 0;
    if (cudaRuntimeGetVersion(&runtime) != cudaSuccess) runtime = 0;
    if (driver == 0)
        return syl_fail(err, SYL_EUNSUPPORTED,
                        "no NVIDIA driver is loaded; install one (nvidia-smi must work) or give "
                        "--device cpu");
    return syl_fail(err, SYL_EUNSUPPORTED,
                    "the NVIDIA driver serves CUDA %d.%d at most and this program needs %d.%d; "
                    "update the driver or give --device cpu",
                    driver / 1000, driver % 1000 / 10, runtime / 1000, runtime % 1000 / 10);
}

/* After these nothing more can be done on the device in this process. */
static bool is_lost(cudaError_t code)
{
    return (code >= cudaErrorIllegalAddress && code <= cudaErrorLaunchFailure &&
            code != cudaErrorLaunchOutOfResources) ||
           (int)code == ECC_ERROR || code == cudaErrorUnknown;
}

syl_status cuda_fail(syl_error *err, cudaError_t code, const char *what)
{
    const char *text = cudaGetErrorString(code);
    /* An error that is not a lasting one would otherwise be taken for the next launch's. */
    (void)cudaGetLastError();
    if (code == cudaErrorInsufficientDriver) return fail_driver(err);
    if (code == cudaErrorNoDevice)
        return syl_fail(err, SYL_EUNSUPPORTED,
                        "no CUDA device is visible (see nvidia-smi and CUDA_VISIBLE_DEVICES); give "
                        "--device cpu");
    if (code == cudaErrorNoKernelImageForDevice || (int)code == PTX_TOO_NEW)
        return syl_fail(err, SYL_EUNSUPPORTED,
                        "%s: the CUDA module was not built for this device (%s); rebuild with "
                        "NVCCFLAGS that name its architecture, or give --device cpu",
                        what, text);
    if (code == cudaErrorMemoryAllocation)
        return syl_fail(err, SYL_ENOMEM,
                        "%s: out of device memory; give a smaller --batch or another --device",
                        what);
    if (is_lost(code))
        return syl_fail(err, SYL_ECOMPUTE,
                        "%s: the CUDA device failed (%d, %s); start again, and where it comes back "
                        "run under compute-sanitizer and look into dmesg for Xid lines",
                        what, (int)code, text);
    return syl_fail(err, SYL_ECOMPUTE, "%s: CUDA error %d, %s", what, (int)code, text);
}

syl_status cuda_fail_memory(syl_error *err, const cuda_device *device, size_t bytes,
                            const char *what)
{
    size_t free_bytes = 0, total = 0;
    if (cudaMemGetInfo(&free_bytes, &total) != cudaSuccess) free_bytes = total = 0;
    (void)cudaGetLastError();
    return syl_fail(err, SYL_ENOMEM,
                    "no memory on cuda:%d for %s (%zu bytes; %.2f of %.2f GiB are free); give a "
                    "smaller --batch or another --device",
                    device->base.number, what, bytes, (double)free_bytes / GIB,
                    (double)total / GIB);
}

syl_status cuda_fail_blas(syl_error *err, cublasStatus_t code, const char *what)
{
    (void)cudaGetLastError();
    switch (code) {
    case CUBLAS_STATUS_ALLOC_FAILED:
        return syl_fail(err, SYL_ENOMEM,
                        "%s: cuBLAS is out of memory; give a smaller --batch or another --device",
                        what);
    case CUBLAS_STATUS_NOT_INITIALIZED:
        return syl_fail(err, SYL_EUNSUPPORTED,
                        "%s: cuBLAS found no usable driver or device; see nvidia-smi", what);
    case CUBLAS_STATUS_ARCH_MISMATCH:
    case CUBLAS_STATUS_NOT_SUPPORTED:
        return syl_fail(err, SYL_EUNSUPPORTED,
                        "%s: cuBLAS cannot do this on this device (%s); try float32 (no bf16) or "
                        "--device cpu",
                        what, cublasLtGetStatusString(code));
    default:
        return syl_fail(err, SYL_ECOMPUTE, "%s: cuBLAS error %d, %s", what, (int)code,
                        cublasLtGetStatusString(code));
    }
}

syl_status cuda_fail_dnn(syl_error *err, cudnnStatus_t code, const char *what)
{
    (void)cudaGetLastError();
    const char *text = cudnnGetErrorString(code);
    if (code == CUDNN_STATUS_ALLOC_FAILED)
        return syl_fail(err, SYL_ENOMEM,
                        "%s: cuDNN is out of memory; give a smaller --batch or another --device",
                        what);
    if (code == CUDNN_STATUS_NOT_INITIALIZED)
        return syl_fail(err, SYL_EUNSUPPORTED,
                        "%s: cuDNN cannot start (%s); its libraries and the driver must fit "
                        "together",
                        what, text);
    if ((int)code >= 3000 && (int)code < 4000) /* the class NOT_SUPPORTED and its subclasses */
        return syl_fail(err, SYL_EUNSUPPORTED, "%s: cuDNN cannot do this on this device (%s)", what,
                        text);
    return syl_fail(err, SYL_ECOMPUTE, "%s: cuDNN error %d, %s", what, (int)code, text);
}
