/* Devices by name. What is not the CPU lives in a module of its own, loaded when it is asked for:
 * one build serves machines with and without it. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/compute/backend.h"

#define MODULE "libsylkit-cuda.so"

static syl_status open_module(void **library, const syl_backend **backend, syl_error *err)
{
    char path[4096];
    const char *folder = getenv("SYLKIT_MODULES");
    snprintf(path, sizeof path, "%s/%s", folder ? folder : PKGLIBDIR, MODULE);
    /* It stays when it is closed: threads that have used CUDA still run its destructors when they
     * end, as the process does, and loading CUDA's libraries again takes long. */
    *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!*library)
        return syl_fail(err, SYL_EUNSUPPORTED,
                        "device cuda needs the module %s: %s; build with CUDA (configure "
                        "--with-cuda), set SYLKIT_MODULES to its folder, or give --device cpu",
                        MODULE, dlerror());
    syl_backend_entry *entry;
    *(void **)&entry = dlsym(*library, "sylkit_backend");
    *backend = entry ? entry() : NULL;
    if (*backend && (*backend)->version == SYL_BACKEND_VERSION) return SYL_OK;
    dlclose(*library);
    return syl_fail(err, SYL_EUNSUPPORTED,
                    "%s is of another version than this library; install both from one build",
                    path);
}

/* "cuda" or "cuda:N", and options behind a +. */
static bool parse_name(const char *name, int *number, const char **options)
{
    int end = 0;
    const char *plus = strchr(name, '+');
    size_t length = plus ? (size_t)(plus - name) : strlen(name);
    *options = plus ? plus + 1 : "";
    *number = 0;
    if (plus && !plus[1]) return false;
    if (length == 4 && !strncmp(name, "cuda", length)) return true;
    return sscanf(name, "cuda:%9d%n", number, &end) == 1 && (size_t)end == length && *number >= 0;
}

static syl_status open_cuda(syl_device **out, int number, const char *options, syl_error *err)
{
    void *library;
    const syl_backend *backend;
    SYL_TRY(open_module(&library, &backend, err));
    syl_status status = backend->device_open(out, number, options, err);
    if (status == SYL_OK)
        (*out)->module = library;
    else
        dlclose(library);
    return status;
}

syl_status syl_device_open(syl_device **out, const char *name, syl_error *err)
{
    int number;
    const char *options;
    *out = NULL;
    if (!strcmp(name, "cpu")) return SYL_OK;
    if (!strcmp(name, "auto")) {
        open_cuda(out, 0, "", NULL); /* where it cannot be had, the CPU serves */
        return SYL_OK;
    }
    if (!parse_name(name, &number, &options))
        return syl_fail(err, SYL_EINVAL, "device '%s' is unknown; give cpu, cuda, cuda:N or auto",
                        name);
    return open_cuda(out, number, options, err);
}

void syl_device_close(syl_device *device)
{
    if (!device) return;
    void *library = device->module;
    device->backend->device_close(device);
    if (library) dlclose(library);
}

syl_status syl_device_count(const char *kind, int *count, syl_error *err)
{
    void *library;
    const syl_backend *backend;
    *count = 0;
    if (strcmp(kind, "cuda"))
        return syl_fail(err, SYL_EINVAL, "kind of device '%s' is unknown; give cuda", kind);
    SYL_TRY(open_module(&library, &backend, err));
    syl_status status = backend->device_count(count, err);
    dlclose(library);
    return status;
}
