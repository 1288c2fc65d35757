/* Any bytes as contexts and, behind the first zero byte, their key. */
#include <stdlib.h>
#include <string.h>

#include "embed/wsi_dataset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
    size_t first = zero ? (size_t)(zero - data) : size;
    syl_span contexts = {(const char *)data, first}, key = {"", 0};
    syl_wsi_dataset d;
    volatile size_t sum = 0;
    if (zero) key = (syl_span){(const char *)zero + 1, size - first - 1};
    if (syl_wsi_parse(&d, contexts, "contexts", key, "key", NULL)) return 0;
    if (d.labelled + d.several + d.unlabelled != d.num_contexts) abort();
    for (size_t t = 0; t < d.num_targets; t++) {
        const syl_wsi_target *target = &d.targets[t];
        if (strlen(target->word) > strlen(target->name)) abort();
        for (size_t i = 0; i < target->count; i++) {
            const syl_wsi_context *c = &d.contexts[target->first + i];
            if (c->sense >= target->senses || c->sense < SYL_WSI_SEVERAL) abort();
            for (size_t k = 0; k < c->left.size; k++)
                sum += (size_t)c->left.data[k];
            for (size_t k = 0; k < c->right.size; k++)
                sum += (size_t)c->right.data[k];
        }
    }
    syl_wsi_free(&d);
    (void)sum; /* read, each byte of it: that is all */
    return 0;
}
