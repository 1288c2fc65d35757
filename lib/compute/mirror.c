#include "lib/compute/mirror.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

static size_t bytes_of(const syl_mirror *m)
{
    return (size_t)m->size * sizeof *m->host;
}

syl_status syl_mirror_create(syl_mirror *m, int64_t size, const char *what, syl_error *err)
{
    *m = (syl_mirror){.size = size};
    m->host = m->data = syl_calloc((size_t)size, sizeof *m->host);
    return m->host ? SYL_OK : syl_fail_memory(err, bytes_of(m), what);
}

syl_status syl_mirror_place(syl_mirror *m, syl_device *device, syl_error *err)
{
    void *data;
    if (!device || m->device) return SYL_OK;
    SYL_TRY(syl_device_alloc(device, bytes_of(m), &data, err));
    m->data = data;
    m->device = device;
    return syl_mirror_push(m, err);
}

void syl_mirror_free(syl_mirror *m)
{
    if (m->device) syl_device_release(m->device, m->data);
    free(m->host);
    memset(m, 0, sizeof *m);
}

syl_status syl_mirror_push(const syl_mirror *m, syl_error *err)
{
    return m->device ? syl_device_put(m->device, m->host, m->data, bytes_of(m), err) : SYL_OK;
}

syl_status syl_mirror_pull(const syl_mirror *m, syl_error *err)
{
    return m->device ? syl_device_get(m->device, m->data, m->host, bytes_of(m), err) : SYL_OK;
}
