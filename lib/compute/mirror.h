/* An array of floats that a device computes with, and its copy on the host for files and other
 * processes. On the CPU the two are one. */
#ifndef SYL_COMPUTE_MIRROR_H
#define SYL_COMPUTE_MIRROR_H

#include "lib/compute/compute.h"

typedef struct syl_mirror {
    float *host, *data; /* data: on the device */
    int64_t size;
    syl_device *device; /* NULL: the CPU */
} syl_mirror;

/* On the CPU, all zero. */
syl_status syl_mirror_create(syl_mirror *m, int64_t size, const char *what, syl_error *err);
/* Moves it from the CPU to a device (NULL: it stays); the device must outlive it. */
syl_status syl_mirror_place(syl_mirror *m, syl_device *device, syl_error *err);
void syl_mirror_free(syl_mirror *m);

/* Host to device, device to host; no context may be at work on it. */
syl_status syl_mirror_push(const syl_mirror *m, syl_error *err);
syl_status syl_mirror_pull(const syl_mirror *m, syl_error *err);

#endif
